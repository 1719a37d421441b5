import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from transformers import LlamaConfig, LlamaModel

from attrex.errors import ConfigError, ModelError
from attrex.nn.adapters import Adapted, LinearMLPAdapter, MLPAdapter, RepAdapter, fold, insert

D = 32
LINEAR: list[Callable[[], nn.Module]] = [
    lambda: RepAdapter(D),
    lambda: RepAdapter(D, size=6, groups=1),
    lambda: LinearMLPAdapter(D),
]


def decoder(*, bias: bool = False) -> LlamaModel:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=D,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        attention_bias=bias,
        initializer_range=0.2,
    )
    return LlamaModel(config).eval().requires_grad_(False)


def moved(model: nn.Module) -> None:
    """As training would leave the adapters: far from the identity."""
    for module in model.modules():
        if isinstance(module, Adapted):
            for parameter in module.adapter.parameters():
                nn.init.normal_(parameter, std=0.3)


@pytest.mark.parametrize("make", [*LINEAR, lambda: MLPAdapter(D)])
def test_an_adapter_begins_as_the_identity(make: Callable[[], nn.Module]) -> None:
    states_BTD = torch.randn(2, 3, D)
    assert torch.equal(make()(states_BTD), states_BTD)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("make", LINEAR)
def test_a_folded_decoder_says_the_same(make: Callable[[], nn.Module], bias: bool) -> None:
    model = decoder(bias=bias)
    plain = copy.deepcopy(model)
    insert(iter(model.layers), make)
    moved(model)
    ids_BT = torch.randint(0, 50, (3, 9))
    adapted_BTD = model(ids_BT).last_hidden_state
    fold(iter(model.layers))
    assert not any(isinstance(module, Adapted) for module in model.modules())
    assert (model(ids_BT).last_hidden_state - adapted_BTD).abs().max() < 1e-5
    assert (plain(ids_BT).last_hidden_state - adapted_BTD).abs().max() > 0.1


def test_folding_takes_the_adapter_s_own_way_around_with_it() -> None:
    """h + U V h: the sum's first term is the projection as it was."""
    model = decoder()
    insert(iter(model.layers), lambda: RepAdapter(D))
    before = model.layers[0].self_attn.q_proj.weight.clone()
    fold(iter(model.layers))
    assert torch.equal(model.layers[0].self_attn.q_proj.weight, before)


def test_an_activation_cannot_be_folded() -> None:
    model = decoder()
    insert(iter(model.layers), lambda: MLPAdapter(D))
    with pytest.raises(ModelError, match=r'activation cannot be folded.*"repadapter" or "mlp-linear"'):
        fold(iter(model.layers))


def test_weights_of_8_bits_cannot_take_an_adapter_in() -> None:
    model = decoder()
    insert(iter(model.layers), lambda: RepAdapter(D))
    weight = model.layers[0].self_attn.q_proj.weight
    model.layers[0].self_attn.q_proj.weight = nn.Parameter(weight.to(torch.int8), requires_grad=False)
    with pytest.raises(ModelError, match=r'8 or 4 bits\. Fix: load the base with .*precision "file"'):
        fold(iter(model.layers))


def test_a_group_of_the_output_reads_its_own_part() -> None:
    """The sparse structure: without it the first half would depend on the second half's inner values."""
    adapter = RepAdapter(D, size=8, groups=2)
    nn.init.normal_(adapter.weight_GXR)
    up_DR, down_RD, _ = adapter.low_rank()
    assert not up_DR[: D // 2, 4:].any()
    assert not up_DR[D // 2 :, :4].any()
    assert torch.linalg.matrix_rank(down_RD) == 8
    states_BTD = torch.randn(1, 2, D)
    by_hand_BTD = states_BTD + states_BTD @ (up_DR @ down_RD).T
    assert torch.allclose(adapter(states_BTD), by_hand_BTD, atol=1e-5)


@pytest.mark.parametrize(("size", "groups"), [(8, 3), (7, 2), (8, 0)])
def test_groups_must_divide(size: int, groups: int) -> None:
    message = f"groups is {groups}; it must divide the adapter's size {size} and the width 32"
    with pytest.raises(ConfigError, match=message):
        RepAdapter(D, size=size, groups=groups)


@pytest.mark.parametrize(
    ("make", "published"), [(RepAdapter, 1.70e6), (MLPAdapter, 2.23e6), (LinearMLPAdapter, 2.23e6)]
)
def test_on_llama_7b_they_have_the_published_parameters(make: type[nn.Module], published: float) -> None:
    """EIVEN's Table 5: 32 layers of 4,096, size 8."""
    with torch.device("meta"):
        one = sum(parameter.numel() for parameter in make(4096).parameters())
    assert round(32 * one / 1e6, 2) == published / 1e6
