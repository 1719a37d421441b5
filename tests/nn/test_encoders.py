"""Encoders: what stands beside a text, or fills it up, changes none of its states."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from attrex.errors import ConfigError
from attrex.nn.encoders import PretrainedEncoder, RecurrentEncoder, SelfAttention, padded

WORDS, WIDTH = 20, 8
TEXTS = [[5, 6, 7, 8, 9], [11], [12, 13, 14]]


def recurrent(dropout: float = 0.0) -> RecurrentEncoder:
    return RecurrentEncoder(nn.Embedding(WORDS, 6), width=WIDTH, dropout=dropout)


def pretrained(*, frozen_embeddings: bool = False) -> PretrainedEncoder:
    config = BertConfig(
        vocab_size=WORDS,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
    )
    return PretrainedEncoder(BertModel(config, add_pooling_layer=False), frozen_embeddings=frozen_embeddings)


def attending() -> SelfAttention:
    return SelfAttention(recurrent())


Encoder = RecurrentEncoder | PretrainedEncoder | SelfAttention
EACH = pytest.mark.parametrize("build", [recurrent, pretrained, attending])


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_padded() -> None:
    ids_BT, mask_BT = padded([[5, 6, 7], [], [8]], 2)
    assert ids_BT.tolist() == [[5, 6, 7], [2, 2, 2], [8, 2, 2]]
    assert mask_BT.tolist() == [[True, True, True], [False, False, False], [True, False, False]]


@pytest.mark.parametrize("sequences", [[], [[]]])
def test_padded_is_never_without_width(sequences: list[list[int]]) -> None:
    ids_BT, mask_BT = padded(sequences, 0)
    assert ids_BT.shape == mask_BT.shape == (len(sequences), 1)
    assert not mask_BT.any()


@EACH
def test_batch_equals_single_and_padding_changes_nothing(build: Callable[[], Encoder]) -> None:
    encoder = build().eval()
    ids_BT, mask_BT = padded(TEXTS, 0)
    states_BTD = encoder(ids_BT, mask_BT)
    assert states_BTD.shape == (3, 5, encoder.width)
    assert states_BTD.dtype == torch.float32
    wide_BT, wide_mask_BT = padded([*TEXTS, [3] * 9], 4)
    wide_BTD = encoder(wide_BT, wide_mask_BT)
    for at, text in enumerate(TEXTS):
        alone_TD = encoder(*padded([text], 0))[0]
        torch.testing.assert_close(states_BTD[at, : len(text)], alone_TD, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(wide_BTD[at, : len(text)], alone_TD, atol=1e-5, rtol=1e-5)


@EACH
def test_an_empty_text_spoils_no_other(build: Callable[[], Encoder]) -> None:
    encoder = build().eval()
    states_BTD = encoder(*padded([[5, 6], []], 0))
    assert torch.isfinite(states_BTD).all()
    torch.testing.assert_close(states_BTD[0], encoder(*padded([[5, 6]], 0))[0], atol=1e-5, rtol=1e-5)


@EACH
def test_states_depend_on_both_sides(build: Callable[[], Encoder]) -> None:
    encoder = build().eval()
    middle = encoder(*padded([[5, 6, 7]], 0))[0, 1]
    for other in ([4, 6, 7], [5, 6, 4]):
        assert not torch.allclose(middle, encoder(*padded([other], 0))[0, 1], atol=1e-4)


@EACH
def test_gradients_reach_every_parameter(build: Callable[[], Encoder]) -> None:
    encoder = build()
    states_BTD = encoder(*padded(TEXTS, 0))
    (states_BTD * torch.randn_like(states_BTD)).sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_recurrent_states_are_zero_beyond_the_mask() -> None:
    ids_BT, mask_BT = padded(TEXTS, 0)
    states_BTD = recurrent(dropout=0.5)(ids_BT, mask_BT)
    assert (states_BTD[~mask_BT] == 0).all()
    assert (states_BTD[mask_BT] != 0).any()


def test_recurrent_encoder_is_an_lstm_in_each_direction() -> None:
    encoder = recurrent().eval()
    ids_T = torch.tensor(TEXTS[0])
    half = WIDTH // 2

    def cell(names: str, order: Tensor) -> Tensor:
        own = {name.removesuffix(names): value for name, value in encoder.lstm.named_parameters()}
        hidden, memory, states = torch.zeros(half), torch.zeros(half), []
        for embedded in encoder.table(order):
            gates = own["weight_ih"] @ embedded + own["bias_ih"] + own["weight_hh"] @ hidden + own["bias_hh"]
            let_in, forget, new, let_out = gates.chunk(4)
            memory = forget.sigmoid() * memory + let_in.sigmoid() * new.tanh()
            hidden = let_out.sigmoid() * memory.tanh()
            states.append(hidden)
        return torch.stack(states)

    right, left = cell("_l0", ids_T), cell("_l0_reverse", ids_T.flip(0)).flip(0)
    found = encoder(*padded(TEXTS[:1], 0))[0]
    torch.testing.assert_close(found, torch.cat([right, left], 1))


def test_recurrent_encoders_may_share_a_table() -> None:
    table = nn.Embedding(WORDS, 6)
    first, second = (RecurrentEncoder(table, width=WIDTH, dropout=0) for _ in range(2))
    assert first.table is second.table


def test_an_odd_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^width is 7; a bidirectional LSTM needs an even one$"):
        RecurrentEncoder(nn.Embedding(WORDS, 6), width=7, dropout=0)


def test_frozen_embeddings_learn_nothing_and_the_layers_do() -> None:
    encoder = pretrained(frozen_embeddings=True)
    encoder(*padded(TEXTS, 0)).square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert (parameter.grad is None) == name.startswith("body.embeddings"), name


def test_self_attention_is_a_weighted_sum_of_the_real_tokens() -> None:
    encoder = attending().eval()
    ids_BT, mask_BT = padded(TEXTS, 0)
    states_BTD, found_BTD = encoder.encoder(ids_BT, mask_BT), encoder(ids_BT, mask_BT)
    for at, text in enumerate(TEXTS):
        real_TD = states_BTD[at, : len(text)]
        for t in range(len(text)):
            scores = torch.stack([encoder.query(real_TD[t]) @ other for other in real_TD]) / WIDTH**0.5
            attended = sum(weight * other for weight, other in zip(scores.softmax(0), real_TD, strict=True))
            joined = torch.cat([real_TD[t], attended])
            expected = torch.tanh(encoder.joined(joined))
            torch.testing.assert_close(found_BTD[at, t], expected, atol=1e-5, rtol=1e-5)


def test_bfloat16_changes_states_a_little(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = pretrained().eval()
    ids_BT, mask_BT = padded(TEXTS, 0)
    with torch.inference_mode():
        exact_BTD = encoder(ids_BT, mask_BT)
        monkeypatch.setattr("attrex.nn.precision.has_bfloat16", lambda device: True)
        rounded_BTD = encoder(ids_BT, mask_BT)
    assert exact_BTD.dtype == rounded_BTD.dtype == torch.float32
    alike_BT = torch.cosine_similarity(exact_BTD, rounded_BTD, dim=2)
    assert alike_BT.min() > 0.999
    assert not torch.equal(exact_BTD, rounded_BTD)


def test_states_are_the_mean_of_the_last_layers() -> None:
    one = pretrained().eval()
    two = PretrainedEncoder(one.body, frozen_embeddings=False, layers=2).eval()
    ids_BT, mask_BT = padded(TEXTS, 0)
    read = one.body(input_ids=ids_BT, attention_mask=mask_BT.long(), output_hidden_states=True)
    torch.testing.assert_close(one(ids_BT, mask_BT), read.hidden_states[2])
    torch.testing.assert_close(two(ids_BT, mask_BT), (read.hidden_states[1] + read.hidden_states[2]) / 2)


@pytest.mark.parametrize("layers", [0, 3])
def test_layers_that_the_encoder_lacks_are_refused(layers: int) -> None:
    with pytest.raises(ConfigError, match=f"layers is {layers}; the encoder has 2"):
        PretrainedEncoder(pretrained().body, frozen_embeddings=False, layers=layers)
