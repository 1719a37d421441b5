"""The BiLSTM-CRF family that AdaTag is compared with (its §4.3): builders over shared parts.

| the paper's name | builder | arguments |
|---|---|---|
| BiLSTM, BiLSTM-CRF (N tag sets) | ``tag-sets`` | ``encoder: bilstm``, ``decoder: softmax`` or ``crf`` |
| BERT, BERT-CRF (N tag sets) | ``tag-sets`` | ``encoder: pretrained``, ``decoder: softmax`` or ``crf`` |
| BiLSTM, BiLSTM-CRF (N models) | ``separate`` | ``encoder: bilstm``, ``decoder: softmax`` or ``crf`` |
| BERT, BERT-CRF (N models) | ``separate`` | ``encoder: pretrained``, ``decoder: softmax`` or ``crf`` |
| OpenTag | ``separate`` | ``encoder: bilstm``, ``decoder: crf``, ``attention: self`` |
| BiLSTM-CRF-SharedEmb | ``separate`` | ``encoder: bilstm``, ``decoder: crf``, ``words: shared`` |
| BiLSTM-MultiCRF | ``multi-crf`` | ``encoder: bilstm`` |

All are closed. Those with a pretrained encoder tag word pieces, where the paper averages those of a word:
"Men" can then be found in "Mens".
"""

from __future__ import annotations

from typing import Any, Literal

from attrex.core.tags import SCHEMES
from attrex.models.arguments import one_of
from attrex.models.attribute_parts import AttributeTable, ListedAttributes
from attrex.models.late_tagger import LateNetwork, LateTagger
from attrex.models.separate_tagger import SeparateNetwork, SeparateTagger, Words
from attrex.models.sequence_tagger import Decoding, own_decoders
from attrex.models.tag_sets import TagSetNetwork, TagSetTagger
from attrex.models.text_encoders import AttendedText, Encoder, TextArguments
from attrex.models.trained import TrainedModel
from attrex.nn.decoders import DecoderSource

DECODERS: tuple[Decoding, ...] = ("crf", "softmax")


def build_tag_sets(
    *,
    encoder: Encoder = "bilstm",
    base: str = "minilm",
    frozen_embeddings: bool = True,
    tokens: Literal["words", "characters"] = "words",
    embedding: int = 50,
    width: int = 200,
    dropout: float = 0.1,
    vectors: str | None = None,
    decoder: Decoding = "crf",
    scheme: Literal["BIO", "BIOE"] = "BIOE",
    window: int = 224,
) -> TrainedModel[TagSetNetwork]:
    """One model for all attributes, with a set of tags for each."""
    arguments: dict[str, Any] = dict(locals())
    one_of("decoder", decoder, DECODERS)
    return TrainedModel(
        "tag-sets",
        arguments,
        text=TextArguments.among(arguments).part(),
        attributes=ListedAttributes(),
        mechanism=TagSetTagger(decoder, SCHEMES[one_of("scheme", scheme, SCHEMES)]),
        window=window,
    )


def build_separate(
    *,
    encoder: Encoder = "bilstm",
    base: str = "minilm",
    frozen_embeddings: bool = True,
    tokens: Literal["words", "characters"] = "words",
    embedding: int = 50,
    width: int = 200,
    dropout: float = 0.1,
    vectors: str | None = None,
    attention: Literal["none", "self"] = "none",
    words: Words = "own",
    decoder: Decoding = "crf",
    scheme: Literal["BIO", "BIOE"] = "BIOE",
    window: int = 224,
) -> TrainedModel[SeparateNetwork]:
    """One model an attribute. ``attention``: "self" is OpenTag; ``words``: "shared" is SharedEmb."""
    arguments: dict[str, Any] = dict(locals())
    one_of("decoder", decoder, DECODERS)
    one_of("words", words, ("own", "shared"))
    text = TextArguments.among(arguments).part()
    attended = one_of("attention", attention, ("none", "self")) == "self"
    return TrainedModel(
        "separate",
        arguments,
        text=AttendedText(text) if attended else text,
        attributes=ListedAttributes(),
        mechanism=SeparateTagger(words, decoder, SCHEMES[one_of("scheme", scheme, SCHEMES)]),
        window=window,
    )


def build_multi_crf(
    *,
    encoder: Encoder = "bilstm",
    base: str = "minilm",
    frozen_embeddings: bool = True,
    tokens: Literal["words", "characters"] = "words",
    embedding: int = 50,
    width: int = 200,
    dropout: float = 0.1,
    vectors: str | None = None,
    decoder: Decoding = "crf",
    scheme: Literal["BIO", "BIOE"] = "BIOE",
    window: int = 224,
) -> TrainedModel[LateNetwork]:
    """One encoder for all attributes and a decoder for each: AdaTag without knowing what they mean."""
    arguments: dict[str, Any] = dict(locals())
    one_of("decoder", decoder, DECODERS)
    tags = len(SCHEMES[one_of("scheme", scheme, SCHEMES)].tags)

    def decoders(table: AttributeTable, states: int) -> DecoderSource:
        return own_decoders(decoder, attributes=len(table.names), tags=tags, width=states)

    return TrainedModel(
        "multi-crf",
        arguments,
        text=TextArguments.among(arguments).part(),
        attributes=ListedAttributes(),
        mechanism=LateTagger(decoders, SCHEMES[scheme]),
        window=window,
    )
