"""Options that several verbs share, and the way from them to a reader."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attrex.core.seed import LARGEST_SEED
from attrex.errors import ConfigError

if TYPE_CHECKING:
    from attrex.io.pictures import PictureAccess
    from attrex.io.rows import Reader


class OnError(StrEnum):
    """What to do about a row that cannot be used."""

    FAIL = "fail"
    SKIP = "skip"


DataFile = Annotated[str, typer.Argument(metavar="FILE", help="CSV, TSV, JSONL or Parquet (.gz too), or - .")]
ModelFolder = Annotated[str, typer.Option("--model", "-m", help="Model folder, or its name on the hub.")]
Seed = Annotated[
    int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Same seed, same machine: same result.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")]
SchemaFile = Annotated[
    Path | None, typer.Option("--schema", help="YAML, JSON Schema or a list of names; else inferred.")
]
RecipeName = Annotated[str | None, typer.Option("--recipe", help="Name of a set-up, or a YAML file.")]


class GateName(StrEnum):
    """What decides which attributes a product is asked."""

    AUTO = "auto"
    TEXT = "text"
    CATEGORY = "category"
    PICTURE = "picture"
    NONE = "none"


Gate = Annotated[
    GateName | None,
    typer.Option("--gate", help="What decides what is asked: text, category, picture, none; else auto."),
]
MinPrecision = Annotated[
    float | None,
    typer.Option("--min-precision", help="Write a value only where this share is right, e.g. 0.95."),
]
Complete = Annotated[
    bool, typer.Option("--complete", help="The table is complete: an empty cell means there is no value.")
]
Html = Annotated[Path | None, typer.Option("--html", help="Write a self-contained page here too.")]
Format = Annotated[
    str,
    typer.Option("--format", help="auto, table, ae110k, extractgpt, wdc-pave, mave, videoave, ..."),
]
Mapping = Annotated[Path | None, typer.Option("--mapping", help="YAML file that says which column is what.")]
IdColumn = Annotated[str | None, typer.Option("--id", metavar="COLUMN", help="The column of the ids.")]
CategoryColumn = Annotated[
    str | None, typer.Option("--category", metavar="COLUMN", help="The column of the categories.")
]
Sources = Annotated[
    list[str] | None,
    typer.Option("--source", metavar="[NAME=]COLUMN", help="A column of texts; repeat for more."),
]
Pictures = Annotated[
    list[str] | None, typer.Option("--picture", metavar="COLUMN", help="A column of pictures; repeatable.")
]
Attributes = Annotated[
    list[str] | None,
    typer.Option("--attribute", metavar="[NAME=]COLUMN", help="A column of an attribute; repeat for more."),
]
Many = Annotated[
    list[str] | None,
    typer.Option("--many", metavar="NAME=DELIMITER", help="An attribute of many values; repeatable."),
]
Encoding = Annotated[str | None, typer.Option("--encoding", help="Of a text file that is not UTF-8.")]
Metadata = Annotated[
    Path | None, typer.Option("--metadata", help="The Amazon metadata that MAVE's label files point into.")
]
PictureFolder = Annotated[
    Path | None,
    typer.Option("--pictures-folder", help="Where pictures lie, by name or by id; else the file's folder."),
]
PictureHosts = Annotated[
    list[str] | None,
    typer.Option("--picture-host", metavar="HOST", help="Pictures may be fetched from here; repeatable."),
]
PicturesOutside = Annotated[
    bool, typer.Option("--pictures-outside", help="Read pictures outside of that folder too.")
]
OnBadRow = Annotated[OnError, typer.Option("--on-error", help="Bad rows: stop, or skip and list them.")]

Ocr = Annotated[
    bool, typer.Option("--ocr", help="Read the words on pictures too, as one more source of text.")
]
OcrCache = Annotated[
    Path | None,
    typer.Option("--ocr-cache", help="Folder that keeps what was read, by the picture's content."),
]


@dataclass(frozen=True, slots=True)
class DataOptions:
    """The input and what was said about it, as given."""

    path: DataFile
    format: Format = "auto"
    mapping: Mapping = None
    id: IdColumn = None
    category: CategoryColumn = None
    sources: Sources = None
    pictures: Pictures = None
    attributes: Attributes = None
    many: Many = None
    encoding: Encoding = None
    metadata: Metadata = None
    on_error: OnBadRow = OnError.FAIL

    def open(self, pictures: PictureOptions | None = None) -> Reader:
        """The reader. Flags go before the mapping file, and that before convention. Of the pictures a folder
        that was named is the one they lie in."""
        from attrex.io.mapping import ColumnMapping
        from attrex.io.reader import open_reader

        said = ColumnMapping(
            id=self.id,
            category=self.category,
            sources=named_columns(self.sources, "--source"),
            pictures=self.pictures,
            attributes=named_columns(self.attributes, "--attribute"),
            many=delimiters(self.many),
            picture_folder=None if pictures is None or pictures.pictures_folder is None else "",
        )
        if self.mapping is not None:
            said = said.over(ColumnMapping.from_yaml(self.mapping))
        reader = open_reader(
            self.path,
            format=self.format,
            mapping=said,
            on_error=self.on_error.value,
            encoding=self.encoding,
            metadata=self.metadata,
        )
        return reader if pictures is None else pictures.with_words(reader)


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """Which pictures may be read."""

    pictures_folder: PictureFolder = None
    picture_hosts: PictureHosts = None
    pictures_outside: PicturesOutside = False
    ocr: Ocr = False
    ocr_cache: OcrCache = None

    def with_words(self, reader: Reader) -> Reader:
        """The reader, with the words on pictures as one more source where they are wanted. Raises
        ``ConfigError`` where the engine is not installed."""
        if not self.ocr:
            if self.ocr_cache is not None:
                raise ConfigError("--ocr-cache: belongs to --ocr")
            return reader
        from attrex.io.ocr import OcrReader, RapidOcr, Words

        access = self.access(reader.folder, reader.path)
        return OcrReader(reader, Words(access, RapidOcr(), kept=self.ocr_cache))

    def access(self, folder: Path, file: str) -> PictureAccess:
        """The same for readers of pictures, of ``folder`` where none was named; ``file`` is the catalogue's
        name, for messages. Raises ``ConfigError`` for a folder that is not there, or a host that is none."""
        from attrex.io.pictures import PictureAccess, Web

        named = self.pictures_folder
        if named is not None and not named.is_dir():
            raise ConfigError(f"--pictures-folder: there is no folder {named}")
        hosts = tuple(self.picture_hosts or ())
        Web(hosts)
        return PictureAccess(folder if named is None else named, hosts, self.pictures_outside, file)


def opened(data: DataOptions, picture: PictureOptions) -> tuple[Reader, PictureAccess]:
    """The file, and what may be read of its products' pictures."""
    reader = data.open(picture)
    return reader, picture.access(reader.folder, reader.path)


_RECORDS = (DataOptions, PictureOptions)


def reads_data(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb of which some parameters are ``DataOptions`` and ``PictureOptions``, as one with these records'
    fields in its signature, where typer looks for flags: the file first, what is said about it behind the
    verb's own options."""
    parameters = inspect.signature(verb, eval_str=True).parameters
    records = {name: p.annotation for name, p in parameters.items() if p.annotation in _RECORDS}
    fields = {name: inspect.signature(record, eval_str=True).parameters for name, record in records.items()}
    own = [p for name, p in parameters.items() if name not in records]

    @wraps(verb)
    def called(**given: Any) -> None:
        made = {name: records[name](**{each: given.pop(each) for each in fields[name]}) for name in records}
        verb(**made, **given)

    said = [each for record in fields.values() for each in record.values()]
    path = said[: DataOptions in records.values()]
    shown = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*path, *own, *said[len(path) :])]
    called.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]  # what typer reads
    called.__annotations__ = {p.name: p.annotation for p in shown}
    return called


def named_columns(given: Sequence[str] | None, option: str) -> dict[str, str] | None:
    """``Colour=col_7`` maps the name to the column; a column alone keeps its name."""
    if not given:
        return None
    found: dict[str, str] = {}
    for text in given:
        name, equals, column = text.partition("=")
        column = column if equals and column else name
        _once(found, name, column, option)
        found[name] = column
    return found


def _once(found: dict[str, str], name: str, said: str, option: str) -> None:
    if name in found:
        raise ConfigError(f'{option}: "{name}" is given twice, as "{found[name]}" and as "{said}"')


def delimiters(given: Sequence[str] | None) -> dict[str, str]:
    """``Colour=|`` gives an attribute its delimiter."""
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, delimiter = text.partition("=")
        if not equals or not delimiter:
            raise ConfigError(f'--many: expected NAME=DELIMITER such as "Colour=|", got "{text}"')
        _once(found, name, delimiter, "--many")
        found[name] = delimiter
    return found


def aim_of(min_precision: float | None) -> str:
    """The aim of the thresholds; without a wish, the best F1."""
    if min_precision is None:
        return "f1"
    if not 0 < min_precision < 1:
        raise ConfigError(f"--min-precision is {min_precision:g}; it must lie between 0 and 1, e.g. 0.95")
    return f"precision={min_precision:g}"
