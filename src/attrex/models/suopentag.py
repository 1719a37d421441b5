"""SUOpenTag (Xu et al., 2019): one tagger for all attributes, to which the attribute is a question.

BERT's embeddings of text and attribute go through a BiLSTM each; the attribute's last state attends to the
text's states by cosine; one tag set without attributes in it, and a CRF. See ``nn.cosine``.
"""

from __future__ import annotations

from typing import Any, Literal

from attrex.errors import ConfigError
from attrex.models.late_interaction import LateInteractionNetwork, TowerArguments
from attrex.models.sequence_tagger import Decoding
from attrex.models.text_encoders import Shapes
from attrex.models.trained import TrainedModel
from attrex.nn.cosine import CosineAttention


def build_suopentag(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    shapes: Shapes = "ignored",
    width: int = 256,
    dropout: float = 0.1,
    decoding: Decoding = "crf",
    replacement: float = 0.0,
    scheme: Literal["BIO", "BIOE"] = "BIOE",
    window: int = 224,
) -> TrainedModel[LateInteractionNetwork]:
    """``width`` of both directions of a BiLSTM together. A recipe whose rate for "encoder" is 0 leaves the
    base as it was pretrained, as the paper does. ``replacement`` as in AdaTag."""
    arguments: dict[str, Any] = dict(locals())
    if width < 2 or width % 2:
        raise ConfigError(f"model.arguments.width is {width}; both directions need the same, an even number")
    towers = TowerArguments.among({**arguments, "heads": 1})

    def head(states: int, depth: int) -> CosineAttention:
        return CosineAttention(states, last=depth, width=width, dropout=dropout)

    return towers.model("suopentag", arguments, head)
