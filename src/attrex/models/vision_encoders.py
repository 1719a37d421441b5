"""Where a model's vision encoder comes from: pretrained, or learnt from nothing.

As with text encoders, each part makes an encoder for training and remakes it from a model folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from attrex.errors import ConfigError
from attrex.models.arguments import one_of
from attrex.models.weights import VISION_GROUP, PretrainedGroup
from attrex.nn.detector import (
    Detector,
    build_detector,
    check_objects,
    find_detector,
    load_detector,
    preparation,
)
from attrex.nn.pretrained import load_weights, same_base
from attrex.nn.vision import GRID, ResNetEncoder, SmallResNet, build_resnet, find_resnet, statistics

VISION, DETECTOR = "vision.json", "detector.json"


class VisionGroup(PretrainedGroup):
    """A pretrained encoder, which learns at a rate of its own (ULS-DRAM 4.2: 5e-5 beside 1e-4)."""

    group = VISION_GROUP

    def __init__(self, encoder: ResNetEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, pictures_B3SS: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``(B, P, D)`` of the patches and ``(B, D)`` of the picture."""
        patches_BPD, pooled_BD = self.encoder(pictures_B3SS)
        return patches_BPD, pooled_BD


@dataclass(frozen=True, slots=True)
class MadeVision:
    """An encoder, how it wants its pictures, and the text from which it can be made again.

    ``portable``: what is frozen can be had again by the base's name, so that a model folder need not hold it.
    ``detector``: finds the regions of pictures of ``size`` pixels a side, which the encoder then sees one by
    one, brought to ``side``; None where it sees the pictures themselves, and its patches are the regions.
    """

    encoder: nn.Module
    width: int
    patches: int
    size: int
    mean: Sequence[float]
    std: Sequence[float]
    files: dict[str, str]
    portable: bool
    detector: Detector | None = None
    side: int = 0


class VisionPart(Protocol):
    """How a model gets its vision encoder. ``size``: pixels a side of the pictures that it wants."""

    @property
    def size(self) -> int: ...

    def make(self) -> MadeVision:
        """For training: with pretrained weights or fresh ones."""
        ...

    def remake(self, files: Mapping[str, str]) -> MadeVision:
        """For a model folder: the architecture, whose trained tensors the caller loads; what the folder
        does not hold, because it was frozen, comes from the base."""
        ...


class PretrainedVision:
    """A ResNet by folder or by its name on the hub, fine-tuned or ``frozen``."""

    size = 32 * GRID

    def __init__(self, base: str, *, frozen: bool) -> None:
        self.base, self.frozen = base, frozen

    def make(self) -> MadeVision:
        base = find_resnet(self.base)
        mean, std = statistics(base)
        about = {**base.about(), "mean": list(mean), "std": list(std)}
        encoder = ResNetEncoder.load(base, frozen=self.frozen)
        return _made(encoder, {VISION: json.dumps(about)}, portable=base.portable)

    def remake(self, files: Mapping[str, str]) -> MadeVision:
        about = json.loads(files[VISION])
        body = build_resnet(about["config"])
        if about["portable"] and self.frozen:
            base = find_resnet(about["base"])
            same_base(base, about, "vision encoder")
            load_weights(body, base.tensors(), where=f'the vision encoder "{base.name}"')
        encoder = ResNetEncoder(body, frozen=self.frozen, mean=about["mean"], std=about["std"])
        return _made(encoder, dict(files), portable=bool(about["portable"]))


class SmallVision:
    """``nn.vision.SmallResNet``, which needs no hub."""

    def __init__(self, *, size: int, widths: Sequence[int]) -> None:
        self.size, self.widths = size, tuple(widths)

    def make(self) -> MadeVision:
        return _made(SmallResNet(size=self.size, widths=self.widths), {}, portable=False)

    def remake(self, files: Mapping[str, str]) -> MadeVision:
        return self.make()


def _made(encoder: ResNetEncoder | SmallResNet, files: dict[str, str], *, portable: bool) -> MadeVision:
    return MadeVision(
        encoder=VisionGroup(encoder) if isinstance(encoder, ResNetEncoder) else encoder,
        width=encoder.width,
        patches=encoder.patches,
        size=encoder.size,
        mean=encoder.mean,
        std=encoder.std,
        files=files,
        portable=portable,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionArguments:
    """The arguments that builders with a choice of vision encoders have in common. ``vision_base`` and
    ``vision_frozen`` are of "pretrained", ``vision_size`` and ``vision_widths`` of "small"."""

    vision: Literal["pretrained", "small"] = "small"
    vision_base: str = "microsoft/resnet-152"
    vision_frozen: bool = False
    vision_size: int = 112
    vision_widths: Sequence[int] = (32, 64, 128, 256)

    @classmethod
    def among(cls, arguments: Mapping[str, Any]) -> VisionArguments:
        """Those among a builder's arguments."""
        return cls(**{f.name: arguments[f.name] for f in fields(cls) if f.name in arguments})

    def part(self) -> VisionPart:
        """What they mean. Raises ``ConfigError`` where one says nothing known."""
        if one_of("vision", self.vision, ("pretrained", "small")) == "pretrained":
            return PretrainedVision(self.vision_base, frozen=self.vision_frozen)
        return SmallVision(size=self.vision_size, widths=self.vision_widths)


class DetectedVision:
    """``vision`` sees what a detector finds, by folder or by its name on the hub, in pictures of ``size``
    pixels a side; ``most`` and ``least`` as ``nn.detector.Detector`` has them."""

    def __init__(self, vision: VisionPart, base: str, *, size: int, most: int, least: float) -> None:
        self.vision, self.base, self.size = vision, base, size
        self.most, self.least = most, least

    def make(self) -> MadeVision:
        base = find_detector(self.base)
        mean, std = preparation(base)
        about = {**base.about(), "mean": list(mean), "std": list(std)}
        return self._with(self.vision.make(), load_detector(base), {DETECTOR: json.dumps(about)})

    def remake(self, files: Mapping[str, str]) -> MadeVision:
        about = json.loads(files[DETECTOR])
        if about["portable"]:
            base = find_detector(about["base"])
            same_base(base, about, "detector")
            body = load_detector(base)
        else:
            body = build_detector(about["config"])
        return self._with(self.vision.remake(files), body, {DETECTOR: files[DETECTOR]})

    def _with(self, made: MadeVision, body: nn.Module, files: dict[str, str]) -> MadeVision:
        about = json.loads(files[DETECTOR])
        detector = Detector(body, most=self.most, least=self.least, mean=about["mean"], std=about["std"])
        frozen = any(not parameter.requires_grad for parameter in made.encoder.parameters())
        return replace(
            made,
            size=self.size,
            files={**made.files, **files},
            portable=bool(about["portable"]) and (made.portable or not frozen),
            detector=detector,
            side=made.size,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionArguments:
    """The arguments that builders with a choice of regions have in common: all but ``regions`` are of
    "detector"."""

    regions: Literal["grid", "detector"] = "grid"
    detector: str = "hustvl/yolos-tiny"
    detector_size: int = 448
    objects: int = 16
    objects_from: float = 0.5

    @classmethod
    def among(cls, arguments: Mapping[str, Any]) -> RegionArguments:
        """Those among a builder's arguments."""
        return cls(**{f.name: arguments[f.name] for f in fields(cls)})

    def part(self, vision: VisionPart) -> VisionPart:
        """What they mean. Raises ``ConfigError`` where one says nothing known."""
        if one_of("regions", self.regions, ("grid", "detector")) == "grid":
            return vision
        if (
            isinstance(self.detector_size, bool)
            or not isinstance(self.detector_size, int)
            or self.detector_size < 32
        ):
            raise ConfigError(
                f"model.arguments.detector_size: expected a whole number from 32, got {self.detector_size!r}"
            )
        check_objects(self.objects, self.objects_from)
        return DetectedVision(
            vision, self.detector, size=self.detector_size, most=self.objects, least=self.objects_from
        )
