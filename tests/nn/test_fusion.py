from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from attrex.errors import ConfigError
from attrex.nn.fusion import CrossAttentionFusion, FixedFusion, LearnedFusion, adaptor, map_layers

LIGHT, HEAVY = torch.randn(2, 5, 8), torch.randn(2, 5, 8)
MASK = torch.tensor([[True] * 5, [True, True, True, False, False]])
EACH = pytest.mark.parametrize(
    "fusion", [FixedFusion(0.3), LearnedFusion(2), CrossAttentionFusion(2, width=8, heads=2)]
)


# --- Table 3 ---


@pytest.mark.parametrize(
    ("mapping", "layers"),
    [
        ("even_0", (0, 3, 6, 9, 12, 15, 18, 21)),
        ("even_1", (1, 4, 7, 10, 13, 16, 19, 22)),
        ("even_2", (2, 5, 8, 11, 14, 17, 20, 23)),
        ("last", (23,) * 8),
        ("last_n", (16, 17, 18, 19, 20, 21, 22, 23)),
        ("first_n", (0, 1, 2, 3, 4, 5, 6, 7)),
    ],
)
def test_the_paper_s_mappings_of_24_layers_to_8(mapping: Any, layers: tuple[int, ...]) -> None:
    assert map_layers(mapping, heavy=24, light=8) == layers


def test_sizes_that_do_not_divide_are_rounded_down_and_stay_in_the_encoder() -> None:
    assert map_layers("even_0", heavy=12, light=8) == (0, 1, 3, 4, 6, 7, 9, 10)
    assert map_layers("even_2", heavy=12, light=8) == (2, 3, 5, 6, 8, 9, 11, 11)
    assert map_layers("even_1", heavy=6, light=4) == (1, 2, 4, 5)
    assert map_layers("even_2", heavy=2, light=3) == (1, 1, 1)


def test_a_mapping_may_be_a_list() -> None:
    assert map_layers([5, 0, 5], heavy=6, light=3) == (5, 0, 5)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ([0, 6], "names layer 6; the heavy encoder's layers are 0 to 5"),
        ([-1, 0], "names layer -1; the heavy encoder's layers are 0 to 5"),
        ([0], "names 1 layers; the light encoder has 2"),
        ("even_3", "expected one of even_0, even_1, even_2, last, last_n, first_n or a list of layers; got"),
        ("", "or a list of layers; got ''"),
    ],
)
def test_a_wrong_mapping_is_told_with_its_values(mapping: Any, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        map_layers(mapping, heavy=6, light=2)
    assert "model.arguments.mapping" in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize("mapping", ["last_n", "first_n"])
def test_there_are_no_more_layers_than_there_are(mapping: Any) -> None:
    with pytest.raises(ConfigError) as error:
        map_layers(mapping, heavy=2, light=3)
    assert f"mapping is {mapping}; the heavy encoder has 2 layers, fewer than the light one's 3" in str(
        error.value
    )


# --- Eq. 3 and 4 ---


def test_fixed_fusion_interpolates() -> None:
    made = FixedFusion(0.7)(1, LIGHT, HEAVY, MASK)
    torch.testing.assert_close(made, 0.3 * LIGHT + 0.7 * HEAVY)
    assert torch.equal(FixedFusion(0)(1, LIGHT, HEAVY, MASK), LIGHT)
    assert torch.equal(FixedFusion(1)(1, LIGHT, HEAVY, MASK), HEAVY)


@pytest.mark.parametrize(("alpha", "told"), [(1.7, "1.7"), (-0.1, "-0.1")])
def test_alpha_is_a_share(alpha: float, told: str) -> None:
    with pytest.raises(ConfigError, match=rf"model.arguments.alpha is {told}; it must lie in \[0, 1\]"):
        FixedFusion(alpha)


def test_learned_fusion_begins_at_nought_and_has_a_scalar_a_layer() -> None:
    fusion = LearnedFusion(3)
    assert [tuple(p.shape) for p in fusion.parameters()] == [(3,)]
    assert torch.equal(fusion(1, LIGHT, HEAVY, MASK), LIGHT)
    fusion(1, LIGHT, HEAVY, MASK).square().sum().backward()
    assert fusion.alpha_L.grad is not None
    assert fusion.alpha_L.grad.nonzero().tolist() == [[1]]
    with torch.no_grad():
        fusion.alpha_L[2] = 0.4
    torch.testing.assert_close(fusion(2, LIGHT, HEAVY, MASK), 0.6 * LIGHT + 0.4 * HEAVY)
    assert torch.equal(fusion(1, LIGHT, HEAVY, MASK), LIGHT)


@torch.no_grad()
def test_cross_attention_attends_to_the_real_heavy_states_and_skips() -> None:
    """Against a loop over sequences and heads."""
    fusion = CrossAttentionFusion(2, width=8, heads=2)
    own = fusion.each[1]
    expected = LIGHT.clone()
    for n, length in enumerate((5, 3)):
        query, key, value = own.query(LIGHT[n]), own.key(HEAVY[n, :length]), own.value(HEAVY[n, :length])
        heads = [
            torch.softmax(query[:, h] @ key[:, h].T / 2, 1) @ value[:, h] for h in (slice(0, 4), slice(4, 8))
        ]
        expected[n] += own.out(torch.cat(heads, 1))
    torch.testing.assert_close(fusion(1, LIGHT, HEAVY, MASK), expected)
    assert (fusion(0, LIGHT, HEAVY, MASK) - expected).abs().max() > 1e-4


@pytest.mark.parametrize(
    "fusion", [FixedFusion(0.3), LearnedFusion(2), CrossAttentionFusion(2, width=8, heads=2)]
)
@torch.no_grad()
def test_the_first_tokens_alone_may_go_on(fusion: nn.Module) -> None:
    for parameter in fusion.parameters():
        nn.init.normal_(parameter)
    whole = fusion(1, LIGHT, HEAVY, MASK)
    torch.testing.assert_close(fusion(1, LIGHT[:, :2], HEAVY, MASK), whole[:, :2])


@pytest.mark.parametrize(
    "fusion", [FixedFusion(0.3), LearnedFusion(2), CrossAttentionFusion(2, width=8, heads=2)]
)
@torch.no_grad()
def test_it_says_whether_tokens_meet_others(fusion: Any) -> None:
    for parameter in fusion.parameters():
        nn.init.normal_(parameter)
    moved = HEAVY.clone()
    moved[:, 2] += 1
    felt = (fusion(1, LIGHT, moved, None) - fusion(1, LIGHT, HEAVY, None)).abs().amax((0, 2)) > 1e-6
    assert felt.tolist() == ([False, False, True, False, False] if fusion.by_token else [True] * 5)


def test_the_adaptor_begins_as_the_identity_where_the_widths_are_the_same() -> None:
    assert torch.equal(adaptor(4, 4).weight, torch.eye(4))
    assert adaptor(6, 4).weight.shape == (4, 6)
    assert adaptor(6, 4).bias is None
