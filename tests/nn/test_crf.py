"""The CRF against the enumeration of all tag sequences: every value of every chain, never a mean."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from attrex.core.tags import BIO, BIOE, TagScheme
from attrex.nn import crf
from attrex.nn.crf import Chain
from tests.oracles.chains import alone, log_sum, random_chain, scored_taggings, span_log_probability

RAGGED = (5, 1, 3, 4, 2)
SHAPES = [(RAGGED, 3, 0), (RAGGED, 4, 1), ((4, 4), 2, 2), ((1,), 4, 3), ((1, 1), 3, 4), ((6, 2), 3, 5)]
CHAINS = [
    pytest.param(random_chain(lengths, tags=tags, seed=seed), id=f"{lengths}x{tags}")
    for lengths, tags, seed in SHAPES
]
SCHEMES = pytest.mark.parametrize("scheme", [BIO, BIOE], ids=lambda scheme: scheme.name)


def number(chain: Chain) -> range:
    return range(len(chain.mask_NT))


def by_enumeration(chain: Chain) -> list[list[tuple[tuple[int, ...], float]]]:
    return [scored_taggings(chain, at) for at in number(chain)]


def filled(tags: tuple[int, ...], width: int, filling: int) -> list[int]:
    return [*tags, *[filling] * (width - len(tags))]


def stacked(results: list[Tensor], width: int) -> Tensor:
    """Chains' results one below the other, tokens filled up with 0 (dimension 1 is T)."""
    rows = [torch.nn.functional.pad(r.transpose(1, -1), (0, width - r.shape[1])) for r in results]
    return torch.cat([row.transpose(1, -1) for row in rows])


@pytest.mark.parametrize("chain", CHAINS)
def test_log_partition(chain: Chain) -> None:
    expected = [log_sum([score for _, score in taggings]) for taggings in by_enumeration(chain)]
    assert crf.log_partition(chain).tolist() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("chain", CHAINS)
def test_every_tagging_has_its_score_and_likelihood(chain: Chain) -> None:
    width = chain.mask_NT.shape[1]
    for at in number(chain):
        taggings = scored_taggings(chain, at)
        partition = log_sum([score for _, score in taggings])
        one = torch.tensor([at])
        same = Chain(
            *(
                part[one].expand(len(taggings), *part.shape[1:])
                for part in (chain.emissions_NTK, chain.transitions_NKK, chain.start_NK, chain.end_NK)
            ),
            chain.mask_NT[one].expand(len(taggings), -1),
        )
        # Tags beyond the mask are ignored, whatever they are.
        tags_NT = torch.tensor([filled(tags, width, 1) for tags, _ in taggings])
        scores = [score for _, score in taggings]
        assert crf.sequence_score(same, tags_NT).tolist() == pytest.approx(scores, abs=1e-9)
        likelihoods = crf.log_likelihood(same, tags_NT)
        assert likelihoods.tolist() == pytest.approx([s - partition for s in scores], abs=1e-9)
        assert likelihoods.exp().sum().item() == pytest.approx(1)


@pytest.mark.parametrize("chain", CHAINS)
def test_viterbi_finds_the_best_tagging(chain: Chain) -> None:
    width = chain.mask_NT.shape[1]
    best = [taggings[0] for taggings in by_enumeration(chain)]
    tags_NT, scores_N = crf.viterbi(chain)
    assert tags_NT.tolist() == [filled(tags, width, 0) for tags, _ in best]
    assert scores_N.tolist() == pytest.approx([score for _, score in best], abs=1e-9)


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("k", [1, 3, 10])
def test_k_best_are_the_first_of_all(chain: Chain, k: int) -> None:
    width = chain.mask_NT.shape[1]
    tags_NkT, scores_Nk = crf.k_best(chain, k)
    assert tags_NkT.shape == (len(chain.mask_NT), k, width)
    for at, taggings in enumerate(by_enumeration(chain)):
        there = min(k, len(taggings))
        assert tags_NkT[at, :there].tolist() == [filled(t, width, 0) for t, _ in taggings[:there]]
        assert scores_Nk[at, :there].tolist() == pytest.approx([s for _, s in taggings[:there]], abs=1e-9)
        assert (scores_Nk[at, there:] <= crf.IMPOSSIBLE).all()


@pytest.mark.parametrize("chain", CHAINS)
def test_k_best_with_fewer_taggings_than_k(chain: Chain) -> None:
    taggings = scored_taggings(alone(chain, 0), 0)
    k = len(taggings) + 2
    tags_NkT, scores_Nk = crf.k_best(alone(chain, 0), k)
    assert [tuple(tags) for tags in tags_NkT[0, :-2].tolist()] == [tags for tags, _ in taggings]
    assert scores_Nk[0, :-2].tolist() == pytest.approx([score for _, score in taggings], abs=1e-9)
    assert (scores_Nk[0, -2:] <= crf.IMPOSSIBLE).all()


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("outside", [0, 1])
def test_none_log_probability(chain: Chain, outside: int) -> None:
    expected = []
    for taggings in by_enumeration(chain):
        none = next(score for tags, score in taggings if set(tags) == {outside})
        expected.append(none - log_sum([score for _, score in taggings]))
    assert crf.none_log_probability(chain, outside).tolist() == pytest.approx(expected, abs=1e-9)


@SCHEMES
@pytest.mark.parametrize("lengths", [RAGGED, (1,), (4,), (2, 2), (6,)], ids=str)
def test_span_marginals(scheme: TagScheme, lengths: tuple[int, ...]) -> None:
    chain = random_chain(lengths, tags=len(scheme.tags), seed=sum(lengths))
    width = max(lengths)
    marginals_NTL, none_N = crf.span_marginals(chain, scheme, width)
    expected_none = crf.none_log_probability(chain, scheme.index("O")).tolist()
    assert none_N.tolist() == pytest.approx(expected_none, abs=1e-9)
    assert marginals_NTL.shape == (len(lengths), width, width)
    for at, length in enumerate(lengths):
        for start in range(width):
            for long in range(1, width + 1):
                found = marginals_NTL[at, start, long - 1].item()
                if start + long > length:
                    assert found == -math.inf
                else:
                    expected = span_log_probability(chain, at, scheme, start, start + long)
                    assert found == pytest.approx(expected, abs=1e-9)


@SCHEMES
@pytest.mark.parametrize("longest", [1, 2, 3, 9])
def test_a_bound_on_length_only_leaves_out_longer_spans(scheme: TagScheme, longest: int) -> None:
    chain = random_chain(RAGGED, tags=len(scheme.tags), seed=7)
    all_NTL = crf.span_marginals(chain, scheme, max(RAGGED))[0]
    some_NTL = crf.span_marginals(chain, scheme, longest)[0]
    assert torch.equal(some_NTL, all_NTL[:, :, : min(longest, max(RAGGED))])


@SCHEMES
def test_a_sure_value_is_one_span_and_no_none(scheme: TagScheme) -> None:
    tags = scheme.encode([(1, 3)], 4)
    emissions_NTK = torch.zeros(1, 4, len(scheme.tags))
    emissions_NTK[0, torch.arange(4), torch.tensor(tags)] = 30.0
    K = len(scheme.tags)
    chain = Chain(
        emissions_NTK,
        torch.zeros(1, K, K),
        torch.zeros(1, K),
        torch.zeros(1, K),
        torch.ones(1, 4, dtype=torch.bool),
    )
    marginals_NTL = crf.span_marginals(chain, scheme, 4)[0].exp()
    assert marginals_NTL[0, 1, 1].item() == pytest.approx(1, abs=1e-6)
    assert marginals_NTL.sum().item() == pytest.approx(1, abs=1e-6)
    assert crf.none_log_probability(chain, scheme.index("O")).item() < -50


@SCHEMES
@pytest.mark.parametrize("beyond", [0.0, 1e4, math.inf, math.nan])
def test_padding_and_company_change_nothing(scheme: TagScheme, beyond: float) -> None:
    chain = random_chain(RAGGED, tags=len(scheme.tags), seed=11)
    emissions_NTK = chain.emissions_NTK.masked_fill(~chain.mask_NT.unsqueeze(2), beyond)
    chain = Chain(emissions_NTK, chain.transitions_NKK, chain.start_NK, chain.end_NK, chain.mask_NT)
    singles = [alone(chain, at) for at in number(chain)]
    width = chain.mask_NT.shape[1]

    torch.testing.assert_close(
        crf.log_partition(chain), torch.cat([crf.log_partition(one) for one in singles])
    )
    tags_NT, scores_N = crf.viterbi(chain)
    assert torch.equal(tags_NT, stacked([crf.viterbi(one)[0] for one in singles], width))
    torch.testing.assert_close(scores_N, torch.cat([crf.viterbi(one)[1] for one in singles]))
    torch.testing.assert_close(
        crf.log_likelihood(chain, tags_NT),
        torch.cat([crf.log_likelihood(one, crf.viterbi(one)[0]) for one in singles]),
    )
    torch.testing.assert_close(
        crf.none_log_probability(chain, 2), torch.cat([crf.none_log_probability(one, 2) for one in singles])
    )
    marginals_NTL = crf.span_marginals(chain, scheme, width)[0]
    for at, one in enumerate(singles):
        length = one.mask_NT.shape[1]
        torch.testing.assert_close(
            marginals_NTL[at : at + 1, :length, :length], crf.span_marginals(one, scheme, width)[0]
        )
        assert (marginals_NTL[at, length:] == -math.inf).all()
        assert (marginals_NTL[at, :, length:] == -math.inf).all()


def without_transitions(chain: Chain) -> Chain:
    return Chain(
        chain.emissions_NTK,
        torch.zeros_like(chain.transitions_NKK),
        torch.zeros_like(chain.start_NK),
        torch.zeros_like(chain.end_NK),
        chain.mask_NT,
    )


@pytest.mark.parametrize("chain", CHAINS)
def test_without_transitions_the_chain_is_a_softmax_per_token(chain: Chain) -> None:
    chain = without_transitions(chain)
    logs_NTK = chain.emissions_NTK.log_softmax(2)
    tags_NT = chain.emissions_NTK.argmin(2)
    own_NT = logs_NTK.gather(2, tags_NT.unsqueeze(2)).squeeze(2)
    torch.testing.assert_close(crf.log_likelihood(chain, tags_NT), (own_NT * chain.mask_NT).sum(1))
    best_NT = chain.emissions_NTK.argmax(2) * chain.mask_NT
    assert torch.equal(crf.viterbi(chain)[0], best_NT)


def differentiable(chain: Chain) -> tuple[Tensor, ...]:
    parts = (chain.emissions_NTK, chain.transitions_NKK, chain.start_NK, chain.end_NK)
    return tuple(part.clone().requires_grad_() for part in parts)


@SCHEMES
def test_gradients_are_right(scheme: TagScheme) -> None:
    chain = random_chain((3, 1, 2), tags=len(scheme.tags), seed=13)
    tags_NT = torch.zeros_like(chain.mask_NT, dtype=torch.long)

    def likelihood(*parts: Tensor) -> Tensor:
        return crf.log_likelihood(Chain(*parts, chain.mask_NT), tags_NT)

    def marginals(*parts: Tensor) -> Tensor:
        out_NTL = crf.span_marginals(Chain(*parts, chain.mask_NT), scheme, 3)[0]
        return out_NTL[out_NTL > -math.inf]

    assert torch.autograd.gradcheck(likelihood, differentiable(chain))
    assert torch.autograd.gradcheck(marginals, differentiable(chain))


@pytest.mark.parametrize("size", [1.0, 100.0, -crf.IMPOSSIBLE])
def test_gradients_are_finite_and_nothing_flows_from_beyond_the_end(size: float) -> None:
    chain = random_chain(RAGGED, tags=4, seed=17, dtype=torch.float32)
    parts = tuple((part.detach() * size).requires_grad_() for part in differentiable(chain))
    tags_NT = torch.ones_like(chain.mask_NT, dtype=torch.long)
    loss = -crf.log_likelihood(Chain(*parts, chain.mask_NT), tags_NT).sum()
    loss.backward()
    for part in parts:
        assert part.grad is not None
        assert torch.isfinite(part.grad).all()
    beyond = parts[0].grad[~chain.mask_NT]
    assert (beyond == 0).all()


def test_single_precision_holds_over_long_texts() -> None:
    exact = random_chain((300, 120), tags=4, seed=19)
    parts = (exact.emissions_NTK, exact.transitions_NKK, exact.start_NK, exact.end_NK)
    single = Chain(*(part.float() for part in parts), exact.mask_NT)
    torch.testing.assert_close(
        crf.span_marginals(single, BIOE, 16)[0].exp(),
        crf.span_marginals(exact, BIOE, 16)[0].exp().float(),
        atol=1e-3,
        rtol=0,
    )
    none = crf.none_log_probability(single, 2).double()
    torch.testing.assert_close(none, crf.none_log_probability(exact, 2), atol=1e-2, rtol=1e-5)
