"""AVEQA (Wang et al., 2020): the attribute is a question, the value a span of the text that answers it.

BERT reads ``[CLS] attribute [SEP] category [SEP] text [SEP]``. Three losses are summed: where the span begins
and ends, whether there is one (from the state of [CLS]), and, where the base has a masked-word head, how the
original BERT would have guessed masked words of the text. MiniLM has no such head: there the third is off.

Of an answer with several values each can have but a share of the belief.

Legend: N asks, S positions, T tokens, G gold spans of an ask at most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from attrex.core import Answer
from attrex.errors import ConfigError, ModelError
from attrex.models.attribute_parts import ListedAttributes
from attrex.models.inputs import Inputs, check_room, lay_out, positions
from attrex.models.pair_reader import PairReader
from attrex.models.questions import LONGEST as LONGEST_QUESTION
from attrex.models.tagging import LONGEST, TaggedWindow, proposed
from attrex.models.text_encoders import MadeText, Shapes, TextPart, pretrained_text
from attrex.models.trained import Learnt, TrainedModel
from attrex.models.weights import TrainingOnly
from attrex.nn import flops
from attrex.nn.encoders import PretrainedEncoder, ShapedEncoder
from attrex.nn.masked_words import Memory, masked_word_head
from attrex.nn.pretrained import find_base
from attrex.nn.spans import SpanHead, SpanScores
from attrex.nn.threads import one_thread
from attrex.supervision.pool import Pool
from attrex.text.folding import fold_text
from attrex.text.reading import Reading
from attrex.text.shapes import ShapedPieces
from attrex.text.tokeniser import Tokeniser, WordPieces

MASKED = 0.15
"""Of the text's tokens, as BERT was pretrained."""


class Remembered(nn.Module):
    """A text encoder with the memory that it has while it is trained."""

    def __init__(self, encoder: nn.Module, memory: Original) -> None:
        super().__init__()
        self.encoder = encoder
        self.memory: Original = memory


class Original(TrainingOnly):
    """A ``Memory``, which no model folder holds."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self.memory = memory

    def forward(self, encoder: nn.Module, inputs: Inputs) -> Tensor:
        text_NS = torch.zeros_like(inputs.mask_NS).scatter(1, inputs.position_NT, inputs.chain_NT)
        made: Tensor = self.memory(encoder, inputs.ids_NS, inputs.mask_NS, text_NS)
        return made


class RememberedText:
    """A pretrained encoder that keeps its original beside it while it is trained. ``masked``: the share of
    words that is masked; 0 keeps none, None keeps one where the base can guess words."""

    def __init__(self, text: TextPart, base: str, masked: float | None) -> None:
        self.text, self.base, self.masked = text, base, masked

    def make(self, pool: Pool) -> MadeText:
        made = self.text.make(pool)
        if self.masked == 0:
            return made
        base = find_base(self.base)
        head = masked_word_head(base.config(), base.tensors())
        if head is None and self.masked is not None:
            raise ModelError(
                f'the encoder "{self.base}" has no masked-word head. '
                "Fix: leave out model.arguments.masked, or take a base that has one"
            )
        pieces = made.tokeniser.pieces if isinstance(made.tokeniser, ShapedPieces) else made.tokeniser
        if head is None or not isinstance(pieces, WordPieces):
            return made
        share = MASKED if self.masked is None else self.masked
        memory = Memory(
            _body(made.encoder), head, mask=pieces.id_of("[MASK]"), pieces=pieces.size, share=share
        )
        return replace(made, encoder=Remembered(made.encoder, Original(memory)))

    def remake(self, files: Mapping[str, str]) -> MadeText:
        return self.text.remake(files)


class AveqaNetwork(nn.Module):
    """``forward`` takes what ``PairReader.collate`` gives."""

    def __init__(self, encoder: nn.Module, head: SpanHead, memory: Original | None) -> None:
        super().__init__()
        self.encoder, self.head, self.memory = encoder, head, memory

    def read(self, inputs: Inputs) -> SpanScores:
        """What there is to say of each row."""
        states_NSD = self.encoder(inputs.ids_NS, inputs.mask_NS)
        scores: SpanScores = self.head(inputs.text_states(states_NSD), inputs.chain_NT, states_NSD[:, 0])
        return scores

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: that of the span and that of no-answer, weighted, averaged over asks, and in training
        that of the memory."""
        inputs, real_NG = Inputs.of(batch), batch["real_NG"]
        scores = self.read(inputs)
        span_N = scores.extraction_loss(batch["begins_NG"], batch["ends_NG"], real_NG)
        loss = ((span_N + scores.none_loss(real_NG)) * batch["weight_N"]).mean()
        if self.memory is not None and self.training:
            loss = loss + self.memory(self.encoder, inputs)
        return {"loss": loss}


class SpanTask:
    """What AVEQA makes of attribute and text; see the module's text."""

    def __init__(self, *, window: int) -> None:
        self._window = window

    def assemble(self, text: MadeText) -> AveqaNetwork:
        encoder: nn.Module = text.encoder
        memory: Original | None = None
        if isinstance(encoder, Remembered):
            memory = encoder.memory
            encoder = encoder.encoder
        check_room(_body(encoder), self._window, LONGEST_QUESTION + 1, text.tokeniser)
        return AveqaNetwork(encoder, SpanHead(text.width), memory)

    def lay_out(
        self, readings: Sequence[Reading], asked: Sequence[Sequence[int]], tokeniser: Tokeniser
    ) -> dict[str, Tensor]:
        return lay_out(readings, tokeniser, asked).tensors()

    def gold(self, examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        """First and last tokens of all gold spans, any of which is right."""
        spans = [each.asks[0].spans for each in examples]
        shape = len(spans), max(1, *map(len, spans))
        begins_NG, ends_NG = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
        real_NG = torch.zeros(shape, dtype=torch.bool)
        for row, own in enumerate(spans):
            for at, (start, end) in enumerate(own):
                begins_NG[row, at], ends_NG[row, at], real_NG[row, at] = start, end - 1, True
        return {"begins_NG": begins_NG, "ends_NG": ends_NG, "real_NG": real_NG}

    def decide(
        self,
        learnt: Learnt[AveqaNetwork],
        batch: dict[str, Tensor],
        readings: Sequence[Reading],
        attributes: Sequence[str],
    ) -> list[Answer]:
        scores = learnt.network.read(Inputs.of(batch))
        with one_thread():
            spans_NTL, none_N = scores.log_probabilities(LONGEST)
            answers = proposed(spans_NTL, none_N, readings, attributes, learnt.trims)
        return [joined(answer) for answer in answers]

    def cost(self, learnt: Learnt[AveqaNetwork], asks: Sequence[tuple[Reading, int]]) -> int:
        """The encoder over attribute and text, the edges of each token, and no-answer."""
        D = learnt.text.width
        edges = sum(flops.linear(len(reading), D, 2) for reading, _ in asks)
        lengths = [positions(reading, learnt.tokeniser, question) for reading, question in asks]
        none = flops.linear(len(asks), D, D) + flops.linear(len(asks), D, 1)
        return flops.text_encoder(learnt.network.encoder, lengths) + edges + none


def _body(encoder: nn.Module) -> nn.Module:
    assert isinstance(encoder, PretrainedEncoder | ShapedEncoder)
    return encoder.body


def joined(answer: Answer) -> Answer:
    """The places of one value share its belief, for the answer is but one span; each gets the sum."""
    belief: defaultdict[str, float] = defaultdict(float)
    for candidate in answer.candidates:
        belief[fold_text(candidate.text)] += candidate.score
    raised = [replace(c, score=min(1.0, belief[fold_text(c.text)])) for c in answer.candidates]
    return replace(answer, candidates=tuple(sorted(raised, key=lambda c: -c.score)))


def build_aveqa(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    shapes: Shapes = "ignored",
    layers: int = 1,
    masked: float | None = None,
    replacement: float = 0.0,
    window: int = 224,
) -> TrainedModel[AveqaNetwork]:
    """``base``: of BERT's kind, or of T5's, where the question's first token stands for [CLS].

    ``masked``: the share of the text's words that is masked for the third loss, 0 for none; left out, 0.15
    where the base has a masked-word head, else none. ``layers`` and ``replacement`` as in AdaTag.
    """
    arguments: dict[str, Any] = dict(locals())
    if masked is not None and not 0 <= masked < 1:
        raise ConfigError(f"model.arguments.masked is {masked:g}; it must lie in [0, 1)")
    text = pretrained_text(base, frozen_embeddings=frozen_embeddings, shapes=shapes, layers=layers)
    return TrainedModel(
        "aveqa",
        arguments,
        text=RememberedText(text, base, masked),
        attributes=ListedAttributes("open"),
        mechanism=PairReader(SpanTask(window=window)),
        window=window,
        replacement=replacement,
    )
