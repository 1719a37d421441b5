from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from attrex.cache.records import Precision, Unreadable, own, pack, size_of, unpack
from attrex.core import Candidate, Evidence, Span
from attrex.text.reading import Reading
from tests.cache.made import Inner, Made, made


def back(record: Any, precision: Precision = "float32") -> Any:
    return unpack(memoryview(pack(record, type(record), precision)), type(record))


def assert_same(one: Any, other: Any, tolerance: float = 0.0) -> None:
    """Field by field; tensors of the same kind, nowhere further apart than the tolerance."""
    assert type(one) is type(other)
    if isinstance(one, Tensor):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        if one.numel():
            assert (one.double() - other.double()).abs().max() <= tolerance
    elif hasattr(one, "__dataclass_fields__"):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name), tolerance)
    elif isinstance(one, tuple | list):
        assert len(one) == len(other)
        for first, second in zip(one, other, strict=True):
            assert_same(first, second, tolerance)
    else:
        assert one == other


@pytest.mark.parametrize("name", ["a", "large", ""])
@pytest.mark.parametrize("maybe", [True, False])
def test_what_goes_in_comes_out(name: str, maybe: bool) -> None:
    assert_same(back(made(name, maybe=maybe)), made(name, maybe=maybe))
    assert_same(back(made(name, tokens=0, maybe=maybe)), made(name, tokens=0, maybe=maybe))


def test_a_reading_comes_out() -> None:
    reading = Reading(("title",), ("Hat é",), [4, 2], [5, 6], [0, 0], [0, 4], [3, 5])
    assert back(reading) == reading


def test_float16_is_close_and_takes_half() -> None:
    one = made("a", tokens=100)
    assert_same(back(one, "float16"), one, 2e-3)
    half, whole = (len(pack(one, Made, precision)) for precision in ("float16", "float32"))
    assert whole - half >= one.states_TD.numel() * 2  # bfloat16 is as small already


def test_what_float16_cannot_hold_is_kept_as_it_is() -> None:
    """T5's states grow beyond 65,504."""

    @dataclass(frozen=True)
    class Large:
        states_TD: Tensor

    globals()["Large"] = Large
    for value in (1e5, float("inf"), -7e4, float("nan")):
        one = Large(torch.tensor([[1.0, value]]))
        assert torch.equal(back(one, "float16").states_TD.nan_to_num(), one.states_TD.nan_to_num())


@given(st.lists(st.lists(st.floats(-1e4, 1e4, width=32), min_size=3, max_size=3), min_size=1, max_size=4))
def test_int8_errs_by_half_a_step_of_its_row(rows: list[list[float]]) -> None:
    one = made("a")
    states_TD = torch.tensor(rows, dtype=torch.float32)
    kept = back(Made(one.name, one.inner, states_TD, (), one.mask_T, one.pair, None, True), "int8").states_TD
    step_T1 = states_TD.abs().amax(1, keepdim=True) / 127
    assert ((kept - states_TD).abs() <= step_T1 * 0.5001 + 1e-30).all()


def test_int8_is_smaller_still() -> None:
    one = made("a", tokens=200, width=64)
    assert len(pack(one, Made, "int8")) < 0.6 * len(pack(one, Made, "float16"))


def test_no_byte_of_it_may_change_unseen_by_its_form() -> None:
    """Bytes that are cut short, or of another type, are refused, whatever they hold."""
    data = pack(made("a"), Made, "float16")
    for end in range(0, len(data) - 16, 7):
        with pytest.raises(Unreadable):
            unpack(memoryview(data[:end]), Made)
    with pytest.raises(Unreadable, match="Inner has other fields"):
        unpack(memoryview(data), Inner)
    with pytest.raises(Unreadable):
        unpack(memoryview(b"\xff\xff\xff\xff{}"), Made)


def test_a_text_where_a_number_was_is_refused() -> None:
    data = pack(made("a"), Made, "float32").replace(b'"name":"a"', b'"name":777')
    with pytest.raises(Unreadable, match="expected str, got int"):
        unpack(memoryview(data), Made)


@dataclass(frozen=True)
class Said:
    """As a generator's: what it proposes, by an attribute's pieces."""

    answers: Mapping[tuple[int, ...], tuple[tuple[Candidate, ...], float]]


def test_candidates_by_name_come_out() -> None:
    found = Candidate("red", 0.1 + 0.2, Evidence("span", Span("title", 3, 6), alignment="fuzzy"))
    one = Said({(1, 2): ((found, replace(found, text="\ud83d")), 0.5), (): ((), 1.0)})
    assert back(one, "int8") == one
    assert size_of(one) > 200
    data = pack(one, Said, "float32").replace(b'"fuzzy"', b'"wrong"')
    with pytest.raises(Unreadable, match="expected one of"):
        unpack(memoryview(data), Said)


def test_a_record_of_something_else_is_a_mistake_of_ours() -> None:
    @dataclass(frozen=True)
    class Odd:
        things: set[int]

    with pytest.raises(TypeError, match="cannot hold set"):
        pack(Odd(set()), Odd, "float32")


def test_a_view_is_copied_out_of_its_batch_and_nothing_else_is() -> None:
    batch = torch.zeros(1000, 5, 8)
    one = made("a")
    view = Made("v", one.inner, batch[3], (batch[0], one.layers[0]), one.mask_T, one.pair, one.inner, True)
    kept = own(view)
    assert kept.states_TD.untyped_storage().nbytes() == 5 * 8 * 4
    assert kept.layers[0].untyped_storage().nbytes() == 5 * 8 * 4
    assert kept.layers[1] is one.layers[0]
    assert kept.inner is one.inner
    assert own(one) is one
    assert_same(kept, view)


def test_sizes_are_about_right() -> None:
    assert size_of(torch.zeros(1000)) == pytest.approx(4000, rel=0.1)
    assert size_of(list(range(1000))) == pytest.approx(8056, rel=0.01)
    assert size_of(made("a", tokens=500)) == pytest.approx(500 * 8 * (4 + 2 + 2) + 500, rel=0.1)
