"""Boxes of objects, from detectors of each kind that is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers.models.conditional_detr.image_processing_pil_conditional_detr import (
    ConditionalDetrImageProcessorPil,
)
from transformers.models.detr.image_processing_pil_detr import DetrImageProcessorPil
from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil
from transformers.models.yolos.image_processing_pil_yolos import YolosImageProcessorPil

from attrex.errors import BackboneMissing, ConfigError, ModelError
from attrex.nn.detector import (
    KINDS,
    Detector,
    build_detector,
    check_objects,
    find_detector,
    load_detector,
    preparation,
)
from attrex.nn.threads import one_thread
from tests.conformance.base import make_base
from tests.nn.detectors import TINY, Told, write_detector

PIXELS = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
NORMAL = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
LEFT, RIGHT, ALL = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0), (0.0, 0.0, 1.0, 1.0)


def told(*boxes: tuple[float, tuple[float, float, float, float]], most: int = 9) -> list[list[list[float]]]:
    made = Detector(Told(boxes), most=most, least=0.5, **NORMAL)(PIXELS)
    return [[[round(edge, 4) for edge in box] for box in own.tolist()] for own in made]


def test_the_surest_boxes_are_kept_in_order() -> None:
    both = [list(RIGHT), list(LEFT)]
    assert told((0.6, LEFT), (0.9, RIGHT), (0.4, ALL)) == [both, both]
    assert told((0.6, LEFT), (0.9, RIGHT), (0.55, ALL), most=2) == [both, both]
    assert told((0.4, LEFT)) == [[], []]


def test_a_box_ends_at_the_picture_s_edge_and_one_of_no_size_is_none() -> None:
    (own, _) = told((0.9, (-0.5, 0.25, 0.5, 1.5)), (0.8, (0.3, 0.3, 0.3, 0.6)), (0.7, (1.1, 0.2, 1.4, 0.6)))
    assert own == [[0.0, 0.25, 0.5, 1.0]]


def test_pixels_are_normalised_as_it_was_trained() -> None:
    body = Told([(0.9, LEFT)])
    Detector(body, most=1, least=0.5, **NORMAL)(PIXELS)
    expected = (PIXELS.float() / 255 - 0.5) / 0.5
    torch.testing.assert_close(body.seen[0], expected.permute(0, 3, 1, 2))


PROCESSORS = {
    "conditional_detr": ConditionalDetrImageProcessorPil,
    "detr": DetrImageProcessorPil,
    "rt_detr": RTDetrImageProcessorPil,
    "yolos": YolosImageProcessorPil,
}


@pytest.mark.parametrize("kind", TINY)
def test_each_kind_finds_what_its_own_processor_finds(kind: str, tmp_path: Path) -> None:
    base = find_detector(str(write_detector(tmp_path / kind, kind)))
    mean, std = preparation(base)
    body = load_detector(base)
    scaled = ((PIXELS.float() / 255 - torch.tensor(mean)) / torch.tensor(std)).permute(0, 3, 1, 2)
    with one_thread(), torch.no_grad():
        raw = body(pixel_values=scaled.contiguous())
        least = float(KINDS[kind](raw.logits).median())
        boxes = Detector(body, most=6, least=least, mean=mean, std=std)(PIXELS)
    for own, theirs in zip(
        boxes, PROCESSORS[kind]().post_process_object_detection(raw, threshold=least - 1e-6), strict=True
    ):
        order = theirs["scores"].argsort(descending=True, stable=True)
        # Of several classes of one box the surest; edges end with the picture.
        unique = list(dict.fromkeys(tuple(box.clamp(0, 1).tolist()) for box in theirs["boxes"][order]))
        expected = [box for box in unique if box[0] < box[2] and box[1] < box[3]]
        assert len(own) > 0
        torch.testing.assert_close(own, torch.tensor(expected))


@pytest.mark.parametrize("kind", TINY)
def test_it_is_built_again_from_its_configuration(kind: str, tmp_path: Path) -> None:
    base = find_detector(str(write_detector(tmp_path / kind, kind)))
    body = load_detector(base)
    again = build_detector(base.config())
    again.load_state_dict(body.state_dict())
    with one_thread():
        made, theirs = (Detector(each, most=6, least=0.0, **NORMAL)(PIXELS) for each in (body, again))
    torch.testing.assert_close(made, theirs)
    detector = Detector(body, most=6, least=0.0, **NORMAL)
    assert not any(parameter.requires_grad for parameter in detector.parameters())
    assert not detector.train().body.training


def test_it_is_prepared_as_its_files_say(tmp_path: Path) -> None:
    folder = write_detector(tmp_path / "d")
    assert list(preparation(find_detector(str(folder)))[0]) == [0.485, 0.456, 0.406]
    (folder / "preprocessor_config.json").write_text('{"image_mean": [0, 0, 0], "image_std": [1, 1, 1]}')
    assert list(preparation(find_detector(str(folder)))[1]) == [1, 1, 1]
    (folder / "preprocessor_config.json").write_text('{"do_normalize": false, "image_mean": [0.4, 0, 0]}')
    assert list(preparation(find_detector(str(folder)))[0]) == [0, 0, 0]


def test_a_folder_without_a_detector_is_named(tmp_path: Path) -> None:
    bert = make_base(tmp_path / "bert")
    with pytest.raises(ModelError) as error:
        find_detector(str(bert))
    assert str(error.value) == (
        f'"{bert}" is no detector that attrex knows: it is of the kind "bert". '
        "Fix: give one of the kinds conditional_detr, detr, rt_detr, yolos"
    )
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r'the detector ".*empty" has no model\.safetensors\. Fix: give a'):
        find_detector(str(tmp_path / "empty"))
    with pytest.raises(BackboneMissing, match=r'the detector ".*gone" is neither a folder nor to be had'):
        find_detector(str(tmp_path / "gone"))


def test_a_detector_without_its_weights_is_refused(tmp_path: Path) -> None:
    folder = write_detector(tmp_path / "d")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    with pytest.raises(ModelError, match=r'the detector ".*d" lacks weights, vit.* the first of \d+'):
        load_detector(find_detector(str(folder)))


def test_one_that_needs_timm_is_refused_before_it_is_looked_for() -> None:
    with pytest.raises(
        ModelError, match=r"kind detr needs the package timm, which attrex does without\. Fix"
    ):
        build_detector({"model_type": "detr", "use_timm_backbone": True, "backbone": "resnet50"})


@pytest.mark.parametrize(
    ("most", "least", "message"),
    [
        (0, 0.5, "model.arguments.objects: expected a whole number from 1, got 0"),
        (2.5, 0.5, "model.arguments.objects: expected a whole number from 1, got 2.5"),
        (2, 1.7, r"model.arguments.objects_from is 1.7; it must lie in \[0, 1\]"),
    ],
)
def test_a_number_out_of_range_is_named(most: int, least: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_objects(most, least)
