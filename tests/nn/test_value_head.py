from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from attrex.nn.unified import Seen
from attrex.nn.value_head import LateFusion, SecondLook, ValueHead, picture_alone, value_loss
from tests.nn.seen import B, D, P, T, seen

SIZES = [2, 0, 1]
Head = ValueHead | LateFusion | SecondLook
EACH = pytest.mark.parametrize("kind", [ValueHead, LateFusion, SecondLook])


def made(kind: type[Head]) -> Head:
    torch.manual_seed(0)
    return kind(D, SIZES, dropout=0.0)


@EACH
def test_each_attribute_s_classes_add_up_to_one(kind: type[Head]) -> None:
    head = made(kind)
    probabilities_BC = head(seen()).exp()
    assert probabilities_BC.shape == (B, 6)
    assert head.first == [0, 3, 4]
    for begin, end in ((0, 3), (3, 4), (4, 6)):
        torch.testing.assert_close(probabilities_BC[:, begin:end].sum(1), torch.ones(B))


def test_the_head_s_scores_are_those_of_the_formula() -> None:
    head, given = made(ValueHead), seen()
    assert isinstance(head, ValueHead)
    with torch.no_grad():
        logarithms_BC = head(given)
        words_D = given.states_BTD[0][given.mask_BT[0]].mean(0)
        normed_MD, text_D = head.norm(given.memory_BMD[0]), head.norm(words_D)
        picture_D = head.norm(given.picture_BD[0])
        for attribute, size in enumerate(SIZES):
            scores = [
                float(head.query_AD[attribute] @ head.key(normed)) / math.sqrt(D) for normed in normed_MD
            ]
            whole = sum(map(math.exp, scores))
            found_D = sum(
                math.exp(score) / whole * head.value(normed)
                for score, normed in zip(scores, normed_MD, strict=True)
            )
            hidden_D = head.hidden(torch.cat([found_D, head.own_AD[attribute] + text_D, picture_D]))
            own = slice(head.first[attribute], head.first[attribute] + 1 + size)
            rows = head.classes.class_CD[own] @ hidden_D + head.classes.bias_C[own]
            torch.testing.assert_close(logarithms_BC[0, own], rows.log_softmax(0))


def test_what_is_not_there_is_not_looked_at() -> None:
    head, given = made(ValueHead), seen()
    assert isinstance(head, ValueHead)
    weights_BAM = head.weights(given)
    assert weights_BAM[1, :, 2:].eq(0).all()
    torch.testing.assert_close(weights_BAM.sum(2), torch.ones(B, 3))
    changed = given.memory_BMD.clone()
    changed[1, 2:] += 5
    torch.testing.assert_close(head(replace(given, memory_BMD=changed)), head(given))


def test_late_fusion_joins_attribute_text_and_picture_at_the_end() -> None:
    """Text and picture are one vector each: what stands where in them makes no difference."""
    head, given = made(LateFusion), seen()
    assert isinstance(head, LateFusion)
    with torch.no_grad():
        logarithms_BC = head(given)
        text_D = given.states_BTD[1, :2].mean(0)
        joined_D = head.joined(torch.cat([head.attribute_AD[2], text_D, given.picture_BD[1]]))
        rows = head.classes.class_CD[4:6] @ joined_D + head.classes.bias_C[4:6]
    torch.testing.assert_close(logarithms_BC[1, 4:6], rows.log_softmax(0))
    turned = replace(
        given, states_BTD=torch.cat([given.states_BTD[:, :2].flip(1), given.states_BTD[:, 2:]], 1)
    )
    torch.testing.assert_close(head(turned)[1], logarithms_BC[1])
    blind: Seen = replace(given, picture_BD=torch.zeros(B, D))
    assert (head(blind)[0] - logarithms_BC[0]).abs().max() > 1e-3
    assert given.memory_BMD.shape[1] == T + P


def test_a_second_look_is_multiplied_with_the_first() -> None:
    head, given = made(SecondLook), seen()
    assert isinstance(head, SecondLook)
    all_BC, picture_BC = head.opinions(given)
    torch.testing.assert_close(all_BC, head.all(given))
    product_BC = all_BC.exp() * picture_BC.exp()
    for begin, end in ((0, 3), (3, 4), (4, 6)):
        share_BC = product_BC[:, begin:end] / product_BC[:, begin:end].sum(1, keepdim=True)
        torch.testing.assert_close(head(given).exp()[:, begin:end], share_BC)


def test_a_second_look_reads_no_word() -> None:
    head, given = made(SecondLook), seen()
    assert isinstance(head, SecondLook)
    other = replace(seen(2), patches_BPD=given.patches_BPD, picture_BD=given.picture_BD)
    torch.testing.assert_close(head.picture(picture_alone(other)), head.picture(picture_alone(given)))
    assert (head.all(other) - head.all(given)).abs().max() > 1e-3
    head.opinions(given)[1].sum().backward()  # type: ignore[no-untyped-call]  # torch's own
    assert all(parameter.grad is None for parameter in head.all.parameters())


def test_a_second_look_at_nothing_says_nothing() -> None:
    """The second product has no picture."""
    head, given = made(SecondLook), seen()
    assert isinstance(head, SecondLook)
    assert head.opinions(given)[1][1].eq(0).all()
    torch.testing.assert_close(head(given)[1], head.all(given)[1])
    assert (head(given)[0] - head.all(given)[0]).abs().max() > 1e-3


def test_its_loss_is_summed_by_product() -> None:
    logarithms_BC = torch.log(torch.tensor([[0.2, 0.5, 0.3, 1.0], [0.1, 0.7, 0.2, 1.0]]))
    loss_B = value_loss(
        logarithms_BC, torch.tensor([0, 0, 1]), torch.tensor([1, 2, 0]), torch.tensor([0.5, 0.5, 1.0])
    )
    expected = [-(0.5 * math.log(0.5) + 0.5 * math.log(0.3)), -math.log(0.1)]
    torch.testing.assert_close(loss_B, torch.tensor(expected))
