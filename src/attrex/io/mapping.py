"""Which column of a table is what: by the user's word, else by convention."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from attrex.errors import ConfigError, InputError
from attrex.io import conventions
from attrex.io.cells import ABSENT, BLANK, LONGEST_MARKER, as_text, is_blank
from attrex.schema.document import one_line

Role = Literal["id", "category", "source", "picture", "attribute", "packed", "ignored"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column's role. ``target`` is the name the source or the attribute gets; ``delimiter`` cuts a
    multi-valued cell (written with the blanks around it); ``reason`` is for people."""

    name: str
    role: Role
    target: str
    reason: str
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """What the user says about the columns; what is left out goes by convention.

    ``sources`` and ``attributes`` map the name to use to the column (a list of columns is fine when read
    from YAML). Where one of them is given, it is the whole list: no column joins it by convention.
    ``packed`` columns hold several attributes in a cell. ``many`` gives the delimiter of an attribute's
    multi-valued cells. ``absent`` and ``blank`` are the cells that mean "has none" and "unknown".
    ``category_depth`` keeps so many levels of a category path (``a > b > c``).
    ``picture_folder`` stands in front of pictures' file names, "" for none; without a column of pictures a
    product's are what that folder has under its id.
    """

    id: str | None = None
    category: str | None = None
    sources: Mapping[str, str] | None = None
    pictures: Sequence[str] | None = None
    attributes: Mapping[str, str] | None = None
    packed: Sequence[str] = ()
    ignore: Sequence[str] = ()
    many: Mapping[str, str] = field(default_factory=dict)
    absent: frozenset[str] = ABSENT
    blank: frozenset[str] = BLANK
    category_depth: int | None = None
    picture_folder: str | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "mapping") -> ColumnMapping:
        """From what YAML or flags give. Raises ``ConfigError`` with the path of the wrong setting."""
        known = {f.name for f in fields(cls)}
        made: dict[str, Any] = {}
        for key, value in data.items():
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1)
                hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(sorted(known))}"
                raise ConfigError(f"{where}.{key}: no such setting; {hint}")
            made[key] = _checked(key, value, f"{where}.{key}")
        return cls(**made)

    @classmethod
    def from_yaml(cls, path: str | Path) -> ColumnMapping:
        """From a YAML file."""
        try:
            data = yaml.safe_load(Path(path).read_text("utf-8"))
        except FileNotFoundError:
            raise ConfigError(f"mapping: there is no file {path}") from None
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigError(f"mapping: {path} cannot be read: {one_line(error)}") from None
        if not isinstance(data, dict):
            raise ConfigError(f"mapping: {path} must hold settings like 'id: sku', not {type(data).__name__}")
        return cls.from_dict(data)

    def over(self, other: ColumnMapping) -> ColumnMapping:
        """This mapping where it says something, the other where it does not."""
        plain = ColumnMapping()
        said = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if getattr(self, f.name) != getattr(plain, f.name)
        }
        return replace(other, **said)

    def named(self) -> list[tuple[str, str]]:
        """Every column the user names, with the setting that names it."""
        return [
            *([(self.id, "id")] if self.id else []),
            *([(self.category, "category")] if self.category else []),
            *((c, "sources") for c in (self.sources or {}).values()),
            *((c, "pictures") for c in self.pictures or ()),
            *((c, "attributes") for c in (self.attributes or {}).values()),
            *((c, "packed") for c in self.packed),
            *((c, "ignore") for c in self.ignore),
        ]


def _checked(key: str, value: Any, path: str) -> Any:
    if key in ("id", "category", "picture_folder"):
        if not isinstance(value, str):
            raise ConfigError(f"{path}: expected one name, got {value!r}")
        return value
    if key == "category_depth":
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigError(f"{path}: expected a number from 1 upwards, got {value!r}")
        return value
    if key in ("sources", "attributes"):
        if isinstance(value, dict) and all(isinstance(v, str) for v in value.values()):
            return {str(k): v for k, v in value.items()}
        return {name: name for name in _names(value, path)}
    if key == "many":
        if not isinstance(value, dict) or not all(isinstance(v, str) and v for v in value.values()):
            raise ConfigError(f"{path}: expected attribute: delimiter, got {value!r}")
        return {str(k): v for k, v in value.items()}
    names = _names(value, path)
    if key in ("absent", "blank") and any(len(n.strip()) > LONGEST_MARKER for n in names):
        raise ConfigError(f"{path}: a marker may have {LONGEST_MARKER} characters at most")
    return frozenset(n.strip().casefold() for n in names) if key in ("absent", "blank") else tuple(names)


def _names(value: Any, path: str) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        return list(value)
    raise ConfigError(f"{path}: expected names, got {value!r}")


def within(folder: str, name: str) -> str:
    """A picture's location, of a folder's and its own name."""
    return f"{folder.rstrip('/')}/{name}" if folder else name


def resolve(
    names: Sequence[str],
    sample: Sequence[Mapping[str, Any]],
    wish: ColumnMapping,
    file: str,
    *,
    said: str = "you said so",
) -> dict[str, Column]:
    """Every column's role, in the table's order, from the user's wish and the first rows. ``said`` is the
    reason given for what the wish decides.

    Raises ``InputError`` where the user names a column that is not there, or one column twice.
    """
    _check(names, wish, file)
    found: dict[str, Column] = {}
    _by_wish(found, wish, said)
    for name in names:
        if name not in found and any(isinstance(row.get(name), bytes) for row in sample):
            found[name] = Column(name, "ignored", name, "bytes, not text")
    _by_name(found, names, wish)
    for name in names:
        if name not in found:
            cells = [
                as_text(row.get(name)).strip() for row in sample if not is_blank(row.get(name), wish.blank)
            ]
            found[name] = _by_look(name, cells, wish)
    ordered = {name: _with_delimiter(found[name], sample, wish) for name in names}
    return _distinct(ordered, file)


def _distinct(columns: dict[str, Column], file: str) -> dict[str, Column]:
    """Sources and attributes by names of their own: a source's second "title" keeps its column's name."""
    taken: dict[tuple[str, str], str] = {}
    for name, column in columns.items():
        if column.role not in ("source", "attribute"):
            continue
        if (column.role, column.target) in taken and column.target != name:
            column = columns[name] = replace(column, target=name)
        if (column.role, column.target) in taken:
            raise InputError(
                f'the {column.role} "{column.target}" would come from this column and from '
                f'"{taken[column.role, column.target]}"',
                file=file,
                field=name,
                fix="name the columns in a mapping",
            )
        taken[column.role, column.target] = name
    return columns


def _check(names: Sequence[str], wish: ColumnMapping, file: str) -> None:
    met: dict[str, str] = {}
    for column, setting in wish.named():
        if column not in names:
            close = difflib.get_close_matches(column, names, 1, 0.6)
            fix = f'did you mean "{close[0]}"?' if close else "name a column of the file"
            raise InputError(
                f"no such column (for {setting}); the file has {', '.join(names)}",
                file=file,
                field=column,
                fix=fix,
            )
        if column in met:
            both = setting if met[column] == setting else f"{met[column]} and for {setting}"
            raise InputError(
                f"this column is named twice, for {both}",
                file=file,
                field=column,
                fix="keep one of them",
            )
        met[column] = setting


def _by_wish(found: dict[str, Column], wish: ColumnMapping, said: str) -> None:
    if wish.id:
        found[wish.id] = Column(wish.id, "id", "id", said)
    if wish.category:
        found[wish.category] = Column(wish.category, "category", "category", said)
    for target, column in (wish.sources or {}).items():
        found[column] = Column(column, "source", target, said)
    for column in wish.pictures or ():
        found[column] = Column(column, "picture", "picture", said)
    for target, column in (wish.attributes or {}).items():
        found[column] = Column(column, "attribute", target, said)
    for column in wish.packed:
        found[column] = Column(column, "packed", column, said)
    for column in wish.ignore:
        found[column] = Column(column, "ignored", column, said)


def _by_name(found: dict[str, Column], names: Sequence[str], wish: ColumnMapping) -> None:
    """The columns whose names tell what they are."""
    free = {name: conventions.plain(name) for name in names if name not in found}

    def first(known: Sequence[str]) -> str | None:
        return next((n for k in known for n, p in free.items() if p == k), None)

    best_id = None if wish.id else first(conventions.ID_NAMES)
    best_category = None if wish.category else first(conventions.CATEGORY_NAMES)
    best_title = first(conventions.TITLE_NAMES)
    best_text = first(("description", "product_description", "long_description"))
    for name, plain in free.items():
        if not name.strip() or name.startswith("(column "):
            found[name] = Column(name, "ignored", name, "it has no name")
        elif name.endswith("(attrex)"):
            found[name] = Column(name, "ignored", name, "written by attrex")
        elif name == best_id:
            found[name] = Column(name, "id", "id", "by its name")
        elif plain in conventions.ID_NAMES:
            found[name] = Column(name, "ignored", name, "another identifier")
        elif name == best_category:
            found[name] = Column(name, "category", "category", "by its name")
        elif plain in conventions.CATEGORY_NAMES:
            found[name] = Column(name, "ignored", name, "another category")
        elif conventions.is_one_of(plain, conventions.PICTURE_NAMES, numbered=True):
            found[name] = _picture(name, "by its name", wish)
        elif name in (best_title, best_text):
            found[name] = _source(name, "title" if name == best_title else "description", "by its name", wish)
        elif plain in conventions.TITLE_NAMES or conventions.is_one_of(
            plain, conventions.TEXT_NAMES, numbered=True
        ):
            found[name] = _source(name, name, "by its name", wish)
        elif (reason := conventions.untold_by_name(plain)) and wish.attributes is None:
            found[name] = Column(name, "ignored", name, reason)


def _by_look(name: str, cells: Sequence[str], wish: ColumnMapping) -> Column:
    role, reason = conventions.look(conventions.plain(name), cells)
    if role == "source":
        return _source(name, name, reason, wish)
    if role == "picture":
        return _picture(name, reason, wish)
    if role == "packed" and not wish.packed and wish.attributes is None:
        return Column(name, "packed", name, reason)
    if role == "attribute" and wish.attributes is None:
        return Column(name, "attribute", name, reason)
    if role == "ignored":
        return Column(name, "ignored", name, reason)
    return Column(name, "ignored", name, "not among the attributes you named")


def _source(name: str, target: str, reason: str, wish: ColumnMapping) -> Column:
    if wish.sources is not None:
        return Column(name, "ignored", name, "not among the sources you named")
    return Column(name, "source", target, reason)


def _picture(name: str, reason: str, wish: ColumnMapping) -> Column:
    if wish.pictures is not None:
        return Column(name, "ignored", name, "not among the pictures you named")
    return Column(name, "picture", "picture", reason)


def _with_delimiter(column: Column, sample: Sequence[Mapping[str, Any]], wish: ColumnMapping) -> Column:
    if column.role != "attribute":
        return column
    if column.target in wish.many or column.name in wish.many:
        return replace(column, delimiter=wish.many.get(column.target, wish.many.get(column.name)))
    cells = [v for row in sample if isinstance(v := row.get(column.name), str) and v.strip()]
    delimiter = conventions.delimiter_of(cells)
    if delimiter is None:
        return column
    return replace(
        column, delimiter=delimiter, reason=f'{column.reason}; several values cut at "{delimiter}"'
    )


def idle_delimiters(columns: Mapping[str, Column], wish: ColumnMapping, file: str) -> list[InputError]:
    """What to warn of: delimiters for no attribute of the file, which change nothing. What packed cells hold
    is not known beforehand."""
    if any(column.role == "packed" for column in columns.values()):
        return []
    known = {name for c in columns.values() if c.role == "attribute" for name in (c.name, c.target)}
    found = []
    for name in wish.many:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1, 0.6)
            fix = f'did you mean "{close[0]}"?' if close else "name one of the attributes"
            found.append(
                InputError("a delimiter for what is no attribute of the file", file=file, field=name, fix=fix)
            )
    return found


def unread_attributes(columns: Mapping[str, Column], names: Iterable[str], file: str) -> list[InputError]:
    """What to warn of: columns that seem to hold an attribute of a model's, and are not read as that. Its
    cells then count as empty, and what is filled in stands in a column beside."""
    known = {conventions.plain(name): name for name in names}
    read = {column.target for column in columns.values() if column.role == "attribute"}
    found = []
    for column in columns.values():
        name = known.get(conventions.plain(column.name))
        if name is None or name in read or column.role in ("id", "category"):
            continue
        if column.reason.startswith(("not among", "written by", "you said")):
            continue  # as the user wishes
        if column.role == "attribute":
            instead = "taken for another one"
        else:
            instead = f"{'left out' if column.role == 'ignored' else column.role}: {column.reason}"
        found.append(
            InputError(
                f'the model has an attribute "{name}", but this column is not read as that ({instead})',
                file=file,
                field=column.name,
                fix="if they are the same, name all attribute columns, as in "
                f'--attribute "{name}={column.name}", or in a mapping',
            )
        )
    return found
