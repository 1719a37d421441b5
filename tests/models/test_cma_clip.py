"""What makes CMA-CLIP the one it is: words and patches meet, and each attribute weighs the modalities."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from attrex.errors import ConfigError, ModelError
from attrex.models.cma_clip import build_cma_clip
from attrex.models.folder import load_model, save_model
from attrex.nn.modality_attention import BOTH, PICTURE, TEXT, ModalityAttention
from attrex.nn.unified import Seen
from tests.conformance.base import make_base
from tests.conformance.ten import SCHEMA, pool
from tests.models.eiven_made import BARE, COLOUR, SEEN, make_clip_base

B, T, P, D = 2, 4, 3, 16


def seen(*, words: int = 0, patches: int = 0, pictured: bool = True) -> Seen:
    """Of random states; the numbers say which."""
    drawn = [torch.Generator().manual_seed(seed) for seed in (words, 100 + patches)]
    states_BTD = torch.randn(B, T, D, generator=drawn[0])
    patches_BPD = torch.randn(B, P, D, generator=drawn[1]) * pictured
    mask_BP = torch.full((B, P), pictured)
    return Seen(
        states_BTD=states_BTD,
        mask_BT=torch.ones(B, T, dtype=torch.bool),
        pooled_BD=states_BTD.mean(1),
        patches_BPD=patches_BPD,
        mask_BP=mask_BP,
        picture_BD=patches_BPD.mean(1),
        memory_BMD=torch.cat([states_BTD, patches_BPD], 1),
        mask_BM=torch.cat([torch.ones(B, T, dtype=torch.bool), mask_BP], 1),
    )


@pytest.fixture
def head() -> ModalityAttention:
    torch.manual_seed(0)
    return ModalityAttention(D, [3, 2], heads=2, layers=1, dropout=0.0).eval()


def test_words_and_patches_meet_in_one_transformer(head: ModalityAttention) -> None:
    """What came of both is no sum of what comes of each; nor of words alone, nor of patches alone."""

    def joined(words: int, patches: int) -> Tensor:
        with torch.no_grad():
            return head.joined(seen(words=words, patches=patches))

    one, other, third, fourth = joined(0, 0), joined(1, 0), joined(0, 1), joined(1, 1)
    assert (one - other).abs().max() > 1e-3
    assert (one - third).abs().max() > 1e-3
    assert (one - other - third + fourth).abs().max() > 1e-3


def test_each_attribute_weighs_the_modalities_its_own_way(head: ModalityAttention) -> None:
    with torch.no_grad():
        given = seen()
        modalities_B3D = head.modalities(given)
        weights_BA3 = head.weights(given, modalities_B3D)
    assert torch.allclose(weights_BA3.sum(2), torch.ones(B, 2))
    assert (weights_BA3[:, 0] - weights_BA3[:, 1]).abs().max() > 1e-2
    # Each product too: a picture that says little is looked at less.
    assert (weights_BA3[0] - weights_BA3[1]).abs().max() > 1e-3


def test_an_attribute_s_values_are_judged_by_what_it_looks_at(head: ModalityAttention) -> None:
    """With all weight on the text, the picture's own vector says nothing any more."""

    def said(weights: list[float], patches: int) -> Tensor:
        with torch.no_grad():
            made_B3D = head.modalities(seen(patches=patches)).clone()
            made_B3D[:, BOTH] = 0
            found_BAD = torch.tensor([[weights] * 2] * B) @ made_B3D
            answer: Tensor = head.classes(head.hidden(found_BAD))
            return answer

    assert torch.equal(said([1.0, 0.0, 0.0], 0), said([1.0, 0.0, 0.0], 1))
    assert (said([0.0, 1.0, 0.0], 0) - said([0.0, 1.0, 0.0], 1)).abs().max() > 1e-3


def test_without_a_picture_there_is_no_such_modality(head: ModalityAttention) -> None:
    with torch.no_grad():
        given = seen(pictured=False)
        weights_BA3 = head.weights(given, head.modalities(given))
    assert not weights_BA3[:, :, PICTURE].any()
    assert (weights_BA3[:, :, TEXT] > 0).all()


def test_every_attribute_has_a_classifier_of_its_own(head: ModalityAttention) -> None:
    with torch.no_grad():
        chances_BC = head(seen()).exp()
    assert chances_BC.shape == (B, 4 + 3)
    assert torch.allclose(chances_BC[:, :4].sum(1), torch.ones(B), atol=1e-5)
    assert torch.allclose(chances_BC[:, 4:].sum(1), torch.ones(B), atol=1e-5)


# --- with CLIP ---


def begun(folder: Path, **arguments: Any) -> Any:
    torch.manual_seed(0)
    base, clip = make_base(folder / "tiny"), make_clip_base(folder / "clip")
    model: Any = build_cma_clip(
        base=str(base), vision="clip", vision_base=str(clip), vision_size=56, heads=2, window=20, **arguments
    )
    model.begin(pool())
    model.network.eval()
    return model


def test_clip_s_patches_are_read_and_clip_is_not_trained(tmp_path: Path) -> None:
    model = begun(tmp_path)
    assert model.traits.pictures == 56
    assert model.network.encoder.pictures.patches == 4  # 56 pixels, 28 a patch
    names = {name for name, p in model.network.named_parameters() if not p.requires_grad}
    assert any("clip" in name for name in names)
    one, other = (
        model.answer(model.prepare([product]), model.describe([COLOUR]), [(0, 0)])[0].none_score
        for product in (SEEN[0], replace(SEEN[0], pictures=SEEN[1].pictures))
    )
    assert one != other
    folder = save_model(model, tmp_path / "model", schema=SCHEMA, calibration={}, card="")
    again: Any = load_model(folder).model
    for products in (SEEN, BARE):
        answers = [m.answer(m.prepare(products), m.describe([COLOUR]), [(0, 0)]) for m in (model, again)]
        assert answers[0] == answers[1]


def test_what_is_no_clip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected one of clip, pretrained, small"):
        build_cma_clip(vision="other")  # type: ignore[arg-type]
    model = build_cma_clip(
        base=str(make_base(tmp_path / "tiny")), vision="clip", vision_base=str(tmp_path / "tiny"), window=20
    )
    with pytest.raises(ModelError, match=r'of the architecture "bert"\. Fix: give a CLIP'):
        model.begin(pool())
