import random

import pytest

from attrex.errors import ConfigError, ModelError
from attrex.resolve import (
    Aim,
    Calibration,
    Policy,
    Thresholds,
    Trial,
    choose_thresholds,
    learn_policy,
    reachable_f1,
)
from attrex.resolve.thresholds import FLOOR


def calibrated_trials(attribute: str, n: int, seed: int) -> list[Trial]:
    """Scores that are probabilities already."""
    generator = random.Random(seed)
    made = []
    for _ in range(n):
        score = generator.random()
        made.append(Trial(attribute, ((score, generator.random() < score),), 1 - score, 1))
    return made


def f1(trials: list[Trial], threshold: float) -> float:
    written = [right for t in trials for score, right in t.proposals if score >= threshold]
    return 2 * sum(written) / (len(written) + sum(t.gold for t in trials))


def test_aim_reads_its_two_forms() -> None:
    assert Aim.parse("f1") == Aim()
    assert Aim.parse("precision=0.9") == Aim(0.9)
    assert str(Aim.parse("precision=0.90")) == "precision=0.9"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recall", r'aim: expected "f1" or "precision=0\.9", got "recall"'),
        ("precision=high", r'aim: expected a number after "precision=", got "high"'),
        ("precision=90", r"aim: precision is 90; it must lie between 0 and 1"),
    ],
)
def test_a_wrong_aim_says_what_is_expected(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Aim.parse(text)


def test_f1_threshold_is_as_good_as_the_best_of_a_grid() -> None:
    trials = calibrated_trials("A", 3000, 1)
    chosen = choose_thresholds(trials, Calibration.identity(), Aim()).common
    best = max(f1(trials, i / 100) for i in range(1, 100))
    assert f1(trials, chosen) >= best - 0.003


def test_precision_aim_is_kept_on_fresh_data_with_wide_coverage() -> None:
    chosen = choose_thresholds(calibrated_trials("A", 3000, 2), Calibration.identity(), Aim(0.9)).common
    fresh = [p for t in calibrated_trials("A", 3000, 3) for p in t.proposals if p[0] >= chosen]
    assert sum(right for _, right in fresh) / len(fresh) > 0.88
    assert len(fresh) > 400  # with uniform scores the best threshold is 0.8


def test_an_aim_nothing_reaches_writes_nothing_seen() -> None:
    trials = [Trial("A", ((0.6, i % 2 == 0),), 0.4, 1) for i in range(100)]
    assert choose_thresholds(trials, Calibration.identity(), Aim(0.9)).common >= 0.9


def test_three_lucky_trials_do_not_meet_a_precision_aim() -> None:
    trials = [Trial("A", ((0.6, True),), 0.4, 1) for _ in range(3)]
    assert choose_thresholds(trials, Calibration.identity(), Aim(0.9)).common >= 0.9


def test_own_thresholds_are_drawn_to_the_common_one_by_support() -> None:
    def at(attribute: str, n: int) -> list[Trial]:  # right only above 0.9
        return [Trial(attribute, ((i / n, i / n > 0.9),), None, 1) for i in range(n)]

    common = calibrated_trials("Common", 2000, 4)
    chosen = choose_thresholds([*common, *at("Often", 400), *at("Rare", 10)], Calibration.identity(), Aim())
    assert chosen.common < chosen.of("Rare") < chosen.of("Often")
    assert chosen.of("Never seen") == chosen.common


def test_a_model_of_no_worth_writes_no_value_that_is_wrong_nine_times_in_ten() -> None:
    trials = [Trial("A", ((0.9 if at % 200 else 0.95, at % 200 == 0),), 0.1, 1) for at in range(2000)]
    policy = learn_policy(trials, Aim())  # one proposal in 200 is right
    assert policy.thresholds.common >= FLOOR
    assert policy.thresholds.of("A") >= FLOOR
    assert policy.calibration.probability("A", 0.9) < FLOOR
    reaching = [Trial("A", ((0.9, at % 2 == 0),), 0.1, 1) for at in range(2000)]
    assert FLOOR < learn_policy(reaching, Aim()).thresholds.common < 0.3  # half of an F1 of a half, as ever


def test_no_trials_leave_the_default() -> None:
    assert choose_thresholds([], Calibration.identity(), Aim()) == Thresholds("f1", 0.5)
    assert choose_thresholds([], Calibration.identity(), Aim(0.9)) == Thresholds("precision=0.9", 0.9)


def test_policy_round_trip_and_damage() -> None:
    policy = learn_policy(calibrated_trials("A", 300, 5), Aim(0.8))
    assert Policy.from_json(policy.to_json()) == policy
    with pytest.raises(ModelError, match="a part is missing"):
        Policy.from_json({"thresholds": {}})
    with pytest.raises(ModelError, match="damaged"):
        Policy.from_json({**policy.to_json(), "thresholds": {"aim": "f1"}})


def test_reachable_f1_is_that_of_the_best_threshold() -> None:
    trials = calibrated_trials("A", 500, 6)
    best = max(f1(trials, score) for t in trials for score, _ in t.proposals)
    assert reachable_f1(trials) == pytest.approx(best)
    assert reachable_f1([Trial("A", (), 0.9, 1)]) == 0.0
