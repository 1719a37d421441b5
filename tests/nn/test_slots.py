"""What makes each slot-filling model the one it is: each test fails when just that is taken out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from attrex.nn.slots import (
    AdditiveAttention,
    AttendedSlots,
    GatedSlots,
    LastSlots,
    PooledSlots,
    RecurrentSlots,
    last_state,
)
from attrex.nn.unified import Seen
from tests.nn.seen import LENGTHS, B, D, T, seen

A = 5
KINDS: dict[str, Callable[[], Any]] = {
    "recurrent": lambda: RecurrentSlots(D, width=6, dropout=0.0),
    "pooled": lambda: PooledSlots(D, attributes=A, dropout=0.0),
    "last": lambda: LastSlots(D, attributes=A),
    "attended": lambda: AttendedSlots(D, attributes=A),
    "gated": lambda: GatedSlots(D, attributes=A),
}


def made(kind: str) -> Any:
    torch.manual_seed(0)
    return KINDS[kind]()


def moved(kind: str, name: str, at: Any) -> tuple[Tensor, Tensor | None]:
    """How far features and range move when something of the first product is changed."""
    part, given = made(kind), seen()
    changed = getattr(given, name).clone()
    changed[at] += 1
    with torch.no_grad():
        features, range_BA = part(given)
        others, other_BA = part(replace(given, **{name: changed}))
    apart = None if range_BA is None else (other_BA - range_BA).abs().amax(1)
    return (others - features).abs().amax(2), apart


@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_behind_the_end_changes_nothing(kind: str) -> None:
    part, given = made(kind), seen()
    with torch.no_grad():
        features_BTH, range_BA = part(given)
        assert features_BTH.shape == (B, T, part.width)
        short = Seen(
            **{
                **{name: getattr(given, name)[1:] for name in given.__dataclass_fields__},
                "states_BTD": given.states_BTD[1:, :2],
                "mask_BT": given.mask_BT[1:, :2],
            }
        )
        alone_BTH, alone_BA = part(short)
    torch.testing.assert_close(features_BTH[1:, :2], alone_BTH)
    if range_BA is not None:
        torch.testing.assert_close(range_BA[1:], alone_BA)


def test_uls_s_decoder_reads_the_states_in_both_directions() -> None:
    features_BT, range_B = moved("recurrent", "states_BTD", (0, 1))
    assert (features_BT[0] > 1e-6).all()
    assert not features_BT[1].any()
    assert range_B is None


def test_joint_bert_s_set_is_that_of_the_first_state_and_its_tags_are_the_tokens() -> None:
    features_BT, range_B = moved("pooled", "states_BTD", (0, 1))
    assert (features_BT[0] > 1e-6).tolist() == [False, True, False, False]
    assert range_B is not None
    assert not range_B.any()
    features_BT, range_B = moved("pooled", "pooled_BD", 0)
    assert not features_BT.any()
    assert range_B is not None
    assert (range_B > 1e-6).tolist() == [True, False]


def test_rnn_lstm_s_set_is_what_was_read_at_the_end() -> None:
    given = seen()
    half = D // 2
    last_BD = last_state(given)
    for b, length in enumerate(LENGTHS):
        expected = torch.cat([given.states_BTD[b, length - 1, :half], given.states_BTD[b, 0, half:]])
        torch.testing.assert_close(last_BD[b], expected)
    features_BT, range_B = moved("last", "states_BTD", (0, 1))
    assert (features_BT[0] > 1e-6).tolist() == [False, True, False, False]  # no attention
    assert range_B is not None
    assert not range_B.any()  # the second of four is neither end


def test_attn_birnn_s_tags_and_set_attend_to_all_states() -> None:
    features_BT, range_B = moved("attended", "states_BTD", (0, 1))
    assert (features_BT[0] > 1e-6).all()
    assert range_B is not None
    assert range_B[0] > 1e-6


def test_the_additive_attention_is_its_formula() -> None:
    torch.manual_seed(0)
    attention, given = AdditiveAttention(D), seen()
    with torch.no_grad():
        context_BTD = attention(given.states_BTD, given.mask_BT)
        for b, length in enumerate(LENGTHS):
            for i in range(length):
                scores = [
                    float(
                        attention.score(
                            torch.tanh(
                                attention.query(given.states_BTD[b, i])
                                + attention.key(given.states_BTD[b, j])
                            )
                        )
                    )
                    for j in range(length)
                ]
                whole = sum(map(math.exp, scores))
                expected = sum(math.exp(s) / whole * given.states_BTD[b, j] for j, s in enumerate(scores))
                torch.testing.assert_close(context_BTD[b, i], expected)


def test_slot_gated_weighs_a_context_by_its_likeness_to_the_intent() -> None:
    part, given = made("gated"), seen()
    with torch.no_grad():
        context_BTD = part.attention(given.states_BTD, given.mask_BT)
        shares = torch.softmax(part.pooling(given.states_BTD[0]).squeeze(1), 0)
        intent_D = (shares.unsqueeze(1) * given.states_BTD[0]).sum(0)
        gate = part.gate(context_BTD[:1], intent_D.unsqueeze(0))[0]
        for t in range(T):
            expected = part.weighed.weight[0] @ torch.tanh(
                context_BTD[0, t] + part.compared.weight @ intent_D
            )
            torch.testing.assert_close(gate[t, 0], expected)
        features_BTD, range_BA = part(given)
        torch.testing.assert_close(features_BTD[0], given.states_BTD[0] + context_BTD[0] * gate)
        torch.testing.assert_close(range_BA[:1], part.range((last_state(given)[0] + intent_D).unsqueeze(0)))
    assert gate.std() > 1e-3
