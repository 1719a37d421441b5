"""The gate in front of a model: what is asked, what is not, and what is said of that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from attrex.core import Answer, Attribute, Problem, Product, Source, Stated, Status
from attrex.extract import Pipeline, Request, blanks, everything, named
from attrex.extract.gating import excluded, narrowed
from attrex.models.gate import Cut, FittedGate, Floats
from attrex.normalise import Normaliser
from attrex.resolve import Policy, Resolver
from attrex.schema import Schema
from tests.extract.scripted import Scripted, word_after

A, B, C = Attribute("A"), Attribute("B"), Attribute("C")
SCHEMA = Schema([A, B, C])


class Table:
    """A gate whose probabilities of "A" and "B" stand in the product's id: ``0.9 0.1``."""

    attributes, pictures = ("A", "B"), None

    def __init__(self) -> None:
        self.judged: list[str] = []

    def knows(self, category: str | None) -> bool:
        return category == "known"

    def ranges(self, products: Sequence[Product], attributes: Sequence[Attribute]) -> Floats:
        self.judged += [a.name for a in attributes]
        told = [dict(zip("AB", map(float, p.id.split()), strict=True)) for p in products]
        return np.array([[own[a.name] for a in attributes] for own in told], dtype=np.float32)

    def config(self) -> dict[str, Any]:
        return {"kind": "table"}

    def tensors(self) -> dict[str, torch.Tensor]:
        return {}


GATE = FittedGate(Table(), Cut(0.5, {"B": 0.2}), Cut(0.5))


def product(id: str, category: str | None = "known", **stated: str) -> Product:
    return Product(
        id,
        category,
        (Source("title", "is red"),),
        stated={name: (Stated(value),) for name, value in stated.items()},
    )


def pipeline(model: Scripted, gate: FittedGate | None = GATE) -> Pipeline:
    return Pipeline(model, SCHEMA, Resolver(Policy(), Normaliser()), stage="scripted", version="v", gate=gate)


def test_what_is_below_its_threshold_is_left_out() -> None:
    requests = [blanks(product(id), SCHEMA) for id in ("0.5 0.2", "0.49 0.19", "0.4 0.3")]
    without = excluded(GATE, requests)
    assert [sorted(own) for own in without] == [[], ["A", "B"], ["A"]]
    assert without[1]["A"] == pytest.approx(0.49)
    left = narrowed(requests, without)
    assert [[a.name for a in r.attributes] for r in left] == [["A", "B", "C"], ["C"], ["B", "C"]]
    assert left[0] is requests[0]


def test_a_category_that_is_guessed_has_thresholds_of_its_own() -> None:
    given, guessed = (blanks(product("0.9 0.3", category), SCHEMA) for category in ("known", None))
    assert [sorted(own) for own in excluded(GATE, [given, guessed])] == [[], ["B"]]


def test_what_the_gate_does_not_judge_costs_nothing_and_passes() -> None:
    gate = Table()
    assert excluded(FittedGate(gate, Cut(0.5), Cut(0.5)), [named(product("0 0"), [C], SCHEMA)]) == [{}]
    assert gate.judged == []
    assert excluded(GATE, []) == []


def test_the_model_is_not_asked_and_the_answer_says_why() -> None:
    model = Scripted(word_after("is"))
    (result,) = pipeline(model).run([blanks(product("0.1 0.9"), SCHEMA)])
    assert [e.attribute for e in result.extractions] == ["A", "B", "C"]
    assert [e.status for e in result.extractions] == [Status.NOT_APPLICABLE, Status.FOUND, Status.FOUND]
    denied = result.extractions[0]
    assert denied.probability == pytest.approx(0.9)
    assert (denied.values, denied.alternatives, denied.input_read) == ((), (), "none")
    assert (denied.provenance.stage, denied.provenance.model) == ("gate", GATE.version)
    assert result.extractions[1].provenance.stage == "scripted"
    assert denied.provenance.input == result.extractions[1].provenance.input
    assert {a.name for a in model.described} == {"B", "C"}


def test_without_the_gate_everything_is_asked() -> None:
    model = Scripted(word_after("is"))
    (result,) = pipeline(model, None).run([blanks(product("0.1 0.9"), SCHEMA)])
    assert {e.status for e in result.extractions} == {Status.FOUND}


def test_a_product_of_which_nothing_is_asked_is_never_prepared() -> None:
    model = Scripted(word_after("is"))
    requests = [Request(product(id), (A, B)) for id in ("0 0", "0.9 0.9", "0 0")]
    results = list(pipeline(model).run(requests))
    assert [p.id for p in model.prepared] == ["0.9 0.9"]
    assert [{e.status for e in r.extractions} for r in results] == [
        {Status.NOT_APPLICABLE},
        {Status.FOUND},
        {Status.NOT_APPLICABLE},
    ]


def test_a_filled_cell_is_never_denied() -> None:
    filled = product("0 0", A="red")
    for request in (everything(filled, SCHEMA), named(filled, [A, B], SCHEMA)):
        (without,) = excluded(GATE, [request])
        assert sorted(without) == ["B"]
    # Where the cell is held back, as in an evaluation, nothing is certain.
    assert sorted(excluded(GATE, [Request(filled, (A, B))])[0]) == ["A", "B"]


def test_what_the_schema_denies_stands_behind_as_before() -> None:
    request = Request(product("0 0.9"), (A, B), ("D",))
    (result,) = pipeline(Scripted(word_after("is"))).run([request])
    assert [(e.attribute, e.provenance.stage) for e in result.extractions] == [
        ("A", "gate"),
        ("B", "scripted"),
        ("D", "schema"),
    ]


def test_a_closed_model_s_unknown_attribute_is_its_own_problem() -> None:
    """The gate does not judge what it has not learnt; the model says that it has not either."""
    unknown = Scripted(lambda p, a: Answer(problem=Problem("unknown_attribute", "never learnt")))
    (result,) = pipeline(unknown).run([named(product("0.1 0.9"), [A, Attribute("New")], SCHEMA)])
    assert [(e.attribute, e.status, e.provenance.stage) for e in result.extractions] == [
        ("A", Status.NOT_APPLICABLE, "gate"),
        ("New", Status.ABSTAINED, "scripted"),
    ]


def test_a_product_without_a_text_is_gated_too() -> None:
    empty = Product("0.1 0.9", "known")
    (result,) = pipeline(Scripted(word_after("is"))).run([blanks(empty, SCHEMA)])
    assert [e.status for e in result.extractions] == [
        Status.NOT_APPLICABLE,
        Status.UNREADABLE,
        Status.UNREADABLE,
    ]
