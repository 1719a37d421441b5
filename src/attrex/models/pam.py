"""PAM (Lin et al., 2021): one Transformer over a product's text, the words on its picture with their boxes,
and the picture's regions; a decoder that picks from these words, or generates from a vocabulary that is the
category's; the category is predicted beside it.

As published there is a model an attribute. Here, as SMARTAVE's comparison has it, one is asked for all: the
attribute's words stand in front of the text. The category is not read: it must be told from the rest. The
decoder stands behind the Transformer instead of in it.

Legend: N asks, T text tokens, D hidden, P regions of a picture, L pieces written, G categories.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from attrex.core import Answer, Attribute, Product, Span
from attrex.errors import ConfigError
from attrex.models.attribute_parts import LIST, AttributeTable
from attrex.models.generative import LAYERS, ROWS, GenerativeNetwork, WithDecoder, WrittenText
from attrex.models.inputs import check_room, in_batches, lay_out, positions
from attrex.models.interface import Grid
from attrex.models.pair_reader import DescribedQuestion, described
from attrex.models.pam_network import Memory, PamNetwork, Places, of_berts_kind, open_pieces
from attrex.models.picture_regions import (
    Shown,
    joined,
    picture_batch,
    regions_of,
    seen_pictures,
    shown_of,
)
from attrex.models.pictured_text import PicturedText, WithVision
from attrex.models.questions import LONGEST, questions
from attrex.models.smartave_values import answer, gold, most_values, said, standing
from attrex.models.tagging import TaggedWindow
from attrex.models.text_encoders import MadeText, Shapes, pretrained_text
from attrex.models.trained import Learnt, TrainedModel
from attrex.models.vision_encoders import RegionArguments, VisionArguments
from attrex.models.writing import Grounding, Script, worth_writing
from attrex.nn.boxes import painted
from attrex.nn.encoders import padded
from attrex.nn.writer import CopyWriter
from attrex.text.reading import BETWEEN, Reading, read

TABLE = "pam.json"
"""``CategoryTable`` in a model folder, beside the list of names."""
ANY = ""
"""The category of products that have none: what they have may be generated for all."""
PICTURES = 64
"""Products whose pictures are looked at together."""
SIDE = 16
"""Cells a side on which the shares of boxes are painted."""


class CategoryTable(AttributeTable):
    """The attributes of the training data, open to others; ``values``: those worth generating, by category,
    and those of products without one (``ANY``); ``parts``: the most values that one ask has."""

    def __init__(self, names: Sequence[str], values: Mapping[str, Sequence[str]], parts: int) -> None:
        super().__init__(names)
        self.values, self.parts = {name: tuple(own) for name, own in values.items()}, parts
        self.categories = {name: at for at, name in enumerate(name for name in self.values if name != ANY)}

    def category(self, product: Product) -> int:
        """Its place, the last one for any other."""
        return self.categories.get(product.category or ANY, len(self.categories))

    def files(self) -> dict[str, str]:
        content = {"parts": self.parts, "values": self.values}
        return {**super().files(), TABLE: json.dumps(content, ensure_ascii=False)}


class ReadByCategory:
    """An attribute is what it says of itself, so that one may be new."""

    answers: Literal["open", "closed"] = "open"

    def begin(self, attributes: Sequence[Attribute], windows: Sequence[TaggedWindow]) -> CategoryTable:
        own: defaultdict[str, list[TaggedWindow]] = defaultdict(list)
        for window in windows:
            own[window.product.category or ANY].append(window)
        values = {name: worth_writing(own[name]) for name in sorted(own)}
        return CategoryTable([a.name for a in attributes], values, most_values(windows))

    def remake(self, files: Mapping[str, str]) -> CategoryTable:
        content = json.loads(files[TABLE])
        return CategoryTable(json.loads(files[LIST]), content["values"], int(content["parts"]))


@dataclass(frozen=True, slots=True)
class PreparedScene:
    """A window without its category; the boxes ``(T, 4)`` in which its words were read on a picture, and
    which were; what its first picture shows, if any (``seen``); its category's place."""

    reading: Reading
    box_T4: Tensor
    printed_T: Tensor
    shown: Shown
    category: int
    seen: int


class Pam:
    """The mechanism; see the module's text."""

    record_types = (PreparedScene, DescribedQuestion)
    concurrent: Literal[True] = True
    sees_alone = True

    def __init__(self, *, longest: int, beams: int, weight: float, window: int) -> None:
        self._longest, self._beams = longest, beams
        self._weight, self._window = weight, window

    def assemble(self, text: MadeText, table: AttributeTable) -> PamNetwork:
        assert isinstance(table, CategoryTable)
        assert isinstance(text.encoder, WithVision)
        both = text.encoder.words
        assert isinstance(both, WithDecoder)
        check_room(of_berts_kind(both.encoder), self._window, LONGEST + 1, text.tokeniser)
        script = Script(text.tokeniser)
        keys = {name: script.keys(values) for name, values in table.values.items()}
        spellings = {
            key: value for name in keys for key, value in zip(keys[name], table.values[name], strict=True)
        }
        pieces = script.inventory(spellings.values())
        always = {script.start, script.end, *([script.pair_mark] if table.parts > 1 else [])}
        always |= {id for key in keys.get(ANY, ()) for id in key}
        own = [{id for key in keys[name] for id in key} for name in table.categories]
        writer = CopyWriter(
            both.decoder,
            pieces=pieces,
            rows_VD=both.rows_XD[torch.tensor(pieces)].detach(),
            vocabulary=script.beyond,
        )
        return PamNetwork(
            GenerativeNetwork(both.encoder, writer, script, (self._longest + 1) * table.parts),
            regions_of(text.encoder.made, text.width),
            open_pieces(pieces, own, always),
            spellings,
            width=text.width,
            weight=self._weight,
        )

    def prepare(self, learnt: Learnt[PamNetwork], products: Sequence[Product]) -> list[PreparedScene]:
        """The words cut into tokens, and the pictures seen."""
        table = learnt.table
        assert isinstance(table, CategoryTable)
        readings = read(products, learnt.tokeniser, category=False)
        made: list[PreparedScene] = []
        for begin in range(0, len(products), PICTURES):
            part = products[begin : begin + PICTURES]
            shown = shown_of(learnt.network.regions, [seen_pictures(p)[:1] for p in part], learnt.device)
            for at, (product, own) in enumerate(zip(part, shown, strict=True)):
                reading = readings[begin + at]
                boxes = printed_boxes(product, reading)
                made.append(PreparedScene(reading, *boxes, own, table.category(product), len(own.counts)))
        return made

    def describe(
        self, learnt: Learnt[PamNetwork], attributes: Sequence[Attribute]
    ) -> list[DescribedQuestion]:
        """Tokens only."""
        return described(attributes, learnt.tokeniser)

    def answer(
        self, learnt: Learnt[PamNetwork], asked: Sequence[tuple[PreparedScene, DescribedQuestion]]
    ) -> list[Answer]:
        """Each ask is a whole reading, many at once."""
        network = learnt.network
        script = network.generator.script
        grounding = Grounding(script, {}, network.spellings, learnt.trims)

        def answers(chosen: list[int]) -> Sequence[Answer]:
            given = [asked[at] for at in chosen]
            written, nones = network.write(self._read(learnt, given), beams=self._beams)
            made = []
            for (window, each), found, none in zip(given, written, nones, strict=True):
                values = standing(said(found, script), grounding, script.own_pieces(window.reading))
                made.append(answer(each.name, values, none, window.reading, grounding, {}))
            return made

        lengths = [
            positions(window.reading, learnt.tokeniser, len(each.ids)) + sum(window.shown.counts)
            for window, each in asked
        ]
        return in_batches(lengths, ROWS // self._beams, answers)

    def _read(
        self, learnt: Learnt[PamNetwork], given: Sequence[tuple[PreparedScene, DescribedQuestion]]
    ) -> Memory:
        windows = [window for window, _ in given]
        inputs = lay_out([w.reading for w in windows], learnt.tokeniser, [each.ids for _, each in given])
        shown = joined([window.shown.to(learnt.device) for window in windows])
        row_B = torch.tensor([at for at, w in enumerate(windows) if w.shown.counts], dtype=torch.long)
        return learnt.network.read(
            inputs.to(learnt.device),
            places_of([(w.box_T4, w.printed_T, w.category) for w in windows]).to(learnt.device),
            shown,
            row_B.to(learnt.device),
        )

    def attention(self, learnt: Learnt[PamNetwork], product: Product, span: Span | None) -> Grid | None:
        """See ``interface.Attending``: of the first layer, the boxes' shares painted on a grid."""
        (window,) = self.prepare(learnt, [product])
        tokens = (0, len(window.reading)) if span is None else window.reading.tokens(span)
        if not window.seen or not len(window.reading) or tokens is None:
            return None
        device, network = learnt.device, learnt.network
        inputs = lay_out([window.reading], learnt.tokeniser).to(device)
        places = places_of([(window.box_T4, window.printed_T, window.category)]).to(device)
        shown = window.shown.to(device)
        entered = network.enter(inputs, places, shown, torch.zeros(1, dtype=torch.long, device=device))
        looked_TM = network.attention(entered)[0, inputs.position_NT[0, slice(*tokens)]]
        share_P = looked_TM[:, inputs.ids_NS.shape[1] :].float().mean(0)
        grid: list[list[float]] = painted(share_P / share_P.sum(), shown.boxes_X4, SIDE).tolist()
        return grid

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> Sequence[TaggedWindow]:
        """One per ask."""
        return [replace(window, asks=(ask,)) for window in windows for ask in window.asks]

    def collate(self, learnt: Learnt[PamNetwork], examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        network, table = learnt.network, learnt.table
        assert isinstance(table, CategoryTable)
        script = network.generator.script
        readings = [replace(example.reading, prefix=[]) for example in examples]
        asked = questions([example.asks[0].attribute for example in examples], learnt.tokeniser)
        wanted = [
            gold(example.asks[0], reading, script, longest=self._longest, parts=table.parts)
            for example, reading in zip(examples, readings, strict=True)
        ]
        written_NL, real_NL = padded([each.ids for each in wanted], script.end)
        own = [
            (*printed_boxes(example.product, reading), table.category(example.product))
            for example, reading in zip(examples, readings, strict=True)
        ]
        pictures = [seen_pictures(example.product)[:1] for example in examples]
        return {
            **lay_out(readings, learnt.tokeniser, asked).tensors(),
            **places_of(own).tensors(),
            **picture_batch(network.regions, pictures),
            "row_B": torch.tensor([at for at, own in enumerate(pictures) if own], dtype=torch.long),
            "written_NL": written_NL,
            "real_NL": real_NL,
            "weight_N": torch.tensor([each.weight for each in wanted]),
        }


def printed_boxes(product: Product, reading: Reading) -> tuple[Tensor, Tensor]:
    """Where each token was read on a picture, ``(T, 4)``, and whether it was. A picture's own size is not
    known here: a box is told as a share of the area that the picture's words take, from its upper left
    corner."""
    box_T4, printed_T = torch.zeros(len(reading), 4), torch.zeros(len(reading), dtype=torch.bool)
    lines = [source.printed for source in product.sources]
    farthest: dict[str, tuple[float, float]] = {}
    for line in (line for own in lines for line in own):
        x, y = farthest.get(line.location, (1.0, 1.0))
        across, down = zip(*line.corners, strict=True)
        farthest[line.location] = max(x, *across), max(y, *down)
    if not farthest:
        return box_T4, printed_T
    for at, source in enumerate(reading.sources):
        if source == BETWEEN:
            continue
        start, end = reading.starts[at], reading.ends[at]
        own_line = next((line for line in lines[source] if line.start < end and start < line.end), None)
        if own_line is not None:
            across, down = zip(*own_line.around(start, end), strict=True)
            x, y = farthest[own_line.location]
            box_T4[at] = torch.tensor([min(across) / x, min(down) / y, max(across) / x, max(down) / y])
            printed_T[at] = True
    return box_T4.clamp(0, 1), printed_T


def places_of(own: Sequence[tuple[Tensor, Tensor, int]]) -> Places:
    """Of each row ``printed_boxes`` and the category's place."""
    longest = max(len(box_T4) for box_T4, _, _ in own)
    box_NT4 = torch.zeros(len(own), longest, 4)
    printed_NT = torch.zeros(len(own), longest, dtype=torch.bool)
    for at, (box_T4, printed_T, _) in enumerate(own):
        box_NT4[at, : len(box_T4)], printed_NT[at, : len(box_T4)] = box_T4, printed_T
    return Places(box_NT4, printed_NT, torch.tensor([category for _, _, category in own]))


def build_pam(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    shapes: Shapes = "ignored",
    layers: int | None = None,
    longest: int = 10,
    beams: int = 5,
    category_weight: float = 0.1,
    vision: Literal["pretrained", "small"] = "small",
    vision_base: str = "microsoft/resnet-101",
    vision_frozen: bool = False,
    vision_size: int = 112,
    vision_widths: Sequence[int] = (32, 64, 128, 256),
    regions: Literal["grid", "detector"] = "grid",
    detector: str = "hustvl/yolos-tiny",
    detector_size: int = 448,
    objects: int = 16,
    objects_from: float = 0.5,
    window: int = 384,
) -> TrainedModel[PamNetwork]:
    """``base``, of BERT's kind, is the Transformer, and the decoder's ``layers`` (left out, 2) begin as its
    first. ``category_weight``: what the category's prediction weighs beside a value; 0 leaves it out.
    ``longest``, ``beams``, ``vision`` and ``regions`` as SMARTAVE's; of a product's pictures the first is
    seen."""
    arguments: dict[str, Any] = {**locals(), "vision_widths": list(vision_widths)}
    least = {"layers": LAYERS if layers is None else layers, "longest": longest, "beams": beams}
    for name, value in least.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"model.arguments.{name}: expected a whole number from 1, got {value!r}")
    if not category_weight >= 0:
        raise ConfigError(f"model.arguments.category_weight is {category_weight}; it must be at least 0")
    text = WrittenText(
        pretrained_text(base, frozen_embeddings=frozen_embeddings, shapes=shapes), base, layers
    )
    part = RegionArguments.among(arguments).part(VisionArguments.among(arguments).part())
    return TrainedModel(
        "pam",
        arguments,
        text=PicturedText(text, part),
        attributes=ReadByCategory(),
        mechanism=Pam(longest=longest, beams=beams, weight=category_weight, window=window),
        window=window,
        pictures=part.size,
    )
