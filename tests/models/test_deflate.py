"""What makes DEFLATE the one it is: a picture before the text, and a discriminator behind the generator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from attrex.core import Attribute
from attrex.errors import ConfigError
from attrex.models.deflate import Drawn, build_deflate
from attrex.models.inputs import Inputs, lay_out
from attrex.nn.writer import NO_COPY
from attrex.schema import Schema
from attrex.supervision.distant import label
from tests.conformance.base import make_base
from tests.models.eiven_made import BARE, SEEN, SMALL

COLOUR, MATERIAL = Attribute("Colour"), Attribute("Material")
POOL = label(SEEN, Schema([COLOUR, MATERIAL]))[0]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("deflate") / "tiny")


def begun(base: Path, **arguments: Any) -> Any:
    torch.manual_seed(0)
    model: Any = build_deflate(**{"base": str(base), "window": 20, "layers": 1, **SMALL, **arguments})
    model.begin(POOL)
    model.network.eval()
    return model


def proposed(model: Any, products: list[Any]) -> Any:
    prepared = model.prepare(products)
    (described,) = model.describe([COLOUR])
    with torch.inference_mode():
        return model.mechanism._proposed(model.learnt, [(each, described) for each in prepared])


def test_the_generator_and_the_discriminator_see_the_picture(base: Path) -> None:
    model = begun(base)
    assert model.traits.pictures == 56
    products = [SEEN[0], replace(SEEN[0], pictures=SEEN[1].pictures), BARE[0]]
    nones = {none for _, none in proposed(model, products)}
    assert len(nones) == 3
    prepared = model.prepare(products)
    (described,) = model.describe([COLOUR])
    with torch.inference_mode():
        believed = model.mechanism._believed(
            model.learnt, [(each, described) for each in prepared], [[(7, 8)]] * 3
        )
    assert len({chance for (chance,) in believed}) == 3
    blind = begun(base, pictures="none")
    assert len({none for _, none in proposed(blind, products)}) == 1


def test_the_picture_s_tokens_stand_in_front_and_cannot_be_copied(base: Path) -> None:
    network = (model := begun(base)).network
    prepared = model.prepare([SEEN[0]])
    inputs = lay_out([prepared[0].reading], model.tokeniser, [model.describe([COLOUR])[0].ids])
    tokens_1KD = prepared[0].tokens_KD.unsqueeze(0)
    with torch.no_grad():
        states_1SD, mask_1S = network.read(inputs, tokens_1KD, torch.ones(1, 4, dtype=torch.bool))
    assert states_1SD.shape[1] == 4 + inputs.ids_NS.shape[1] == mask_1S.shape[1]
    copies_1S = network.copies(inputs)[:, :, 0]
    assert copies_1S[0, :4].tolist() == [NO_COPY] * 4
    assert (copies_1S[0, 4:] != NO_COPY).sum() == len(prepared[0].reading)


def test_what_is_not_believed_goes_to_none(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = begun(base)
    red = tuple(model.network.generator.script.pieces.encode(["red"])[0].ids)
    wool = tuple(model.network.generator.script.pieces.encode(["wool"])[0].ids)
    said = ({red: 0.5, wool: 0.3}, 0.1)
    monkeypatch.setattr(model.mechanism, "_proposed", lambda learnt, asked: [said] * len(asked))
    made = []
    for bias in (-30.0, 30.0):
        with torch.no_grad():
            model.network.credible.bias.fill_(bias)
        made += model.answer(model.prepare([BARE[0]]), model.describe([COLOUR]), [(0, 0)])
    refused, believed = made
    assert (refused.candidates, refused.none_score) == ((), pytest.approx(0.9))
    assert [(c.text, c.score) for c in believed.candidates] == [
        ("Red", pytest.approx(0.5)),
        ("wool", pytest.approx(0.3)),
    ]
    assert believed.none_score == pytest.approx(0.1)


def test_a_judgement_is_of_the_value_the_attribute_and_the_product(base: Path) -> None:
    model = begun(base)
    prepared = model.prepare([BARE[0], BARE[1]])
    colour, material = model.describe([COLOUR, MATERIAL])
    asked = [(prepared[0], colour), (prepared[0], material), (prepared[1], colour)]
    with torch.inference_mode():
        believed = model.mechanism._believed(model.learnt, asked, [[(7, 8), (9,)], [(7, 8)], [(7, 8)]])
    assert len({chance for own in believed for chance in own}) == 4


def test_false_values_are_other_products_of_the_same_attribute_and_drawn_anew(base: Path) -> None:
    model = begun(base)
    drawn: dict[tuple[str, str], set[str]] = {}
    for epoch in range(12):
        for each in model.examples(POOL, epoch):
            assert isinstance(each, Drawn)
            (ask,) = each.asks
            stated = {v.text.lower() for v in each.product.stated[ask.attribute.name]}
            if ask.spans or ask.unlocated:  # else it is a window without the value
                assert each.false.lower() not in stated
            drawn.setdefault((each.product.id, ask.attribute.name), set()).add(each.false)
    colours = {"Red", "dark blue", "Green", "Blue", "red", "brown", "sand"}
    assert drawn["1", "Colour"] <= colours
    assert len(drawn["1", "Colour"]) > 2


def test_the_loss_teaches_both(base: Path) -> None:
    model = begun(base)
    batch = model.collate(list(model.examples(POOL, 0))[:4])
    assert set(batch["true_J"].tolist()) == {0.0, 1.0}
    model.network(batch)["loss"].backward()
    for part in (model.network.credible, model.network.generator.writer.generate, model.network.pictures):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
    judged = Inputs.of({n: batch[f"judged_{n}"] for n in ("ids_NS", "mask_NS", "position_NT", "chain_NT")})
    assert len(judged.ids_NS) == len(batch["row_J"]) > 4


def test_where_nothing_else_is_known_the_attribute_s_name_is_false(base: Path) -> None:
    model: Any = build_deflate(base=str(base), window=20, layers=1, pictures="none")
    pool = label([BARE[0]], Schema([COLOUR]))[0]
    model.begin(pool)
    (example,) = model.examples(pool, 0)
    assert example.false == "Colour"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beams": 0}, "model.arguments.beams: expected a whole number from 1, got 0"),
        ({"layers": 0}, "model.arguments.layers: expected a whole number from 1, got 0"),
        ({"pictures": "large"}, "model.arguments.pictures: expected one of clip, small, kept, none"),
    ],
)
def test_a_wrong_setting_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_deflate(**arguments)
