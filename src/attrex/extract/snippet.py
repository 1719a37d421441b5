"""The text around a span, so that whoever reads an extraction needs nothing else."""

from __future__ import annotations

from attrex.core import Evidence, Span

AROUND = 40
"""Characters on either side; a word that would be cut is left out."""


def show(span: Span, text: str, kept: Evidence) -> Evidence:
    """``kept`` at ``span`` of the whole source ``text``, with its snippet."""
    left = span.start - AROUND
    if left <= 0:
        left = 0
    else:
        space = text.find(" ", left, span.start)
        left = left if space < 0 else space + 1
    right = span.end + AROUND
    if right >= len(text):
        right = len(text)
    else:
        space = text.rfind(" ", span.end, right)
        right = right if space < 0 else space
    return Evidence(
        kept.kind,
        span,
        kept.picture,
        kept.box,
        text[left:right],
        span.start - left,
        kept.alignment,
    )
