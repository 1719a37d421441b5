"""The value decoder: what attending to one vector is, and written step by step as in one go."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from attrex.nn.copying import Telling, ToldLayer, ValueDecoder
from attrex.nn.pretrained import build_body

D, L = 16, 5
CONFIG = {
    "model_type": "bert",
    "vocab_size": 20,
    "hidden_size": D,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 8,
    "initializer_range": 0.3,
}


@pytest.fixture
def body() -> nn.Module:
    torch.manual_seed(0)
    return build_body(CONFIG)


@pytest.fixture
def decoder(body: nn.Module) -> ValueDecoder:
    made = ValueDecoder(body, layers=3, longest=12).eval()
    for layer in made.layers:
        nn.init.normal_(layer.told.weight, std=0.5)  # type: ignore[arg-type,union-attr]
    return made


def test_attending_to_one_vector_is_a_linear_map() -> None:
    torch.manual_seed(0)
    cross = nn.MultiheadAttention(D, 2, batch_first=True).eval()
    nn.init.normal_(cross.in_proj_bias)
    states, told = torch.randn(3, L, D), torch.randn(3, 1, D)
    with torch.no_grad():
        attended, _ = cross(states, told, told)
        mapped = cross.out_proj(
            nn.functional.linear(told, cross.in_proj_weight[2 * D :], cross.in_proj_bias[2 * D :])
        )
    torch.testing.assert_close(attended, mapped.expand(3, L, D))


def test_it_is_written_step_by_step_as_in_one_go(decoder: ValueDecoder) -> None:
    vectors, told = torch.randn(3, L, D), torch.randn(3, D)
    with torch.no_grad():
        whole = decoder(vectors, told)
        past, items = Telling(decoder, told), torch.tensor([0, 1, 2])
        for at, rows in enumerate(([0, 0, 1, 2], [3, 1, 2], [2, 0], [1, 0], [0, 1])):
            states = past.step(vectors[items, at : at + 1])
            torch.testing.assert_close(states, whole[items, at : at + 1], atol=1e-5, rtol=1e-5)
            past.choose(torch.tensor(rows))
            items = items[torch.tensor(rows)]


def test_nothing_is_known_of_what_comes_later_and_all_of_what_is_told(decoder: ValueDecoder) -> None:
    vectors, told = torch.randn(1, L, D), torch.randn(1, D)
    later = vectors.clone()
    later[:, 3:] = torch.randn(1, 2, D)
    with torch.no_grad():
        whole, changed, elsewhere = decoder(vectors, told), decoder(later, told), decoder(vectors, -told)
    torch.testing.assert_close(whole[:, :3], changed[:, :3])
    assert (whole - changed)[:, 3:].abs().amax(2).min() > 1e-3
    assert (whole - elsewhere).abs().amax(2).min() > 1e-3


def test_it_begins_as_the_base_s_first_layers(body: nn.Module, decoder: ValueDecoder) -> None:
    stack: Any = body.get_submodule("encoder")
    for at, own in ((0, 0), (1, 1), (2, 0)):
        layer, base = decoder.layers[at], stack.layer[own]
        assert isinstance(layer, ToldLayer)
        assert torch.equal(layer.query.weight, base.attention.self.query.weight)
        assert torch.equal(layer.intermediate.dense.weight, base.intermediate.dense.weight)
        assert layer.query.weight.data_ptr() != base.attention.self.query.weight.data_ptr()
    places = body.get_submodule("embeddings").position_embeddings.weight
    assert torch.equal(decoder.places_LD[8:], places[:4])  # goes round
