"""MAE's JSON: products with a description, file names of pictures, and attributes (``specs``)."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from typing import Any

from attrex.core import Picture, Product, Source, Stated
from attrex.errors import InputError
from attrex.io.cells import mended, values_of
from attrex.io.input import Input
from attrex.io.mapping import within
from attrex.io.problems import OnError
from attrex.io.rows import Reader, Row
from attrex.io.tables import RawRow, json_rows

_TEXTS = ("text", "clean_text", "tokens")
_IDS = ("id", "_id", "diffbotUri", "pageUrl", "url")
_FIX = 'write {"text": "...", "images": ["a.jpg"], "specs": {"Color": "red"}}'


class MaeReader(Reader):
    """One list of objects, as the data set's shards are (a shard is held in memory), or one object a line.

    The description is the first there is of ``text``, ``clean_text`` and ``tokens`` (joined by blanks);
    ``title`` and ``category`` are read where there are any. ``images`` are names, or objects with a
    ``file`` or ``url``, in ``picture_folder``. An attribute that ``specs`` does not list is unknown.
    """

    def __init__(self, source: Input, on_error: OnError, picture_folder: str | None = None) -> None:
        super().__init__(source, "mae", on_error)
        self._folder = picture_folder or ""
        self._is_list = source.head_text().lstrip("\ufeff \t\r\n").startswith("[")

    def _rows(self) -> Iterator[Row]:
        records = self._list() if self._is_list else json_rows(self.source)
        return self._of_records(records, self._misshapen, self._product)

    def _list(self) -> Generator[RawRow, None, None]:
        with self.source.failures(), self.source.text(newline="\n") as file:
            written = file.read()
        try:
            records = mended(json.loads(written), written)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"it is no JSON ({str(error).splitlines()[0]})", file=self.path, fix="copy the file again"
            ) from None
        for number, record in enumerate(records, 1):
            if isinstance(record, dict):
                yield number, record
            else:
                said = f"it is a JSON {type(record).__name__}, not an object"
                yield number, InputError(said, file=self.path, row=number, fix=_FIX)

    def _misshapen(self, record: Mapping[str, Any], row: int) -> InputError | None:
        specs, images = record.get("specs"), record.get("images") or []
        text = _description(record)
        if text is None:
            field = "text"
        elif not isinstance(specs, dict):
            field = "specs"
        elif not isinstance(images, list) or not all(map(_place, images)):
            field = "images"
        else:
            return None
        return self._wrong_kind(row, field, _FIX)

    def _product(self, row: int, record: Mapping[str, Any]) -> Product:
        id = next((record[key] for key in _IDS if record.get(key)), None)
        texts = (("title", record.get("title")), ("description", _description(record)))
        stated: dict[str, tuple[Stated, ...]] = {}
        for name, value in record["specs"].items():
            values = values_of(value)
            if values is not None:
                stated[name] = tuple(map(Stated, values))
        category = record.get("category")
        places = (_place(image) for image in record.get("images") or [])
        return Product(
            id=f"row-{row}" if id is None else self._unique(str(id), row, None),
            category=category if isinstance(category, str) else None,
            sources=tuple(Source(n, t) for n, t in texts if isinstance(t, str) and t.strip()),
            pictures=tuple(Picture(p if "://" in p else within(self._folder, p)) for p in places),
            stated=stated,
        )


def _description(record: Mapping[str, Any]) -> str | None:
    given = next((record[key] for key in _TEXTS if record.get(key)), None)
    if isinstance(given, list) and all(isinstance(token, str) for token in given):
        return " ".join(given)
    return given if isinstance(given, str) else None


def _place(image: Any) -> str:
    """Where a picture is; nothing where that is not said."""
    if isinstance(image, Mapping):
        image = image.get("file") or image.get("url")
    return image if isinstance(image, str) else ""
