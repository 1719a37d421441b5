"""MixEncoder (Yang et al., 2023): the text is encoded once, and a few vectors of the attribute attend to its
hidden states.

All that depends on both sides is computed for the attribute's vectors, not for the text's tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from attrex.errors import ConfigError
from attrex.models.late_interaction import LateInteractionNetwork, TowerArguments
from attrex.models.sequence_tagger import Decoding
from attrex.models.text_encoders import Shapes
from attrex.models.trained import TrainedModel
from attrex.nn.late_interaction import LightAttention


def build_mixencoder(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    shapes: Shapes = "ignored",
    layers: Sequence[int] | None = None,
    vectors: int = 4,
    width: int = 256,
    heads: int = 4,
    dropout: float = 0.1,
    decoding: Decoding = "crf",
    scheme: Literal["BIO", "BIOE"] = "BIOE",
    replacement: float = 0.0,
    window: int = 224,
) -> TrainedModel[LateInteractionNetwork]:
    """``layers``: of the encoder, counted from 1, whose output an attribute's ``vectors`` attend to, in
    this order; None: every other one up to the last. ``width``, ``heads`` and ``dropout``: of the light
    layers. ``replacement`` as in AdaTag."""
    arguments: dict[str, Any] = {**locals(), "layers": None if layers is None else list(layers)}
    if vectors < 1:
        raise ConfigError(f"model.arguments.vectors is {vectors}; there must be at least 1")
    if layers is not None and not layers:
        raise ConfigError("model.arguments.layers is empty; there must be at least 1")
    towers = TowerArguments.among(arguments)

    def head(states: int, depth: int) -> LightAttention:
        return LightAttention(
            states,
            last=depth,
            layers=chosen_layers(layers, depth),
            vectors=vectors,
            width=width,
            heads=heads,
            dropout=dropout,
        )

    return towers.model("mixencoder", arguments, head)


def chosen_layers(layers: Sequence[int] | None, depth: int) -> list[int]:
    """Of an encoder's ``depth``, counted from 1; see ``build_mixencoder``. Raises ``ConfigError`` where one
    is none of the encoder's."""
    if layers is None:
        return list(range(depth, 0, -2))[::-1]
    for layer in layers:
        if not 1 <= layer <= depth:
            raise ConfigError(
                f"model.arguments.layers names layer {layer}; the encoder's layers are 1 to {depth}"
            )
    return list(layers)
