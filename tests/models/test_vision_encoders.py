from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from attrex.errors import ConfigError, ModelError
from attrex.models import vision_encoders
from attrex.models.vision_encoders import (
    VISION,
    PretrainedVision,
    SmallVision,
    VisionArguments,
    VisionPart,
)
from attrex.models.weights import fill_in, grouped, kept
from attrex.nn.pretrained import Base
from attrex.nn.vision import find_resnet
from tests.nn.resnet import write_resnet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_resnet(tmp_path / "resnet")
    (tmp_path / "resnet" / "preprocessor_config.json").write_text('{"image_mean": [0.5, 0.4, 0.3]}')
    return tmp_path / "resnet"


@pytest.fixture
def on_the_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as if it had come from the hub: found anywhere by its name."""

    def find(name: str) -> Base:
        return dataclasses.replace(find_resnet(str(folder)), name=name, portable=True)

    monkeypatch.setattr(vision_encoders, "find_resnet", find)
    return folder


def answers(encoder: nn.Module, size: int) -> Tensor:
    pictures = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        patches_BPD, pooled_BD = encoder.eval()(pictures)
    return torch.cat([patches_BPD.flatten(), pooled_BD.flatten()])


def parts(folder: Path) -> dict[str, VisionPart]:
    return {
        "small": SmallVision(size=56, widths=[16, 16, 16, 32]),
        "fine-tuned": PretrainedVision(str(folder), frozen=False),
        "frozen": PretrainedVision(str(folder), frozen=True),
    }


@pytest.mark.parametrize("name", ["small", "fine-tuned", "frozen"])
def test_an_encoder_is_made_again_from_files_and_tensors(folder: Path, name: str) -> None:
    part = parts(folder)[name]
    made = part.make()
    with torch.no_grad():
        for parameter in made.encoder.parameters():
            parameter.add_(0.01)
    again = part.remake(json.loads(json.dumps(made.files)))
    fill_in(again.encoder, kept(made.encoder, portable=made.portable), portable=again.portable)
    assert torch.equal(answers(again.encoder, made.size), answers(made.encoder, made.size))
    facts = [(m.width, m.patches, m.size, list(m.mean), list(m.std), m.files) for m in (made, again)]
    assert facts[0] == facts[1]


def test_the_statistics_are_the_encoder_s_own(folder: Path) -> None:
    assert list(PretrainedVision(str(folder), frozen=True).make().mean) == [0.5, 0.4, 0.3]


def test_of_a_frozen_one_from_the_hub_a_folder_holds_no_weights(on_the_hub: Path) -> None:
    part = PretrainedVision("shop/resnet", frozen=True)
    made = part.make()
    tensors = kept(made.encoder, portable=made.portable)
    assert made.portable
    assert not any(name.endswith("weight") for name in tensors)
    again = part.remake(made.files)
    fill_in(again.encoder, tensors, portable=True)
    assert torch.equal(answers(again.encoder, 224), answers(made.encoder, 224))
    write_resnet(on_the_hub, seed=1)
    about = {**json.loads(made.files[VISION]), "sha256": "0" * 64}
    with pytest.raises(
        ModelError, match=r'another version of the vision encoder "shop/resnet" \(its SHA-256'
    ):
        part.remake({VISION: json.dumps(about)})


def test_whether_pretrained_or_not_it_has_a_rate_of_its_own(folder: Path) -> None:
    sizes = {
        name: {group: len(found) for group, found in grouped(part.make().encoder).items() if found}
        for name, part in parts(folder).items()
    }
    assert sizes["frozen"] == {}
    assert sizes["small"].keys() == {"vision"}
    assert sizes["fine-tuned"].keys() == {"vision"}


def test_arguments_choose_the_part() -> None:
    chosen = VisionArguments.among(
        {"vision": "pretrained", "vision_base": "a/b", "vision_frozen": True, "x": 1}
    )
    part = chosen.part()
    assert isinstance(part, PretrainedVision)
    assert (part.base, part.frozen) == ("a/b", True)
    assert isinstance(VisionArguments(vision_size=56).part(), SmallVision)
    with pytest.raises(ConfigError) as caught:
        VisionArguments.among({"vision": "vit"}).part()
    assert str(caught.value) == ("model.arguments.vision: expected one of pretrained, small; got 'vit'")
