"""What makes PAM the one it is: one Transformer over words, words on pictures and regions; a decoder that
copies, or generates what the category's products have; the category predicted beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from attrex.core import Picture, Printed, Product, Source, Span, Stated
from attrex.errors import ConfigError, ModelError
from attrex.models.pam import build_pam, printed_boxes
from attrex.models.pam_network import of_berts_kind
from attrex.models.text_encoders import PretrainedText
from attrex.nn.writer import NO_COPY
from attrex.schema import Schema
from attrex.supervision.distant import label
from attrex.supervision.pool import Pool
from attrex.text.reading import read
from attrex.text.windows import cut
from tests.conformance.base import make_t5_base
from tests.conformance.ten import COLOUR, MATERIAL, PRODUCTS, SIDE, UNSEEN, pool, product
from tests.models.small_smartave import alike, scores
from tests.nn.detectors import write_detector

VISION = {"vision_size": SIDE, "vision_widths": [16, 16, 16, 16]}


def begun(base: Path, among: Pool | None = None, **arguments: Any) -> Any:
    """With what begins at nought at random, so that everything can be seen to matter."""
    torch.manual_seed(0)
    given = {"base": str(base), "window": 40, "layers": 1, "beams": 3, **VISION, **arguments}
    model: Any = build_pam(**given)
    model.begin(among or pool())
    for parameter in (p for p in model.network.parameters() if p.requires_grad and not p.any()):
        torch.nn.init.normal_(parameter, std=0.1)
    model.network.eval()
    return model


def none(model: Any, *products: Product) -> list[float]:
    asks = [(at, 0) for at in range(len(products))]
    answers = model.answer(model.prepare(list(products)), model.describe([COLOUR]), asks)
    return [answer.none_score for answer in answers]


# --- one Transformer ---


def memory(model: Any, given: Product) -> Tensor:
    """The states of question, text and regions."""
    (window,), (asked,) = model.prepare([given]), model.describe([COLOUR])
    with torch.inference_mode():
        states: Tensor = model.mechanism._read(model.learnt, [(window, asked)]).states_NMD[0]
        return states


def test_words_and_regions_see_each_other(base: Path) -> None:
    model = begun(base)
    one, other = PRODUCTS[0], replace(PRODUCTS[0], pictures=PRODUCTS[1].pictures)
    words = len(memory(model, replace(one, pictures=())))
    states = [memory(model, each) for each in (one, other)]
    assert len(states[0]) == words + 50
    assert (states[0][:words] - states[1][:words]).abs().amax(1).min() > 1e-5
    text = replace(one, sources=(Source("title", "Red cotton cap, size L"),))
    assert (memory(model, text)[words:] - states[0][words:]).abs().amax(1).min() > 1e-6


def test_the_decoder_sees_the_picture(base: Path) -> None:
    model = begun(base)
    one = PRODUCTS[0]
    seen = none(model, one, replace(one, pictures=PRODUCTS[1].pictures), replace(one, pictures=()))
    assert len({round(each, 7) for each in seen}) == 3
    alone = Product("1", "Hats", (), PRODUCTS[0].pictures)
    assert none(model, alone, replace(alone, pictures=PRODUCTS[1].pictures))[0] != pytest.approx(1.0)


def test_of_several_pictures_the_first_is_seen(base: Path) -> None:
    model = begun(base)
    both = replace(PRODUCTS[0], pictures=(*PRODUCTS[0].pictures, *PRODUCTS[1].pictures))
    unread = replace(PRODUCTS[0], pictures=(Picture("gone.png"), *PRODUCTS[0].pictures))
    assert none(model, both, unread) == pytest.approx(none(model, PRODUCTS[0]) * 2, rel=1e-5)


def test_regions_may_be_a_detector_s(base: Path, tmp_path: Path) -> None:
    folder = write_detector(tmp_path / "detector")
    detected = {
        "regions": "detector",
        "detector": str(folder),
        "detector_size": SIDE,
        "objects": 2,
        "objects_from": 0.0,
    }
    model = begun(base, **detected)
    (window,) = model.prepare(PRODUCTS[:1])
    assert window.shown.counts == (3,)
    assert len(memory(model, PRODUCTS[0])) == len(memory(model, replace(PRODUCTS[0], pictures=()))) + 3


# --- words on pictures ---


def on_picture(*places: tuple[float, float]) -> Product:
    """A product whose words "red", "wool" were read on its picture, in lines that begin there."""
    lines = [
        Printed(start, end, "a.png", ((x, y), (x + 20, y), (x + 20, y + 10), (x, y + 10)), 0.9)
        for (start, end), (x, y) in zip(((0, 3), (4, 8)), places, strict=True)
    ]
    return Product("1", "Hats", (Source("title", "hat"), Source("ocr", "red\nwool", tuple(lines))))


def test_where_a_word_stands_on_the_picture_is_told(base: Path) -> None:
    model = begun(base)
    low, high = on_picture((0, 0), (80, 90)), on_picture((0, 60), (80, 90))
    plain = replace(low, sources=tuple(Source(s.name, s.text) for s in low.sources))
    assert len({round(each, 7) for each in none(model, low, high, plain)}) == 3


def test_a_box_is_a_share_of_what_the_words_take(base: Path) -> None:
    (reading,) = read([on_picture((0, 0), (80, 90))], begun(base).tokeniser)
    boxes, printed = printed_boxes(on_picture((0, 0), (80, 90)), reading)
    assert printed.tolist() == [False, False, True, True]  # hat, the separator, red, wool
    torch.testing.assert_close(boxes[2:], torch.tensor([[0, 0, 0.2, 0.1], [0.8, 0.9, 1, 1]]))


def test_a_window_keeps_where_its_words_stand(base: Path) -> None:
    given = on_picture((0, 0), (80, 90))
    long = replace(given, sources=(Source("title", "hat " * 60), given.sources[1]))
    windows = [w.product for w in cut([long], begun(base).tokeniser, 40)]
    own = [line for w in windows for s in w.sources for line in s.printed]
    assert {(line.end - line.start, line.corners[0]) for line in own} == {(3, (0, 0)), (4, (80, 90))}
    for window in windows:
        for source in window.sources:
            assert all(source.text[line.start : line.end] in ("red", "wool") for line in source.printed)


# --- what is written ---


def shop() -> Pool:
    """Two categories, each with values of its own that stand in no text."""
    values = {"Hats": ("sand", "brown"), "Mugs": ("green", "blue")}
    products = [
        Product(f"{category}{at}", category, (Source("title", "plain"),), (), {"Colour": (Stated(value),)})
        for category, own in values.items()
        for at, value in enumerate(own)
    ]
    return label(products, Schema([COLOUR]))[0]


def test_a_category_s_own_values_are_generated_and_no_other_s(base: Path) -> None:
    model = begun(base, shop())
    script = model.network.generator.script
    for category, own, others in (("Hats", "sand", "green"), ("Mugs", "green", "sand"), (None, "green", "")):
        given = Product("1", category, (Source("title", "plain"),))
        (window,), (asked,) = model.prepare([given]), model.describe([COLOUR])
        with torch.inference_mode():
            barred = model.mechanism._read(model.learnt, [(window, asked)]).barred_NV[0]
        place = model.network.generator.writer.place
        for words, expected in ((own, False), (others, True)):
            for key in script.keys([words] if words else []):
                assert [bool(barred[place(torch.tensor(id))]) for id in key] == [expected] * len(key)
        assert not barred[place(torch.tensor(script.end))]


def test_what_products_without_a_category_have_is_anybody_s(base: Path) -> None:
    bare = Product("0", None, (Source("title", "plain"),), (), {"Colour": (Stated("teal"),)})
    model = begun(base, label([*shop().products, bare], Schema([COLOUR]))[0])
    place, script = model.network.generator.writer.place, model.network.generator.script
    (teal,), open_GV = script.keys(["teal"]), model.network.open_GV
    assert open_GV[:, place(torch.tensor(teal))].all()
    assert len(open_GV) == 3  # two categories, and one for any other
    assert not open_GV[:2, place(torch.tensor(script.keys(["green"])[0]))].all()


def test_what_another_category_has_is_never_written(base: Path) -> None:
    """However much the generator is for it; taken out, it is."""
    model = begun(base, shop(), longest=1)
    writer, script = model.network.generator.writer, model.network.generator.script
    (green,) = script.keys(["green"])
    with torch.no_grad():
        writer.gate.weight.zero_()
        writer.gate.bias.fill_(20.0)
        writer.generate.bias[writer.place(torch.tensor(green[0]))] += 12.0
        writer.generate.bias[writer.place(torch.tensor(script.end))] += 8.0
    for category, expected in (("Mugs", True), ("Hats", False), ("Bags", True)):
        given = Product("1", category, (Source("title", "plain"),))
        (answer,) = model.answer(model.prepare([given]), model.describe([COLOUR]), [(0, 0)])
        assert ("green" in {c.text for c in answer.candidates}) == expected
        assert all(c.evidence.kind == "inferred" for c in answer.candidates)


def test_words_of_text_and_picture_can_be_copied_and_nothing_else(base: Path) -> None:
    model = begun(base, beams=5)
    given = replace(on_picture((0, 0), (80, 90)), pictures=PRODUCTS[0].pictures)
    (window,), (asked,) = model.prepare([given]), model.describe([COLOUR])
    with torch.inference_mode():
        copies = model.mechanism._read(model.learnt, [(window, asked)]).copies_NM2[0, :, 0]
    ids = [model.tokeniser.encode([word])[0].ids[0] for word in ("hat", "red", "wool")]
    assert [id for id in copies.tolist() if id != NO_COPY] == ids
    writer = model.network.generator.writer
    with torch.no_grad():
        writer.gate.weight.zero_()
        writer.gate.bias.fill_(0.0)
        writer.query.weight.mul_(0)
        writer.query.bias.zero_()
        writer.generate.weight.zero_()
        writer.generate.bias.fill_(-30.0)
        writer.generate.bias[writer.place(torch.tensor(model.network.generator.script.end))] = 0.0
    (answer,) = model.answer([window], [asked], [(0, 0)])
    found = {c.text: c.evidence.span for c in answer.candidates}
    assert {"hat", "red", "wool"} <= set(found)
    assert (found["red"].source, found["red"].start) == ("ocr", 0)  # type: ignore[union-attr]


def test_the_category_is_not_read_but_predicted(base: Path) -> None:
    model = begun(base, category_weight=1.0)
    hats, mugs = (replace(PRODUCTS[0], category=name) for name in ("Hats", "Mugs"))
    assert torch.equal(memory(model, hats), memory(model, mugs))
    example = next(e for e in model.examples(pool(), 0) if e.product.id == "1")
    losses = {}
    for weight in (0.0, 1.0, 2.0):
        model.network.weight = weight
        with torch.no_grad():
            losses[weight] = model.network(model.collate([example]))["loss"].item()
    predicted = losses[1.0] - losses[0.0]
    assert predicted > 1e-2
    assert losses[2.0] - losses[1.0] == pytest.approx(predicted, rel=1e-3)
    other = replace(example, product=replace(example.product, category=None))
    model.network.weight = 5.0
    with torch.no_grad():
        unknown = model.network(model.collate([other]))["loss"].item()
    assert unknown == pytest.approx(losses[0.0], rel=0.2)  # nothing is known of it; all may be generated
    assert begun(base, category_weight=0).network.category is None


def test_the_attribute_is_read(base: Path) -> None:
    model = begun(base)
    prepared, described = model.prepare(PRODUCTS[:1]), model.describe([COLOUR, MATERIAL, UNSEEN])
    answers = model.answer(prepared, described, [(0, at) for at in range(3)])
    assert len({round(answer.none_score, 7) for answer in answers}) == 3


# --- where words look ---


def test_words_look_at_regions(base: Path) -> None:
    model = begun(base)
    red, cotton = (model.attention(PRODUCTS[0], Span("title", *span)) for span in ((0, 3), (4, 10)))
    whole = model.attention(PRODUCTS[0], None)
    for shares in (red, cotton, whole):
        assert shares is not None
        assert sum(map(sum, shares)) == pytest.approx(1, abs=1e-4)
        assert min(map(min, shares)) >= 0
    assert red != cotton
    assert model.attention(replace(PRODUCTS[0], pictures=()), None) is None
    assert model.attention(PRODUCTS[0], Span("title", 90, 95)) is None


# --- inputs and arguments ---


def test_bad_inputs_are_answered(base: Path) -> None:
    model = begun(base, longest=2)
    bare = [
        product("1", "Hats", "", {}),
        Product("2"),
        product("3", "Hats", "<table>☠ red\x00</table>", {}, bullets=" "),
        replace(PRODUCTS[0], pictures=(Picture("p", np.zeros((SIDE, SIDE, 3), dtype=np.uint8)),)),
    ]
    asks = [(at, 0) for at in range(len(bare))]
    together = model.answer(model.prepare(bare), model.describe([COLOUR]), asks)
    for at, given in enumerate(bare):
        (alone,) = model.answer(model.prepare([given]), model.describe([COLOUR]), [(0, 0)])
        assert alike(alone, together[at])
        assert scores(alone)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": 0}, "model.arguments.layers: expected a whole number from 1, got 0"),
        ({"beams": True}, "model.arguments.beams: expected a whole number from 1, got True"),
        ({"longest": 0}, "model.arguments.longest: expected a whole number from 1, got 0"),
        ({"category_weight": -1}, "model.arguments.category_weight is -1; it must be at least 0"),
        ({"regions": "all"}, "model.arguments.regions: expected one of grid, detector; got 'all'"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_pam(**arguments)


def test_an_encoder_of_another_kind_is_refused(tmp_path: Path) -> None:
    encoder = PretrainedText(str(make_t5_base(tmp_path / "t5")), frozen_embeddings=True).make(pool()).encoder
    with pytest.raises(
        ModelError, match=r"kind t5 cannot be told where a region stands\. Fix: name a base of"
    ):
        of_berts_kind(encoder)
