"""What a model's records are on a disk, and what its work costs: for every row that says so."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attrex.cache import DiskCache, Precision, attribute_key, product_key
from attrex.cache.records import size_of
from attrex.core import Answer
from attrex.models.interface import Costed, Packing
from attrex.plan.counting import counted
from attrex.text.reading import read
from attrex.text.windows import cut
from tests.conformance.conftest import begun
from tests.conformance.table import TABLE, Row
from tests.conformance.ten import PRODUCTS, SCHEMA

NETWORKS = pytest.mark.parametrize(
    "row", [row for row in TABLE if row.rate], ids=[row.name for row in TABLE if row.rate]
)
ATTRIBUTES = list(SCHEMA.every)
Begun = Callable[[Row], Any]


@pytest.fixture(scope="module")
def begun_once(base: Path) -> Begun:
    """A row's model before its first step, the same for all tests."""
    made: dict[str, Any] = {}

    def of(row: Row) -> Any:
        if row.name not in made:
            made[row.name] = begun(row, base)
            made[row.name].network.eval()
        return made[row.name]

    return of


def alike(one: Answer, other: Answer, tolerance: float) -> bool:
    """About the same score of "none" and of the best candidate: which of two spans that overlap is proposed
    may change with the last digit."""
    if one.none_score is None or other.none_score is None:
        return one == other
    best = [max((c.score for c in a.candidates), default=0.01) for a in (one, other)]
    return abs(one.none_score - other.none_score) <= tolerance and abs(best[0] - best[1]) <= tolerance


@NETWORKS
def test_records_that_went_to_a_disk_answer_alike(row: Row, begun_once: Begun, tmp_path: Path) -> None:
    model = begun_once(row)
    types = model.record_types if isinstance(model, Packing) else None
    assert (model.traits.cacheable == "disk") == (types is not None)
    if types is None:
        return
    windows = [w.product for w in cut(PRODUCTS, model.tokeniser, model.traits.window)]
    asks = [(p, a) for p in range(len(windows)) for a in range(len(ATTRIBUTES))]
    plain = model.answer(model.prepare(windows), model.describe(ATTRIBUTES), asks)
    precisions: dict[Precision, float] = {"float32": 1e-4, "float16": 5e-3, "int8": 5e-2}
    for precision, tolerance in precisions.items():
        for made in (True, False):  # the second time everything is read

            def fail(places: list[int]) -> list[object]:
                raise AssertionError("made again")

            cache = DiskCache(tmp_path, model="m", types=types, precision=precision)
            prepared = cache.records(
                "product",
                [product_key(window, "m") for window in windows],
                (lambda places: model.prepare([windows[at] for at in places])) if made else fail,
            )
            described = cache.records(
                "attribute",
                [attribute_key(attribute, "m") for attribute in ATTRIBUTES],
                (lambda places: model.describe([ATTRIBUTES[at] for at in places])) if made else fail,
            )
            answers = model.answer(prepared, described, asks)
            wrong = [
                at for at, pair in enumerate(zip(answers, plain, strict=True)) if not alike(*pair, tolerance)
            ]
            assert wrong == []


@NETWORKS
def test_kept_records_go_where_the_network_is(row: Row, begun_once: Begun) -> None:
    """They come back on the CPU. The meta device stands in for another: it has no numbers, so that the first
    that is read ends the test."""
    model = begun_once(row)
    if not isinstance(model, Packing) or model.record_types is None:
        return
    windows = [w.product for w in cut(PRODUCTS[:2], model.tokeniser, model.traits.window)]
    prepared, described = model.prepare(windows), model.describe(ATTRIBUTES)
    asks = [(p, a) for p in range(len(windows)) for a in range(len(ATTRIBUTES))]
    model = copy.deepcopy(model)
    model.network.to("meta")
    if row.builder in ("uls-l", "uls-vl"):  # what is out of range is answered without a number read
        prepared = [replace(record, range=None) for record in prepared]
    if row.builder == "generative":  # its answers stand in its records
        assert len(model.answer(prepared, described, asks)) == len(asks)
        return
    with pytest.raises((RuntimeError, NotImplementedError), match="meta") as stopped:
        model.answer(prepared, described, asks)
    assert not re.search("same device|expected device", str(stopped.value))


@NETWORKS
def test_its_formula_is_what_pytorch_counts(row: Row, begun_once: Begun) -> None:
    """Of one product and one attribute, for batches are padded, which the formula leaves out."""
    model = begun_once(row)
    assert isinstance(model, Costed)
    product, attribute = PRODUCTS[0], ATTRIBUTES[0]
    (window, *_) = [w.product for w in cut([product], model.tokeniser, model.traits.window)]
    cost = model.cost(read([window], model.tokeniser), [attribute], [(0, 0)])
    if cost is None:
        return
    prepared, described = model.prepare([window]), model.describe([attribute])
    assert counted(lambda: model.prepare([window])) == cost.prepare
    assert counted(lambda: model.describe([attribute])) == cost.describe
    # A chain of several attributes' tags sums them up by products of matrices; no chain is in the formula.
    answer = counted(lambda: model.answer(prepared, described, [(0, 0)]))
    assert 0 <= answer - cost.answer <= (0.2 * cost.prepare if row.builder == "tag-sets" else 0)
    twice = model.cost(read([window, window], model.tokeniser), [attribute], [(0, 0), (1, 0)])
    assert twice.prepare == 2 * cost.prepare
    assert twice.describe == cost.describe
    assert twice.answer == 2 * cost.answer


def test_sizes_of_real_records_are_about_those_of_their_tensors(begun_once: Begun) -> None:
    row = next(row for row in TABLE if row.name == "adatag, pretrained")
    model = begun_once(row)
    (record,) = model.prepare(PRODUCTS[:1])
    assert size_of(record) > record.states_TD.numel() * 4
