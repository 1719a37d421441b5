"""Attribute embeddings, against their definition (AdaTag §3.3), sentence by sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import Tensor

from attrex.core import Attribute, Product, Source, Span
from attrex.models.attribute_parts import EmbeddedAttributes, EmbeddedTable
from attrex.models.embedding import AttributeEmbedder
from attrex.models.tagging import TaggedWindow, tagged_windows
from attrex.nn.pretrained import find_base, load_body
from attrex.schema import Schema
from attrex.supervision.pool import Label, Pool
from attrex.text.tokeniser import WordPieces

COLOUR = Attribute("Colour", "what the eye sees", examples=("teal", "dark red"))
MATERIAL = Attribute("Material")
PAIRS = [("red cotton hat", (0, 3)), ("cap in dark blue", (7, 16))]


class Encoder:
    """The base, one sequence at a time."""

    def __init__(self, base: Path) -> None:
        found = find_base(str(base))
        self.body = load_body(found).eval()
        self.tokeniser = WordPieces.from_file(found.tokeniser)

    def ids(self, text: str) -> list[int]:
        return self.tokeniser.encode([text])[0].ids

    def mean(self, left: list[int], middle: list[int], right: list[int]) -> Tensor:
        """The mean state of the middle between the others, [CLS] and [SEP] around."""
        ids = torch.tensor([[*self.tokeniser.opening, *left, *middle, *right, self.tokeniser.separator]])
        with torch.no_grad():
            states: Tensor = self.body(input_ids=ids).last_hidden_state[0]
        start = 1 + len(left)
        return states[start : start + len(middle)].mean(0)

    def name(self, text: str) -> list[int]:
        return [self.tokeniser.id_of("[unused1]"), *self.ids(text), self.tokeniser.id_of("[unused2]")]


def windows(base: Path) -> list[TaggedWindow]:
    products = [Product(title, None, (Source("title", title),)) for title, _ in PAIRS]
    labels = [
        Label(at, COLOUR, "positive", (title[slice(*span)],), (Span("title", *span),))
        for at, (title, span) in enumerate(PAIRS)
    ]
    labels.append(Label(0, MATERIAL, "negative"))
    return tagged_windows(Pool(products, labels, Schema([COLOUR, MATERIAL])), Encoder(base).tokeniser, 50)


def test_in_context_name_and_value_stand_in_the_value_s_place(base: Path) -> None:
    encoder = Encoder(base)
    names, values = [], []
    for title, (start, end) in PAIRS:
        left, right = encoder.ids(title[:start]), encoder.ids(title[end:])
        names.append(encoder.mean(left, encoder.name("Colour"), right))
        values.append(encoder.mean(left, encoder.ids(title[start:end]), right))
    expected = torch.cat([torch.stack(names).mean(0), torch.stack(values).mean(0)])
    embedder = AttributeEmbedder(str(base), "contextual", ("name", "value"))
    made, known = embedder.in_context([COLOUR], windows(base))
    torch.testing.assert_close(made[0], expected)
    assert known.all()
    (name_only, _), (value_only, _) = (
        AttributeEmbedder(str(base), "contextual", (part,)).in_context([COLOUR], windows(base))
        for part in ("name", "value")
    )
    torch.testing.assert_close(torch.cat([name_only[0], value_only[0]]), expected)


def test_alone_name_and_description_and_examples_must_do(base: Path) -> None:
    encoder = Encoder(base)
    name = encoder.mean([], encoder.name("Colour"), encoder.ids("what the eye sees"))
    values = torch.stack([encoder.mean([], encoder.ids(v), []) for v in ("teal", "dark red")])
    embedder = AttributeEmbedder(str(base), "contextual", ("name", "value"))
    made, known = embedder.alone([COLOUR, MATERIAL])
    torch.testing.assert_close(made[0], torch.cat([name, values.mean(0)]))
    # Of a material nobody has told an example: its value part is unknown, and nought.
    assert known.tolist() == [[True] * 64, [True] * 32 + [False] * 32]
    assert not made[1, 32:].any()


@pytest.mark.parametrize("pooling", ["contextual", "static"])
def test_of_a_name_longer_than_the_base_has_positions_the_beginning_is_read(
    pooling: Literal["contextual", "static"], base: Path, caplog: pytest.LogCaptureFixture
) -> None:
    embedder = AttributeEmbedder(str(base), pooling, ("name",))
    name = "red hat " * 400
    long_AR, short_AR = (embedder.alone([Attribute(each)])[0] for each in (name, "red hat " * 32))
    assert torch.equal(long_AR, short_AR)
    assert [record.getMessage() for record in caplog.records] == [
        f'the attribute "{name[:60]}..." is 800 tokens long; the first 64 are read'
    ]


def test_static_embeddings_are_means_of_word_pieces(base: Path) -> None:
    encoder = Encoder(base)
    table = encoder.body.get_input_embeddings().weight.detach()  # type: ignore[operator]
    values = [table[encoder.ids(title[slice(*span)])].mean(0) for title, span in PAIRS]
    embedder = AttributeEmbedder(str(base), "static", ("value",))
    made, _ = embedder.in_context([COLOUR], windows(base))
    torch.testing.assert_close(made[0], torch.stack(values).mean(0))


def test_an_attribute_without_a_tagged_value_has_what_is_known_of_it_alone(base: Path) -> None:
    embedder = AttributeEmbedder(str(base), "contextual", ("name", "value"))
    made, known = embedder.in_context([MATERIAL], windows(base))
    alone, _ = embedder.alone([MATERIAL])
    assert torch.equal(made, alone)
    assert known[0].tolist() == [True] * 32 + [False] * 32


def parts(base: Path, *, tuned: bool = False) -> EmbeddedAttributes:
    return EmbeddedAttributes(base=str(base), kind="contextual", parts=("name", "value"), tuned=tuned, size=0)


def test_a_table_s_embeddings_have_about_unit_length(base: Path) -> None:
    table = parts(base).begin([COLOUR, MATERIAL], windows(base))
    assert isinstance(table, EmbeddedTable)
    made = table(torch.arange(2))
    assert made.norm(dim=1).tolist() == pytest.approx([1.0, 1.0], rel=0.5)
    # What is not known stands at the mean.
    assert not made[1, 32:].any()


def test_a_new_attribute_is_put_among_the_known_ones(base: Path) -> None:
    """A known attribute, were it new, would lie near its place: the shift from alone to in context is made
    up for on average."""
    table = parts(base).begin([COLOUR, MATERIAL], windows(base))
    as_new = torch.cat([vector for a in (COLOUR, MATERIAL) if (vector := table.unknown(a)) is not None])
    known = table(torch.arange(2))
    torch.testing.assert_close(as_new.mean(0)[:32], known.mean(0)[:32], atol=1e-5, rtol=1e-4)


def test_a_table_comes_back_from_its_files(base: Path) -> None:
    table = parts(base, tuned=True).begin([COLOUR, MATERIAL], windows(base))
    again = parts(base, tuned=True).remake(table.files())
    assert again.names == ("Colour", "Material")
    assert {n: t.shape for n, t in again.state_dict().items()} == {
        n: t.shape for n, t in table.state_dict().items()
    }
