"""Where the characters of a source were read from, of parts of it too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.core import Printed

LINE = Printed(10, 20, "a.png", ((0.0, 0.0), (100.0, 50.0), (100.0, 60.0), (0.0, 10.0)), 0.9)
"""Ten characters, rising."""


def test_a_part_of_a_line_has_its_share_of_the_corners() -> None:
    assert LINE.around(10, 20) == [LINE.corners[0], LINE.corners[1], LINE.corners[3], LINE.corners[2]]
    assert LINE.around(12, 14) == [(20, 10), (40, 20), (20, 20), (40, 30)]
    assert LINE.around(0, 15) == [(0, 0), (50, 25), (0, 10), (50, 35)]


def test_within_a_part_of_the_source_it_is_told_in_that_part_s_characters() -> None:
    whole = LINE.within(8, 30)
    assert whole == Printed(2, 12, "a.png", LINE.corners, 0.9)
    part = LINE.within(15, 30)
    assert part == Printed(0, 5, "a.png", ((50, 25), (100, 50), (100, 60), (50, 35)), 0.9)
    assert LINE.within(0, 10) is None
    assert LINE.within(20, 25) is None


@given(st.integers(0, 25), st.integers(1, 25), st.integers(10, 19))
def test_a_character_lies_in_the_same_place_whatever_the_window(start: int, length: int, at: int) -> None:
    part = LINE.within(start, start + length)
    if part is None or not start <= at < start + length:
        return
    for ours, theirs in zip(part.around(at - start, at - start + 1), LINE.around(at, at + 1), strict=True):
        assert ours == pytest.approx(theirs, abs=0.2)
