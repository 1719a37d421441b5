import json
import random

import pytest

from attrex.core import Answer, Attribute, Product, Source, Stated
from attrex.normalise import Normaliser
from attrex.resolve import Calibration, Familiarity, Policy, Resolver, Thresholds, Trial, fit_calibration
from tests.resolve.test_resolver import candidate

COLOUR = Attribute("Colour")


def product(title: str, **stated: str) -> Product:
    values = {name: (Stated(text),) for name, text in stated.items()}
    return Product(title, sources=(Source("title", title),), stated=values)


KNOWN = Familiarity.learn(
    [
        *[product(f"Coat {i} in navy blue", Colour="Navy-Blue") for i in range(12)],
        product("Navy blue coat, red lining", Colour="Red"),
        product("Navy blue coat"),  # says nothing of its colour: not counted
        product("A red hat", Colour="Red"),
        *[product(f"Redwood {i} red hat", Colour="Green") for i in range(3)],
        *[product(f"Hat {i} +", Colour="+") for i in range(2)],
        product("A very " + "long " * 20 + "title", Colour="long " * 20),
    ]
)


def test_counts_texts_in_which_a_value_stands_and_is_the_one_stated() -> None:
    assert KNOWN.counts["Colour"][("navy", "blue")] == (12, 13)
    assert KNOWN.counts["Colour"][("red",)] == (2, 5)
    assert ("green",) not in KNOWN.counts["Colour"]  # stands in no text
    assert Familiarity.from_json(json.loads(json.dumps(KNOWN.to_json()))) == KNOWN


@pytest.mark.parametrize(
    ("attribute", "value", "level"),
    [
        ("Colour", "NAVY blue", 3),
        ("Colour", "RED", 1),
        ("Colour", "green", 0),
        ("Colour", "teal", 0),
        ("Brand", "Acme", None),
    ],
)
def test_levels_by_how_often_it_was_the_value_stated(attribute: str, value: str, level: int | None) -> None:
    assert KNOWN.level(attribute, value) == level


def shifted_trials(n: int) -> list[Trial]:
    """Scores that are probabilities, but for a shift by level; one attribute has mostly values of one."""
    generator = random.Random(3)
    true = Calibration(shifts=(-1.5, 0.0, 0.5, 1.0))
    made = []
    for i in range(n):
        attribute = "Brand" if i % 2 else "Colour"
        level = generator.choice([0, 0, 0, 1, 2, 3] if i % 2 else [0, 1, 2, 3, 3, 3])
        score = generator.uniform(0.05, 0.95)
        right = generator.random() < true.probability(attribute, score, level)
        made.append(Trial(attribute, ((score, right),), None, 1, (level,)))
    return made


def test_what_the_levels_are_worth_is_learnt() -> None:
    fitted = fit_calibration(shifted_trials(6000))
    for attribute in ("Brand", "Colour"):
        for level, shift in enumerate((-1.5, 0.0, 0.5, 1.0)):
            promised = Calibration(shifts=(shift,) * 4).probability(attribute, 0.6, 0)
            assert fitted.probability(attribute, 0.6, level) == pytest.approx(promised, abs=0.04)


def test_without_levels_nothing_is_shifted() -> None:
    plain = [Trial(t.attribute, t.proposals, None, 1) for t in shifted_trials(300)]
    assert fit_calibration(plain).shifts == (0.0,) * 4
    nobody = [Trial(t.attribute, t.proposals, None, 1, (None,)) for t in shifted_trials(300)]
    assert fit_calibration(nobody) == fit_calibration(plain)


def test_one_sided_outcomes_give_a_finite_shift() -> None:
    data = [Trial("A", ((0.5, True),), None, 1, (3,))] * 500 + [
        Trial("A", ((0.5, False),), None, 1, (0,))
    ] * 500
    shifts = fit_calibration(data).shifts
    assert -10 < shifts[0] < 0 < shifts[3] < 10
    assert shifts[1] == shifts[2] == 0.0


def test_a_familiar_value_is_believed_sooner() -> None:
    calibration = Calibration(shifts=(-1.0, 0.0, 0.0, 2.0), fitted=True)
    policy = Policy(calibration, Thresholds("f1", 0.0), KNOWN)
    decide = Resolver(policy, Normaliser())
    answer = Answer((candidate("green", 0.5), candidate("navy blue", 0.4)), 0.1)
    (best,) = decide.proposals(COLOUR, answer)
    assert best.text == "navy blue"
    assert best.probability == pytest.approx(policy.calibration.probability("Colour", 0.4, 3))
    (other,) = decide.proposals(Attribute("Brand"), answer)  # never stated: nothing is shifted
    assert (other.text, other.probability) == ("green", pytest.approx(0.5))


SHOP = Familiarity.learn(
    [
        *[product(f"T-shirt {i}", Type="Tshirts", Size="40mm") for i in range(3)],
        product("TSHIRTS", Type="TSHIRTS"),
        *[product(f"Belt {i}", Type="Belt") for i in range(2)],
        product("Belts", Type="Belts"),
        product("5", Type="5", Size="5"),
    ]
)


@pytest.mark.parametrize(
    ("attribute", "value", "written"),
    [
        ("Type", "T-shirt", "Tshirts"),
        ("Type", "tshirts", "Tshirts"),
        ("Type", "BELTS", "Belts"),  # a value of its own in the cells
        ("Type", "belt's", "Belt"),
        ("Type", "Kurti", "Kurti"),
        ("Size", "40 mm", "40 mm"),  # quantities have a way of their own
        ("Colour", "T-shirt", "T-shirt"),
    ],
)
def test_values_are_written_as_the_cells_write_them(attribute: str, value: str, written: str) -> None:
    assert SHOP.spelt(attribute, value) == written
    assert Familiarity.from_json(json.loads(json.dumps(SHOP.to_json()))).spelt(attribute, value) == written


def test_an_answer_is_canonically_as_the_cells_write_it() -> None:
    decide = Resolver(Policy(familiarity=SHOP), Normaliser())
    answer = Answer((candidate("T-shirt", 0.6), candidate("tshirts", 0.3)), 0.1)
    (value,) = decide.proposals(Attribute("Type"), answer)
    assert (value.text, value.canonical, len(value.evidence)) == ("T-shirt", "Tshirts", 2)
    assert decide.key(Attribute("Type"), "T-Shirt") == decide.key(Attribute("Type"), "Tshirts")
    listed = Attribute("Type", values=("T-shirt", "Belt"))
    assert decide.proposals(listed, answer)[0].canonical == "T-shirt"
