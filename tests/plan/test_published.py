from __future__ import annotations

import re

import pytest

from attrex.nn.flops import T5_V1_1, Lookup
from attrex.plan import published
from attrex.plan.published import AE_110K, MAVE, PublishedCost


def cost(lookup: Lookup, heavy: str = "large", sizes: tuple[int, int] = MAVE) -> PublishedCost:
    return PublishedCost(T5_V1_1[heavy], T5_V1_1["small"], sizes, lookup)


@pytest.mark.parametrize(
    ("heavy", "sizes", "cross", "light"), [("large", MAVE, 402.47, 42.46), ("base", AE_110K, 16.11, 5.20)]
)
def test_table_1_comes_out_with_one_hot_look_ups(
    heavy: str, sizes: tuple[int, int], cross: float, light: float
) -> None:
    counted = cost("one-hot", heavy, sizes)
    assert counted.cross_encoder / 1e9 == pytest.approx(cross, rel=0.015)
    assert counted.light_pass / 1e9 == pytest.approx(light, rel=0.015)


@pytest.mark.parametrize(("attributes", "gflops"), [(15, 89.86), (12, 96.22), (11, 99.11), (5, 140.72)])
def test_table_12_comes_out_with_one_hot_look_ups_and_without_the_adaptor(
    attributes: int, gflops: float
) -> None:
    made = cost("one-hot").ask(attributes, adaptor=False) / 1e9
    assert made == pytest.approx(gflops, rel=0.015)
    assert cost("one-hot").ask(attributes, adaptor=True) / 1e9 > 1.015 * gflops
    assert cost("real").ask(attributes, adaptor=False) / 1e9 < 0.85 * gflops


def test_the_notes_numbers_with_real_look_ups() -> None:
    real = cost("real")
    assert real.light_pass / 1e9 == pytest.approx(24.2, abs=0.1)
    assert real.cross_encoder / 1e9 == pytest.approx(364.5, abs=0.5)
    assert real.adaptor(544) / 1e9 == pytest.approx(4.6, abs=0.05)
    assert cost("real", "base").cross_encoder / 1e9 == pytest.approx(103.3, abs=0.5)


def test_the_factors_are_those_that_the_module_s_text_tells() -> None:
    text = " ".join((published.__doc__ or "").split())
    real, hot = cost("real"), cost("one-hot")
    told = {
        r"402.47 / 42.46 = ([\d.]+)": hot.cross_encoder / hot.light_pass,
        r"that factor is ([\d.]+)": real.cross_encoder / real.light_pass,
        r"and ([\d.]+) with the adaptor": real.cross_encoder / (real.light_pass + real.adaptor(544)),
        r"formula gives ([\d.]+)": real.cross_encoder / real.ask(15, adaptor=True),
        r"gives 5.1, and ([\d.]+) where": real.cross_encoder / real.ask_cached(15),
        r"at 5 attributes ([\d.]+)": real.cross_encoder / real.ask(5, adaptor=True),
        r"at 5 attributes 3.1 and ([\d.]+),": real.cross_encoder / real.ask_cached(5),
        r"does not pay \(([\d.]+)": real.cross_encoder / real.ask(1, adaptor=True),
        r"does not pay \(0.9 and ([\d.]+)\)": real.cross_encoder / real.ask_cached(1),
    }
    for pattern, factor in told.items():
        found = re.search(pattern, text)
        assert found, pattern
        assert float(found[1].rstrip(".")) == pytest.approx(factor, abs=0.051), pattern
