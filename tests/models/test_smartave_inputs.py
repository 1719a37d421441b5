"""What SMARTAVE reads: pictures, long and broken inputs, and arguments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attrex.core import Picture, Product, Source
from attrex.errors import ConfigError
from attrex.models.smartave import build_smartave_text
from attrex.models.smartave_inputs import lay_out
from attrex.nn.writer import NO_COPY
from attrex.text.reading import read
from attrex.text.windows import cut
from tests.conformance.ten import COLOUR, PRODUCTS, SIDE, picture, pool, product
from tests.models.small_smartave import ATTRIBUTES, alike, ask, begun

FORMS = pytest.mark.parametrize("form", ["seen", "apart"])


# --- pictures ---


VISION = {"vision": "small", "vision_size": SIDE, "vision_widths": [16, 16, 16, 16]}


@FORMS
def test_pictures_are_sources_in_any_number(form: str, base: Path) -> None:
    model = begun(base, "smartave", attribute=form, **VISION)
    assert model.traits.pictures == SIDE
    given = replace(PRODUCTS[0], pictures=())
    seen = [
        replace(given, pictures=tuple(picture(name) for name in names))
        for names in ("", "a", "b", "ab", "ba")
    ]
    none, a, b, ab, ba = ask(model, seen, [COLOUR])
    assert len({round(x.none_score or 0, 7) for x in (none, a, b, ab)}) == 4
    assert alike(ab, ba, 1e-5)
    unread = replace(given, pictures=(Picture("gone.png"),))
    assert alike(ask(model, [unread], [COLOUR])[0], none, 1e-6)


@FORMS
def test_a_product_of_pictures_alone_is_answered(form: str, base: Path) -> None:
    model = begun(base, "smartave", attribute=form, **VISION)
    bare = [Product(str(at), "Hats", (Source("title", ""),), (picture(str(at)),)) for at in range(2)]
    one, other, text = ask(model, [*bare, PRODUCTS[0]], [COLOUR])
    assert one.none_score != pytest.approx(other.none_score, rel=1e-6)
    assert alike(ask(model, bare[:1], [COLOUR])[0], one, 1e-5)
    assert alike(ask(model, PRODUCTS[:1], [COLOUR])[0], text, 1e-5)
    assert all(c.evidence.kind == "inferred" for c in (*one.candidates, *other.candidates))
    assert ask(begun(base, attribute=form), bare[:1], [COLOUR])[0].none_score == 1.0


@FORMS
def test_each_picture_goes_through_the_vision_encoder_once(form: str, base: Path) -> None:
    model = begun(base, "smartave", attribute=form, **VISION)
    rows: list[int] = []
    hook = model.network.reader.pictures.vision.register_forward_hook(
        lambda _, given, __: rows.append(len(given[0]))
    )
    shared = picture("a")
    given = [replace(p, pictures=(shared, picture(p.id))) for p in PRODUCTS[:3]]
    prepared = model.prepare(given)
    model.answer(prepared, model.describe(ATTRIBUTES), [(p, a) for p in range(3) for a in range(3)])
    assert sum(rows) == 4
    hook.remove()


def test_smartave_text_looks_at_no_picture(base: Path) -> None:
    model = begun(base)
    assert model.traits.pictures is None
    without = replace(PRODUCTS[0], pictures=())
    assert ask(model, [without]) == ask(model, [PRODUCTS[0]])


# --- long and broken inputs ---


@FORMS
def test_two_hundred_sources_and_a_source_of_fifty_thousand_tokens(form: str, base: Path) -> None:
    model = begun(base, attribute=form, window=1000, block=100, beams=1)
    many = Product("1", "Hats", tuple(Source(f"s{at}", "red cotton") for at in range(200)))
    (answer,) = ask(model, [many], [COLOUR])
    assert answer.none_score is not None
    long = product("2", "Hats", "red cotton hat " * 16_667, {})
    windows = [w.product for w in cut([long], model.tokeniser, model.traits.window)]
    assert sum(len(r) for r in read(windows, model.tokeniser)) > 50_000
    assert len(ask(model, windows[:2], [COLOUR])) == 2


@FORMS
def test_html_in_a_specification_is_text(form: str, base: Path) -> None:
    model = begun(base, attribute=form, beams=2)
    html = "<table><tr><td>Colour</td><td>red &amp; blue</td></tr></table><script>x</script>"
    given = product("1", "Hats", "hat", {}, specification=html)
    for answer in ask(model, [given]):
        for candidate in answer.candidates:
            span = candidate.evidence.span
            text = given.text(span.source) if span else None
            assert span is None or (text and text[span.start : span.end] == candidate.text)


def test_a_value_longer_than_the_decoder_writes_teaches_the_tags_alone(base: Path) -> None:
    model = begun(base, longest=1)
    batch = model.collate(model.examples(pool(), 0))
    asks = [example.asks[0] for example in model.examples(pool(), 0)]
    long = [at for at, a in enumerate(asks) if any(end - start > 1 for start, end in a.spans)]
    assert long
    for at, weight in enumerate(batch["weight_A"].tolist()):
        assert (weight == 0) == (at in long)
    assert all(batch["tag_weight_A"][at] > 0 for at in long)
    for answer in ask(model, PRODUCTS):
        assert all(len(model.tokeniser.encode([c.text])[0]) < 3 for c in answer.candidates)


# --- arguments ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attribute": "hidden"}, "model.arguments.attribute: expected one of seen, apart; got 'hidden'"),
        ({"attentions": ["up"]}, "model.arguments.attentions: expected one of hyper-hyper, .*; got 'up'"),
        ({"queries": "none"}, "model.arguments.queries: expected one of own, shared; got 'none'"),
        (
            {"attribute": "apart", "attribute_added": True},
            "model.arguments.attribute_added: with attribute: apart no text knows what is asked. "
            "Fix: leave it out, or say attribute: seen",
        ),
        ({"block": 4}, "model.arguments.block: expected a whole number from 8, got 4"),
        ({"beams": 0}, "model.arguments.beams: expected a whole number from 1, got 0"),
        ({"layers": True}, "model.arguments.layers: expected a whole number from 1, got True"),
        ({"alpha": -1}, "model.arguments.alpha is -1; it must be at least 0"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_smartave_text(**arguments)


def test_a_block_longer_than_the_encoder_s_positions_is_refused(base: Path) -> None:
    with pytest.raises(ConfigError, match=r"block is 200 and an attribute .* the encoder has 128 positions"):
        begun(base, block=200)


def test_what_is_copied_on_from_does_not_cross_sources(base: Path) -> None:
    """A source's first token, and a block's, has nothing in front of it, whatever stands before."""
    model = begun(base, "smartave-text", block=8)
    sources = (Source("title", "red hat"), Source("bullets", "blue wool mug of steel and glass"))
    product = Product("p", None, sources)
    (reading,) = read([product], model.tokeniser)
    network = model.network
    rows = [network.reader.maker.product(reading)]
    pieces_T, fronts_T = lay_out(rows, [reading], network.extraction.script).pieces_NT2[0].unbind(1)
    own = [at for at, source in enumerate(reading.sources) if source == 0]
    title, rest = pieces_T[: len(own)].tolist(), pieces_T[len(own) :].tolist()
    assert fronts_T[: len(own)].tolist() == [NO_COPY, *title[:-1]]
    begins = [at for at, front in enumerate(fronts_T[len(own) :].tolist()) if front == NO_COPY]
    blocks = len(rows[0]) - 1
    assert len(begins) == blocks > 1
    assert begins[0] == 0
    for at, front in enumerate(fronts_T[len(own) :].tolist()):
        assert front == (NO_COPY if at in begins else rest[at - 1])
