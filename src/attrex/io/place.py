"""Where a file is to be written."""

from __future__ import annotations

import os
from pathlib import Path

from attrex.errors import OutputError


def check_place(target: Path, source: Path | None) -> None:
    """Raises ``OutputError`` where no file can be written, and where it would take the place of the
    ``source`` that is being read (None: a pipe). For before the work, which may take long."""
    folder = target.parent
    if target.is_dir() or not folder.is_dir():
        what = "this is a folder" if target.is_dir() else f"there is no folder {folder}"
        raise OutputError(what, file=str(target), fix="name a file in a folder that exists")
    if not os.access(folder, os.W_OK):
        raise OutputError(
            f"nothing may be written to {folder}", file=str(target), fix="choose another folder"
        )
    if source is not None and target.exists() and target.samefile(source):
        raise OutputError("this is the input itself", file=str(target), fix="name another file")
