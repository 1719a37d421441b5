from __future__ import annotations

from dataclasses import replace

import pytest

from attrex.models.interface import Cost
from attrex.plan import CachePlan, CataloguePlan, ModelPlan, Seconds, plan_terminal
from attrex.plan.terminal import duration, flops, notes, size
from tests.report.reading import terminal, widest

EAVE = ModelPlan(
    name="eave",
    builder="eave",
    asks=84_000,
    attributes=7,
    windows=12_345.6,
    tokens=240_000.4,
    flops=Cost(2e12, 3e6, 4.5e12),
    flops_by="formula",
    seconds=Seconds(20, 0.1, 40, 2),
    measured=256,
    memory=812_000_000,
    cache=CachePlan("disk", 3e9, 20, 1.2e9, 3, 8),
)
LEXICON = replace(
    EAVE,
    name="lexicon",
    builder="lexicon",
    tokens=None,
    flops=Cost(),
    flops_by="counter",
    seconds=Seconds(0, 0, 1, 0),
    measured=512,
    memory=None,
    cache=CachePlan("memory", 1e5, 0),
)


def printed(*models: ModelPlan) -> str:
    return terminal(plan_terminal(CataloguePlan("shop.csv", 12_000, 512, models)))


def row(text: str, label: str, which: int = 0) -> list[str]:
    lines = [line.split("  ") for line in text.splitlines() if line.strip().startswith(label)]
    return [part.strip() for part in lines[which] if part.strip()]


def test_what_a_gate_spares_is_told_where_there_is_one() -> None:
    text = printed(replace(EAVE, spared=300_000), LEXICON)
    assert row(text, "spared by the gate") == ["spared by the gate", "300,000", "–"]


def test_the_cost_that_a_gate_saves_is_told() -> None:
    plan = CataloguePlan("shop.csv", 12_000, 512, (replace(EAVE, spared=168_000), LEXICON))
    told = " ".join(notes(plan))
    assert "eave: the gate asks 84,000 cells instead of 252,000, and saves 80 s of answering" in told
    assert "(9 TFLOP)." in told
    assert "lexicon: the gate" not in told
    nothing = CataloguePlan("shop.csv", 9, 9, (replace(LEXICON, asks=0, spared=7),))
    assert "lexicon: the gate asks 0 cells instead of 7." in notes(nothing)


def test_models_stand_side_by_side() -> None:
    text = printed(EAVE, LEXICON)
    assert "shop.csv: 12,000 products" in text
    assert row(text, "model") == ["model", "eave", "lexicon"]
    assert row(text, "windows") == ["windows", "12,346", "12,346"]
    assert row(text, "tokens") == ["tokens", "240,000", "–"]
    assert row(text, "FLOPs to prepare") == ["FLOPs to prepare", "2 TFLOP", "0 FLOP"]
    assert row(text, "in all") == ["in all", "6.5 TFLOP", "0 FLOP"]
    assert row(text, "FLOPs told by") == ["FLOPs told by", "formula", "PyTorch"]
    assert row(text, "in all", 1) == ["in all", "62 s", "1 s"]
    assert row(text, "cells a second") == ["cells a second", "1,353", "84,000"]
    assert row(text, "peak memory") == ["peak memory", "812 MB", "–"]
    assert row(text, "on disk") == ["on disk", "1.2 GB", "–"]
    assert row(text, "does it pay?") == ["does it pay?", "yes", "not kept there"]


def test_it_fits_eighty_columns_however_many_models_there_are() -> None:
    many = [replace(EAVE, name=f"a-model-with-a-long-name-{n}") for n in range(5)]
    text = printed(*many)
    assert widest(text) <= 80
    assert text.count("cells to fill") == 2


def test_the_notes_say_which_is_quicker_and_what_a_look_up_counts() -> None:
    lines = notes(CataloguePlan("shop.csv", 12_000, 512, (EAVE, LEXICON)))
    assert "eave takes 62.1 times as long as lexicon." in lines
    assert "seconds measured on 256 to 512 products of them" in lines[0]
    assert "look-up counts nothing; in the EAVE paper's GFLOPS it does" in lines[1]
    assert lines[-1] == (
        "eave: with --cache the next run, or the next attribute, is 17 s shorter; the first takes 8 s more "
        "to write 1.2 GB."
    )
    slow = replace(EAVE, cache=CachePlan("disk", 3e9, 2, 1.2e9, 3, 8))
    assert "eave: a disk cache does not pay" in notes(CataloguePlan("s", 1, 1, (slow,)))[-1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0123, "0.012 s"),
        (9.94, "9.9 s"),
        (62, "62 s"),
        (200, "3 min 20 s"),
        (18_720, "5 h 12 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
    assert duration(None) == "–"


def test_sizes_and_flops() -> None:
    assert [size(n) for n in (None, 0, 999, 1500, 3e9, 2.5e18)] == [
        "–",
        "0 B",
        "999 B",
        "1.5 kB",
        "3 GB",
        "2,500 PB",
    ]
    assert [flops(n) for n in (0, 42.46e9, 3.4e21)] == ["0 FLOP", "42.5 GFLOP", "3,400 EFLOP"]
