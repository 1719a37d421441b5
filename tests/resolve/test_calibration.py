import math
import random

import pytest

from attrex.errors import ModelError
from attrex.resolve import Calibration, Line, Trial, fit_calibration
from attrex.resolve.calibration import interpolate, logit, sigmoid


def trials(attribute: str, n: int, true: Line, seed: int) -> list[Trial]:
    generator = random.Random(seed)
    made = []
    for _ in range(n):
        score = generator.uniform(0.02, 0.98)
        right = generator.random() < true.probability(score)
        made.append(Trial(attribute, ((score, right),), 1 - score, int(right)))
    return made


def test_identity_returns_the_score() -> None:
    identity = Calibration.identity()
    assert not identity.fitted
    for score in (0.01, 0.3, 0.5, 0.99):
        assert identity.probability("Colour", score) == pytest.approx(score)
        assert identity.none_probability(score) == pytest.approx(score)
    assert 0 < identity.probability("Colour", 0.0) < identity.probability("Colour", 1.0) < 1


def test_many_trials_recover_the_line_that_made_them() -> None:
    true = Line(0.6, -1.0)
    fitted = fit_calibration(trials("Colour", 4000, true, 1))
    assert fitted.fitted
    assert fitted.own["Colour"].slope == pytest.approx(0.6, abs=0.07)
    assert fitted.own["Colour"].offset == pytest.approx(-1.0, abs=0.1)
    assert fitted.probability("Colour", 0.8) == pytest.approx(true.probability(0.8), abs=0.03)
    # here "none" was right exactly where the value was not, at a score of 1 - score
    assert fitted.none_probability(0.2) == pytest.approx(1 - true.probability(0.8), abs=0.03)


def test_an_attribute_with_few_trials_stays_near_the_common_line() -> None:
    data = trials("Colour", 2000, Line(1.0, 0.0), 2)
    data += [Trial("Rare", ((0.9, False),), 0.1, 1) for _ in range(2)]
    data += [Trial("Wrong", ((0.9, False),), 0.1, 1) for _ in range(300)]
    fitted = fit_calibration(data)
    common = fitted.common.probability(0.9)
    assert 0.5 * common < fitted.probability("Rare", 0.9) < common
    assert fitted.probability("Wrong", 0.9) < 0.15
    assert fitted.probability("Never seen", 0.9) == pytest.approx(common)


def test_separable_outcomes_give_a_finite_rising_line() -> None:
    data = [Trial("A", ((0.9, True),), None, 1)] * 5 + [Trial("A", ((0.1, False),), None, 0)] * 5
    line = fit_calibration(data).own["A"]
    assert math.isfinite(line.slope)
    assert line.slope > 0
    upside_down = [Trial("A", ((0.1, True),), None, 1)] * 50 + [Trial("A", ((0.9, False),), None, 0)] * 50
    assert fit_calibration(upside_down).own["A"].slope > 0


def test_no_trials_give_the_identity() -> None:
    assert fit_calibration([]) == Calibration.identity()


def test_isotonic_knots_rise_and_follow_the_outcomes() -> None:
    data = []
    generator = random.Random(5)
    for _ in range(3000):  # a step no line can follow
        score = generator.uniform(0.02, 0.98)
        data.append(Trial("A", ((score, generator.random() < (0.9 if score > 0.7 else 0.3)),), None, 1))
    fitted = fit_calibration(data, method="isotonic")
    outs = [y for _, y in fitted.knots]
    assert outs == sorted(outs)
    assert fitted.probability("A", 0.6) == pytest.approx(0.3, abs=0.06)
    assert fitted.probability("A", 0.8) == pytest.approx(0.9, abs=0.06)
    rising = [fitted.probability("A", i / 100) for i in range(1, 100)]
    assert rising == sorted(rising)


def test_interpolation_meets_its_knots_and_its_ends() -> None:
    knots = ((0.2, 0.1), (0.6, 0.5))
    assert [interpolate(knots, x) for x in (0.0, 0.2, 0.4, 0.6, 1.0)] == pytest.approx([0, 0.1, 0.3, 0.5, 1])


def test_json_round_trip_is_exact() -> None:
    fitted = fit_calibration(trials("Colour", 200, Line(0.7, 0.2), 3), method="isotonic")
    again = Calibration.from_json(fitted.to_json())
    assert again == fitted
    assert again.version == fitted.version


def test_a_newer_or_damaged_file_is_refused() -> None:
    newer = {**Calibration.identity().to_json(), "version": 99}
    with pytest.raises(ModelError, match=r"version 99; this attrex reads version 3\. Fix: update attrex"):
        Calibration.from_json(newer)
    older = {**newer, "version": 1}
    with pytest.raises(
        ModelError, match=r"version 1; this attrex reads version 3\. Fix: fit the model again"
    ):
        Calibration.from_json(older)
    with pytest.raises(ModelError, match=r"damaged .*Fix: fit the model again"):
        Calibration.from_json({"version": 3, "common": [1, 2]})


def test_logit_and_sigmoid_are_inverse_and_finite() -> None:
    assert sigmoid(logit(0.37)) == pytest.approx(0.37)
    assert math.isfinite(logit(0.0))
    assert math.isfinite(logit(1.0))
    assert sigmoid(-1000) == 0.0


def test_filled_cells_alone_teach_nothing_about_none() -> None:
    data = [Trial("A", ((0.9, True),), 0.8, 1) for _ in range(200)]
    assert fit_calibration(data).none == Line()
    assert fit_calibration([*data, *[Trial("A", (), 0.8, 0)] * 10]).none != Line()
