"""Where decoders come from, against sums written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from attrex.nn.decoders import (
    DecoderSource,
    HyperLayer,
    LookUpLayer,
    MixtureLayer,
    NoTransitions,
    begin_outside,
)

A, R, D, K, EXPERTS = 3, 5, 4, 3, 2


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def embeddings() -> Tensor:
    return torch.randn(A, R)


def test_hyper_layer_is_a_linear_map_per_parameter() -> None:
    layer = HyperLayer(R, (K, D), scale=0.1)
    given_AR = embeddings()
    made_AKD = layer(given_AR)
    assert made_AKD.shape == (A, K, D)
    for a in range(A):
        for k in range(K):
            for d in range(D):
                row, bias = layer.generate.weight[k * D + d], layer.generate.bias[k * D + d]
                expected = sum(row[r] * given_AR[a, r] for r in range(R)) + bias
                torch.testing.assert_close(made_AKD[a, k, d], expected)


def test_mixture_layer_sums_prototypes_by_their_gates() -> None:
    layer = MixtureLayer(R, (K, K), experts=EXPERTS, scale=0.5)
    given_AR = embeddings()
    made_AKK = layer(given_AR)
    assert made_AKK.shape == (A, K, K)
    gates_AE = (given_AR @ layer.gate.weight.T + layer.gate.bias).softmax(1)
    for a in range(A):
        expected_KK = sum(gates_AE[a, e] * layer.prototypes[e] for e in range(EXPERTS))
        torch.testing.assert_close(made_AKK[a], expected_KK)


def test_look_up_layer_gives_each_attribute_its_own() -> None:
    layer = LookUpLayer(4, (K, D), scale=1.0)
    made = layer(torch.tensor([2, 0, 2]))
    for at, own in enumerate((2, 0, 2)):
        assert torch.equal(made[at], layer.own[own])
    made.sum().backward()
    assert layer.own.grad is not None
    assert [float(g) for g in layer.own.grad.flatten(1).abs().amax(1)] == [1.0, 0.0, 2.0, 0.0]


@pytest.mark.parametrize("attributes", [torch.tensor([1, 0]), torch.randn(2, R)])
def test_no_transitions_are_zero_for_indices_and_embeddings(attributes: Tensor) -> None:
    assert torch.equal(NoTransitions(K)(attributes), torch.zeros(2, K, K))


@pytest.mark.parametrize(
    "transitions",
    [HyperLayer(R, (K + 1, K + 1), scale=1.0), MixtureLayer(R, (K + 1, K + 1), experts=2, scale=1.0)],
)
def test_decoder_source_parts_the_generated_tables(transitions: nn.Module) -> None:
    linear = HyperLayer(R, (K, D + 1), scale=1.0)
    given_AR = embeddings()
    layer, moves = linear(given_AR), transitions(given_AR)
    decoder = DecoderSource(linear, transitions)(given_AR)
    assert torch.equal(decoder.weight_AKD, layer[:, :, :D])
    assert torch.equal(decoder.bias_AK, layer[:, :, D])
    for i in range(K):
        for j in range(K):
            assert torch.equal(decoder.transitions_AKK[:, i, j], moves[:, i, j])
        assert torch.equal(decoder.start_AK[:, i], moves[:, K, i])
        assert torch.equal(decoder.end_AK[:, i], moves[:, i, K])


def test_gradients_reach_every_parameter() -> None:
    source = DecoderSource(
        HyperLayer(R, (K, D + 1), scale=1.0), MixtureLayer(R, (K + 1, K + 1), experts=2, scale=1.0)
    )
    decoder = source(embeddings())
    parts = (
        decoder.weight_AKD,
        decoder.bias_AK,
        decoder.transitions_AKK,
        decoder.start_AK,
        decoder.end_AK,
    )
    sum((part * torch.randn_like(part)).sum() for part in parts).backward()
    for name, parameter in source.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("tags", [3, 41])
def test_a_layer_may_begin_with_nearly_every_token_outside(tags: int) -> None:
    layer = begin_outside(LookUpLayer(2, (tags, D + 1), scale=0.0))
    probabilities_AK = layer(torch.arange(2))[:, :, -1].softmax(1)
    torch.testing.assert_close(probabilities_AK[:, 0], torch.full((2,), 0.95))
    torch.testing.assert_close(probabilities_AK[:, 1:], torch.full((2, tags - 1), 0.05 / (tags - 1)))
