"""What makes SUOpenTag the model it is: each test fails when just that is taken out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attrex.errors import ConfigError
from attrex.models.suopentag import build_suopentag
from attrex.nn.cosine import CosineAttention
from tests.conformance.base import make_base
from tests.conformance.ten import COLOUR, MATERIAL, PRODUCTS, pool


@pytest.fixture
def model(tmp_path: Path) -> Any:
    torch.manual_seed(0)
    made: Any = build_suopentag(base=str(make_base(tmp_path / "tiny")), width=8, window=20)
    made.begin(pool())
    made.network.eval()
    return made


def head(width: int = 4) -> CosineAttention:
    torch.manual_seed(0)
    return CosineAttention(6, last=1, width=width, dropout=0.0).eval()


def test_states_are_weighed_by_their_cosine_to_the_attribute_and_join_the_states() -> None:
    own_NTH, asked_NVH = torch.randn(2, 5, 4), torch.randn(2, 1, 4)
    mask_NT, mask_NV = torch.ones(2, 5, dtype=torch.bool), torch.ones(2, 1, dtype=torch.bool)
    made_NTW = head()(own_NTH, mask_NT, asked_NVH, mask_NV)
    for n in range(2):
        for t in range(5):
            h, a = own_NTH[n, t], asked_NVH[n, 0]
            cosine = (h @ a) / (h.norm() * a.norm())
            torch.testing.assert_close(made_NTW[n, t], torch.cat([h, cosine * h]))
    # A cosine: the attribute's length says nothing.
    torch.testing.assert_close(head()(own_NTH, mask_NT, 3 * asked_NVH, mask_NV), made_NTW)


def test_text_and_attribute_have_a_bilstm_each() -> None:
    made = head()
    states_BTD, mask_BT = torch.randn(1, 5, 6), torch.ones(1, 5, dtype=torch.bool)

    def felt(at: int) -> Tensor:
        other_BTD = states_BTD.clone()
        other_BTD[0, at] += 1
        apart = made.context([other_BTD], mask_BT) - made.context([states_BTD], mask_BT)
        return apart[0].abs().amax(1) > 1e-6

    with torch.no_grad():
        assert felt(0).all()  # forwards
        assert felt(4).all()  # and backwards
        last_A1H, mask_A1 = made.attribute(states_BTD, mask_BT)
        all_BTH, _ = made.asked(states_BTD, mask_BT)
    assert last_A1H.shape == (1, 1, 4)
    assert mask_A1.tolist() == [[True]]
    torch.testing.assert_close(last_A1H[0, 0], torch.cat([all_BTH[0, -1, :2], all_BTH[0, 0, 2:]]))
    assert not {id(p) for p in made.text.parameters()} & {id(p) for p in made.asked.parameters()}


def test_padding_does_not_reach_the_states() -> None:
    made = head()
    states_BTD = torch.randn(2, 5, 6)
    mask_BT = torch.tensor([[True] * 3 + [False] * 2, [True] * 5])
    with torch.no_grad():
        together_BTH = made.context([states_BTD], mask_BT)
        alone_BTH = made.context([states_BTD[:1, :3]], mask_BT[:1, :3])
        last_AH = made.attribute(states_BTD, mask_BT)[0]
        torch.testing.assert_close(last_AH[:1], made.attribute(states_BTD[:1, :3], mask_BT[:1, :3])[0])
    torch.testing.assert_close(together_BTH[:1, :3], alone_BTH)
    assert not together_BTH[0, 3:].any()


def test_one_tag_set_without_attributes_and_a_crf_serve_all(model: Any) -> None:
    source = model.network.decoder
    made = source(torch.zeros(1, dtype=torch.long))
    assert made.weight_AKD.shape == (1, 4, 16)
    assert made.transitions_AKK.any()
    attributes = model.describe([COLOUR, MATERIAL])
    assert [a.vectors_VY.shape for a in attributes] == [(1, 8), (1, 8)]
    assert (attributes[0].vectors_VY - attributes[1].vectors_VY).abs().max() > 1e-4


def test_the_text_is_encoded_once_whatever_is_asked(model: Any) -> None:
    seen: list[int] = []

    def count(_: nn.Module, given: Any, __: Any) -> None:
        seen.append(int(given[0].batch_sizes[0]))

    hook = model.network.interaction.text.lstm.register_forward_hook(count)
    prepared, described = model.prepare(PRODUCTS), model.describe([COLOUR, MATERIAL])
    model.answer(prepared, described, [(p, a) for p in range(len(PRODUCTS)) for a in range(2)])
    assert sum(seen) == len(PRODUCTS)
    hook.remove()


@pytest.mark.parametrize("width", [0, 7])
def test_an_odd_width_is_refused(width: int) -> None:
    with pytest.raises(ConfigError, match=rf"model\.arguments\.width is {width}; both directions need"):
        build_suopentag(width=width)


def test_other_arguments_are_checked_as_in_its_family() -> None:
    with pytest.raises(ConfigError, match=r"model\.arguments\.shapes: expected one of ignored, read"):
        build_suopentag(shapes="x")  # type: ignore[arg-type]
