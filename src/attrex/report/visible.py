"""Hostile text made fit to show: product data is written by anyone."""

from __future__ import annotations

import html
import re

# Embeddings, overrides and isolates can make a text read as another; natural right-to-left text needs none.
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")  # cannot be written as UTF-8
_SPACES = re.compile("[\t\n\r\v\f\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """One character for one, so that offsets hold: line breaks and tabs become blanks, control
    characters (terminal escapes among them) their pictures, direction overrides and lone surrogates
    U+FFFD."""
    text = _SPACES.sub(" ", text)
    text = _CONTROLS.sub(_picture, text)
    return _SURROGATES.sub("\ufffd", _DIRECTIONS.sub("\ufffd", text))


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def escaped(text: str) -> str:
    """``visible`` and safe between tags and within quoted attributes of HTML and SVG."""
    return html.escape(visible(text), quote=True)


def clipped(text: str, length: int) -> str:
    """At most ``length`` characters; an ellipsis shows the cut."""
    return text if len(text) <= length else text[: length - 1] + "…"


def around(text: str, start: int, end: int, length: int) -> tuple[str, str, str]:
    """The text before, in and after ``[start, end)``, cut to about ``length`` characters around it."""
    inside = text[start:end]
    if len(inside) > length:
        half = length // 2
        inside = f"{inside[:half]} … {inside[-half:]}"
    room = max(length - len(inside), 20)
    before, after = text[:start], text[end:]
    left = min(len(before), max(room // 2, room - len(after)))
    right = min(len(after), room - left)
    return (
        before if left == len(before) else "…" + before[len(before) - left :],
        inside,
        after if right == len(after) else after[:right] + "…",
    )
