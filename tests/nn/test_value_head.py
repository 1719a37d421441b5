from __future__ import annotations

import math

import torch

from attrex.nn.value_head import ValueHead, value_loss

B, M, D = 2, 3, 8
SIZES = [2, 0, 1]


def made() -> tuple[ValueHead, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    head = ValueHead(D, SIZES, dropout=0.0)
    mask_BM = torch.tensor([[True, True, True], [True, False, False]])
    return head, torch.randn(B, M, D), mask_BM, torch.randn(B, D)


def test_each_attribute_s_classes_add_up_to_one() -> None:
    head, memory_BMD, mask_BM, pooled_BD = made()
    probabilities_BC = head(memory_BMD, mask_BM, pooled_BD).exp()
    assert probabilities_BC.shape == (B, 6)
    assert head.first == [0, 3, 4]
    for begin, end in ((0, 3), (3, 4), (4, 6)):
        torch.testing.assert_close(probabilities_BC[:, begin:end].sum(1), torch.ones(B))


def test_its_scores_are_those_of_the_formula() -> None:
    head, memory_BMD, mask_BM, pooled_BD = made()
    with torch.no_grad():
        logarithms_BC = head(memory_BMD, mask_BM, pooled_BD)
        normed_MD, pooled_D = head.norm(memory_BMD[0]), head.norm(pooled_BD[0])
        for attribute, size in enumerate(SIZES):
            scores = [
                float(head.query_AD[attribute] @ head.key(normed)) / math.sqrt(D) for normed in normed_MD
            ]
            whole = sum(map(math.exp, scores))
            found_D = sum(
                math.exp(score) / whole * head.value(normed)
                for score, normed in zip(scores, normed_MD, strict=True)
            )
            hidden_D = head.hidden(torch.cat([found_D, head.own_AD[attribute] + pooled_D]))
            first = head.first[attribute]
            rows = head.class_CD[first : first + 1 + size] @ hidden_D + head.bias_C[first : first + 1 + size]
            torch.testing.assert_close(logarithms_BC[0, first : first + 1 + size], rows.log_softmax(0))


def test_what_is_not_there_is_not_looked_at() -> None:
    head, memory_BMD, mask_BM, pooled_BD = made()
    weights_BAM = head.weights(memory_BMD, mask_BM)
    torch.testing.assert_close(weights_BAM[1], torch.tensor([[1.0, 0.0, 0.0]] * 3))
    changed_BMD = memory_BMD.clone()
    changed_BMD[1, 1:] += 5
    torch.testing.assert_close(head(changed_BMD, mask_BM, pooled_BD), head(memory_BMD, mask_BM, pooled_BD))


def test_its_loss_is_summed_by_product() -> None:
    logarithms_BC = torch.log(torch.tensor([[0.2, 0.5, 0.3, 1.0], [0.1, 0.7, 0.2, 1.0]]))
    loss_B = value_loss(
        logarithms_BC, torch.tensor([0, 0, 1]), torch.tensor([1, 2, 0]), torch.tensor([0.5, 0.5, 1.0])
    )
    expected = [-(0.5 * math.log(0.5) + 0.5 * math.log(0.3)), -math.log(0.1)]
    torch.testing.assert_close(loss_B, torch.tensor(expected))
