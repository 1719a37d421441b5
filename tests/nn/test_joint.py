"""Several attributes' spans from one chain, against one chain an attribute and against enumeration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from attrex.core.tags import BIO, BIOE, TagScheme
from attrex.nn import crf
from attrex.nn.crf import Chain
from attrex.nn.joint import JointTags, joint_marginals
from tests.oracles.chains import log_sum, random_chain, scored_taggings

EACH_SCHEME = pytest.mark.parametrize("scheme", [BIO, BIOE], ids=lambda scheme: scheme.name)


def joint_chain(lengths: tuple[int, ...], tags: int, *, seed: int) -> Chain:
    """All sequences with the first one's transitions."""
    chain = random_chain(lengths, tags=tags, seed=seed)
    return Chain(
        chain.emissions_NTK,
        *(t[:1].expand_as(t) for t in (chain.transitions_NKK, chain.start_NK, chain.end_NK)),
        chain.mask_NT,
    )


def own_tags(scheme: TagScheme, attribute: int) -> dict[str, int]:
    """O is 0; then each attribute's others, in the order of the scheme."""
    own = [tag for tag in scheme.tags if tag != "O"]
    return {tag: 1 + attribute * len(own) + at for at, tag in enumerate(own)}


def seen_by(scheme: TagScheme, attribute: int, size: int) -> TagScheme:
    """All other attributes' tags are O."""
    names = ["O"] * size
    for tag, at in own_tags(scheme, attribute).items():
        names[at] = tag
    return TagScheme(scheme.name, tuple(names), (), (), ())


def joint_tags(scheme: TagScheme, attributes: int, asked: Sequence[int]) -> JointTags:
    own = [own_tags(scheme, attribute) for attribute in range(attributes)]
    size = 1 + sum(len(tags) for tags in own)
    own_AK = torch.zeros(attributes, size, dtype=torch.bool)
    runs_on_KK = torch.zeros(size, size, dtype=torch.bool)
    for attribute, tags in enumerate(own):
        own_AK[attribute, list(tags.values())] = True
        for before in "BI":
            runs_on_KK[tags[before], [at for tag, at in tags.items() if tag in "IE"]] = True
    begin_A, inside_A, closing_A = (
        torch.tensor([tags[tag] for tags in own]) for tag in ("B", "I", "E" if "E" in scheme.tags else "I")
    )
    at_X = torch.tensor(asked)
    return JointTags(begin_A[at_X], inside_A[at_X], closing_A[at_X], own_AK[at_X], runs_on_KK)


@EACH_SCHEME
@pytest.mark.parametrize("lengths", [(5,), (1, 4, 2), (3, 1)])
def test_each_attribute_s_spans_are_those_of_a_chain_of_its_own(
    scheme: TagScheme, lengths: tuple[int, ...]
) -> None:
    size = len(scheme.tags) * 3 - 2
    chain = joint_chain(lengths, size, seed=len(lengths))
    asks = [(n, a) for a in (2, 0, 1) for n in range(len(lengths))]
    sequence_X = torch.tensor([n for n, _ in asks])
    tags = joint_tags(scheme, 3, [a for _, a in asks])
    spans_XTL, none_X = joint_marginals(chain, sequence_X, tags, 3)
    for at, (n, attribute) in enumerate(asks):
        expected_NTL, _ = crf.span_marginals(chain, seen_by(scheme, attribute, size), 3)
        torch.testing.assert_close(spans_XTL[at], expected_NTL[n])
        barred = chain.emissions_NTK.clone()
        barred[:, :, list(own_tags(scheme, attribute).values())] = -torch.inf
        without_N = crf.log_partition(replace(chain, emissions_NTK=barred))
        torch.testing.assert_close(none_X[at], (without_N - crf.log_partition(chain))[n])


@EACH_SCHEME
def test_none_is_the_share_of_the_sequences_without_the_attribute_s_tags(scheme: TagScheme) -> None:
    chain = joint_chain((3, 2), len(scheme.tags) * 2 - 1, seed=5)
    _, none_X = joint_marginals(chain, torch.tensor([0, 1, 1]), joint_tags(scheme, 2, [0, 0, 1]), 4)
    for found, (n, attribute) in zip(none_X.tolist(), [(0, 0), (1, 0), (1, 1)], strict=True):
        own = set(own_tags(scheme, attribute).values())
        taggings = scored_taggings(chain, n)
        without = [score for tags, score in taggings if not own & set(tags)]
        assert found == pytest.approx(log_sum(without) - log_sum([score for _, score in taggings]))


def test_scores_far_apart_are_kept_apart() -> None:
    """In float32, e to the -200 is nothing: the sequence that makes up for it later would be lost."""
    chain = joint_chain((3,), 4, seed=1)
    emissions = torch.zeros(1, 3, 4)
    emissions[0, 0, 1] = -200.0  # to open here costs as much
    transitions = torch.zeros(1, 4, 4)
    transitions[0, 1, 2] = 200.0  # as it gains to run on
    chain = Chain(emissions, transitions, torch.zeros(1, 4), torch.zeros(1, 4), chain.mask_NT)
    spans_XTL, none_X = joint_marginals(chain, torch.tensor([0]), joint_tags(BIOE, 1, [0]), 3)
    expected_NTL, expected_N = crf.span_marginals(chain, seen_by(BIOE, 0, 4), 3)
    torch.testing.assert_close(spans_XTL.float(), expected_NTL)
    torch.testing.assert_close(none_X.float(), expected_N)


def test_an_attribute_without_which_nothing_is_left_is_surely_there() -> None:
    chain = joint_chain((2,), 4, seed=1)
    emissions = torch.full((1, 2, 4), crf.IMPOSSIBLE)
    emissions[:, :, 1] = 0.0
    _, none_X = joint_marginals(
        replace(chain, emissions_NTK=emissions), torch.tensor([0]), joint_tags(BIOE, 1, [0]), 2
    )
    assert none_X.isfinite().all()
    assert none_X.exp().item() == 0
