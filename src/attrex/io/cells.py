"""What stands in one cell: nothing, an explicit "none", one value, several, or a packed table."""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from collections.abc import Mapping
from typing import Any

BLANK = frozenset({"", "nan", "null", "<na>", "#n/a"})
"""Cells that say nothing (case folded): what pandas, databases and spreadsheets write for a missing value."""
LONGEST_MARKER = 24
"""Longer cells are not looked up among the two sets."""
ABSENT = frozenset({"n/a"})
"""Cells that say: this product has no such value (case folded)."""

_RUBY_KEY = re.compile(r'(?<!\\)"\s*=>\s*')
_LONE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_RUBY_NIL = re.compile(r'(?<=":)nil\b')


def as_text(value: Any) -> str:
    """A cell as text: whole floats without their ".0", lists and objects as JSON, None and NaN as ""."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def as_json(value: Any) -> Any:
    """A cell for JSON: as it is where JSON has such a thing, NaN as null, dates and the like as text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [as_json(part) for part in value]
    if isinstance(value, dict):
        return {str(key): as_json(part) for key, part in value.items()}
    return value if value is None or isinstance(value, str | int) else as_text(value)


def is_blank(value: Any, blank: frozenset[str] = BLANK) -> bool:
    """Whether the cell says nothing. An empty list has nothing to read either."""
    if isinstance(value, list | tuple | dict):
        return not value
    text = as_text(value).strip()
    return not text or (len(text) <= LONGEST_MARKER and text.casefold() in blank)


def values_of(
    value: Any,
    delimiter: str | None = None,
    *,
    blank: frozenset[str] = BLANK,
    absent: frozenset[str] = ABSENT,
) -> tuple[str, ...] | None:
    """The values in a cell, trimmed and each once; ``()`` for an explicit "none"; None for a blank cell.

    A list is several values, and an empty one (of JSONL and Parquet) an explicit "none". Text that looks
    like a list (``["red", "blue"]``) is several values too, but ``[]`` in a text file is what many programs
    write for a missing one, and says nothing. Other text is cut at the delimiter, if there is one.
    """
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if len(text) <= LONGEST_MARKER:
            folded = text.casefold()
            if folded in blank:
                return None
            if folded in absent:
                return ()
        parts: list[Any] | None = literal_list(text) if text[0] == "[" and text[-1] == "]" else None
        if parts is None:
            if delimiter is None or delimiter not in text:
                return (text,)
            parts = list(text.split(delimiter))
    elif isinstance(value, list | tuple):
        if not value:
            return ()
        parts = list(value)
    else:
        return None if value is None else values_of(as_text(value), blank=blank, absent=absent)
    texts = [as_text(part).strip() for part in parts]
    kept = tuple(dict.fromkeys(t for t in texts if t and t.casefold() not in blank))
    if not kept:
        return None
    return tuple(t for t in kept if t.casefold() not in absent)


def literal_list(text: str) -> list[Any] | None:
    """The list a text writes down as JSON or Python, or None."""
    parsed = _literal(text)
    return parsed if isinstance(parsed, list) else None


def packed(value: Any) -> dict[str, Any] | None:
    """The attributes in one cell, name to value or values; None where the cell holds no such thing.

    Understands objects, JSON text, Python dict text, and Ruby hash text (``{"key"=>"value"}``); a list of
    ``{"key": ..., "value": ...}`` becomes one entry a key, whatever single key stands around it.
    """
    if isinstance(value, str):
        text = value.strip()
        if text == "nil":
            return {}
        value = _literal(text) if text[:1] in ("{", "[") else None
    if isinstance(value, Mapping) and len(value) == 1:
        inner = next(iter(value.values()))
        if isinstance(inner, Mapping) and set(inner) <= {"key", "value"}:
            value = [inner]
        elif isinstance(inner, list) and inner and all(isinstance(i, Mapping) for i in inner):
            value = inner
    if isinstance(value, list):
        if not all(isinstance(pair, Mapping) and set(pair) <= {"key", "value"} for pair in value):
            return None
        found: dict[str, Any] = {}
        for pair in value:
            if pair.get("key") and pair.get("value") is not None:
                found.setdefault(str(pair["key"]), []).append(pair["value"])
        return found
    return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else None


def mended(value: Any, written: str) -> Any:
    """The value parsed from ``written`` with half surrogate pairs (``\\ud83d`` alone) as U+FFFD, which is one
    character as before."""
    return _mended(value) if "\\u" in written and _LONE.search(written) else value


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mended(v) for v in value]
    if isinstance(value, dict):
        return {_mended(k): _mended(v) for k, v in value.items()}
    return value


def _literal(text: str) -> Any:
    return mended(_parsed(text), text)


def _parsed(text: str) -> Any:
    """JSON, else a Python literal, else a Ruby hash; None where it is none of them."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if '"=>' in text or '" =>' in text:
        try:
            return json.loads(_RUBY_NIL.sub("null", _RUBY_KEY.sub('":', text)))
        except (ValueError, RecursionError):
            return None
    try:
        if "\\" not in text:
            return ast.literal_eval(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a path like "C:\data" is an odd escape to Python
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
