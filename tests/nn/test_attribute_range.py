from __future__ import annotations

import math

import torch
from torch import Tensor

from attrex.nn import crf
from attrex.nn.attribute_range import (
    DynamicPolicy,
    PrototypePolicy,
    RangedTags,
    RangeHead,
    WordPolicy,
    cosine_guided,
    range_loss,
)

N, T, D, A, K, H = 2, 3, 4, 5, 3, 6


def states() -> Tensor:
    return torch.randn(N, T, D, generator=torch.Generator().manual_seed(2))


def test_the_range_is_a_linear_layer_and_a_sigmoid() -> None:
    torch.manual_seed(0)
    head = RangeHead(D, A)
    pooled_D = states()[0, 0]
    with torch.no_grad():
        made_A = head(pooled_D.unsqueeze(0))[0].sigmoid()
    weight, bias = (each.tolist() for each in (head.classes.weight, head.classes.bias))
    for attribute in range(A):
        score = bias[attribute] + sum(
            w * x for w, x in zip(weight[attribute], pooled_D.tolist(), strict=True)
        )
        assert math.isclose(float(made_A[attribute]), 1 / (1 + math.exp(-score)), rel_tol=1e-4)


def test_the_range_s_loss_counts_what_is_known() -> None:
    scores_BA = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]])
    has_BA = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    known_BA = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    sigmoid = scores_BA.sigmoid()
    expected = [
        -math.log(float(sigmoid[0, 0])) - math.log(1 - float(sigmoid[0, 1])),
        -math.log(float(sigmoid[1, 2])),
    ]
    torch.testing.assert_close(range_loss(scores_BA, has_BA, known_BA), torch.tensor(expected))


def test_guidance_is_equation_8() -> None:
    states_NTD = states()
    guide_ND = torch.randn(N, D, generator=torch.Generator().manual_seed(3))
    made = cosine_guided(states_NTD, guide_ND)
    assert made.shape == (N, T, 2 * D)
    for n in range(N):
        for t in range(T):
            state, guide = states_NTD[n, t], guide_ND[n]
            dot = sum(float(a) * float(b) for a, b in zip(state, guide, strict=True))
            cosine = dot / (float(state.norm()) * float(guide.norm()))
            torch.testing.assert_close(made[n, t], torch.cat([state, cosine * state]))


def test_prototypes_and_words_guide_and_own_parameters_do_not() -> None:
    torch.manual_seed(0)
    states_NTD, attribute_N = states(), torch.tensor([4, 1])
    prototypes = PrototypePolicy(A, states=D, decoded=H, tags=K)
    words = WordPolicy(torch.randn(A, D), decoded=H, tags=K)
    own = DynamicPolicy(A, states=D, decoded=H, tags=K)
    torch.testing.assert_close(
        prototypes.guide(states_NTD, attribute_N),
        cosine_guided(states_NTD, prototypes.prototypes_AD[attribute_N]),
    )
    torch.testing.assert_close(
        words.guide(states_NTD, attribute_N), cosine_guided(states_NTD, words.words_AD[attribute_N])
    )
    assert own.guide(states_NTD, attribute_N) is states_NTD
    assert (prototypes.width, words.width, own.width) == (2 * D, 2 * D, D)
    assert prototypes.prototypes_AD.requires_grad
    assert not words.words_AD.requires_grad
    assert [name for name, _ in words.named_parameters()] == ["shared.linear.own", "shared.transitions.own"]


def test_own_parameters_are_the_attribute_s() -> None:
    torch.manual_seed(0)
    policy = DynamicPolicy(A, states=D, decoded=H, tags=K)
    read_NTH = torch.randn(N, T, H)
    attribute_N = torch.tensor([4, 1])
    scores_NTK, decoder = policy.decoder(read_NTH, attribute_N)
    layer_AKD = policy.own.linear.own
    for n, attribute in enumerate(attribute_N.tolist()):
        layer_KD = layer_AKD[attribute]
        expected = read_NTH[n] @ layer_KD[:, :-1].T + layer_KD[:, -1]
        torch.testing.assert_close(scores_NTK[n], expected)
        moves = policy.own.transitions.own[attribute]
        torch.testing.assert_close(decoder.transitions_AKK[n], moves[:-1, :-1])


def test_each_pair_is_decoded_by_itself() -> None:
    """A chain of the pairs gives what a chain of each alone gives, whatever stands beside it."""
    torch.manual_seed(0)
    tags = RangedTags(PrototypePolicy(A, states=D, decoded=H, tags=K), width=H, dropout=0.0)
    mask_NT = torch.tensor([[True, True, True], [True, True, False]])
    attribute_N = torch.tensor([0, 3])
    tags_NT = torch.tensor([[0, 1, 2], [0, 1, 0]])
    with torch.no_grad():
        both = crf.log_likelihood(tags(states(), mask_NT, attribute_N), tags_NT)
        alone = [
            crf.log_likelihood(
                tags(states()[n : n + 1, :length], mask_NT[n : n + 1, :length], attribute_N[n : n + 1]),
                tags_NT[n : n + 1, :length],
            )
            for n, length in ((0, 3), (1, 2))
        ]
    torch.testing.assert_close(both, torch.cat(alone))
