"""What a run takes in memory at its peak."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET = "5"
"""What makes Linux forget the highest resident size so far."""


def resident() -> int | None:
    """Bytes of this process that are in memory; None where the system does not tell."""
    return _field("VmRSS")


def peak_of(run: Callable[[], Any]) -> int | None:
    """How many bytes ``run`` takes at its peak beyond what is taken before it; None where the system does
    not tell. What earlier runs have freed is given back first, or it would seem to cost nothing."""
    _give_back()
    try:
        _CLEAR.write_text(_RESET)
    except OSError:
        run()
        return None
    before = resident()
    run()
    highest = _field("VmHWM")
    return None if before is None or highest is None else max(0, highest - before)


def _field(name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return None if found is None else int(found[1]) * 1024


def _give_back() -> None:
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError, TypeError):  # another C library
        return
