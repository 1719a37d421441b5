"""Pictures as a few tokens of several granularities (EIVEN 2.1): edges, textures, parts, objects.

Legend: B pictures, S pixels a side, K tokens a picture, P patches, D features, X width of what reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from attrex.errors import ConfigError, ModelError
from attrex.nn.pixels import Normalised
from attrex.nn.precision import mixed
from attrex.nn.pretrained import CONFIG, WEIGHTS, Base, find_base, load_weights
from attrex.nn.vision import SmallResNet

Activation = Literal["silu", "swiglu"]
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class GranularEncoder(Protocol):
    """``tokens`` is K, ``width`` D. It wants pictures of ``size`` pixels a side, whose channels are
    normalised by ``mean`` and ``std``."""

    width: int
    tokens: int
    size: int
    mean: Sequence[float]
    std: Sequence[float]

    def __call__(self, pictures_B3SS: Tensor) -> Tensor:
        """``(B, K, D)`` in float32, from the finest to the coarsest."""
        ...


class ClipTokens(nn.Module):
    """The [cls] states after every ``every``-th layer of a frozen CLIP vision Transformer: after 3, 6, 9 and
    12 of ViT-B/16's. With ``every`` its depth, the last alone. Raises ``ConfigError`` where the depth is no
    multiple."""

    def __init__(self, body: nn.Module, *, every: int) -> None:
        super().__init__()
        self.body: Any = body.requires_grad_(False)
        config: Any = self.body.config
        depth = int(config.num_hidden_layers)
        if every < 1 or depth % every:
            raise ConfigError(
                f"model.arguments.every is {every}; it must divide the encoder's {depth} layers"
            )
        self.every, self.tokens, self.width = every, depth // every, int(config.hidden_size)
        self.size, self.mean, self.std = int(config.image_size), CLIP_MEAN, CLIP_STD

    def sized(self, size: int) -> ClipTokens:
        """Itself. Raises ``ConfigError`` where it wants pictures of another size."""
        if self.size != size:
            raise ConfigError(
                f"model.arguments.picture_size is {size}, and the vision encoder wants {self.size} pixels"
            )
        return self

    def train(self, mode: bool = True) -> ClipTokens:
        """It is frozen, and so is its dropout."""
        return super().train(False)

    def layers(self, pictures_B3SS: Tensor) -> list[Tensor]:
        """All states ``(B, 1 + P, D)`` behind each layer, [cls] first."""
        states: list[Tensor] = []
        with mixed(pictures_B3SS.device):
            read_BPD = self.body.pre_layrnorm(self.body.embeddings(pictures_B3SS))
            for layer in self.body.encoder.layers:
                read_BPD = layer(read_BPD, None)
                states.append(read_BPD)
        return states

    def forward(self, pictures_B3SS: Tensor) -> Tensor:
        """``(B, K, D)``."""
        with torch.no_grad():
            chosen = self.layers(pictures_B3SS)[self.every - 1 :: self.every]
        return torch.stack([states_BPD[:, 0].float() for states_BPD in chosen], 1)


def find_clip(name: str) -> Base:
    """A pretrained CLIP, by folder or by its name on the hub. Raises ``BackboneMissing`` where it is not
    there, ``ModelError`` where it is not whole or no CLIP."""
    base = find_base(name, needs=(WEIGHTS, CONFIG), what="vision encoder")
    kind = base.config().get("model_type")
    if kind not in ("clip", "clip_vision_model"):
        raise ModelError(f'the vision encoder "{name}" is of the architecture "{kind}". Fix: give a CLIP')
    return base


def build_clip(config: Mapping[str, Any]) -> nn.Module:
    """The picture's half of CLIP with random weights, from the ``config.json`` of either half or both."""
    # Seconds to import, and most models see no pictures.
    from transformers import CLIPVisionConfig, CLIPVisionModel

    settings = {n: v for n, v in config.get("vision_config", config).items() if n != "model_type"}
    body: nn.Module = CLIPVisionModel(CLIPVisionConfig(**settings))
    return body


def load_clip(base: Base) -> nn.Module:
    """With the pretrained weights. Raises ``ModelError`` where one is missing."""
    body = build_clip(base.config())
    own = {n.removeprefix("vision_model."): t for n, t in base.tensors().items()}
    load_weights(body, own, where=f'the vision encoder "{base.name}"')
    return body


class ResNetTokens(nn.Module):
    """For machines without a hub: mean and maximum of what each block of ``nn.vision.SmallResNet`` makes,
    brought to one width; it all learns from nothing. ``last``: only the last block's."""

    def __init__(self, encoder: SmallResNet, *, last: bool = False) -> None:
        super().__init__()
        self.encoder = encoder
        blocks: list[Any] = list(encoder.blocks)
        widths = [int(block.inner[0].out_channels) for block in blocks]
        self.widths, self.width = widths, widths[-1]
        self.first = len(widths) - 1 if last else 0
        self.tokens = len(widths) - self.first
        self.size, self.mean, self.std = encoder.size, encoder.mean, encoder.std
        # Of a mean the most is the same in all pictures; a maximum tells what is anywhere at all.
        self.level = nn.ModuleList(
            [nn.Sequential(nn.LayerNorm(2 * w), nn.Linear(2 * w, self.width)) for w in widths[self.first :]]
        )

    def coarsest(self) -> ResNetTokens:
        """Itself, with the last block's token alone."""
        self.level, self.first, self.tokens = self.level[-1:], len(self.widths) - 1, 1
        return self

    def forward(self, pictures_B3SS: Tensor) -> Tensor:
        """``(B, K, D)``."""
        seen: list[Tensor] = []
        with mixed(pictures_B3SS.device):
            features_BDhw = self.encoder.stem(pictures_B3SS)
            for block in self.encoder.blocks:
                features_BDhw = block(features_BDhw)
                whole_BDhw = features_BDhw.float()
                seen.append(torch.cat([whole_BDhw.mean((2, 3)), whole_BDhw.amax((2, 3))], 1))
        levels = zip(self.level, seen[self.first :], strict=True)
        return torch.stack([own(level_BX) for own, level_BX in levels], 1)


class Projector(nn.Module):
    """A picture's tokens to the width of words: I' = sigma(I W_d + b_d) W_u + b_u (EIVEN 2.1).

    The paper calls sigma SwiGLU and writes one W_d. "silu" is the formula as it is written, x sigmoid(x), and
    what LaVIN's code has; "swiglu" is Shazeer's, whose gate has a second matrix.
    """

    def __init__(
        self, features: int, width: int, *, size: int = 128, activation: Activation = "silu"
    ) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(features, size), nn.Linear(size, width)
        self.gate = nn.Linear(features, size) if activation == "swiglu" else None

    def forward(self, tokens_BKD: Tensor) -> Tensor:
        """``(B, K, X)``."""
        down_BKH = self.down(tokens_BKD)
        opened_BKH = down_BKH if self.gate is None else self.gate(tokens_BKD)
        passed_BKH = nn.functional.silu(opened_BKH)
        made_BKX: Tensor = self.up(passed_BKH if self.gate is None else passed_BKH * down_BKH)
        return made_BKX


class PictureTokens(nn.Module):
    """Pixels to a picture's tokens, as the reader of words takes them."""

    def __init__(self, encoder: nn.Module, projector: Projector) -> None:
        super().__init__()
        self.encoder, self.projector = encoder, projector
        seen: Any = encoder
        self.tokens = int(seen.tokens)
        self.normalised = Normalised(seen.mean, seen.std)

    def forward(self, pixels_BSS3: Tensor) -> Tensor:
        """``(B, K, X)`` of pictures as ``uint8``."""
        made_BKX: Tensor = self.projector(self.encoder(self.normalised(pixels_BSS3)))
        return made_BKX
