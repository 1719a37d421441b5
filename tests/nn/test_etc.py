"""Local and global attention against every pair of tokens by hand, and against BERT where all see all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from attrex.errors import ModelError
from attrex.nn.encoders import PretrainedEncoder
from attrex.nn.etc import EVERYWHERE, FARTHEST, EtcEncoder, EtcInputs, GlobalRelations, Sight, TextRelations
from attrex.nn.pretrained import build_body

CONFIG = {
    "model_type": "bert",
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
}
SOURCES = [0] * 5 + [EVERYWHERE] + [1] * 6


def encoder(radius: int, *, layers: int = 1, told: float = 0.5) -> EtcEncoder:
    """With relations of that size, which begin at nought."""
    torch.manual_seed(0)
    body = build_body({**CONFIG, "num_hidden_layers": layers})
    made = EtcEncoder(PretrainedEncoder(body, frozen_embeddings=True), radius=radius).eval()
    for parameter in (*made.to_texts.parameters(), *made.to_globals.parameters()):
        assert not parameter.any()
        torch.nn.init.normal_(parameter, std=told)
    return made


def inputs() -> EtcInputs:
    """Two texts of two sources, the second shorter, with two shared globals and one a source."""
    generator = torch.Generator().manual_seed(1)
    T = len(SOURCES)
    mask_NT = torch.ones(2, T, dtype=torch.bool)
    mask_NT[1, 9:] = False
    place = [*range(5), 5, *range(6)]
    return EtcInputs(
        torch.randint(0, 40, (2, 5), generator=generator),
        torch.tensor([[EVERYWHERE, EVERYWHERE, 0, 1, EVERYWHERE]] * 2),
        torch.tensor([[True] * 5, [True] * 4 + [False]]),
        torch.randint(0, 40, (2, T), generator=generator),
        torch.tensor([SOURCES] * 2),
        torch.tensor([place] * 2),
        mask_NT,
    )


def by_hand(made: EtcEncoder, query: Tensor, key: Tensor, value: Tensor, given: EtcInputs) -> Tensor:
    """What each token attends to, pair by pair; ``(N, H, S, E)``."""
    texts, among = made.to_texts[0], made.to_globals[0]
    assert isinstance(texts, TextRelations)
    assert isinstance(among, GlobalRelations)
    G = given.global_ids_NG.shape[1]
    source = torch.cat([given.global_source_NG, given.source_NT], 1).tolist()
    real = torch.cat([given.global_mask_NG, given.mask_NT], 1).tolist()
    out = torch.zeros_like(query)
    for n in range(len(query)):
        for i in range(query.shape[2]):
            scores, keys = [], []
            for j in range(query.shape[2]):
                if not real[n][j]:
                    continue
                if i < G and j < G:
                    told = among.among[max(-FARTHEST, min(FARTHEST, j - i)) + FARTHEST]
                elif i >= G and j >= G:
                    if abs(j - i) > made.radius:
                        continue
                    told = texts.near[j - i + made.radius]
                else:
                    at, text = (i, j) if i < G else (j, i)
                    shared = source[n][at] == EVERYWHERE
                    if not shared and source[n][at] != source[n][text]:
                        continue
                    told = (among.down if i < G else texts.up)[0 if shared else 1]
                scores.append((query[n, :, i] * (key[n, :, j] + told)).sum(1) * query.shape[3] ** -0.5)
                keys.append(j)
            weights = torch.softmax(torch.stack(scores, 1), 1)
            out[n, :, i] = torch.einsum("hk,hke->he", weights, value[n, :, keys])
    return out


@pytest.mark.parametrize("radius", [1, 2, 3, 5, 10, 11, 30])
def test_each_token_attends_to_whom_it_should_and_knows_how_they_stand(radius: int) -> None:
    made, given = encoder(radius, layers=2), inputs()
    G = given.global_ids_NG.shape[1]
    S = given.ids_NT.shape[1] + given.global_ids_NG.shape[1]
    torch.manual_seed(2)
    query, key, value = (torch.randn(2, 2, S, 8) for _ in range(3))
    sight = Sight.of(given)
    with torch.no_grad():
        globals_NHGE = made.globals(0, query[:, :, :G], key, value, sight)
        ours = torch.cat([globals_NHGE, made.texts(0, query[:, :, G:], key, value, sight)], 2)
        expected = by_hand(made, query, key, value, given)
    real = torch.cat([given.global_mask_NG, given.mask_NT], 1)
    for n in range(2):
        torch.testing.assert_close(ours[n, :, real[n]], expected[n, :, real[n]])


def test_where_all_see_all_it_is_bert() -> None:
    made = encoder(30, layers=2, told=0.0)
    given = replace(inputs(), global_source_NG=torch.full((2, 5), EVERYWHERE))
    body: Any = made.encoder.body
    ids_NS = torch.cat([given.global_ids_NG, given.ids_NT], 1)
    places_NS = torch.cat([torch.arange(5).expand(2, 5), given.place_NT], 1)
    mask_NS = torch.cat([given.global_mask_NG, given.mask_NT], 1)
    with torch.no_grad():
        whole_NSD = body(input_ids=ids_NS, position_ids=places_NS, attention_mask=mask_NS.long())
        ours_NTD = made(given)
    expected_NTD = whole_NSD.last_hidden_state[:, 5:]
    torch.testing.assert_close(ours_NTD[given.mask_NT], expected_NTD[given.mask_NT], atol=1e-4, rtol=1e-4)


def felt(made: EtcEncoder, given: EtcInputs, at: int) -> list[int]:
    """Which text tokens of the first text feel a change of the one at a place."""
    other_NT = given.ids_NT.clone()
    other_NT[0, at] = (other_NT[0, at] + 1) % 40
    with torch.no_grad():
        apart = made(replace(given, ids_NT=other_NT)) - made(given)
    moved: list[int] = (apart[0].abs().amax(1) > 1e-5).nonzero().flatten().tolist()
    return moved


def test_text_sees_text_within_the_radius_and_farther_through_the_globals_alone() -> None:
    given = inputs()
    assert felt(encoder(2), given, 6) == [4, 5, 6, 7, 8]
    # Over two layers the opening and the attribute carry it to all.
    assert felt(encoder(2, layers=2), given, 0) == list(range(12))
    own = replace(given, global_source_NG=torch.tensor([[0, 0, 0, 1, 1]] * 2))
    # A source's token carries it to its own source, and the radius a little farther.
    assert felt(encoder(2, layers=2), own, 0) == [0, 1, 2, 3, 4]


def test_a_text_of_many_thousand_tokens_costs_no_square() -> None:
    made = encoder(8)
    T = 6_000
    given = EtcInputs(
        torch.ones(1, 3, dtype=torch.long),
        torch.tensor([[EVERYWHERE, EVERYWHERE, 0]]),
        torch.ones(1, 3, dtype=torch.bool),
        torch.randint(0, 40, (1, T)),
        torch.zeros(1, T, dtype=torch.long),
        torch.arange(T).unsqueeze(0),
        torch.ones(1, T, dtype=torch.bool),
    )
    largest: list[int] = []
    read = made._read

    def watched(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, seen: Tensor) -> Tensor:
        largest.append(bias.numel())
        return read(query, key, value, bias, seen)

    made._read = watched  # type: ignore[method-assign]
    with torch.no_grad():
        assert made(given).shape == (1, T, 16)
    assert max(largest) <= 2 * (T + 8) * (3 * 8 + 3)


def test_another_kind_of_encoder_is_refused() -> None:
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    body = build_body({"model_type": "roberta", "vocab_size": 40, **sizes})
    with pytest.raises(ModelError, match=r"the kind roberta cannot be given local attention"):
        EtcEncoder(PretrainedEncoder(body, frozen_embeddings=True), radius=4)
