"""The MAE baseline (Logan et al. 2017): attribute, text and picture meet late, and known values are scored.

It tags nothing: its value is where the text has it, else it is inferred. Closed, in attributes and in values.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

from attrex.models.known_values import KnownValues
from attrex.models.pictured_text import PicturedText, unified
from attrex.models.text_encoders import Encoder, Shapes, TextArguments
from attrex.models.trained import TrainedModel
from attrex.models.unified import UnifiedNetwork, UnifiedTagger
from attrex.models.unified_tags import NoTags
from attrex.models.vision_encoders import VisionArguments
from attrex.nn.text_guided import WordsAlone
from attrex.nn.value_head import LateFusion


def build_mae(
    *,
    encoder: Encoder = "bilstm",
    base: str = "minilm",
    frozen_embeddings: bool = True,
    tokens: Literal["words", "characters"] = "words",
    embedding: int = 50,
    width: int = 200,
    dropout: float = 0.1,
    vectors: str | None = None,
    shapes: Shapes = "ignored",
    layers: int = 1,
    vision: Literal["pretrained", "small"] = "small",
    vision_base: str = "microsoft/resnet-152",
    vision_frozen: bool = False,
    vision_size: int = 112,
    vision_widths: Sequence[int] = (32, 64, 128, 256),
    window: int = 224,
) -> TrainedModel[UnifiedNetwork]:
    """The text's vector is the mean of its words' states. As published the vision encoder is pretrained and
    fixed: ``vision: pretrained``, ``vision_frozen: true``."""
    arguments: dict[str, Any] = {**locals(), "vision_widths": list(vision_widths)}
    part = VisionArguments.among(arguments).part()
    return TrainedModel(
        "mae",
        arguments,
        text=PicturedText(TextArguments.among(arguments).part(), part),
        attributes=KnownValues(),
        mechanism=UnifiedTagger(
            lambda text: unified(text, WordsAlone()),
            lambda text, table: NoTags(),
            values=partial(LateFusion, dropout=dropout),
        ),
        window=window,
        pictures=part.size,
    )
