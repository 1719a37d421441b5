"""Which pictures may be read: of which folder, from which hosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attrex.io.pictures.decoding import Limits, decode_whole
from attrex.io.pictures.files import find, read_bytes
from attrex.io.pictures.preparation import Preparation
from attrex.io.pictures.reader import KEPT, PictureReader
from attrex.io.pictures.web import Web
from attrex.io.problems import Problems
from attrex.io.rows import Reader

LONGEST = 2000
"""Pixels of a whole picture's longer side, at most."""


@dataclass(frozen=True, slots=True)
class PictureAccess:
    """``folder``: what locations are relative to, and outside of which no file is read unless ``outside``.
    ``hosts``: from which pictures may be fetched; from no others. ``file`` is the catalogue's name, for
    messages; ``problems`` gathers what could not be read by any of the readers."""

    folder: Path = field(default_factory=Path)
    hosts: Sequence[str] = ()
    outside: bool = False
    file: str | None = None
    problems: Problems = field(default_factory=Problems, compare=False, repr=False)

    @classmethod
    def beside(cls, catalogue: Reader) -> PictureAccess:
        """Of the catalogue's own folder."""
        return cls(catalogue.folder, file=catalogue.path)

    def told(self) -> list[Any]:
        """What tells it from others; JSON-able."""
        return [str(self.folder.resolve()), sorted(self.hosts), self.outside]

    def whole(self, location: str, *, longest: int = LONGEST) -> tuple[NDArray[np.uint8], float]:
        """One picture in its own proportions, and its size relative to the picture's own: one with a side of
        more than ``longest`` pixels is made that small. Raises ``InputError`` where it cannot be read."""
        limits = Limits()
        if "://" in location:
            data = Web(self.hosts).fetch(location)
        else:
            (_, path), *_ = find(location, self.folder, outside=self.outside)
            data = read_bytes(path, limits)
        return decode_whole(data, longest=longest, shortest=1, limits=limits)

    def reader(self, size: int, *, kept: int = KEPT) -> PictureReader:
        """Of pictures of ``size`` pixels a side. Raises ``ConfigError`` where Pillow is not installed, or a
        host is none."""
        return PictureReader(
            self.folder,
            preparation=Preparation(size),
            outside=self.outside,
            web=Web(self.hosts),
            kept=kept,
            file=self.file,
            problems=self.problems,
        )
