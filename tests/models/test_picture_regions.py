"""Regions of pictures by a detector, as SMARTAVE reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from attrex.core import Picture
from attrex.errors import ConfigError, ModelError
from attrex.models import vision_encoders
from attrex.models.folder import load_model, save_model
from attrex.models.picture_regions import NOTHING, Objects, Shown, joined, shown_of
from attrex.models.smartave import build_smartave
from attrex.models.smartave_inputs import PICTURE
from attrex.models.vision_encoders import DETECTOR, DetectedVision, SmallVision
from attrex.nn.detector import Detector
from attrex.nn.pretrained import Base
from tests.conformance.ten import COLOUR, PRODUCTS, SCHEMA, pool
from tests.models.small_smartave import alike, ask, begun
from tests.nn.detectors import Told

FORMS = pytest.mark.parametrize("form", ["seen", "apart"])
SIDE = 64
SEEING: dict[str, Any] = {
    "vision_size": 56,
    "vision_widths": [16, 16, 16, 16],
    "regions": "detector",
    "detector_size": SIDE,
}
LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)


def picture(seed: int) -> Picture:
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    return Picture(f"{seed}.png", pixels)


GIVEN = replace(PRODUCTS[0], pictures=(picture(0),))


def looking(base: Path, form: str = "seen", **arguments: Any) -> Any:
    """SMARTAVE with a detector at random."""
    detector = str(base.with_name("detector"))
    given = {**SEEING, "detector": detector, "objects_from": 0.3, **arguments}
    return begun(base, "smartave", attribute=form, **given)


def finds(model: Any, *boxes: tuple[float, tuple[float, float, float, float]]) -> Any:
    """The model with a detector that finds these in every picture."""
    regions = model.network.reader.pictures
    own = regions.detector
    regions.detector = Detector(Told(boxes), most=own.most, least=own.least, mean=[0.5] * 3, std=[0.5] * 3)
    regions._known.clear()
    return model


# --- what is looked at ---


@FORMS
def test_what_a_detector_finds_is_what_is_looked_at(form: str, base: Path) -> None:
    """Taken out, or finding something else, the answers are others."""
    model = looking(base, form)
    assert model.traits.pictures == SIDE
    found = [
        ask(finds(model, *boxes), [GIVEN], [COLOUR])[0].none_score
        for boxes in ([], [(0.9, LEFT)], [(0.9, RIGHT)], [(0.9, LEFT), (0.8, RIGHT)], [(0.1, LEFT)])
    ]
    assert len({round(score or 0, 7) for score in found[:4]}) == 4
    assert found[4] == pytest.approx(found[0], rel=1e-6)  # what is not sure enough is nothing


def test_where_nothing_is_found_there_is_the_whole_picture_alone(base: Path) -> None:
    model = finds(looking(base))
    (window,) = model.prepare([GIVEN])
    assert window.shown.counts == (1,)
    assert window.shown.boxes_X4.tolist() == [[0, 0, 1, 1]]
    assert window.seen == 1
    assert ask(model, [GIVEN], [COLOUR])[0].none_score is not None


def test_regions_are_local_tokens_of_the_picture_s_block(base: Path) -> None:
    model = finds(looking(base, objects=2), (0.9, LEFT), (0.8, RIGHT), (0.7, LEFT))
    example = next(e for e in model.examples(pool(), 0) if e.product.id == "1")
    batch = model.collate([replace(example, product=GIVEN), replace(example, product=PRODUCTS[4])])
    lengths = batch["length_R"][batch["modality_R"] == PICTURE].tolist()
    assert lengths == [3]  # the whole and the two surest; the other product has no picture
    assert batch["box_X4"].tolist() == [[0, 0, 1, 1], list(LEFT), list(RIGHT)]
    loss = model.network(batch)["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    assert not any(p.grad is not None for p in model.network.reader.pictures.detector.parameters())


def test_each_region_is_seen_on_its_own_as_large_as_the_encoder_wants(base: Path) -> None:
    model = finds(looking(base), (0.9, LEFT))
    regions = model.network.reader.pictures
    pixels = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    pixels[:, : SIDE // 2] = 255
    seen: list[torch.Tensor] = []
    hook = regions.vision.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    (shown,) = shown_of(regions, [[Picture("half.png", pixels)]], torch.device("cpu"))
    hook.remove()
    assert shown.counts == (2,)
    assert [tuple(part.shape) for part in seen] == [(2, 3, 56, 56)]
    white = (1 - regions.normalised.mean_3) / regions.normalised.std_3
    torch.testing.assert_close(seen[0][1], white.view(3, 1, 1).expand(3, 56, 56))
    assert not torch.allclose(seen[0][0], seen[0][1])


def test_where_a_region_lies_is_told(base: Path) -> None:
    """The same is to be seen on both sides of a picture of one colour."""
    model = looking(base)
    plain = replace(GIVEN, pictures=(Picture("p.png", np.full((SIDE, SIDE, 3), 90, dtype=np.uint8)),))
    left, right = (ask(finds(model, (0.9, box)), [plain], [COLOUR])[0] for box in (LEFT, RIGHT))
    assert left.none_score != pytest.approx(right.none_score, rel=1e-6)


def test_a_picture_is_detected_once_however_often_it_is_learnt_from(base: Path) -> None:
    model = finds(looking(base), (0.9, LEFT))
    body = model.network.reader.pictures.detector.body
    examples = [
        replace(example, product=replace(example.product, pictures=(picture(3),)))
        for example in model.examples(pool(), 0)
    ]
    for _ in range(2):
        model.collate(examples)
    model.prepare([example.product for example in examples])
    assert len(body.seen) == 1


@FORMS
def test_pictures_are_sources_in_any_order_and_number(form: str, base: Path) -> None:
    model = looking(base, form, objects_from=0.0, objects=3)
    given = [replace(GIVEN, pictures=tuple(map(picture, each))) for each in ((), (1,), (1, 2), (2, 1))]
    none, one, both, turned = ask(model, given, [COLOUR])
    assert len({round(x.none_score or 0, 7) for x in (none, one, both)}) == 3
    assert alike(both, turned, 1e-5)
    alone = [ask(model, [each], [COLOUR])[0] for each in given]
    assert all(alike(a, b, 1e-4) for a, b in zip(alone, (none, one, both, turned), strict=True))


# --- folders ---


def test_a_folder_holds_the_detector_that_came_from_one(base: Path, tmp_path: Path) -> None:
    model = looking(base, objects_from=0.0)
    folder = save_model(model, tmp_path / "model", schema=SCHEMA, calibration={}, card="")
    again: Any = load_model(folder).model
    assert isinstance(again.network.reader.pictures, Objects)
    assert again.traits == model.traits
    assert ask(again, [GIVEN]) == ask(model, [GIVEN])


def test_of_one_from_the_hub_a_folder_holds_its_hash(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = base.with_name("detector")

    def find(name: str) -> Base:
        return Base(name, folder, portable=True)

    monkeypatch.setattr(vision_encoders, "find_detector", find)
    part = DetectedVision(
        SmallVision(size=56, widths=[16] * 4), "shop/detector", size=SIDE, most=4, least=0.1
    )
    made = part.make()
    assert (made.portable, made.size, made.side) == (True, SIDE, 56)
    again = part.remake(made.files)
    assert made.detector is not None
    assert again.detector is not None
    pixels = torch.from_numpy(picture(0).pixels).unsqueeze(0)
    assert torch.equal(made.detector(pixels)[0], again.detector(pixels)[0])
    other = made.files[DETECTOR].replace(find("x").sha256(), "0" * 64)
    with pytest.raises(ModelError, match=r'another version of the detector "shop/detector" \(its SHA-256'):
        part.remake({DETECTOR: other})


# --- bad arguments ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"regions": "boxes"}, "model.arguments.regions: expected one of grid, detector; got 'boxes'"),
        ({**SEEING, "objects": 0}, "model.arguments.objects: expected a whole number from 1, got 0"),
        ({**SEEING, "objects_from": 2}, r"model.arguments.objects_from is 2; it must lie in \[0, 1\]"),
        ({**SEEING, "detector_size": 8}, "model.arguments.detector_size: expected a whole number from 32"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_smartave(**arguments)


def test_a_folder_without_a_detector_is_named_when_it_is_needed(base: Path) -> None:
    with pytest.raises(ModelError, match=rf'"{base}" is no detector that attrex knows: .* kind "bert"'):
        looking(base, detector=str(base))


# --- what is kept of regions ---


def test_regions_of_several_products_are_one_after_another() -> None:
    shown = Shown(torch.arange(6.0).view(6, 1), torch.arange(24.0).view(6, 4), (1, 3, 2))
    chosen = shown.chosen([2, 0, 2])
    assert chosen.features_XF.flatten().tolist() == [4, 5, 0, 4, 5]
    assert chosen.counts == (2, 1, 2)
    both = joined([NOTHING, chosen, NOTHING, shown.chosen([1])])
    assert both is not None
    assert both.counts == (2, 1, 2, 3)
    assert both.boxes_X4[-1].tolist() == [12, 13, 14, 15]
    assert joined([NOTHING, NOTHING]) is None
