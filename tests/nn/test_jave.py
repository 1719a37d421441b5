"""What makes JAVE and M-JAVE what they are: each test fails when just that is taken out."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from attrex.nn.jave import AttributeConditioned, VisualGates, consistency
from tests.nn.seen import B, D, P, T, seen

A = 3


def made(*, pictures: bool) -> AttributeConditioned:
    torch.manual_seed(0)
    gates = VisualGates(D, attributes=A) if pictures else None
    return AttributeConditioned(D, attributes=A, pictures=gates)


def test_tags_are_conditioned_on_the_predicted_attributes() -> None:
    part, given = made(pictures=False), seen()
    with torch.no_grad():
        features_BTH, range_BA = part(given)
        told_BD = part.condition(range_BA.sigmoid())
        torch.testing.assert_close(features_BTH[:, :, 2 * D :], told_BD.unsqueeze(1).expand(B, T, D))
        # Another product's vector changes what is predicted, and so what every word is tagged by.
        others_BTH, others_BA = part(replace(given, pooled_BD=given.pooled_BD + 1))
    assert (others_BA - range_BA).abs().max() > 1e-3
    assert (others_BTH - features_BTH).abs().amax(2).min() > 1e-4


def test_the_range_is_of_the_pooled_text_and_words_attend_to_words() -> None:
    part, given = made(pictures=False), seen()
    with torch.no_grad():
        features_BTH, range_BA = part(given)
        attended = features_BTH[1, :2, D : 2 * D]
        torch.testing.assert_close(
            attended, part.words(given.states_BTD[1:, :2], given.states_BTD[1:, :2], given.mask_BT[1:, :2])[0]
        )
        pooled = torch.cat([given.pooled_BD[1], attended.mean(0)])
        torch.testing.assert_close(range_BA[1], part.range(pooled))


def test_jave_sees_no_picture() -> None:
    part, given = made(pictures=False), seen()
    blind = replace(given, patches_BPD=given.patches_BPD * 0, picture_BD=given.picture_BD * 0)
    for one, other in zip(part(given), part(blind), strict=True):
        assert torch.equal(one, other)


def test_the_global_gate_says_how_much_the_picture_matters_for_a_word() -> None:
    part, given = made(pictures=True), seen()
    gates = part.pictures
    assert gates is not None
    with torch.no_grad():
        whole_BT1 = gates.whole(given)
        for t in range(T):
            score = gates.word(given.states_BTD[0, t]) + gates.picture(given.picture_BD[0])
            torch.testing.assert_close(whole_BT1[0, t], torch.sigmoid(score))
        found = gates.patches(given.states_BTD, given.patches_BPD, given.mask_BP)
        torch.testing.assert_close(gates.fused(given), whole_BT1 * found)
        features_BTH, _ = part(given)
        words = part.words(given.states_BTD, given.states_BTD, given.mask_BT)
        torch.testing.assert_close(features_BTH[:, :, D : 2 * D], words + whole_BT1 * found)
    assert not gates.fused(given)[1].any()  # no picture, nothing to see


def test_the_regional_gate_chooses_patches_by_the_predicted_attributes() -> None:
    part, given = made(pictures=True), seen()
    gates = part.pictures
    assert gates is not None
    with torch.no_grad():
        features_BTH, range_BA = part(given)
        likely_BA = range_BA.sigmoid()
        gate_BP = gates.regions(given, likely_BA)
        for p in range(P):
            told = torch.tanh(gates.asked(likely_BA[0]) + gates.patch(given.patches_BPD[0, p]))
            torch.testing.assert_close(gate_BP[0, p], torch.sigmoid(gates.region(told))[0])
        weights_TP = gates.patches.weights(given.states_BTD, given.patches_BPD, given.mask_BP)[0]
        expected = (weights_TP * gate_BP[0]) @ gates.patches.value(given.patches_BPD[0])
        torch.testing.assert_close(features_BTH[0, :, 3 * D :], expected)
    assert (gates.regions(given, 1 - likely_BA) - gate_BP).abs().max() > 1e-3


def test_range_and_tags_are_held_together() -> None:
    torch.manual_seed(0)
    scores_BTK = torch.randn(B, T, 1 + 2 * A)
    mask_BT, range_BA = seen().mask_BT, torch.randn(B, A)
    loss_B = consistency(scores_BTK, mask_BT, range_BA)
    for b, length in enumerate((4, 2)):
        expected = 0.0
        for a in range(A):
            likely = scores_BTK[b, :length].softmax(1)
            tagged = (float(likely[:, 1 + 2 * a].max()) + float(likely[:, 2 + 2 * a].max())) / 2
            has = 1 / (1 + math.exp(-float(range_BA[b, a])))
            expected += has * math.log(has / tagged) + (1 - has) * math.log((1 - has) / (1 - tagged))
        assert math.isclose(float(loss_B[b]), expected, rel_tol=1e-4)
    assert (loss_B > 0).all()
