"""The "N tag sets" of AdaTag §4.3: one tag sequence, in which every attribute has a B, I and E of its own.

``prepare`` gives the scores of all tags, ``answer`` reads one attribute's off. One tag a token means that
values of two attributes cannot overlap: of labels that do, the longest is learnt, then the first. And it
means that what is unknown counts as absent, as in the paper: a token that no label covers is O, whichever
attributes of the product nobody has filled in.

Legend: B products, T tokens, A attributes, K tags of all together, N asks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from attrex.core import Answer, Attribute, Product
from attrex.core.tags import TagScheme
from attrex.models.attribute_parts import AttributeTable, ListedAttributes
from attrex.models.inputs import Inputs, lay_out
from attrex.models.interface import Traits
from attrex.models.sequence_tagger import Decoding, SequenceTagger, own_decoders
from attrex.models.tagging import (
    NOTHING,
    TRIMS,
    UNKNOWN,
    TaggedWindow,
    Trims,
    answers,
    tagged_windows,
)
from attrex.models.text_encoders import MadeText, TextPart
from attrex.models.weights import fill_in, grouped, kept
from attrex.nn import crf
from attrex.nn.crf import IMPOSSIBLE, Chain
from attrex.nn.threads import one_thread
from attrex.supervision.pool import Pool
from attrex.text.batches import by_length
from attrex.text.reading import Reading, read
from attrex.text.tokeniser import Tokeniser

PREPARED_TOKENS = 4096
"""Padded tokens encoded at once."""
CHAIN_TOKENS = 65_536
"""Tokens x tags decoded at once."""


class TagSets:
    """The tags of several attributes side by side: O first, then each attribute's others."""

    def __init__(self, attributes: int, scheme: TagScheme) -> None:
        self.attributes, self.scheme = attributes, scheme
        self._own = [tag for tag in scheme.tags if tag != "O"]

    @property
    def size(self) -> int:
        """K."""
        return 1 + self.attributes * len(self._own)

    def tags_of(self, attribute: int) -> list[int]:
        """The attribute's own tags."""
        first = 1 + attribute * len(self._own)
        return list(range(first, first + len(self._own)))

    def encode(self, spans: Iterable[tuple[int, int, int]], length: int) -> list[int]:
        """Tags of ``length`` tokens for ``(start, end, attribute)``. Of spans that overlap the longest
        stays, then the first."""
        tags = [0] * length
        for start, end, attribute in sorted(spans, key=lambda s: (s[0] - s[1], s)):
            if not any(tags[start:end]):
                own = dict(zip(self._own, self.tags_of(attribute), strict=True))
                tags[start:end] = [own[self.scheme.tags[t]] for t in self.scheme.pattern(end - start)]
        return tags

    def seen_by(self, attribute: int) -> TagScheme:
        """The scheme of one attribute, to which all tags of the others are O."""
        own = dict(zip(self.tags_of(attribute), self._own, strict=True))
        names = tuple(own.get(tag, "O") for tag in range(self.size))
        places = [self.scheme.index(name) for name in names]
        return TagScheme(
            self.scheme.name,
            names,
            tuple(tuple(self.scheme.follows[i][j] for j in places) for i in places),
            tuple(self.scheme.starts[i] for i in places),
            tuple(self.scheme.ends[i] for i in places),
        )


@dataclass(frozen=True, slots=True)
class PreparedScores:
    """A window's tokens and the scores ``(T, K)`` of all attributes' tags."""

    reading: Reading
    emissions_TK: Tensor


@dataclass(frozen=True, slots=True)
class DescribedPlace:
    """An attribute's place among the tag sets; None where it has none."""

    name: str
    place: int | None


class TagSetNetwork(nn.Module):
    """``forward`` takes what ``TagSetTagger.collate`` gives."""

    def __init__(self, tagger: SequenceTagger, table: AttributeTable) -> None:
        super().__init__()
        self.tagger, self.table = tagger, table

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: the negative log likelihood, averaged over products."""
        return {"loss": -crf.log_likelihood(self.tagger(Inputs.of(batch)), batch["tags_BT"]).mean()}


class TagSetTagger:
    """Implements ``Model``, ``Learner`` and ``StorableModel``. Made by ``build_tag_sets``."""

    def __init__(
        self,
        *,
        text: TextPart,
        decoding: Decoding,
        scheme: TagScheme,
        window: int,
        settings: Mapping[str, Any],
    ) -> None:
        self._text, self._decoding = text, decoding
        self._scheme, self._window = scheme, window
        self._settings = dict(settings)
        self._attributes = ListedAttributes()
        self._made: MadeText | None = None
        self._network: TagSetNetwork | None = None
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
    def network(self) -> TagSetNetwork:
        assert self._network is not None, "the model is neither trained nor restored"
        return self._network

    @property
    def tag_sets(self) -> TagSets:
        """What the model's tags mean."""
        return TagSets(len(self.network.table.names), self._scheme)

    # --- Model ---

    @torch.inference_mode()
    def prepare(self, products: Sequence[Product]) -> list[PreparedScores]:
        """The scores of all attributes' tags, once a window."""
        readings = read(products, self.tokeniser)
        none_0K = torch.zeros(0, self.tag_sets.size)
        prepared = [PreparedScores(reading, none_0K) for reading in readings]
        live = [at for at, reading in enumerate(readings) if len(reading)]
        lengths = [len(readings[at]) + len(readings[at].prefix) for at in live]
        for batch in by_length(lengths, PREPARED_TOKENS):
            chosen = [live[b] for b in batch]
            chain = self.network.tagger.read([readings[at] for at in chosen], self._text_made)
            for row, at in enumerate(chosen):
                own_TK = chain.emissions_NTK[row, : len(readings[at])]
                prepared[at] = PreparedScores(readings[at], own_TK)
        return prepared

    def describe(self, attributes: Sequence[Attribute]) -> list[DescribedPlace]:
        places = self.network.table.places
        return [DescribedPlace(a.name, places.get(a.name)) for a in attributes]

    @torch.inference_mode()
    def answer(
        self,
        prepared: Sequence[PreparedScores],
        described: Sequence[DescribedPlace],
        asks: Sequence[tuple[int, int]],
    ) -> list[Answer]:
        """See ``Model``. Asks for one attribute are decoded together."""
        made: list[Answer] = [NOTHING] * len(asks)
        live: defaultdict[int, list[int]] = defaultdict(list)
        for at, (product, attribute) in enumerate(asks):
            place = described[attribute].place
            if place is None:
                made[at] = UNKNOWN
            elif len(prepared[product].reading):
                live[place].append(at)
        sets = self.tag_sets
        for place, own in live.items():
            lengths = [len(prepared[asks[at][0]].reading) for at in own]
            for batch in by_length(lengths, CHAIN_TOKENS // sets.size):
                chosen = [own[b] for b in batch]
                windows = [prepared[asks[at][0]] for at in chosen]
                with one_thread():
                    decoded = self._decode(windows, place, sets)
                for at, answer in zip(chosen, decoded, strict=True):
                    made[at] = answer
        return made

    def _decode(self, windows: Sequence[PreparedScores], place: int, sets: TagSets) -> list[Answer]:
        chain = self._chain(windows)
        readings = [window.reading for window in windows]
        names = [self.network.table.names[place]] * len(windows)
        decoded = answers(chain, readings, names, sets.seen_by(place), self._trims)
        # That all tokens are O is more than that none has this attribute's tags.
        bare_NTK = chain.emissions_NTK.clone()
        bare_NTK[:, :, sets.tags_of(place)] = IMPOSSIBLE
        none_N = crf.log_partition(replace(chain, emissions_NTK=bare_NTK)) - crf.log_partition(chain)
        nones = none_N.exp().clamp(0, 1).tolist()
        return [replace(answer, none_score=none) for answer, none in zip(decoded, nones, strict=True)]

    def _chain(self, windows: Sequence[PreparedScores]) -> Chain:
        emissions = [window.emissions_TK for window in windows]
        emissions_NTK = nn.utils.rnn.pad_sequence(emissions, batch_first=True)
        device, N = emissions_NTK.device, len(windows)
        decoder = self.network.tagger.decoder(torch.zeros(1, dtype=torch.long, device=device))
        lengths_N = torch.tensor([len(e) for e in emissions], device=device)
        return Chain(
            emissions_NTK,
            decoder.transitions_AKK.expand(N, -1, -1),
            decoder.start_AK.expand(N, -1),
            decoder.end_AK.expand(N, -1),
            torch.arange(emissions_NTK.shape[1], device=device) < lengths_N.unsqueeze(1),
        )

    # --- Learner ---

    def begin(self, pool: Pool) -> None:
        """Tokeniser, encoder, the list of attributes, and the pool read once."""
        self._made = self._text.make(pool)
        windows = self._windows(pool)
        self._trims = Trims.learn(windows)
        self._network = self._assemble(self._made, self._attributes.begin(pool.attributes(), windows))

    def _assemble(self, text: MadeText, table: AttributeTable) -> TagSetNetwork:
        tags = TagSets(len(table.names), self._scheme).size
        decoder = own_decoders(self._decoding, attributes=1, tags=tags, width=text.width)
        return TagSetNetwork(SequenceTagger(text.encoder, decoder), table)

    def _windows(self, pool: Pool) -> list[TaggedWindow]:
        return tagged_windows(pool, self.tokeniser, self._window)

    def examples(self, pool: Pool, epoch: int) -> Iterable[TaggedWindow]:
        return self._windows(pool)

    def length(self, example: TaggedWindow) -> int:
        return len(example.reading)

    def collate(self, examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        inputs = lay_out([e.reading for e in examples], self.tokeniser)
        tags_BT = torch.zeros(inputs.chain_NT.shape, dtype=torch.long)
        places = self.network.table.places
        for row, example in enumerate(examples):
            spans = [(*span, places[ask.attribute.name]) for ask in example.asks for span in ask.spans]
            length = len(example.reading)
            tags_BT[row, :length] = torch.tensor(self.tag_sets.encode(spans, length))
        return {**inputs.tensors(), "tags_BT": tags_BT}

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
