from __future__ import annotations

import os
import subprocess
import sys
import time
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from attrex.cache import DiskCache, disk
from attrex.errors import OutputError
from tests.cache.made import Made, Maker, Told, made


class Said(list[str]):
    """What a cache has said."""

    def __call__(self, line: str) -> None:
        self.append(line)


def opened(folder: Path, said: Said | None = None, **more: Any) -> DiskCache:
    given = {"model": "m1", "types": (Made, Told), "say": Said() if said is None else said, **more}
    return DiskCache(folder, **given)


def ask(cache: DiskCache, names: list[str], **more: int) -> list[str]:
    """What had to be made."""
    maker = Maker(names, **more)
    records = cache.records("product", names, maker)
    assert [r.name for r in records] == names
    assert maker.calls <= 1
    return maker.made


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.safetensors"), key=lambda path: path.stat().st_mtime_ns)


def test_the_next_run_makes_nothing_again(tmp_path: Path) -> None:
    assert ask(opened(tmp_path), ["a", "b", "a"]) == ["a", "b"]
    again = opened(tmp_path)
    assert ask(again, ["b", "c", "a"]) == ["c"]
    assert (again.hits, again.misses) == (2, 1)
    assert ask(opened(tmp_path), ["c", "b"]) == []


def test_what_is_read_equals_what_was_made(tmp_path: Path) -> None:
    """Rounding happens at once, or the second run's probabilities would be others."""
    first = opened(tmp_path).records("product", ["a"], Maker(["a"]))[0]
    second = opened(tmp_path).records("product", ["a"], Maker(["a"]))[0]
    assert torch.equal(first.states_TD, second.states_TD)
    assert not torch.equal(first.states_TD, Maker(["a"])([0])[0].states_TD)


def test_described_records_are_not_rounded(tmp_path: Path) -> None:
    weight_K = torch.randn(5)
    for _ in range(2):
        cache = opened(tmp_path, precision="int8")
        (told,) = cache.records("attribute", ["a"], lambda places: [Told("a", weight_K)])
        assert torch.equal(told.weight_K, weight_K)


def test_what_a_closed_model_does_not_know_is_kept_as_unknown(tmp_path: Path) -> None:
    calls = []
    for _ in range(2):
        cache = opened(tmp_path)
        (told,) = cache.records("attribute", ["a"], lambda places: [calls.append(places)])  # type: ignore[func-returns-value]
        assert told is None
    assert len(calls) == 1


def test_another_model_s_records_are_ignored_and_that_is_said_once(tmp_path: Path) -> None:
    ask(opened(tmp_path), ["a"])
    said = Said()
    other = opened(tmp_path, said, model="m2")
    assert ask(other, ["a"]) == ["a"]
    assert ask(other, ["a", "b"]) == ["b"]
    assert len(said) == 1
    assert said[0].startswith(f"{tmp_path}: holds records of another model too")
    assert "they are not used" in said[0]
    assert ask(opened(tmp_path, precision="int8"), ["a"]) == ["a"]
    third = Said()
    opened(tmp_path, third, model="m3")
    assert "of 3 other models" in third[0]


def test_a_file_of_another_model_in_our_folder_is_thrown_away(tmp_path: Path) -> None:
    ask(opened(tmp_path / "one"), ["a"])
    mine = opened(tmp_path / "two", model="m2")
    stolen = files(tmp_path / "one")[0]
    (tmp_path / "two" / mine.identity.folder / stolen.name).write_bytes(stolen.read_bytes())
    said = Said()
    assert ask(opened(tmp_path / "two", said, model="m2"), ["a"]) == ["a"]
    assert "was damaged" in said[0]


@pytest.mark.parametrize("place", [0, 8, 40, -1, -500], ids=["length", "header", "names", "end", "record"])
def test_a_changed_byte_is_never_trusted(tmp_path: Path, place: int) -> None:
    ask(opened(tmp_path), ["a", "b"])
    (path,) = files(tmp_path)
    data = bytearray(path.read_bytes())
    data[place] ^= 0x41
    path.write_bytes(data)
    said = Said()
    cache = opened(tmp_path, said)
    assert "b" in ask(cache, ["a", "b"])  # the changed one; a may have been read, and right, before
    assert cache.damaged == 1
    assert said == [f"{tmp_path}: {path.name} was damaged; it is removed and made again as needed"]
    ask(opened(tmp_path), ["a", "b"])
    assert ask(opened(tmp_path), ["a", "b"]) == []


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_a_file_cut_short_is_made_again(tmp_path: Path, share: float) -> None:
    ask(opened(tmp_path), ["a", "b"])
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert ask(opened(tmp_path), ["a", "b"]) == ["a", "b"]


def test_records_of_another_form_are_made_again(tmp_path: Path) -> None:
    """As after a change of the model's code."""
    ask(opened(tmp_path), ["a"])
    (told,) = opened(tmp_path, types=(Told, Told)).records(
        "product", ["a"], lambda places: [Told("a", torch.zeros(2))]
    )
    assert told.name == "a"


def test_the_files_longest_unused_make_room(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    for at, name in enumerate("abc"):
        ask(cache, [name], tokens=500)
        os.utime(files(tmp_path)[-1], (at, at))
    ask(opened(tmp_path), ["a"])  # read, so b is the longest unused
    one = cache.size // 3
    smaller = opened(tmp_path, limit=3 * one + one // 2)
    ask(smaller, ["d"], tokens=500)
    assert smaller.size <= smaller.limit
    assert len(files(tmp_path)) == 3
    assert ask(smaller, ["a", "b", "c", "d"], tokens=500) == ["b"]


def test_other_models_make_room_too_and_other_files_never(tmp_path: Path) -> None:
    mine = [tmp_path / "notes.safetensors", tmp_path / "photos" / "a.safetensors"]
    mine[1].parent.mkdir()
    for path in mine:
        path.write_bytes(b"mine" * 10_000)
    ask(opened(tmp_path), ["a"], tokens=500)
    ask(opened(tmp_path, model="m2", limit=1000), ["b"], tokens=500)
    assert files(tmp_path) == [mine[1]]
    assert mine[0].exists()


def test_a_large_batch_is_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "LARGEST", 100_000)
    ask(opened(tmp_path), [str(i) for i in range(10)], tokens=1000)
    assert len(files(tmp_path)) == 5
    assert ask(opened(tmp_path), [str(i) for i in range(10)], tokens=1000) == []


def test_a_batch_is_not_held_twice(tmp_path: Path) -> None:
    """Of each record what was made is given up once it is packed."""
    alive: list[weakref.ref[torch.Tensor]] = []
    most = 0

    def make(places: list[int]) -> list[Made]:
        records = [made(str(at)) for at in places]
        alive.extend(weakref.ref(record.states_TD) for record in records)
        return records

    cache = opened(tmp_path)
    before = disk.pack

    def counting(*given: Any) -> bytes:
        nonlocal most
        most = max(most, sum(ref() is None for ref in alive))
        return before(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "pack", counting)
        cache.records("product", [str(n) for n in range(10)], make)
    assert most == 9


def test_few_files_stay_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "OPEN", 2)
    cache = opened(tmp_path)
    for name in "abcd":
        ask(cache, [name])
    assert ask(cache, list("abcdabcd")) == []
    assert len(cache._index.mapped) == 2


def test_a_file_that_another_process_has_removed_is_made_again(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    ask(cache, ["a"])
    files(tmp_path)[0].unlink()
    assert ask(cache, ["a"]) == ["a"]
    assert cache.damaged == 0


def test_what_a_crash_has_left_is_swept_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    old, new = (tmp_path / cache.identity.folder / name for name in ("1.new", "2.new"))
    for path in (old, new):
        path.touch()
    os.utime(old, (time.time() - 2 * disk.STALE,) * 2)
    ask(cache, ["a"])
    assert not old.exists()
    assert new.exists()


def test_a_folder_that_cannot_be_is_an_error_and_one_that_fails_later_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file: there can be no cache .* Fix: give another folder"):
        opened(tmp_path / "file")
    said = Said()
    cache = opened(tmp_path / "full", said)

    def full(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "save_file", full)
    assert ask(cache, ["a"]) == ["a"]
    assert ask(cache, ["b"]) == ["b"]
    assert len(said) == 1
    assert "nothing more can be kept there ([Errno 28] No space left on device)" in said[0]


WRITER = """
import sys
from pathlib import Path
from tests.cache.test_disk import rounds
rounds(Path(sys.argv[1]), 15, 40)
"""


def rounds(folder: Path, begin: int, count: int) -> None:
    for at in range(begin, begin + count):
        ask(opened(folder, limit=40_000), [str(at % 40), str((at + 7) % 40)])


def test_two_processes_may_share_a_folder(tmp_path: Path) -> None:
    """Both read, write and make room at once; every record they get is right (``ask`` looks at it)."""
    other = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", WRITER, str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    while other.poll() is None:
        rounds(tmp_path, 0, 10)
    _, err = other.communicate(timeout=100)
    assert other.returncode == 0, err
    assert opened(tmp_path).damaged == 0
    assert not list(tmp_path.glob("*/*.new"))
