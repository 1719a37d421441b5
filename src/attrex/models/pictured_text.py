"""Text and pictures of products as one input: the encoder of both, and their tensors.

Legend: B products, C pictures, G pixels a side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from attrex.core import Product
from attrex.models.inputs import Inputs
from attrex.models.learning_to_see import first_seen, learn_to_see
from attrex.models.text_encoders import MadeText, TextPart
from attrex.models.vision_encoders import MadeVision, VisionPart
from attrex.nn.encoders import PretrainedEncoder, RecurrentEncoder, ShapedEncoder
from attrex.nn.unified import NoPictures, PictureReader, Seen, UnifiedEncoder
from attrex.nn.vision import SmallResNet
from attrex.supervision.pool import Pool


class WithVision(nn.Module):
    """A text encoder and a vision encoder; ``made`` says what the latter wants."""

    def __init__(self, words: nn.Module, made: MadeVision) -> None:
        super().__init__()
        self.words, self.vision, self.made = words, made.encoder, made


class PicturedText:
    """A text part with a vision part beside it. ``seeing``: epochs in which a vision encoder that learns from
    nothing learns from the pictures alone (``models.learning_to_see``)."""

    def __init__(self, text: TextPart, vision: VisionPart, *, seeing: int = 0) -> None:
        self.text, self.vision, self.seeing = text, vision, seeing

    def make(self, pool: Pool) -> MadeText:
        return _both(self.text.make(pool), self.vision.make())

    def warm_up(self, made: MadeText, pool: Pool, say: Callable[[str], None]) -> bool:
        """See ``WarmingText``."""
        assert isinstance(made.encoder, WithVision)
        vision = made.encoder.vision
        return isinstance(vision, SmallResNet) and learn_to_see(vision, pool, self.seeing, say)

    def remake(self, files: Mapping[str, str]) -> MadeText:
        return _both(self.text.remake(files), self.vision.remake(files))


def _both(text: MadeText, vision: MadeVision) -> MadeText:
    # A folder must hold what is frozen, unless all of it can be had again.
    seen = [vision.encoder, *([] if vision.detector is None else [vision.detector])]
    frozen = any(not p.requires_grad for module in seen for p in module.parameters())
    return replace(
        text,
        encoder=WithVision(text.encoder, vision),
        files={**text.files, **vision.files},
        portable=text.portable and (vision.portable or not frozen),
    )


def word_width(text: MadeText) -> int:
    """Of the vectors that go into the language encoder."""
    words = text.encoder.words if isinstance(text.encoder, WithVision) else text.encoder
    return words.table.embedding_dim if isinstance(words, RecurrentEncoder) else text.width


def unified(text: MadeText, joiner: nn.Module) -> UnifiedEncoder:
    """The encoder of text and pictures, or of text alone where there is no vision part."""
    pooling: Literal["first", "mean"] = "first" if text.tokeniser.opening else "mean"
    if not isinstance(text.encoder, WithVision):
        return UnifiedEncoder(_words(text.encoder), NoPictures(text.width), joiner, pooling=pooling)
    made = text.encoder.made
    pictures = PictureReader(
        text.encoder.vision,
        features=made.width,
        patches=made.patches,
        width=text.width,
        mean=made.mean,
        std=made.std,
    )
    return UnifiedEncoder(_words(text.encoder.words), pictures, joiner, pooling=pooling)


def _words(encoder: nn.Module) -> nn.Module:
    assert isinstance(encoder, PretrainedEncoder | ShapedEncoder | RecurrentEncoder)
    return encoder


def picture_tensors(products: Sequence[Product]) -> dict[str, Tensor]:
    """Of each product the first picture that was read: ``pixels_CGG3`` of all, each once, and ``picture_B``,
    the place of each product's among them, -1 for none."""
    places: dict[int, int] = {}
    pixels: list[Any] = []
    picture_B = []
    for product in products:
        seen = first_seen(product)
        if seen is None:
            picture_B.append(-1)
            continue
        if id(seen) not in places:
            places[id(seen)] = len(pixels)
            pixels.append(seen)
        picture_B.append(places[id(seen)])
    stacked = np.stack(pixels) if pixels else np.zeros((0, 1, 1, 3), dtype=np.uint8)
    return {"pixels_CGG3": torch.from_numpy(stacked), "picture_B": torch.tensor(picture_B)}


def see(encoder: UnifiedEncoder, inputs: Inputs, batch: Mapping[str, Tensor]) -> Seen:
    """What the encoder makes of inputs and of what ``picture_tensors`` gave."""
    seen: Seen = encoder(
        inputs.ids_NS,
        inputs.mask_NS,
        (inputs.position_NT, inputs.chain_NT),
        (batch["pixels_CGG3"], batch["picture_B"]),
    )
    return seen
