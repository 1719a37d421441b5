from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from attrex.nn.text_guided import Concatenated, GuidedAttention, SelfAttended, TextGuided, WordsAlone

B, S, P, D, INNER = 2, 4, 3, 6, 5
MASK_S = torch.tensor([[True] * 4, [True, True, False, False]])
SEEN = torch.tensor([[True] * P, [False] * P])


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    made = torch.Generator().manual_seed(1)
    text_BSD = torch.randn(B, S, D, generator=made)
    patches_BPD = torch.randn(B, P, D, generator=made) * SEEN.unsqueeze(2)
    return text_BSD, patches_BPD, SEEN


def by_hand(part: GuidedAttention, queries_SD: Tensor, keys_PD: Tensor, *, softmax: bool) -> Tensor:
    """Eq. 1 and 2, a number at a time; ``(S, D')``."""
    found = torch.zeros(len(queries_SD), INNER)
    for s, query in enumerate(queries_SD):
        q = part.query.weight @ query
        scores = [float(q @ (part.key.weight @ key)) / math.sqrt(INNER) for key in keys_PD]
        if softmax:
            whole = sum(math.exp(score) for score in scores)
            scores = [math.exp(score) / whole for score in scores]
        for score, key in zip(scores, keys_PD, strict=True):
            found[s] += score * (part.value.weight @ key)
    return found


@pytest.mark.parametrize("attending", ["softmax", "printed"])
def test_tir_is_equations_1_to_5(attending: str) -> None:
    torch.manual_seed(0)
    tir = TextGuided(D, inner=INNER, attending=attending)  # type: ignore[arg-type]
    text_BSD, patches_BPD, seen = inputs()
    with torch.no_grad():
        tir.back.weight.normal_()
        made_BSD, mask_BS = tir(text_BSD, MASK_S, patches_BPD, seen)
        softmax = attending == "softmax"
        first = text_BSD[0]
        found = by_hand(tir.words, first, first, softmax=softmax)
        found = found + by_hand(tir.patches, first, patches_BPD[0], softmax=softmax)
        torch.testing.assert_close(made_BSD[0], first + found @ tir.back.weight.T)
        # The second has two words and no picture: nothing comes from patches.
        second = text_BSD[1, :2]
        alone = by_hand(tir.words, second, second, softmax=softmax)
        torch.testing.assert_close(made_BSD[1, :2], second + alone @ tir.back.weight.T)
    assert mask_BS is MASK_S


def test_what_tir_looks_at_is_what_it_reads() -> None:
    torch.manual_seed(0)
    tir = TextGuided(D, inner=INNER, attending="softmax")
    text_BSD, patches_BPD, seen = inputs()
    with torch.no_grad():
        weights_BSP = tir.attention(text_BSD, patches_BPD, seen)
        found = weights_BSP @ tir.patches.value(patches_BPD)
        torch.testing.assert_close(found, tir.patches(text_BSD, patches_BPD, seen))
    torch.testing.assert_close(weights_BSP[0].sum(1), torch.ones(S))
    assert not weights_BSP[1].any()


def test_concatenation_hands_the_patches_over_behind_the_text() -> None:
    text_BSD, patches_BPD, _ = inputs()
    both = torch.ones(B, P, dtype=torch.bool)
    made_BXD, mask_BX = Concatenated()(text_BSD, MASK_S, patches_BPD, both)
    torch.testing.assert_close(made_BXD[0], torch.cat([text_BSD[0], patches_BPD[0]]))
    torch.testing.assert_close(made_BXD[1, :5], torch.cat([text_BSD[1, :2], patches_BPD[1]]))
    assert mask_BX.tolist() == [[True] * 7, [True] * 5 + [False] * 2]


def test_self_attention_lets_patches_guide_too() -> None:
    torch.manual_seed(0)
    joined = SelfAttended(D, inner=INNER, attending="softmax")
    text_BSD, patches_BPD, _ = inputs()
    both = torch.ones(B, P, dtype=torch.bool)
    with torch.no_grad():
        joined.back.weight.normal_()
        made_BXD, mask_BX = joined(text_BSD, MASK_S, patches_BPD, both)
        row = torch.cat([text_BSD[1, :2], patches_BPD[1]])
        found = by_hand(joined.all, row, row, softmax=True)
        torch.testing.assert_close(made_BXD[1, :5], row + found @ joined.back.weight.T)
    assert mask_BX[1].sum() == 5


def test_words_alone_see_nothing() -> None:
    text_BSD, patches_BPD, seen = inputs()
    made_BSD, mask_BS = WordsAlone()(text_BSD, MASK_S, patches_BPD, seen)
    assert made_BSD is text_BSD
    assert mask_BS is MASK_S
