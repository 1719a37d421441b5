from __future__ import annotations

import sys
from pathlib import Path

import pytest

from attrex.plan import memory

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
MEGABYTE = 1 << 20


@LINUX
def test_the_peak_is_seen_after_it_is_over_and_each_run_has_its_own() -> None:
    sizes = [200, 50, 100]
    peaks = [memory.peak_of(lambda n=n: bytearray(n * MEGABYTE)) for n in sizes]  # type: ignore[misc]
    assert peaks == pytest.approx([n * MEGABYTE for n in sizes], abs=20 * MEGABYTE)


@LINUX
def test_what_is_resident_is_told() -> None:
    before = memory.resident()
    held = bytearray(100 * MEGABYTE)
    after = memory.resident()
    assert before is not None
    assert after is not None
    assert after - before == pytest.approx(len(held), abs=20 * MEGABYTE)


def test_where_the_system_does_not_tell_it_runs_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "status")
    monkeypatch.setattr(memory, "_CLEAR", tmp_path / "nowhere" / "clear")
    ran: list[int] = []
    assert memory.peak_of(lambda: ran.append(1)) is None
    assert memory.resident() is None
    assert ran == [1]
