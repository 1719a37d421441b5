"""How sure one must be before a value is written."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from attrex.errors import ConfigError, ModelError
from attrex.resolve.calibration import Calibration, logit, sigmoid
from attrex.resolve.trial import Trial

DEFAULT = 0.5
SHRINK = 300
"""An attribute's own threshold counts for n / (n + SHRINK), n being its proposals. From fewer the place of
the best one is chance: with 30, five models of 840 titles lost 0.0 to 0.4 points of F1 against 1,000."""
SHRINK_COMMON = 10
"""The same for the common threshold against the default."""
FLOOR = 0.1
"""No threshold for the best F1 lies below. The F1 of a model that hardly finds anything is raised by each
further value, however improbable; but no catalogue is the better for values of which nine in ten are wrong.
"""
WORTHLESS = 2 * FLOOR
"""The F1 below which the floor stands in for the price: such a model is hardly worth asking."""

Points = Sequence[tuple[float, bool]]


@dataclass(frozen=True, slots=True)
class Aim:
    """What the thresholds shall reach: the best F1, or (``precision`` given) the widest coverage at
    that share of right values among all written ones."""

    precision: float | None = None

    @staticmethod
    def parse(text: str) -> Aim:
        """``f1`` or ``precision=0.9``. Raises ``ConfigError`` for anything else."""
        if text == "f1":
            return Aim()
        name, equals, number = text.partition("=")
        if name == "precision" and equals:
            try:
                share = float(number)
            except ValueError:
                raise ConfigError(f'aim: expected a number after "precision=", got "{number}"') from None
            if not 0 < share < 1:
                raise ConfigError(f"aim: precision is {share:g}; it must lie between 0 and 1")
            return Aim(share)
        raise ConfigError(f'aim: expected "f1" or "precision=0.9", got "{text}"')

    def __str__(self) -> str:
        return "f1" if self.precision is None else f"precision={self.precision:g}"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities from which on a value is written: ``common``, and ``own`` by attribute name."""

    aim: str = "f1"
    common: float = DEFAULT
    own: Mapping[str, float] = field(default_factory=dict)

    def of(self, attribute: str) -> float:
        """The attribute's threshold."""
        return self.own.get(attribute, self.common)

    def to_json(self) -> dict[str, Any]:
        """JSON-able; ``from_json`` reads it back without loss."""
        return {"aim": self.aim, "common": self.common, "own": dict(sorted(self.own.items()))}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Thresholds:
        """Raises ``ModelError`` where the content is damaged."""
        try:
            own = {name: float(value) for name, value in content["own"].items()}
            return Thresholds(str(content["aim"]), float(content["common"]), own)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"calibration.json is damaged ({error!r}). Fix: fit the model again") from error


def choose_thresholds(trials: Iterable[Trial], calibration: Calibration, aim: Aim) -> Thresholds:
    """The thresholds that reach the aim on the trials, each attribute's drawn to the common one.

    F1 is 2 VC / (predicted + gold), so a further value raises it exactly where its chance of being
    right exceeds half the F1 reached; it must exceed ``FLOOR`` too. Probabilities are calibrated, so that
    this price is itself the common threshold; the place of the best F1 on the trials is not looked for,
    because chance moves it (on 60 titles it lost up to 2 points). A precision is held over all attributes
    together, and coverage is widest where every value is written whose chance exceeds one common threshold.
    The price, F1 / 2 or that threshold, also sets each attribute's own: the one with the largest sum of
    (right - price).
    Without trials the default stands, and the fewer there are the nearer the common threshold stays to it.
    """
    by_attribute: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    gold = 0
    for trial in trials:
        gold += trial.gold
        levels = trial.levels or (None,) * len(trial.proposals)
        by_attribute[trial.attribute].extend(
            (calibration.probability(trial.attribute, score, level), right)
            for (score, right), level in zip(trial.proposals, levels, strict=True)
        )
    every = [point for points in by_attribute.values() for point in points]
    default = aim.precision or DEFAULT
    if not every:
        return Thresholds(str(aim), default)
    floor = FLOOR if aim.precision is None else 0.0
    price = max(floor, _best_f1(every, gold) / 2) if aim.precision is None else _widest(every, aim.precision)
    chosen = {name: _best_gain(points, price) for name, points in by_attribute.items() if points}
    common = _between(price, default, len(every) / (len(every) + SHRINK_COMMON))
    own = {
        name: max(
            floor, _between(threshold, common, len(by_attribute[name]) / (len(by_attribute[name]) + SHRINK))
        )
        for name, threshold in chosen.items()
    }
    return Thresholds(str(aim), common, own)


def reachable_f1(trials: Iterable[Trial]) -> float:
    """The best F1 that one threshold on the raw scores reaches, for comparing states of one model."""
    points: list[tuple[float, bool]] = []
    gold = 0
    for trial in trials:
        gold += trial.gold
        points += trial.proposals
    return _best_f1(points, gold) if points else 0.0


def _steps(points: Points) -> Iterable[tuple[float, int, int]]:
    """Going down: (threshold, written, right), thresholds halfway between neighbouring probabilities
    (in log odds) and nothing between equals."""
    ordered = sorted(points, reverse=True)
    written = right = 0
    lower = [*ordered[1:], (ordered[-1][0] / 2, False)]
    for (here, is_right), (below, _) in zip(ordered, lower, strict=True):
        written, right = written + 1, right + is_right
        if below < here:
            yield _between(here, below, 0.5), written, right


def _best_f1(points: Points, gold: int) -> float:
    return max((2 * right / (written + gold) for _, written, right in _steps(points)), default=0.0)


def _best_gain(points: Points, price: float) -> float:
    """The threshold with the largest sum of (right - price) over what is written."""
    top = max(p for p, _ in points)
    best, threshold = 0.0, _between(top, 1.0, 0.5)
    for at, written, right in _steps(points):
        gain = right - price * written
        if gain > best:
            best, threshold = gain, at
    return threshold


def _widest(points: Points, share: float) -> float:
    """The lowest threshold above which the share of right values holds, with something in hand: one
    wrong value more than seen, and half a standard deviation. A share met by luck on three trials is
    none, and the best of many thresholds looks better than it is. Where none does, just above the
    largest probability, and at least ``share``."""
    top = max(p for p, _ in points)
    threshold = max(share, _between(top, 1.0, 0.5))
    for at, written, right in _steps(points):
        in_hand = share + 0.5 * math.sqrt(share * (1 - share) * written)
        if right >= share * written + in_hand:
            threshold = at
    return threshold


def _between(a: float, b: float, weight: float) -> float:
    """``weight`` of a and the rest of b, in log odds."""
    return sigmoid(weight * logit(a) + (1 - weight) * logit(b))
