"""What both forms of SMARTAVE are made of: the network's parts, pictures as tensors, and what is taught.

Legend: P regions of a picture, A asks, L pieces or tokens, J sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from attrex.core import Product
from attrex.core.tags import BIOE
from attrex.errors import ConfigError
from attrex.models.arguments import one_of
from attrex.models.attribute_parts import AttributeTable
from attrex.models.picture_regions import (
    NOTHING,
    Regions,
    Shown,
    picture_batch,
    regions_of,
    seen_pictures,
    shown_of,
)
from attrex.models.pictured_text import WithVision
from attrex.models.questions import LONGEST as QUESTION
from attrex.models.smartave_inputs import BlockMaker, lines
from attrex.models.smartave_network import (
    ExtractionLayer,
    Knowing,
    Lines,
    Meeting,
    SourceReader,
    Tags,
)
from attrex.models.smartave_values import ValueTable, gold
from attrex.models.tagging import TaggedAsk, TaggedWindow
from attrex.models.text_encoders import MadeText
from attrex.models.trained import Learnt
from attrex.models.writing import Script
from attrex.nn.copying import ValueDecoder
from attrex.nn.encoders import PretrainedEncoder, ShapedEncoder, padded
from attrex.nn.structured import PATTERNS, Pattern, StructuredEncoder
from attrex.nn.writer import CopyWriter
from attrex.text.reading import Reading

Queries = Literal["own", "shared"]
Form = Literal["seen", "apart"]
"""Whether the text's states know what is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a SMARTAVE network is made of; see ``build_smartave``."""

    attentions: Sequence[Pattern]
    queries: Queries
    attribute: Form
    attribute_added: bool
    layers: int | None
    block: int
    decoder_layers: int
    longest: int
    beams: int
    alpha: float

    @classmethod
    def among(cls, arguments: Mapping[str, Any]) -> Shape:
        """Those among a builder's arguments."""
        return cls(**{field.name: arguments[field.name] for field in fields(cls)})

    def __post_init__(self) -> None:
        for pattern in self.attentions:
            one_of("attentions", pattern, PATTERNS)
        one_of("queries", self.queries, get_args(Queries))
        one_of("attribute", self.attribute, get_args(Form))
        if self.attribute_added and self.attribute == "apart":
            raise ConfigError(
                "model.arguments.attribute_added: with attribute: apart no text knows what is asked. "
                "Fix: leave it out, or say attribute: seen"
            )
        least = {"block": 8, "decoder_layers": 1, "longest": 1, "beams": 1}
        if self.layers is not None:
            least["layers"] = 1
        for name, fewest in least.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < fewest:
                raise ConfigError(
                    f"model.arguments.{name}: expected a whole number from {fewest}, got {value!r}"
                )
        if not self.alpha >= 0:
            raise ConfigError(f"model.arguments.alpha is {self.alpha}; it must be at least 0")

    def reader(self, text: MadeText, table: ValueTable) -> SourceReader:
        """Raises ``ConfigError`` where a block is longer than the encoder's positions."""
        with_vision = text.encoder if isinstance(text.encoder, WithVision) else None
        words = text.encoder if with_vision is None else with_vision.words
        assert isinstance(words, PretrainedEncoder | ShapedEncoder)
        pictures = None if with_vision is None else regions_of(with_vision.made, text.width)
        maker = BlockMaker(text.tokeniser, table.sources, longest=self.block)
        encoder = StructuredEncoder(
            words,
            modalities=maker.modalities,
            opening=text.tokeniser.opening[0] if text.tokeniser.opening else text.tokeniser.separator,
            patterns=self.attentions,
            shared=self.queries == "shared",
            layers=self.layers,
            attribute_added=self.attribute_added,
        )
        if max(self.block, QUESTION + 2) > encoder.places:
            raise ConfigError(
                f"model.arguments.block is {self.block} and an attribute has up to {QUESTION + 2} tokens; "
                f"the encoder has {encoder.places} positions"
            )
        return SourceReader(encoder, pictures, maker)

    def extraction(
        self, text: MadeText, table: ValueTable, body: nn.Module, join: Knowing | Meeting
    ) -> ExtractionLayer:
        """Over the words of ``body``."""
        script = Script(text.tokeniser)
        marks = {script.value_mark, *([] if table.parts > 1 else [script.pair_mark])}
        pieces = [piece for piece in script.inventory(table.values) if piece not in marks]
        words: Any = body.get_input_embeddings()  # type: ignore[operator]  # any HF body has it
        # The decoder is told one vector, the attribute's. Whether the text states a value, only what is
        # pointed at tells well: with it 250 titles of AE-110K taught, in 5 epochs, .739 for .693 (one seed).
        found = nn.Linear(text.width, text.width, bias=False)
        nn.init.zeros_(found.weight)
        writer = CopyWriter(
            ValueDecoder(body, layers=self.decoder_layers, longest=(self.longest + 1) * table.parts),
            pieces=pieces,
            rows_VD=words.weight.detach()[torch.tensor(pieces)],
            vocabulary=script.beyond,
            found=found,
        )
        tags = Tags(join, len(BIOE.tags)) if self.alpha else None
        spellings = dict(zip(script.keys(table.values), table.values, strict=True))
        return ExtractionLayer(writer, tags, script, alpha=self.alpha, spellings=spellings)

    def parts(
        self, text: MadeText, table: AttributeTable, join: type[Knowing | Meeting]
    ) -> tuple[SourceReader, ExtractionLayer]:
        """All that a network is made of."""
        assert isinstance(table, ValueTable)
        reader = self.reader(text, table)
        words: Any = reader.encoder.encoder
        return reader, self.extraction(text, table, words.body, join(text.width))


# --- pictures ---


def features(learnt: Learnt[Any], products: Sequence[Product]) -> list[Shown]:
    """What each product's pictures show."""
    pictures: Regions | None = learnt.network.reader.pictures
    if pictures is None:
        return [NOTHING] * len(products)
    return shown_of(pictures, [seen_pictures(product) for product in products], learnt.device)


def pictures_of(reader: SourceReader, examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
    """The examples' pictures as part of a batch."""
    return picture_batch(reader.pictures, [seen_pictures(example.product) for example in examples])


def looked_at(reader: SourceReader, example: TaggedWindow) -> list[int]:
    """How many regions the reader sees of each of its pictures."""
    if reader.pictures is None:
        return []
    return [len(box_P4) for box_P4 in reader.pictures.find(seen_pictures(example.product))]


def taught(
    extraction: ExtractionLayer,
    readings: Sequence[Reading],
    asks: Sequence[tuple[int, TaggedAsk]],
    shape: Shape,
) -> dict[str, Tensor]:
    """What each ask of a row's text should have written and tagged."""
    script = extraction.script
    parts = extraction.decoder.longest // (shape.longest + 1)
    wanted = [gold(ask, readings[row], script, longest=shape.longest, parts=parts) for row, ask in asks]
    written_AL, real_AL = padded([each.ids for each in wanted], script.end)
    made = {
        "written_AL": written_AL,
        "real_AL": real_AL,
        "weight_A": torch.tensor([each.weight for each in wanted]),
        "tag_weight_A": torch.tensor([ask.weight for _, ask in asks]),
    }
    if extraction.tags is None:
        return made
    places, owners, tokens = lines(readings)
    of_row: dict[int, list[int]] = {}
    for line, row in enumerate(owners):
        of_row.setdefault(row, []).append(line)
    chosen = [(line, at) for at, (row, _) in enumerate(asks) for line in of_row.get(row, ())]
    tags = [BIOE.encode(ask.spans, len(readings[row])) for row, ask in asks]
    place_JL, mask_JL = padded([places[line] for line, _ in chosen], 0)
    tagged = Lines(
        torch.tensor([owners[line] for line, _ in chosen]),
        torch.tensor([at for _, at in chosen]),
        place_JL,
        mask_JL,
        padded([[tags[at][token] for token in tokens[line]] for line, at in chosen], BIOE.index("O"))[0],
    )
    return {**made, **tagged.tensors()}
