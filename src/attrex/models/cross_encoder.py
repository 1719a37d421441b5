"""A plain cross-encoder: attribute and text in one sequence, softmax tags.

``[CLS] attribute [SEP] category [SEP] text [SEP]``: every word is read in sight of the attribute, so that
nothing but tokens can be prepared, and each ask costs a whole encoding.

Legend: N asks, S positions, T tokens, K tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from attrex.core import Answer, Attribute, Product, Source
from attrex.core.tags import SCHEMES, TagScheme
from attrex.models.arguments import one_of
from attrex.models.inputs import Inputs, lay_out
from attrex.models.interface import Traits
from attrex.models.sequence_tagger import PreparedText, SequenceTagger, own_decoders
from attrex.models.tagging import NOTHING, TRIMS, TaggedWindow, Trims, answers, tag_tensor, tagged_windows
from attrex.models.text_encoders import MadeText, PretrainedText, TextPart
from attrex.models.weights import fill_in, grouped, kept
from attrex.nn import crf
from attrex.nn.threads import one_thread
from attrex.supervision.pool import Pool
from attrex.text.batches import by_length
from attrex.text.reading import read
from attrex.text.tokeniser import Tokeniser

QUESTION = 64
"""Tokens of an attribute's name and description at most."""
TOKENS = 4096
"""Padded tokens encoded at once."""


@dataclass(frozen=True, slots=True)
class DescribedQuestion:
    """An attribute's tokens, with the separator behind."""

    name: str
    ids: tuple[int, ...]


class CrossNetwork(nn.Module):
    """``forward`` takes what ``CrossTagger.collate`` gives."""

    def __init__(self, tagger: SequenceTagger) -> None:
        super().__init__()
        self.tagger = tagger

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: the weighted negative log likelihood, averaged over asks."""
        likelihood_N = crf.log_likelihood(self.tagger(Inputs.of(batch)), batch["tags_NT"])
        return {"loss": -(likelihood_N * batch["weight_N"]).mean()}


class CrossTagger:
    """Implements ``Model``, ``Learner`` and ``StorableModel``. Made by ``build_cross_encoder``."""

    def __init__(
        self, *, text: TextPart, scheme: TagScheme, window: int, settings: Mapping[str, Any]
    ) -> None:
        self._text, self._scheme, self._window = text, scheme, window
        self._settings = dict(settings)
        self._made: MadeText | None = None
        self._network: CrossNetwork | None = None
        self._trims = Trims({})

    @property
    def traits(self) -> Traits:
        return Traits("open", cacheable="memory", window=self._window)

    @property
    def tokeniser(self) -> Tokeniser:
        return self._text_made.tokeniser

    @property
    def _text_made(self) -> MadeText:
        assert self._made is not None, "the model is neither trained nor restored"
        return self._made

    @property
    def network(self) -> CrossNetwork:
        assert self._network is not None, "the model is neither trained nor restored"
        return self._network

    # --- Model ---

    def prepare(self, products: Sequence[Product]) -> list[PreparedText]:
        """Tokens only."""
        return [PreparedText(reading) for reading in read(products, self.tokeniser)]

    def describe(self, attributes: Sequence[Attribute]) -> list[DescribedQuestion]:
        """Tokens only; an attribute that was never seen is read like any other."""
        return [DescribedQuestion(a.name, self._question(a)) for a in attributes]

    def _question(self, attribute: Attribute) -> tuple[int, ...]:
        """Name and description. Of a long description the beginning."""
        about = f"{attribute.name}: {attribute.description}" if attribute.description else attribute.name
        (reading,) = read([Product("", sources=(Source("", about),))], self.tokeniser, category=False)
        return (*reading.ids[:QUESTION], self.tokeniser.separator)

    @torch.inference_mode()
    def answer(
        self,
        prepared: Sequence[PreparedText],
        described: Sequence[DescribedQuestion],
        asks: Sequence[tuple[int, int]],
    ) -> list[Answer]:
        """See ``Model``. Asks of like length are encoded together, each with its product."""
        made: list[Answer] = [NOTHING] * len(asks)
        live = [at for at, (product, _) in enumerate(asks) if len(prepared[product].reading)]
        lengths = [
            len(prepared[p].reading) + len(prepared[p].reading.prefix) + len(described[a].ids)
            for p, a in (asks[at] for at in live)
        ]
        for batch in by_length(lengths, TOKENS):
            chosen = [live[b] for b in batch]
            readings = [prepared[asks[at][0]].reading for at in chosen]
            questions = [described[asks[at][1]] for at in chosen]
            chain = self.network.tagger.read(readings, self._text_made, [q.ids for q in questions])
            with one_thread():
                decoded = answers(chain, readings, [q.name for q in questions], self._scheme, self._trims)
            for at, answer in zip(chosen, decoded, strict=True):
                made[at] = answer
        return made

    # --- Learner ---

    def begin(self, pool: Pool) -> None:
        """Tokeniser, encoder, and the pool read once."""
        self._made = self._text.make(pool)
        self._trims = Trims.learn(self._windows(pool))
        self._network = self._assemble(self._made)

    def _assemble(self, text: MadeText) -> CrossNetwork:
        decoder = own_decoders("softmax", attributes=1, tags=len(self._scheme.tags), width=text.width)
        return CrossNetwork(SequenceTagger(text.encoder, decoder))

    def _windows(self, pool: Pool) -> list[TaggedWindow]:
        return tagged_windows(pool, self.tokeniser, self._window)

    def examples(self, pool: Pool, epoch: int) -> Iterable[TaggedWindow]:
        """One per ask."""
        return [replace(window, asks=(ask,)) for window in self._windows(pool) for ask in window.asks]

    def length(self, example: TaggedWindow) -> int:
        return len(example.reading)

    def collate(self, examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        readings = [e.reading for e in examples]
        asks = [e.asks[0] for e in examples]
        inputs = lay_out(readings, self.tokeniser, [self._question(ask.attribute) for ask in asks])
        lengths = [len(reading) for reading in readings]
        return {
            **inputs.tensors(),
            "tags_NT": tag_tensor(list(zip(asks, lengths, strict=True)), self._scheme, max(lengths)),
            "weight_N": torch.tensor([ask.weight for ask in asks]),
        }

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        return grouped(self.network)

    # --- StorableModel ---

    def config(self) -> dict[str, Any]:
        return dict(self._settings)

    def tensors(self) -> dict[str, Tensor]:
        return kept(self.network, portable=self._text_made.portable)

    def files(self) -> dict[str, str]:
        return {**self._text_made.files, TRIMS: self._trims.to_json()}

    def restore(self, tensors: Mapping[str, Tensor], files: Mapping[str, str]) -> None:
        self._made = self._text.remake(files)
        self._trims = Trims.from_json(files[TRIMS])
        network = self._assemble(self._made)
        fill_in(network, tensors, portable=self._made.portable)
        self._network = network.eval()


def build_cross_encoder(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    scheme: Literal["BIO", "BIOE"] = "BIOE",
    window: int = 224,
) -> CrossTagger:
    """``base``, of BERT's kind, reads attribute and text in one sequence, its segment ids all 0."""
    arguments = dict(locals())
    return CrossTagger(
        text=PretrainedText(base, frozen_embeddings=frozen_embeddings),
        scheme=SCHEMES[one_of("scheme", scheme, SCHEMES)],
        window=window,
        settings={"builder": "cross-encoder", "arguments": arguments},
    )
