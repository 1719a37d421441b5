"""Cells that a spreadsheet would run: made harmless, and made themselves again."""

from __future__ import annotations

import re

_RUN = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*%?")


def escape(text: str) -> str:
    """An apostrophe in front of what a spreadsheet takes for a formula; plain numbers stay as they are."""
    return "'" + text if _RUN.match(text) and not _NUMBER.fullmatch(text) else text


def unescape(text: str) -> str:
    """What ``escape`` was given."""
    return text[1:] if text[:1] == "'" and _RUN.match(text) else text
