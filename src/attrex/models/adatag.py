"""AdaTag: a decoder generated from the attribute's embedding (Yan et al., 2021).

The encoder runs once a product, whatever the number of attributes; a new attribute gets its decoder from its
name, description and example values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import nn

from attrex.core.tags import SCHEMES
from attrex.models.arguments import one_of
from attrex.models.attribute_parts import AttributeTable, EmbeddedAttributes
from attrex.models.late_tagger import LateNetwork, LateTagger
from attrex.models.text_encoders import Encoder, Shapes, TextArguments
from attrex.models.trained import TrainedModel
from attrex.nn.decoders import DecoderSource, HyperLayer, MixtureLayer

Generated = Literal["hypernetwork", "mixture"]
GENERATED: tuple[Generated, ...] = ("hypernetwork", "mixture")


def build_adatag(
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
    linear: Generated = "hypernetwork",
    transitions: Generated = "mixture",
    experts: int = 3,
    attributes: Literal["contextual", "static", "random"] = "contextual",
    attribute_parts: Sequence[Literal["name", "value"]] = ("name", "value"),
    attributes_tuned: bool = False,
    attribute_size: int = 768,
    scheme: Literal["BIO", "BIOE"] = "BIOE",
    window: int = 224,
    replacement: float = 0.0,
) -> TrainedModel[LateNetwork]:
    """AdaTag. ``linear`` and ``transitions``: the four combinations of Table 7; ``attributes``,
    ``attribute_parts`` and ``attributes_tuned``: the rows of Table 6 (``attribute_size``: R of random ones).

    ``encoder``: "bilstm" as the paper (Eq. 1; ``embedding``, ``width``, ``vectors``), or "pretrained".
    ``base`` also embeds the attributes. ``shapes``: "read" tells a pretrained encoder what its uncased
    tokeniser forgets (``text.shapes``); ``layers``: its states are the mean of the last so many layers'.
    ``replacement``: the probability with which a value in a training text gives way to another.
    """
    arguments: dict[str, Any] = {**locals(), "attribute_parts": list(attribute_parts)}
    one_of("linear", linear, GENERATED)
    one_of("transitions", transitions, GENERATED)
    tags = len(SCHEMES[one_of("scheme", scheme, SCHEMES)].tags)

    def decoders(table: AttributeTable, states: int) -> DecoderSource:
        return DecoderSource(
            _generated(linear, table.size, (tags, states + 1), experts, scale=0.02),
            _generated(transitions, table.size, (tags + 1, tags + 1), experts, scale=0.1),
        )

    return TrainedModel(
        "adatag",
        arguments,
        text=TextArguments.among(arguments).part(),
        attributes=EmbeddedAttributes(
            base=base,
            kind=attributes,
            parts=attribute_parts,
            tuned=attributes_tuned,
            size=attribute_size,
        ),
        mechanism=LateTagger(decoders, SCHEMES[scheme]),
        window=window,
        replacement=replacement,
    )


def _generated(how: Generated, size: int, shape: tuple[int, ...], experts: int, *, scale: float) -> nn.Module:
    if how == "hypernetwork":
        return HyperLayer(size, shape, scale=scale)
    return MixtureLayer(size, shape, experts=experts, scale=scale)
