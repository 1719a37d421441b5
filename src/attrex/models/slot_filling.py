"""The slot-filling models that ULS-DRAM is compared with (its Table 4): tags and attribute set learnt
together.

| the paper's name | builder | what makes it the one it is |
|---|---|---|
| RNN-LSTM | ``rnn-lstm`` | one BiLSTM for both; the set from its last states |
| Attn-BiRNN | ``attn-birnn`` | attention over its states, for the tags and for the set |
| Slot-Gated | ``slot-gated`` | a gate by which the set's vector weighs a token's context |
| Joint-BERT | ``joint-bert`` | [CLS] for the set, tokens for the tags of one pretrained encoder |

All are closed. What they call an intent is the attribute set here, several at once. It is learnt and judged
(CLS-F1), and does not decide what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, Protocol, get_args

from torch import nn

from attrex.core.tags import SCHEMES
from attrex.models.arguments import one_of
from attrex.models.attribute_parts import AttributeTable
from attrex.models.known_values import KnownValues
from attrex.models.pictured_text import unified
from attrex.models.sequence_tagger import Decoding
from attrex.models.text_encoders import Encoder, MadeText, Shapes, TextArguments
from attrex.models.trained import TrainedModel
from attrex.models.unified import MakeValues, UnifiedNetwork, UnifiedTagger
from attrex.models.unified_tags import Agreement, AllAttributes
from attrex.nn.slots import AttendedSlots, GatedSlots, LastSlots, PooledSlots
from attrex.nn.text_guided import WordsAlone
from attrex.nn.value_head import ValueHead

Values = Literal["head", "none"]


class SizedSlots(Protocol):
    """``nn.slots``'s classes; ``width``: of their features."""

    width: int


MakeSlots = Callable[[int, int], Any]
"""From the encoder's width and the number of attributes to a module that is ``SizedSlots``."""


def value_head(arguments: Mapping[str, Any], kind: type[nn.Module] = ValueHead) -> MakeValues | None:
    """By a builder's arguments ``values`` and ``dropout``."""
    if one_of("values", arguments["values"], get_args(Values)) == "none":
        return None
    return partial(kind, dropout=arguments["dropout"])


def joint_tagger(
    arguments: Mapping[str, Any], slots: MakeSlots, agreement: Agreement | None = None
) -> UnifiedTagger:
    """One tag sequence for all attributes over slots, by a builder's arguments ``decoder``, ``scheme``,
    ``values`` and ``dropout``. Nothing meets the words before the language encoder."""
    scheme = SCHEMES[one_of("scheme", arguments["scheme"], SCHEMES)]
    one_of("decoder", arguments["decoder"], get_args(Decoding))

    def tags(text: MadeText, table: AttributeTable) -> nn.Module:
        made = slots(text.width, len(table.names))
        return AllAttributes(
            made,
            width=made.width,
            attributes=len(table.names),
            decoding=arguments["decoder"],
            scheme=scheme,
            agreement=agreement,
        )

    return UnifiedTagger(lambda text: unified(text, WordsAlone()), tags, values=value_head(arguments))


def _recurrent(builder: str, arguments: dict[str, Any], slots: MakeSlots) -> TrainedModel[UnifiedNetwork]:
    text = TextArguments.among({**arguments, "encoder": "bilstm", "base": "", "frozen_embeddings": True})
    return TrainedModel(
        builder,
        arguments,
        text=text.part(),
        attributes=KnownValues(),
        mechanism=joint_tagger(arguments, slots),
        window=arguments["window"],
    )


def build_rnn_lstm(
    *,
    tokens: Literal["words", "characters"] = "words",
    embedding: int = 50,
    width: int = 200,
    dropout: float = 0.1,
    vectors: str | None = None,
    values: Values = "none",
    decoder: Decoding = "softmax",
    scheme: Literal["BIO", "BIOE"] = "BIO",
    window: int = 224,
) -> TrainedModel[UnifiedNetwork]:
    """RNN-LSTM (Hakkani-Tür et al. 2016); ``values``: "head" adds a value head, which it does not have."""
    arguments: dict[str, Any] = dict(locals())
    return _recurrent("rnn-lstm", arguments, lambda states, count: LastSlots(states, attributes=count))


def build_attn_birnn(
    *,
    tokens: Literal["words", "characters"] = "words",
    embedding: int = 50,
    width: int = 200,
    dropout: float = 0.1,
    vectors: str | None = None,
    values: Values = "none",
    decoder: Decoding = "softmax",
    scheme: Literal["BIO", "BIOE"] = "BIO",
    window: int = 224,
) -> TrainedModel[UnifiedNetwork]:
    """Attn-BiRNN (Liu and Lane 2016)."""
    arguments: dict[str, Any] = dict(locals())
    return _recurrent("attn-birnn", arguments, lambda states, count: AttendedSlots(states, attributes=count))


def build_slot_gated(
    *,
    tokens: Literal["words", "characters"] = "words",
    embedding: int = 50,
    width: int = 200,
    dropout: float = 0.1,
    vectors: str | None = None,
    values: Values = "none",
    decoder: Decoding = "softmax",
    scheme: Literal["BIO", "BIOE"] = "BIO",
    window: int = 224,
) -> TrainedModel[UnifiedNetwork]:
    """Slot-Gated (Goo et al. 2018), with its attention over slots and over the intent."""
    arguments: dict[str, Any] = dict(locals())
    return _recurrent("slot-gated", arguments, lambda states, count: GatedSlots(states, attributes=count))


def build_joint_bert(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    shapes: Shapes = "ignored",
    layers: int = 1,
    dropout: float = 0.1,
    values: Values = "none",
    decoder: Decoding = "softmax",
    scheme: Literal["BIO", "BIOE"] = "BIO",
    window: int = 224,
) -> TrainedModel[UnifiedNetwork]:
    """Joint-BERT (Chen et al. 2019); ``decoder``: "crf" is its Joint-BERT + CRF."""
    arguments: dict[str, Any] = dict(locals())
    encoder: Encoder = "pretrained"
    unused = {"encoder": encoder, "tokens": "words", "embedding": 0, "width": 0, "vectors": None}

    def slots(states: int, attributes: int) -> PooledSlots:
        return PooledSlots(states, attributes=attributes, dropout=dropout)

    return TrainedModel(
        "joint-bert",
        arguments,
        text=TextArguments.among({**arguments, **unused}).part(),
        attributes=KnownValues(),
        mechanism=joint_tagger(arguments, slots),
        window=window,
    )
