"""Where a product's pictures lie: a file, or a folder of them, within the catalogue's folder."""

from __future__ import annotations

from pathlib import Path

from attrex.errors import InputError
from attrex.io.pictures.decoding import Limits, check_bytes

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")


def find(location: str, folder: Path, *, outside: bool = False) -> list[tuple[str, Path]]:
    """The files of one location, relative to ``folder``, each with what to call it: of a folder its pictures
    by name, and of a name without an ending (an id) the picture that has one. Links are followed before it
    is checked that a file lies within the folder; ``outside`` allows others.

    Raises ``InputError`` for what is outside, and for what is not there. Outside of the folder both read
    the same, so that a catalogue cannot ask what else lies on the disk.
    """
    try:
        root = folder.resolve()
        path = _inside(folder / location, root, outside)
        if path.is_dir():
            inner = (each for each in sorted(path.iterdir()) if each.suffix.lower() in SUFFIXES)
            named = [(f"{location.rstrip('/')}/{each.name}", _inside(each, root, outside)) for each in inner]
            if not named:
                raise _missing("there is no picture in this folder")
            return named
        if path.is_file():
            return [(location, path)]
        if path.suffix.lower() not in SUFFIXES:
            for suffix in SUFFIXES:
                if (found := path.with_name(path.name + suffix)).is_file():
                    return [(location + suffix, _inside(found, root, outside))]
    except (OSError, ValueError, RuntimeError):
        raise _missing("this is no path") from None
    raise _missing("there is no such file")


def read_bytes(path: Path, limits: Limits) -> bytes:
    """The file, of which no more is read than the limit. Raises ``InputError`` where it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(limits.bytes + 1)
            if len(data) > limits.bytes:
                check_bytes(path.stat().st_size, limits)
            return data
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror or error}", fix="check the rights") from None


def _inside(path: Path, root: Path, outside: bool) -> Path:
    resolved = path.resolve()
    if not outside and not resolved.is_relative_to(root):
        raise InputError(
            f"it lies outside of {root}", fix="copy it into that folder, or allow pictures outside of it"
        )
    return resolved


def _missing(message: str) -> InputError:
    return InputError(message, fix="check the path; it is relative to the catalogue's folder")
