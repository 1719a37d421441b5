"""ULS-DRAM (Liu et al. 2023): text and picture encoded together, trained together, few attributes decoded.

| the paper's name | builder | arguments |
|---|---|---|
| ULS-L | ``uls-l`` | |
| ULS-VL, "Vanilla" | ``uls-vl`` | ``joined: concatenation``, ``range: none`` |
| ULS-VL, Self-Attn | ``uls-vl`` | ``joined: self-attention``, ``range: none`` |
| + TIR | ``uls-vl`` | ``joined: tir``, ``range: none`` |
| + PAR | ``uls-vl`` | ``joined: concatenation``, ``range: prototypes`` |
| DyNet-AR, BERT-AR | ``uls-vl`` | ``joined: tir``, ``range: dynamic``, ``range: words`` |
| ULS-DRAM | ``uls-vl`` | ``joined: tir``, ``range: prototypes`` |

All are closed. Beside the tags there is a value head (``values: head``), which the paper does not have: it
answers what stands nowhere in the text. With pictures a second one beside it sees no text, and in TIR the
words of known values learn where in pictures to look (``nn.value_head``); a small vision encoder may learn
from pictures alone first (``vision_epochs``). Learning rates by group: ``encoder``, ``vision`` and the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

from torch import nn

from attrex.core.tags import SCHEMES
from attrex.errors import ConfigError
from attrex.models.arguments import one_of
from attrex.models.attribute_parts import AttributeTable
from attrex.models.attribute_words import attribute_words
from attrex.models.known_values import KnownValues
from attrex.models.pictured_text import PicturedText, unified, word_width
from attrex.models.sequence_tagger import Decoding
from attrex.models.slot_filling import Values, value_head
from attrex.models.text_encoders import Encoder, MadeText, Shapes, TextArguments
from attrex.models.trained import TrainedModel
from attrex.models.unified import UnifiedNetwork, UnifiedTagger
from attrex.models.unified_tags import AllAttributes, ChosenAttributes
from attrex.models.vision_encoders import VisionArguments
from attrex.nn.attribute_range import DynamicPolicy, PrototypePolicy, WordPolicy
from attrex.nn.slots import RecurrentSlots
from attrex.nn.text_guided import Attending, Concatenated, SelfAttended, TextGuided, WordsAlone
from attrex.nn.value_head import SecondLook, ValueHead

Joined = Literal["tir", "self-attention", "concatenation"]
Range = Literal["none", "prototypes", "dynamic", "words"]
WIDTH = 200
"""Of the feature decoder's BiLSTM, both directions together (AdaTag's)."""


def build_uls_l(
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
    at_least: int = 1,
    range: Range = "none",
    threshold: float = 0.5,
    others: int = 2,
    values: Values = "head",
    decoder: Decoding = "crf",
    decoder_width: int = WIDTH,
    scheme: Literal["BIO", "BIOE"] = "BIO",
    window: int = 224,
    replacement: float = 0.0,
) -> TrainedModel[UnifiedNetwork]:
    """Text alone; ``range`` and what follows as in ``build_uls_vl``."""
    arguments: dict[str, Any] = dict(locals())
    return TrainedModel(
        "uls-l",
        arguments,
        text=TextArguments.among(arguments).part(),
        attributes=KnownValues(),
        mechanism=_mechanism(arguments, lambda text: WordsAlone(), ValueHead),
        window=window,
        replacement=replacement,
    )


def build_uls_vl(
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
    at_least: int = 1,
    vision: Literal["pretrained", "small"] = "small",
    vision_base: str = "microsoft/resnet-152",
    vision_frozen: bool = False,
    vision_size: int = 112,
    vision_widths: Sequence[int] = (32, 64, 128, 256),
    vision_epochs: int = 0,
    joined: Joined = "tir",
    attention: Attending = "softmax",
    inner: int | None = None,
    range: Range = "prototypes",
    threshold: float = 0.5,
    others: int = 2,
    values: Values = "head",
    decoder: Decoding = "crf",
    decoder_width: int = WIDTH,
    scheme: Literal["BIO", "BIOE"] = "BIO",
    window: int = 224,
) -> TrainedModel[UnifiedNetwork]:
    """ULS-DRAM, or with other arguments what it is compared with (see the module's text).

    ``at_least``: words of "bilstm" that stand fewer times in the training data share one embedding.

    ``vision_epochs``: of a "small" vision encoder with the pictures alone, before all is learnt together.

    ``joined``: how patches meet words before the language encoder; ``attention``: with a softmax or as Eq. 2
    to 4 are printed; ``inner``: D' of Eq. 1, the words' width where it is left out.

    ``range``: "none" decodes one tag sequence for all attributes; else only attributes whose probability is
    above ``threshold`` are decoded (0.5 for MEPAVE, 0.4 for MAE), guided by prototypes, by each attribute's
    own parameters, or by its words; ``others``: attributes that a product does not have, decoded in training.
    ``decoder`` is of "none" alone. ``values``: "none" leaves the value head away. There is no
    ``replacement``: the picture would go on showing the value that the text had.
    """
    arguments: dict[str, Any] = {**locals(), "vision_widths": list(vision_widths)}
    one_of("joined", joined, get_args(Joined))
    one_of("attention", attention, get_args(Attending))
    if isinstance(vision_epochs, bool) or not isinstance(vision_epochs, int) or vision_epochs < 0:
        raise ConfigError(
            f"model.arguments.vision_epochs: expected a whole number from 0, got {vision_epochs!r}"
        )
    if encoder == "bilstm" and embedding != width:
        raise ConfigError(
            f"model.arguments.embedding is {embedding} and width is {width}; "
            "where patches join the words, both must be the same"
        )

    def joiner(text: MadeText) -> nn.Module:
        if joined == "concatenation":
            return Concatenated()
        own = word_width(text)
        kind = TextGuided if joined == "tir" else SelfAttended
        return kind(own, inner=own if inner is None else inner, attending=attention)

    part = VisionArguments.among(arguments).part()
    return TrainedModel(
        "uls-vl",
        arguments,
        text=PicturedText(TextArguments.among(arguments).part(), part, seeing=vision_epochs),
        attributes=KnownValues(),
        mechanism=_mechanism(arguments, joiner, SecondLook),
        window=window,
        pictures=part.size,
    )


def _mechanism(
    arguments: dict[str, Any], joiner: Callable[[MadeText], nn.Module], head: type[nn.Module]
) -> UnifiedTagger:
    """What both have in common, by the builders' arguments; ``head``: their value head."""
    range, others = arguments["range"], arguments["others"]
    scheme = SCHEMES[one_of("scheme", arguments["scheme"], SCHEMES)]
    one_of("range", range, get_args(Range))
    one_of("decoder", arguments["decoder"], get_args(Decoding))
    if isinstance(others, bool) or not isinstance(others, int) or others < 0:
        raise ConfigError(f"model.arguments.others: expected a whole number from 0, got {others!r}")
    if range == "words" and arguments["encoder"] != "pretrained":
        raise ConfigError("model.arguments.range is words; a pretrained encoder must read them")
    width, dropout = arguments["decoder_width"], arguments["dropout"]

    def tags(text: MadeText, table: AttributeTable) -> nn.Module:
        attributes = len(table.names)
        if range == "none":
            slots = RecurrentSlots(text.width, width=width, dropout=dropout)
            return AllAttributes(
                slots, width=width, attributes=attributes, decoding=arguments["decoder"], scheme=scheme
            )
        sizes = {"decoded": width, "tags": len(scheme.tags)}
        policy: PrototypePolicy | DynamicPolicy | WordPolicy
        if range == "words":
            policy = WordPolicy(attribute_words(text, table.names), **sizes)
        elif range == "dynamic":
            policy = DynamicPolicy(attributes, states=text.width, **sizes)
        else:
            policy = PrototypePolicy(attributes, states=text.width, **sizes)
        return ChosenAttributes(
            policy,
            attributes=attributes,
            states=text.width,
            width=width,
            dropout=dropout,
            scheme=scheme,
            threshold=arguments["threshold"],
        )

    return UnifiedTagger(
        lambda text: unified(text, joiner(text)),
        tags,
        values=value_head(arguments, head),
        others=None if range == "none" else others,
    )
