"""A plain cross-encoder: attribute and text in one sequence, softmax tags.

``[CLS] attribute [SEP] category [SEP] text [SEP]``: every word is read in sight of the attribute, so that
nothing but tokens can be prepared, and each ask costs a whole encoding.

Legend: N asks, T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from attrex.core import Answer
from attrex.core.tags import SCHEMES, TagScheme
from attrex.models.arguments import one_of
from attrex.models.attribute_parts import ListedAttributes
from attrex.models.inputs import Inputs, check_room, lay_out, positions
from attrex.models.pair_reader import PairReader
from attrex.models.questions import LONGEST
from attrex.models.sequence_tagger import SequenceTagger, own_decoders
from attrex.models.tagging import TaggedWindow, answers, gold_tags
from attrex.models.text_encoders import MadeText, PretrainedText
from attrex.models.trained import Learnt, TrainedModel
from attrex.nn import crf, flops
from attrex.nn.encoders import PretrainedEncoder
from attrex.text.reading import Reading
from attrex.text.tokeniser import Tokeniser


class CrossNetwork(nn.Module):
    """``forward`` takes what ``PairReader.collate`` gives."""

    def __init__(self, tagger: SequenceTagger) -> None:
        super().__init__()
        self.tagger = tagger

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: the weighted negative log likelihood, averaged over asks."""
        likelihood_N = crf.log_likelihood(self.tagger(Inputs.of(batch)), batch["tags_NT"])
        return {"loss": -(likelihood_N * batch["weight_N"]).mean()}


class TagTask:
    """What a cross-encoder makes of attribute and text: a tag for each of the text's tokens."""

    def __init__(self, scheme: TagScheme, *, window: int) -> None:
        self._scheme, self._window = scheme, window

    def assemble(self, text: MadeText) -> CrossNetwork:
        assert isinstance(text.encoder, PretrainedEncoder)
        check_room(text.encoder.body, self._window, LONGEST + 1, text.tokeniser)
        decoder = own_decoders("softmax", attributes=1, tags=len(self._scheme.tags), width=text.width)
        return CrossNetwork(SequenceTagger(text.encoder, decoder))

    def lay_out(
        self, readings: Sequence[Reading], asked: Sequence[Sequence[int]], tokeniser: Tokeniser
    ) -> dict[str, Tensor]:
        return lay_out(readings, tokeniser, asked).tensors()

    def gold(self, examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        return gold_tags(examples, self._scheme)

    def decide(
        self,
        learnt: Learnt[CrossNetwork],
        batch: dict[str, Tensor],
        readings: Sequence[Reading],
        attributes: Sequence[str],
    ) -> list[Answer]:
        chain = learnt.network.tagger(Inputs.of(batch))
        return answers(chain, readings, attributes, self._scheme, learnt.trims)

    def cost(self, learnt: Learnt[CrossNetwork], asks: Sequence[tuple[Reading, int]]) -> int:
        """The encoder over attribute and text, and the tags."""
        lengths = [positions(reading, learnt.tokeniser, question) for reading, question in asks]
        tags = len(self._scheme.tags)
        return flops.text_encoder(learnt.network.tagger.encoder, lengths) + sum(
            flops.linear(len(reading), learnt.text.width, tags) for reading, _ in asks
        )


def build_cross_encoder(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    scheme: Literal["BIO", "BIOE"] = "BIOE",
    window: int = 224,
) -> TrainedModel[CrossNetwork]:
    """``base``, of BERT's kind, reads attribute and text in one sequence, its segment ids all 0."""
    arguments = dict(locals())
    return TrainedModel(
        "cross-encoder",
        arguments,
        text=PretrainedText(base, frozen_embeddings=frozen_embeddings),
        attributes=ListedAttributes("open"),
        mechanism=PairReader(TagTask(SCHEMES[one_of("scheme", scheme, SCHEMES)], window=window)),
        window=window,
    )
