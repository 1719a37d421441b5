"""The "N models" of AdaTag §4.3: each attribute has an encoder and a decoder to itself. With one table of
word embeddings for all encoders, BiLSTM-CRF-SharedEmb.

They are trained side by side, in batches of the same products. Adam scales each parameter by its own
gradients and passes over those that a batch does not touch, so that this is as good as training them one
after another, as long as gradients are not clipped together (``training.clip: 0``). They stop at the
same epoch.

Nothing but tokens can be prepared, and each ask costs a whole encoding.

Legend: N asks, T tokens.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from attrex.core import Answer, Attribute, Product
from attrex.core.tags import TagScheme
from attrex.models.attribute_parts import AttributeTable, ListedAttributes
from attrex.models.inputs import Inputs
from attrex.models.interface import Traits
from attrex.models.sequence_tagger import Decoding, PreparedText, SequenceTagger, own_decoders
from attrex.models.tagging import (
    NOTHING,
    TRIMS,
    UNKNOWN,
    TaggedWindow,
    Trims,
    answers,
    ask_tensors,
    tagged_windows,
)
from attrex.models.text_encoders import MadeText, TextPart
from attrex.models.weights import fill_in, grouped, kept
from attrex.nn import crf
from attrex.nn.crf import Chain
from attrex.nn.threads import one_thread
from attrex.supervision.pool import Pool
from attrex.text.batches import by_length
from attrex.text.reading import read
from attrex.text.tokeniser import Tokeniser

Words = Literal["own", "shared"]
TOKENS = 4096
"""Padded tokens encoded at once."""


def copies(encoder: nn.Module, count: int, words: Words) -> list[nn.Module]:
    """So many encoders like this one. They share what is frozen, and with ``words`` "shared" the tables of
    word embeddings too."""
    tables = [m for m in encoder.modules() if isinstance(m, nn.Embedding)] if words == "shared" else []
    frozen = [p for p in encoder.parameters() if not p.requires_grad]
    return [copy.deepcopy(encoder, {id(each): each for each in (*tables, *frozen)}) for _ in range(count)]


@dataclass(frozen=True, slots=True)
class DescribedModel:
    """The place of an attribute's own model; None where it has none."""

    name: str
    place: int | None


class SeparateNetwork(nn.Module):
    """``forward`` takes what ``SeparateTagger.collate`` gives."""

    def __init__(self, taggers: Sequence[SequenceTagger], table: AttributeTable) -> None:
        super().__init__()
        self.taggers, self.table = nn.ModuleList(taggers), table

    @property
    def each(self) -> list[SequenceTagger]:
        """The attributes' models, in the order of the table."""
        return [tagger for tagger in self.taggers if isinstance(tagger, SequenceTagger)]

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: as ``LateNetwork``'s, each attribute's part from its own model."""
        inputs = Inputs.of(batch)
        loss = batch["weight_N"].new_zeros(())
        for place in torch.unique(batch["attribute_N"]).tolist():
            asks = batch["attribute_N"] == place
            chain: Chain = self.each[place](inputs.rows(batch["product_N"][asks]))
            likelihood_N = crf.log_likelihood(chain, batch["tags_NT"][asks])
            loss = loss - (likelihood_N * batch["weight_N"][asks]).sum()
        return {"loss": loss / len(inputs.ids_NS)}


class SeparateTagger:
    """Implements ``Model``, ``Learner`` and ``StorableModel``. Made by ``build_separate``."""

    def __init__(
        self,
        *,
        text: TextPart,
        words: Words,
        decoding: Decoding,
        scheme: TagScheme,
        window: int,
        settings: Mapping[str, Any],
    ) -> None:
        self._text, self._words, self._decoding = text, words, decoding
        self._scheme, self._window = scheme, window
        self._settings = dict(settings)
        self._attributes = ListedAttributes()
        self._made: MadeText | None = None
        self._network: SeparateNetwork | None = None
        self._trims = Trims({})

    @property
    def traits(self) -> Traits:
        return Traits("closed", cacheable="memory", window=self._window)

    @property
    def tokeniser(self) -> Tokeniser:
        return self._text_made.tokeniser

    @property
    def _text_made(self) -> MadeText:
        assert self._made is not None, "the model is neither trained nor restored"
        return self._made

    @property
    def network(self) -> SeparateNetwork:
        assert self._network is not None, "the model is neither trained nor restored"
        return self._network

    # --- Model ---

    def prepare(self, products: Sequence[Product]) -> list[PreparedText]:
        """Tokens only."""
        return [PreparedText(reading) for reading in read(products, self.tokeniser)]

    def describe(self, attributes: Sequence[Attribute]) -> list[DescribedModel]:
        places = self.network.table.places
        return [DescribedModel(a.name, places.get(a.name)) for a in attributes]

    @torch.inference_mode()
    def answer(
        self,
        prepared: Sequence[PreparedText],
        described: Sequence[DescribedModel],
        asks: Sequence[tuple[int, int]],
    ) -> list[Answer]:
        """See ``Model``. Each attribute's asks go through its own model."""
        made: list[Answer] = [NOTHING] * len(asks)
        live: defaultdict[int, list[int]] = defaultdict(list)
        for at, (product, attribute) in enumerate(asks):
            place = described[attribute].place
            if place is None:
                made[at] = UNKNOWN
            elif len(prepared[product].reading):
                live[place].append(at)
        for place, own in live.items():
            name = self.network.table.names[place]
            lengths = [
                len(reading) + len(reading.prefix)
                for reading in (prepared[asks[at][0]].reading for at in own)
            ]
            for batch in by_length(lengths, TOKENS):
                chosen = [own[b] for b in batch]
                readings = [prepared[asks[at][0]].reading for at in chosen]
                chain = self.network.each[place].read(readings, self._text_made)
                with one_thread():
                    decoded = answers(chain, readings, [name] * len(chosen), self._scheme, self._trims)
                for at, answer in zip(chosen, decoded, strict=True):
                    made[at] = answer
        return made

    # --- Learner ---

    def begin(self, pool: Pool) -> None:
        """Tokeniser, encoders, the list of attributes, and the pool read once."""
        self._made = self._text.make(pool)
        windows = self._windows(pool)
        self._trims = Trims.learn(windows)
        self._network = self._assemble(self._made, self._attributes.begin(pool.attributes(), windows))

    def _assemble(self, text: MadeText, table: AttributeTable) -> SeparateNetwork:
        tags = len(self._scheme.tags)
        taggers = [
            SequenceTagger(encoder, own_decoders(self._decoding, attributes=1, tags=tags, width=text.width))
            for encoder in copies(text.encoder, len(table.names), self._words)
        ]
        return SeparateNetwork(taggers, table)

    def _windows(self, pool: Pool) -> list[TaggedWindow]:
        return tagged_windows(pool, self.tokeniser, self._window)

    def examples(self, pool: Pool, epoch: int) -> Iterable[TaggedWindow]:
        return self._windows(pool)

    def length(self, example: TaggedWindow) -> int:
        return len(example.reading)

    def collate(self, examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        return ask_tensors(examples, self.tokeniser, self.network.table.places, self._scheme)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        return grouped(self.network)

    # --- StorableModel ---

    def config(self) -> dict[str, Any]:
        return dict(self._settings)

    def tensors(self) -> dict[str, Tensor]:
        return kept(self.network, portable=self._text_made.portable)

    def files(self) -> dict[str, str]:
        return {**self._text_made.files, **self.network.table.files(), TRIMS: self._trims.to_json()}

    def restore(self, tensors: Mapping[str, Tensor], files: Mapping[str, str]) -> None:
        self._made = self._text.remake(files)
        self._trims = Trims.from_json(files[TRIMS])
        network = self._assemble(self._made, self._attributes.remake(files))
        fill_in(network, tensors, portable=self._made.portable)
        self._network = network.eval()
