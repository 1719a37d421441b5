"""JAVE and M-JAVE (Zhu et al. 2020): attributes and values predicted jointly, from text, and from text and
picture.

| the paper's name | builder | arguments |
|---|---|---|
| JAVE-LSTM, JAVE-BERT | ``jave`` | ``encoder: bilstm`` or ``pretrained`` |
| M-JAVE-LSTM, M-JAVE-BERT | ``m-jave`` | the same |

As published the encoders are fixed, here by a learning rate of 0 (``rates: {encoder: 0, vision: 0}``), and
``vision_frozen``; ULS-DRAM's Table 1 has M-JAVE fine-tuned as well. Both are closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from attrex.models.known_values import KnownValues
from attrex.models.pictured_text import PicturedText
from attrex.models.sequence_tagger import Decoding
from attrex.models.slot_filling import Values, joint_tagger
from attrex.models.text_encoders import Encoder, Shapes, TextArguments
from attrex.models.trained import TrainedModel
from attrex.models.unified import UnifiedNetwork
from attrex.models.vision_encoders import VisionArguments
from attrex.nn.jave import AttributeConditioned, VisualGates, consistency


def build_jave(
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
    layers: int = 1,
    values: Values = "none",
    decoder: Decoding = "softmax",
    scheme: Literal["BIO", "BIOE"] = "BIO",
    window: int = 224,
) -> TrainedModel[UnifiedNetwork]:
    """JAVE; ``values``: "head" adds a value head, which it does not have."""
    arguments: dict[str, Any] = dict(locals())

    def slots(states: int, attributes: int) -> AttributeConditioned:
        return AttributeConditioned(states, attributes=attributes, pictures=None)

    return TrainedModel(
        "jave",
        arguments,
        text=TextArguments.among(arguments).part(),
        attributes=KnownValues(),
        mechanism=joint_tagger(arguments, slots, consistency),
        window=window,
    )


def build_m_jave(
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
    layers: int = 1,
    vision: Literal["pretrained", "small"] = "small",
    vision_base: str = "microsoft/resnet-152",
    vision_frozen: bool = False,
    vision_size: int = 112,
    vision_widths: Sequence[int] = (32, 64, 128, 256),
    values: Values = "none",
    decoder: Decoding = "softmax",
    scheme: Literal["BIO", "BIOE"] = "BIO",
    window: int = 224,
) -> TrainedModel[UnifiedNetwork]:
    """M-JAVE; the vision encoder as in ``uls-vl``."""
    arguments: dict[str, Any] = {**locals(), "vision_widths": list(vision_widths)}

    def slots(states: int, attributes: int) -> AttributeConditioned:
        gates = VisualGates(states, attributes=attributes)
        return AttributeConditioned(states, attributes=attributes, pictures=gates)

    part = VisionArguments.among(arguments).part()
    return TrainedModel(
        "m-jave",
        arguments,
        text=PicturedText(TextArguments.among(arguments).part(), part),
        attributes=KnownValues(),
        mechanism=joint_tagger(arguments, slots, consistency),
        window=window,
        pictures=part.size,
    )
