"""CMA-CLIP (Fu et al., 2022): words and patches meet in one Transformer, then each attribute weighs the
modalities, and has a classifier of its own.

As published both encoders are CLIP's; here the pictures' may be, and the text's is any of the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

from torch import Tensor, nn

from attrex.models.arguments import one_of
from attrex.models.known_values import KnownValues
from attrex.models.pictured_text import PicturedText, unified
from attrex.models.text_encoders import Encoder, Shapes, TextArguments
from attrex.models.trained import TrainedModel
from attrex.models.unified import UnifiedNetwork, UnifiedTagger
from attrex.models.unified_tags import NoTags
from attrex.models.vision_encoders import VISION, MadeVision, VisionArguments, VisionPart
from attrex.nn.granular import ClipTokens, build_clip, find_clip, load_clip
from attrex.nn.modality_attention import ModalityAttention
from attrex.nn.pretrained import lasting_name, same_base
from attrex.nn.text_guided import WordsAlone


class ClipPatches(nn.Module):
    """A frozen CLIP's patches and [cls] after its last layer."""

    def __init__(self, clip: ClipTokens) -> None:
        super().__init__()
        self.clip = clip

    def forward(self, pictures_B3SS: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, P, D)`` and ``(B, D)``."""
        last_BPD = self.clip.layers(pictures_B3SS)[-1].float()
        return last_BPD[:, 1:], last_BPD[:, 0]


class ClipVision:
    """CLIP by folder or by its name on the hub, frozen; implements ``VisionPart``."""

    def __init__(self, base: str, *, size: int) -> None:
        self._base, self.size = base, size

    def make(self) -> MadeVision:
        base = find_clip(self._base)
        about = {"base": lasting_name(base), "sha256": base.sha256(), "config": base.config()}
        return self._made(load_clip(base), {VISION: json.dumps(about)})

    def remake(self, files: Mapping[str, str]) -> MadeVision:
        about = json.loads(files[VISION])
        base = find_clip(about["base"])
        same_base(base, about, "vision encoder")
        body = build_clip(about["config"])
        body.load_state_dict(load_clip(base).state_dict())
        return self._made(body, dict(files))

    def _made(self, body: nn.Module, files: dict[str, str]) -> MadeVision:
        clip = ClipTokens(body, every=1).sized(self.size)
        patches = int(body.embeddings.num_patches)  # type: ignore[union-attr,arg-type]  # CLIP's body has it
        return MadeVision(
            ClipPatches(clip), clip.width, patches, clip.size, clip.mean, clip.std, files, portable=True
        )


def build_cma_clip(
    *,
    encoder: Encoder = "pretrained",
    base: str = "minilm",
    frozen_embeddings: bool = True,
    tokens: Literal["words", "characters"] = "words",
    embedding: int = 50,
    width: int = 200,
    dropout: float = 0.1,
    vectors: str | None = None,
    shapes: Shapes = "ignored",
    heads: int = 4,
    layers: int = 2,
    vision: Literal["clip", "pretrained", "small"] = "small",
    vision_base: str = "openai/clip-vit-base-patch16",
    vision_frozen: bool = False,
    vision_size: int = 112,
    vision_widths: Sequence[int] = (32, 64, 128, 256),
    window: int = 224,
) -> TrainedModel[UnifiedNetwork]:
    """``heads`` and ``layers``: of the Transformer in which words and patches meet. ``vision`` "clip" is
    frozen, the others are as ULS-DRAM's."""
    arguments: dict[str, Any] = {**locals(), "vision_widths": list(vision_widths)}
    one_of("vision", vision, ("clip", "pretrained", "small"))
    part: VisionPart = (
        ClipVision(vision_base, size=vision_size)
        if vision == "clip"
        else VisionArguments.among(arguments).part()
    )
    text = TextArguments.among({n: v for n, v in arguments.items() if n != "layers"})
    return TrainedModel(
        "cma-clip",
        arguments,
        text=PicturedText(text.part(), part),
        attributes=KnownValues(),
        mechanism=UnifiedTagger(
            lambda text: unified(text, WordsAlone()),
            lambda text, table: NoTags(),
            values=partial(ModalityAttention, heads=heads, layers=layers, dropout=dropout),
        ),
        window=window,
        pictures=part.size,
    )
