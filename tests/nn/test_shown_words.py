"""Words that learn to look where their value is to be seen."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from attrex.nn import value_head
from attrex.nn.text_guided import TextGuided
from attrex.nn.value_head import ShownWords, value_loss

D, P = 8, 4
IDS = [[[1], [2, 3]], [], [[4]]]
"""Of three attributes, of which the second has no known value."""


def made() -> tuple[ShownWords, nn.Embedding, TextGuided]:
    torch.manual_seed(0)
    return ShownWords(IDS), nn.Embedding(5, D), TextGuided(D, inner=D, attending="softmax")


def patches(number: int) -> Tensor:
    return torch.randn(number, P, D, generator=torch.Generator().manual_seed(number))


def test_a_value_s_score_is_summed_over_what_its_words_match() -> None:
    shown, words, joiner = made()
    shown.bias_A.data = torch.tensor([0.5, 1.0, -0.5])
    assert shown.first == [0, 3, 4]
    given_BPD = patches(2)
    with torch.no_grad():
        logarithms_BC = shown(words, joiner, given_BPD, torch.ones(2, P, dtype=torch.bool))
        for row, patches_PD in enumerate(given_BPD):
            scores = []
            for ids in ([1], [2, 3], [4]):
                query_I = joiner.patches.query(words(torch.tensor(ids)).mean(0))
                each_P = joiner.patches.key(patches_PD) @ query_I / D**0.5
                scores.append(float(each_P.exp().sum().log()))
            first = torch.tensor([0.5, *scores[:2]]).log_softmax(0)
            third = torch.tensor([-0.5, scores[2]]).log_softmax(0)
            torch.testing.assert_close(logarithms_BC[row], torch.cat([first, torch.zeros(1), third]))


def test_of_no_picture_nothing_is_said() -> None:
    shown, words, joiner = made()
    seen_BP = torch.tensor([[True] * P, [False] * P])
    assert shown(words, joiner, patches(2), seen_BP)[1].eq(0).all()


def test_without_any_known_value_there_is_only_none() -> None:
    _, words, joiner = made()
    shown = ShownWords([[], []])
    assert shown(words, joiner, patches(1), torch.ones(1, P, dtype=torch.bool)).tolist() == [[0.0, 0.0]]


def test_an_attribute_of_many_values_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_head, "MOST_SHOWN", 1)
    shown, words, joiner = made()
    logarithms_BC = shown(words, joiner, patches(1), torch.ones(1, P, dtype=torch.bool))
    assert shown.ids_VL.tolist() == [[4]]
    assert logarithms_BC[0, :4].eq(0).all()
    torch.testing.assert_close(logarithms_BC[0, 4:].exp().sum(), torch.tensor(1.0))


def test_a_word_learns_where_to_look() -> None:
    """Each picture has one value in one of its patches, never twice in the same; nobody is told in which."""
    _, words, joiner = made()
    shown = ShownWords([[[1], [2]]])
    look_2D = torch.randn(2, D, generator=torch.Generator().manual_seed(7))
    chance = torch.Generator().manual_seed(8)
    value_B = torch.arange(32) % 2
    place_B = torch.randint(P, (32,), generator=chance)
    pictures_BPD = 0.3 * torch.randn(32, P, D, generator=chance)
    pictures_BPD[torch.arange(32), place_B] += look_2D[value_B]

    def mass() -> float:
        with torch.no_grad():
            weights_BSP = joiner.attention(
                words(value_B.unsqueeze(1) + 1), pictures_BPD, torch.ones(32, P) > 0
            )
        return float(weights_BSP[torch.arange(32), 0, place_B].mean())

    before = mass()
    optimiser = torch.optim.Adam([*joiner.parameters(), *words.parameters()], lr=1e-2)
    for _ in range(60):
        logarithms_BC = shown(words, joiner, pictures_BPD, torch.ones(32, P) > 0)
        loss_B = value_loss(logarithms_BC, torch.arange(32), value_B + 1, torch.ones(32))
        optimiser.zero_grad()
        loss_B.mean().backward()  # type: ignore[no-untyped-call]  # torch's own
        optimiser.step()
    assert before == pytest.approx(1 / P, abs=0.1)
    assert mass() > 0.7
