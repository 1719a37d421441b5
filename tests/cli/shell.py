"""Runs the command line in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from attrex.cli.main import run


@dataclass(frozen=True)
class Ran:
    """Exit code and what was printed."""

    code: int
    out: str
    err: str


class Shell:
    """``shell("fill", path, ...)`` runs a command and returns what came of it."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: Any) -> Ran:
        self._capture.readouterr()
        code = run([str(argument) for argument in arguments])
        printed = self._capture.readouterr()
        assert "Traceback" not in printed.err
        return Ran(code, printed.out, printed.err)
