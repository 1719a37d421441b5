"""Opens product data of any format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, cast, get_args

from attrex.errors import ConfigError, InputError
from attrex.io.ae110k import SEPARATOR, Ae110kReader
from attrex.io.dialect import sniff
from attrex.io.extractgpt import ExtractGptReader
from attrex.io.implicitave import COLUMNS, ImplicitAveReader
from attrex.io.input import Input
from attrex.io.mae import MaeReader
from attrex.io.mapping import ColumnMapping
from attrex.io.mave import MaveReader
from attrex.io.mepave import FIRST_LINE, MepaveReader
from attrex.io.presets import PRESETS
from attrex.io.problems import OnError
from attrex.io.rows import Reader
from attrex.io.table_reader import TableReader
from attrex.io.wdc_pave import WdcPaveReader

Format = Literal[
    "auto", "table", "ae110k", "extractgpt", "oa-mine", "wdc-pave", "mave", "videoave", "flipkart", "fashion",
    "mepave", "mae", "implicitave",
]  # fmt: skip
FORMATS: tuple[str, ...] = get_args(Format)
_TELLING = {
    "videoave": {"parent_title", "aspects"},
    "flipkart": {"uniq_id", "product_specifications"},
    "fashion": {"productDisplayName", "articleType", "baseColour"},
    "implicitave": COLUMNS,
}
_LONG_FORM = {"product_id", "attribute", "status", "value", "evidence_kind", "input_read"}
"""Columns that only attrex's own output has together."""


def open_reader(
    path: str | Path,
    *,
    format: str = "auto",
    mapping: ColumnMapping | None = None,
    on_error: OnError = "fail",
    encoding: str | None = None,
    metadata: str | Path | None = None,
) -> Reader:
    """A reader for the file, or for standard input ("-").

    "auto" tells the format by the first bytes. ``mapping`` concerns tables, its ``picture_folder`` every
    format that names pictures. ``metadata`` is the Amazon
    metadata file that MAVE's label files point into. ``on_error`` decides about rows that cannot be used:
    the first one raises, or all are skipped, counted and listed (``Reader.problems``).

    Raises ``InputError`` where the file is missing, empty or unreadable, or has no such column, and
    ``ConfigError`` for an unknown format or encoding.
    """
    if format not in FORMATS:
        raise ConfigError(f'format: there is no format "{format}"; there are {", ".join(FORMATS)}')
    source = Input(path, encoding)
    chosen = _told(source) if format == "auto" else format
    if metadata is not None and chosen != "mave":
        raise ConfigError(
            f'metadata: belongs to the format "mave"; {source.name} is of the format "{chosen}"'
        )
    if chosen == "ae110k":
        return Ae110kReader(source, on_error)
    if chosen in ("extractgpt", "oa-mine"):
        return ExtractGptReader(source, chosen, on_error)
    if chosen == "wdc-pave":
        return WdcPaveReader(source, on_error)
    if chosen == "mave":
        return MaveReader(source, on_error, None if metadata is None else Input(metadata))
    wish = mapping or ColumnMapping()
    if chosen == "mepave":
        return MepaveReader(source, on_error, wish.picture_folder)
    if chosen == "mae":
        return MaeReader(source, on_error, wish.picture_folder)
    if chosen == "implicitave":
        return ImplicitAveReader(source, on_error, wish.picture_folder)
    if chosen in PRESETS:
        wish = wish.over(PRESETS[chosen])
    reader = TableReader(source, chosen, wish, on_error)
    if set(reader.columns or ()) >= _LONG_FORM and not wish.named():
        raise InputError(
            "this is the long form that attrex fill writes, not a table of products",
            file=source.name,
            fix="give the catalogue that was filled; attrex inspect shows this file",
        )
    return reader


def _told(source: Input) -> str:
    """The format by the beginning of the file."""
    if source.head.startswith(b"PAR1"):
        return "table"
    head = source.head_text().lstrip("\ufeff")
    line = next((part for part in head.split("\n") if part.strip()), "")
    if SEPARATOR in line:
        return "ae110k"
    if FIRST_LINE.fullmatch(line.rstrip("\r")):
        return "mepave"
    if line.lstrip().startswith("["):
        return "mae" if '"specs"' in head else "table"
    if line.lstrip().startswith("{"):
        return _told_by_keys(line, len(line) < len(head))
    dialect = sniff(head, tabs=False, mark=False)
    header = {cell.strip().strip('"') for cell in line.strip().split(dialect.delimiter)}
    return next((name for name, columns in _TELLING.items() if columns <= header), "table")


def _told_by_keys(line: str, whole: bool) -> str:
    """The format of a JSONL file by the keys of its first line, which may be longer than what was read."""
    try:
        keys = set(cast("dict[str, object]", json.loads(line))) if whole else _loose_keys(line)
    except (ValueError, RecursionError):
        keys = _loose_keys(line)
    if {"input", "target_scores"} <= keys:
        return "extractgpt"
    if "input_title" in keys:
        return "wdc-pave"
    if "paragraphs" in keys or ({"id", "attributes"} <= keys and '"evidences"' in line):
        return "mave"
    if {"text", "spo_list"} <= keys:
        return "mepave"
    return "mae" if {"specs", "images"} <= keys and keys & {"tokens", "clean_text"} else "table"


def _loose_keys(line: str) -> set[str]:
    known = (
        *("input", "input_title", "target_scores", "paragraphs", "id", "attributes"),
        *("text", "spo_list", "specs", "images", "tokens", "clean_text"),
    )
    return {key for key in known if f'"{key}":' in line or f'"{key}" :' in line}
