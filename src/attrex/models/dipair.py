"""DiPair (Chen et al., 2020): a small Transformer over the first output tokens of two towers.

The attribute gives its first few tokens; the text, which is to be tagged, gives all.
"""

from __future__ import annotations

from typing import Literal

from attrex.errors import ConfigError
from attrex.models.late_interaction import LateInteractionNetwork, TowerArguments
from attrex.models.sequence_tagger import Decoding
from attrex.models.text_encoders import Shapes
from attrex.models.trained import TrainedModel
from attrex.nn.late_interaction import TransformerHead


def build_dipair(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    shapes: Shapes = "ignored",
    first: int = 8,
    layers: int = 2,
    width: int = 256,
    heads: int = 4,
    dropout: float = 0.1,
    decoding: Decoding = "crf",
    scheme: Literal["BIO", "BIOE"] = "BIOE",
    replacement: float = 0.0,
    window: int = 224,
) -> TrainedModel[LateInteractionNetwork]:
    """``first``: tokens of the attribute that go into the head, the opening one included; ``layers``,
    ``width``, ``heads`` and ``dropout``: the head's. ``replacement`` as in AdaTag."""
    arguments = dict(locals())
    for name, value in (("first", first), ("layers", layers)):
        if value < 1:
            raise ConfigError(f"model.arguments.{name} is {value}; there must be at least 1")
    towers = TowerArguments.among(arguments)

    def head(states: int, depth: int) -> TransformerHead:
        return TransformerHead(
            states, last=depth, first=first, width=width, layers=layers, heads=heads, dropout=dropout
        )

    return towers.model("dipair", arguments, head)
