"""Vision encoders: pictures to the features of their patches, and to one vector each.

A ResNet of any depth, pretrained, and a small one that learns from nothing. Both give 7 x 7 patches of a
picture of their own size (ULS-DRAM 3.1), row by row from the top left.

Legend: B pictures, S pixels a side, P patches, D features, O channels that a convolution makes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

from attrex.errors import ConfigError, ModelError
from attrex.nn.precision import mixed
from attrex.nn.pretrained import CONFIG, PREPARATION, WEIGHTS, Base, find_base, load_weights

GRID = 7
"""Patches a side."""
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_TINY = 1e-4
_GROUP = 16
"""Channels that are normalised together. Few at a time would take a picture's colour away."""


class VisionEncoder(Protocol):
    """``width`` is D, ``patches`` P. It wants pictures of ``size`` pixels a side, whose channels (red, green,
    blue, in [0, 1]) are normalised by ``mean`` and ``std``."""

    width: int
    patches: int
    size: int
    mean: Sequence[float]
    std: Sequence[float]

    def __call__(self, pictures_B3SS: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``(B, P, D)`` of the patches and ``(B, D)`` of the picture as a whole, in float32."""
        ...


def find_resnet(name: str) -> Base:
    """A pretrained ResNet, by folder or by its name on the hub ("microsoft/resnet-152").

    Raises ``BackboneMissing`` where it is not there, ``ModelError`` where it is not whole or no ResNet.
    """
    base = find_base(name, needs=(WEIGHTS, CONFIG))
    kind = base.config().get("model_type")
    if kind != "resnet":
        raise ModelError(f'the vision encoder "{name}" is of the kind "{kind}". Fix: give a ResNet')
    return base


def statistics(base: Base) -> tuple[Sequence[float], Sequence[float]]:
    """The mean and deviation that the encoder was trained with; ImageNet's where its files do not say."""
    file = base.folder / PREPARATION
    said: Mapping[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return said.get("image_mean", IMAGENET_MEAN), said.get("image_std", IMAGENET_STD)


class ResNetEncoder(nn.Module):
    """A Hugging Face ResNet, whose last stage has a feature for each 32 x 32 pixels.

    The statistics of its normalisation layers stay as they were pretrained, in training too: a step sees few
    pictures, and a picture would otherwise depend on those beside it. ``frozen``: its weights stay too.
    """

    def __init__(
        self,
        body: nn.Module,
        *,
        frozen: bool = False,
        size: int = 32 * GRID,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        if size != 32 * GRID:
            raise ConfigError(f"size is {size}; a ResNet gives {GRID} x {GRID} patches of {32 * GRID} pixels")
        self.body = body
        self.width = int(body.config.hidden_sizes[-1])  # type: ignore[union-attr,index]  # a ResNet has it
        self.patches, self.size, self.mean, self.std = GRID * GRID, size, mean, std
        if frozen:
            body.requires_grad_(False)

    @classmethod
    def load(cls, base: Base, *, frozen: bool = False) -> Self:
        """With the pretrained weights and the statistics of its own. Raises ``ModelError`` where one is
        missing."""
        body = build_resnet(base.config())
        load_weights(body, base.tensors(), where=f'the vision encoder "{base.name}"')
        mean, std = statistics(base)
        return cls(body, frozen=frozen, mean=mean, std=std)

    def train(self, mode: bool = True) -> Self:
        """Training or not, but for the normalisation layers."""
        super().train(mode)
        for module in self.body.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, pictures_B3SS: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``(B, P, D)`` and ``(B, D)``."""
        _check(pictures_B3SS, self.size)
        with mixed(pictures_B3SS.device):
            features_BDhw = self.body(pictures_B3SS).last_hidden_state
        return _patches(features_BDhw)


def build_resnet(config: Mapping[str, Any]) -> nn.Module:
    """The architecture of a ``config.json`` with random weights."""
    # Seconds to import, and most models see no pictures.
    from transformers import ResNetConfig, ResNetModel

    settings = {name: value for name, value in config.items() if name != "model_type"}
    body: nn.Module = ResNetModel(ResNetConfig(**settings))
    return body


class SmallResNet(nn.Module):
    """A ResNet of four blocks that learns from nothing, for machines without a hub: with the default widths
    1.2 M parameters and 0.4 GFLOPs a picture of 112 pixels (a ResNet-152 has 58 M and 23).

    ``size`` is 56, 112 or 224 pixels: the first layer brings them to 56 a side, the blocks to 7. It
    normalises over groups of channels and standardises the filters, so that a picture never depends on those
    beside it and yet is learnt from as fast as with the statistics of batches.
    """

    def __init__(
        self,
        *,
        size: int = 112,
        widths: Sequence[int] = (32, 64, 128, 256),
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        if size not in (56, 112, 224):
            raise ConfigError(f"size is {size}; it must be 56, 112 or 224")
        if len(widths) != 4 or any(width < 1 or width % _GROUP for width in widths):
            raise ConfigError(f"widths is {list(widths)}; expected four multiples of {_GROUP}")
        self.width, self.patches = widths[-1], GRID * GRID
        self.size, self.mean, self.std = size, mean, std
        step = size // (8 * GRID)
        self.stem = nn.Sequential(
            _Convolution(3, widths[0], 2 * step + 1, stride=step),
            _norm(widths[0]),
            nn.ReLU(),
        )
        steps = zip((widths[0], *widths), widths, (1, 2, 2, 2), strict=False)
        self.blocks = nn.Sequential(*(_Block(before, after, stride) for before, after, stride in steps))

    def forward(self, pictures_B3SS: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``(B, P, D)`` and ``(B, D)``."""
        _check(pictures_B3SS, self.size)
        with mixed(pictures_B3SS.device):
            features_BDhw = self.blocks(self.stem(pictures_B3SS))
        return _patches(features_BDhw)


class _Block(nn.Module):
    """Two convolutions beside a way around them (He et al. 2016). Both count alike at first: begun at nought,
    the convolutions stayed there until colours were learnt, and shapes were not."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            _Convolution(before, after, 3, stride=stride),
            _norm(after),
            nn.ReLU(),
            _Convolution(after, after, 3),
            _norm(after),
        )
        self.around: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.around = nn.Sequential(_Convolution(before, after, 1, stride=stride), _norm(after))

    def forward(self, features_BDhw: Tensor) -> Tensor:
        return torch.relu(self.inner(features_BDhw) + self.around(features_BDhw))


class _Convolution(nn.Conv2d):
    """Of filters with mean nought and length one, times a gain, whatever their weights (Qiao et al. 2019;
    Brock et al. 2021 have the gain). Of drawn products it told, after eight epochs and with means in the ways
    around, 96 % of the sleeves and 87 % of the shapes, without it 63 % and 49 %."""

    def __init__(self, before: int, after: int, side: int, *, stride: int = 1) -> None:
        super().__init__(before, after, side, stride=stride, padding=side // 2, bias=False)
        self.gain_O1 = nn.Parameter(torch.ones(after, 1))

    def forward(self, features_BDhw: Tensor) -> Tensor:
        filters = self.weight.flatten(1)
        filters = filters - filters.mean(1, keepdim=True)
        filters = filters * (filters.square().sum(1, keepdim=True) + _TINY).rsqrt() * self.gain_O1
        return nn.functional.conv2d(
            features_BDhw, filters.view_as(self.weight), stride=self.stride, padding=self.padding
        )


def _norm(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(width // _GROUP, width)


def _check(pictures_B3SS: Tensor, size: int) -> None:
    if pictures_B3SS.shape[1:] != (3, size, size):
        raise ValueError(f"pictures are {tuple(pictures_B3SS.shape)}, expected (B, 3, {size}, {size})")


def _patches(features_BDhw: Tensor) -> tuple[Tensor, Tensor]:
    patches_BPD = features_BDhw.float().flatten(2).transpose(1, 2)
    return patches_BPD, patches_BPD.mean(1)
