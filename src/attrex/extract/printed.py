"""Where on a picture a value stands that was read from one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from attrex.core import Answer, Evidence, Printed

PrintedBy = Mapping[str, Sequence[Printed]]
"""The lines of each source that was read from pictures."""


def with_boxes(answer: Answer, printed: PrintedBy) -> Answer:
    """The answer whose spans in these sources have picture, box and confidence too."""
    candidates = tuple(replace(c, evidence=_placed(c.evidence, printed)) for c in answer.candidates)
    return replace(answer, candidates=candidates)


def _placed(evidence: Evidence, printed: PrintedBy) -> Evidence:
    """The box is around the span's part of its lines, all of them on the picture on which it begins; the
    confidence is that of the least sure one."""
    span = evidence.span
    if span is None or span.source not in printed:
        return evidence
    lines = [line for line in printed[span.source] if line.start < span.end and span.start < line.end]
    lines = [line for line in lines if line.location == lines[0].location]
    if not lines:
        return evidence
    corners = [corner for line in lines for corner in line.around(span.start, span.end)]
    across, down = [x for x, _ in corners], [y for _, y in corners]
    return replace(
        evidence,
        picture=lines[0].location,
        box=(min(across), min(down), max(across), max(down)),
        confidence=min(line.confidence for line in lines),
    )
