"""One cell of a table <-> the values in it: the one rule for everyone who reads or writes cells."""

from __future__ import annotations

from collections.abc import Iterable

from attrex.core import Attribute

_WRITTEN = "; "  # where several values have to go into one cell and no delimiter was ever seen


def split_cell(text: str, attribute: Attribute) -> tuple[str, ...]:
    """The values in a cell, trimmed, each once. Only an attribute with a delimiter is split."""
    text = text.strip()
    if not attribute.many or attribute.delimiter is None:
        return (text,) if text else ()
    # "; " in the schema splits "a;b" too; a delimiter of white space alone is taken as it is.
    delimiter = attribute.delimiter.strip() or attribute.delimiter
    return tuple(dict.fromkeys(part for piece in text.split(delimiter) if (part := piece.strip())))


def join_cell(values: Iterable[str], attribute: Attribute) -> str:
    """The values as one cell."""
    return (attribute.delimiter or _WRITTEN).join(values)
