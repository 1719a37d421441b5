"""What the words of known values are compared with, while ULS-DRAM learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from attrex.models.unified import UnifiedNetwork
from tests.conformance.ten import pool
from tests.models.test_unified import begun


def test_patches_have_what_all_of_their_picture_s_share(monkeypatch: pytest.MonkeyPatch) -> None:
    model = begun(joined="tir")
    network: UnifiedNetwork = model.network
    given: list[Tensor] = []
    seen: list[Any] = []
    assert network.shown is not None
    told, see = network.shown.forward, network.encoder.forward

    def spy(words: Any, joiner: Any, patches_BPD: Tensor, mask_BP: Tensor) -> Tensor:
        given.append(patches_BPD)
        return told(words, joiner, patches_BPD, mask_BP)

    def spy_encoder(*inputs: Any) -> Any:
        seen.append(see(*inputs))
        return seen[-1]

    monkeypatch.setattr(network.shown, "forward", spy)
    monkeypatch.setattr(network.encoder, "forward", spy_encoder)
    with torch.no_grad():
        network(model.collate(model.examples(pool(), 0)[:4]))
    (whole_BPD,), (made,) = given, seen
    pictured = made.mask_BP.any(1)
    assert pictured.any()
    torch.testing.assert_close(whole_BPD, made.patches_BPD + made.picture_BD.unsqueeze(1))
    # Patches alone have nothing in common: their mean is the projection's bias.
    mean_BD = made.patches_BPD.mean(1)[pictured]
    torch.testing.assert_close(mean_BD, mean_BD[:1].expand_as(mean_BD))
    assert whole_BPD.mean(1)[pictured].std(0).max() > 1e-3
