"""By which region of a picture SMARTAVE knows a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from attrex.core import Answer, Candidate, Evidence, Picture, Product, Region, Source, Span, Stated
from attrex.models import smartave_forms, smartave_regions
from attrex.models.picture_regions import Shown
from attrex.models.smartave import build_smartave
from attrex.models.smartave_network import Asked
from attrex.models.smartave_regions import painted_over, strongest, with_regions
from attrex.nn.boxes import WHOLE, grid, rectangles
from attrex.schema import Schema
from attrex.supervision.distant import label
from attrex.training import Settings, fit
from tests.conformance.ten import COLOUR
from tests.models.small_smartave import ask, begun

FORMS = pytest.mark.parametrize("form", ["seen", "apart"])
SIDE = 56
LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)
SEEING: dict[str, Any] = {"vision_size": SIDE, "vision_widths": [16, 16, 16, 16]}
INFERRED = Evidence("inferred")


def picture(seed: int, side: int = SIDE) -> Picture:
    """Dark on the left, light on the right, and noise."""
    pixels = np.random.default_rng(seed).integers(0, 60, (side, side, 3), dtype=np.uint8)
    pixels[:, side // 2 :] += 180
    return Picture(f"{seed}.png", pixels)


def product(*pictures: Picture, text: str = "mug") -> Product:
    return Product("1", None, (Source("title", text),) if text else (), pictures)


def said(text: str, score: float = 0.9, evidence: Evidence = INFERRED) -> Answer:
    return Answer((Candidate(text, score, evidence),), 1 - score)


def pointed(model: Any, products: Sequence[Product], answers: Sequence[Answer]) -> list[Answer]:
    asks = [(at, 0) for at in range(len(products))]
    made: list[Answer] = model.pointed(
        products, model.prepare(products), model.describe([COLOUR]), asks, answers
    )
    return made


# --- what of a picture decides ---


class Light:
    """Stands in for a network: the value's odds are how light ``box`` is, times ``weight``, and a little of
    everything else."""

    most = 3

    def __init__(self, box: int = 1, weight: float = 6.0) -> None:
        self.box, self.weight = box, weight
        self.shown: list[Tensor] = []
        self.rows: list[int] = []

    def find(self, pictures: Sequence[Picture]) -> list[Tensor]:
        return [torch.tensor([WHOLE, LEFT, RIGHT])] * len(pictures)

    def show(self, pixels_CSS3: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        self.shown.append(pixels_CSS3.detach())
        halves = [pixels_CSS3, *pixels_CSS3.split(SIDE // 2, 2)]
        light_C3 = torch.stack([half.mean((1, 2, 3)) / 255 for half in halves], 1)
        return light_C3.flatten().unsqueeze(1)

    def parts(self, box_P4: Tensor) -> Tensor:
        return box_P4[1:]

    def read_again(self, chosen: Sequence[int], shown: Sequence[Shown]) -> Asked:
        self.rows.append(len(chosen))
        light_A = [own.features_XF.view(-1, 3)[0, self.box] for own in shown]
        odds_A1 = torch.stack(light_A).unsqueeze(1) * self.weight
        return Asked(odds_A1, odds_A1, odds_A1)

    def learnt(self) -> Any:
        script = SimpleNamespace(keys=lambda texts: [(5,)] * len(texts), unknown=1, end=2)

        def likely(words: Any, asked: Asked, written_AL: Tensor) -> Tensor:
            return nn.functional.logsigmoid(asked.told_AD)

        extraction = SimpleNamespace(script=script, likely=likely)
        reader = SimpleNamespace(pictures=self, words=None)
        network = SimpleNamespace(reader=reader, extraction=extraction)
        return SimpleNamespace(network=network, device=torch.device("cpu"))

    def told(self, *given: tuple[Product, Answer]) -> list[Evidence]:
        products, answers = [each for each, _ in given], [each for _, each in given]
        made = with_regions(self.learnt(), products, answers, self.read_again)
        return [candidate.evidence for answer in made for candidate in answer.candidates]


def region(*box: float, picture: int = 0) -> Evidence:
    left, top, right, bottom = box
    return Evidence("region", region=Region(picture, (left, top, right, bottom)))


def test_the_region_that_decides_is_named() -> None:
    """The dark side of a value that is dark, the light one of one that is light, and not the other way."""
    given = product(picture(0)), said("green")
    assert Light(box=2).told(given) == [region(*RIGHT)]
    assert Light(box=1, weight=-6.0).told(given) == [region(*LEFT)]
    assert Light(box=1).told(given) == Light(box=2, weight=-6.0).told(given) == [INFERRED]


def test_what_would_be_said_without_it_is_not_told_by_it() -> None:
    """Painted over, the light side is as dark as the other: 0.7 of 255 less."""
    given = product(picture(0)), said("green")
    for weight, evidence in ((0.8, INFERRED), (1.3, region(*RIGHT))):
        assert Light(box=2, weight=weight).told(given) == [evidence]


def test_a_region_is_painted_over_in_the_colour_around_it() -> None:
    eye = Light(box=2)
    eye.told((product(picture(0)), said("green")))
    seen, hidden = eye.shown
    torch.testing.assert_close(hidden[0, :, : SIDE // 2], seen[0, :, : SIDE // 2])
    mean_3 = seen[0, :, : SIDE // 2].mean((0, 1))
    torch.testing.assert_close(hidden[0, :, SIDE // 2 :], mean_3.expand(SIDE, SIDE // 2, 3))
    whole = painted_over(seen, Region(0, WHOLE))
    torch.testing.assert_close(whole[0], seen[0].mean((0, 1)).expand(SIDE, SIDE, 3))


def test_only_what_is_inferred_of_a_picture_and_likely_is_looked_into() -> None:
    eye = Light(box=2)
    span = Evidence("span", Span("title", 0, 3))
    given = [
        (product(picture(0)), said("mug", evidence=span)),
        (product(), said("green")),
        (product(Picture("unread.png")), said("green")),
        (product(picture(0)), said("green", 0.05)),
        (product(picture(0)), Answer((), 0.9)),
    ]
    assert eye.told(*given) == [span, INFERRED, INFERRED, INFERRED]
    assert eye.shown == []
    both = Answer((*said("mug", evidence=span).candidates, *said("green", 0.5).candidates), 0.1)
    assert eye.told((product(picture(0)), both)) == [span, region(*RIGHT)]


def test_pictures_are_told_apart() -> None:
    plain = Picture("plain.png", np.full((SIDE, SIDE, 3), 90, dtype=np.uint8))
    unread = Picture("unread.png")
    eye = Light(box=2)
    assert eye.told((product(unread, picture(0), plain), said("green"))) == [region(*RIGHT)]
    many = [(product(picture(at)), said("green")) for at in range(12)]
    rows = eye.rows = []
    assert eye.told(*many) == [region(*RIGHT)] * 12
    assert rows == [7, 7, 5, 5]  # not all at once
    assert max(map(len, eye.shown)) == 2


def test_what_stands_out_is_a_part_and_never_the_whole() -> None:
    cells = rectangles(7)
    assert strongest(torch.ones(1, 28, 28), [cells]) is None  # no box is better than the rest
    assert strongest(torch.zeros(1, 28, 28), [cells]) is None
    assert strongest(-torch.eye(28).unsqueeze(0), [cells]) is None
    gain_CVV = torch.zeros(2, 28, 28)
    gain_CVV[1, 4:12, 8:12] = 1.0
    found = strongest(gain_CVV, [cells, cells])
    assert found is not None
    assert (found.picture, found.box) == (1, pytest.approx((2 / 7, 1 / 7, 3 / 7, 3 / 7)))
    assert strongest(gain_CVV, [grid(1), grid(1)[:0]]) is None  # nothing was found in the second
    most = torch.tensor([[0.0, 0.0, 1.0, 0.9]])
    assert strongest(torch.ones(1, 28, 28), [most]) is None


# --- in the model ---


def looking(base: Path, form: str, regions: str) -> Any:
    given = {**SEEING, "regions": regions, "attribute": form}
    if regions == "detector":
        given |= {"detector": str(base.with_name("detector")), "detector_size": 64, "objects_from": 0.0}
    return begun(base, "smartave", **given)


@FORMS
@pytest.mark.parametrize("regions", ["grid", "detector"])
def test_a_model_names_a_region_of_those_that_it_looks_at(
    regions: str, form: str, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = looking(base, form, regions)
    value = min(model.network.extraction.spellings.values())
    given = [product(picture(0, 64)), product(picture(1, 64), text=""), product(text="a mug")]
    if regions == "grid":
        given = [product(picture(0)), product(picture(1), text=""), product(text="a mug")]
    answers = [said(value)] * 3
    monkeypatch.setattr(smartave_regions, "STANDS_OUT", 0.5)
    monkeypatch.setattr(smartave_regions, "GAIN", 1e9)
    assert pointed(model, given, answers) == answers
    monkeypatch.setattr(smartave_regions, "GAIN", 1e-9)
    made = pointed(model, given, answers)
    assert [(a.candidates[0].text, a.candidates[0].score, a.none_score) for a in made] == [
        (value, 0.9, answers[0].none_score)
    ] * 3
    assert made[2] == answers[2]
    looks = model.network.reader.pictures
    for answer, own in zip(made[:2], given, strict=False):
        told = answer.candidates[0].evidence
        assert told.kind == "region"
        assert told.region is not None
        boxes = looks.parts(looks.find(own.pictures)[0]).clamp(0, 1).tolist()
        assert list(told.region.box) in boxes


@FORMS
def test_what_is_read_again_is_what_was_answered(
    form: str, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = looking(base, form, "grid")
    value = min(model.network.extraction.spellings.values())
    given = [product(picture(0), text="a blue mug"), product(picture(1), picture(2))]
    seen: list[Asked] = []
    monkeypatch.setattr(
        smartave_forms, "decided", lambda *given, **_: [seen.append(given[2])] * len(given[3])
    )
    ask(model, given, [COLOUR])
    odds = smartave_regions._odds

    def noting(learnt: Any, asked: Asked, wanted: Any) -> Tensor:
        seen.append(asked)
        return odds(learnt, asked, wanted)

    monkeypatch.setattr(smartave_regions, "_odds", noting)
    pointed(model, given, [said(value)] * 2)
    answered, again = seen[:2]
    for one, other in ((answered, again), (again, answered)):
        apart_AA = torch.cdist(one.told_AD.detach().clone(), other.told_AD.detach().clone())
        assert apart_AA.amin(1).max() < 1e-4  # in whatever order
    assert torch.equal(answered.pieces_AT2.sort(0).values, again.pieces_AT2.sort(0).values)


def test_a_model_without_pictures_names_none(base: Path) -> None:
    model = begun(base)
    given = product(picture(0))
    assert pointed(model, [given], [said("green")]) == [said("green")]


@pytest.mark.slow
def test_where_a_coloured_square_is_seen(base: Path) -> None:
    """It lies anywhere on noise; the text says nothing. Chance would hit one in ten."""
    colours = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 200, 30)}
    draw, wide = np.random.default_rng(0), SIDE // 3
    products, squares = [], []
    for at in range(108):
        name = list(colours)[at % 3]
        pixels = draw.integers(200, 256, (SIDE, SIDE, 3)).astype(np.uint8)
        left, top = (int(edge) for edge in draw.integers(0, SIDE - wide, 2))
        pixels[top : top + wide, left : left + wide] = colours[name]
        seen = Picture(f"{at}.png", pixels)
        products.append(replace(product(seen), id=str(at), stated={COLOUR.name: (Stated(name),)}))
        squares.append([edge / SIDE for edge in (left, top, left + wide, top + wide)])
    torch.manual_seed(0)
    shape = {"window": 30, "block": 16, "decoder_layers": 1, "beams": 2, "alpha": 0.0, **SEEING}
    model: Any = build_smartave(base=str(base), **{**shape, "vision_widths": [16, 16, 32, 32]})
    pool, _ = label(products[:48], Schema([COLOUR]))
    fit(model, pool, None, Settings(epochs=14, batch=12, rates={"default": 3e-3}, weight_decay=0.0))
    test, where = products[48:], squares[48:]
    answers = ask(model, test, [COLOUR])
    stated = [own.stated[COLOUR.name][0].text for own in test]
    assert sum(a.candidates[0].text == text for a, text in zip(answers, stated, strict=True)) > 50
    hits = []
    for answer, square in zip(pointed(model, test, answers), where, strict=True):
        if (told := answer.candidates[0].evidence.region) is not None:
            across, down = (sum(told.box[at::2]) / 2 for at in (0, 1))
            hits.append(square[0] <= across <= square[2] and square[1] <= down <= square[3])
    assert len(hits) >= 6
    assert sum(hits) >= 0.8 * len(hits)
