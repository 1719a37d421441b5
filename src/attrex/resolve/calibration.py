"""From a model's own score to a probability.

Platt's scaling on the logit of the score, ``p = sigmoid(slope * logit(score) + offset)``: one line
for all attributes, and one for each attribute that is drawn towards the common one by a Gaussian
prior, so that an attribute with five trials stays near it and one with five hundred goes its own
way. A value that was the one stated wherever it stood is right more often than the score says, one that
nobody ever stated less often: each level of ``Familiarity`` shifts the log odds. (Of VideoAVE's automotive
brands written at 0.4 or above, 0.69 were right of those never stated, and 0.94 of the others, where the
lines alone promised 0.79 and 0.87.) Optionally a monotone step (isotonic regression, pool adjacent
violators) after it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from attrex.core import content_hash
from attrex.errors import ModelError
from attrex.resolve.familiarity import LEVELS
from attrex.resolve.trial import Trial

VERSION = 3
EDGE = 1e-4
"""Scores and probabilities are kept this far from 0 and 1, so that logits stay finite."""
COMMON_PRIOR = (1.0, 1.0)
"""Precision of the prior of the common line's (slope, offset) around the identity: one trial's worth."""
OWN_PRIOR = (8.0, 3.0)
"""The same for an attribute's own line around the common one."""
SHIFT_PRIOR = 2.0
"""The same for the shift of a level of familiarity around none."""
ROUNDS = 8
"""Lines and shifts are fitted in turns; they no longer move by then."""
KNOT_TRIALS = 20
"""Isotonic steps hold at least as many trials each; smaller ones would follow noise."""
FEWEST_NEGATIVES = 10
"""With fewer asks of explicit "no value" the score of "none" stays as it is: filled cells alone would
teach that "none" is never right."""

Points = Sequence[tuple[float, bool, int | None]]
"""Raw score, whether right, and the level of familiarity."""
Shifts = tuple[float, ...]


def logit(probability: float) -> float:
    """Log odds, clipped at ``EDGE``."""
    clipped = min(max(probability, EDGE), 1 - EDGE)
    return math.log(clipped / (1 - clipped))


def sigmoid(x: float) -> float:
    """The inverse of ``logit``."""
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """``sigmoid(slope * logit(score) + offset)``; the default is the identity."""

    slope: float = 1.0
    offset: float = 0.0

    def probability(self, score: float, shift: float = 0.0) -> float:
        """The probability that goes with a raw score."""
        return sigmoid(self.slope * logit(score) + self.offset + shift)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Lines for values (``common``, and ``own`` by attribute name), a line for "none", ``shifts`` of the log
    odds by level of familiarity, and optional isotonic ``knots`` (probability in, probability out) that are
    applied after the values' lines."""

    common: Line = Line()
    own: Mapping[str, Line] = field(default_factory=dict)
    none: Line = Line()
    knots: tuple[tuple[float, float], ...] = ()
    shifts: Shifts = (0.0,) * LEVELS
    fitted: bool = False

    @staticmethod
    def identity() -> Calibration:
        """Leaves the model's scores as they are; ``fitted`` is False."""
        return Calibration()

    def probability(self, attribute: str, score: float, level: int | None = None) -> float:
        """How likely a proposal with this raw score and level of familiarity is right."""
        line = self.own.get(attribute, self.common)
        probability = line.probability(score, shift_of(self.shifts, level))
        return interpolate(self.knots, probability) if self.knots else probability

    def none_probability(self, score: float) -> float:
        """How likely it is that no value is stated."""
        return self.none.probability(score)

    @property
    def version(self) -> str:
        """Content hash."""
        return content_hash(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """JSON-able; ``from_json`` reads it back without loss."""
        return {
            "version": VERSION,
            "fitted": self.fitted,
            "common": [self.common.slope, self.common.offset],
            "own": {name: [line.slope, line.offset] for name, line in sorted(self.own.items())},
            "none": [self.none.slope, self.none.offset],
            "knots": [list(knot) for knot in self.knots],
            "shifts": list(self.shifts),
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Calibration:
        """Raises ``ModelError`` where the content is from a newer or an older attrex, or is damaged."""
        version = content.get("version")
        if isinstance(version, int) and version != VERSION:
            fix = "update attrex" if version > VERSION else "fit the model again"
            raise ModelError(
                f"calibration.json has version {version}; this attrex reads version {VERSION}. Fix: {fix}"
            )
        try:
            return Calibration(
                Line(*content["common"]),
                {name: Line(*line) for name, line in content["own"].items()},
                Line(*content["none"]),
                tuple((float(x), float(y)) for x, y in content["knots"]),
                _shifts(content["shifts"]),
                bool(content["fitted"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"calibration.json is damaged ({error!r}). Fix: fit the model again") from error


def fit_calibration(
    trials: Iterable[Trial], *, method: Literal["platt", "isotonic"] = "platt"
) -> Calibration:
    """Learns the lines from trials that the model was not trained on.

    Without a single trial the result is the identity.
    """
    by_attribute: dict[str, list[tuple[float, bool, int | None]]] = defaultdict(list)
    none: list[tuple[float, bool, int | None]] = []
    for trial in trials:
        levels = trial.levels or (None,) * len(trial.proposals)
        by_attribute[trial.attribute].extend(
            (score, right, level) for (score, right), level in zip(trial.proposals, levels, strict=True)
        )
        if trial.none_score is not None:
            none.append((trial.none_score, trial.gold == 0, None))
    every = [point for points in by_attribute.values() for point in points]
    if not every and not none:
        return Calibration.identity()
    shifts: Shifts = (0.0,) * LEVELS
    for _ in range(ROUNDS if any(level is not None for _, _, level in every) else 1):
        common = _fit_line(every, Line(), COMMON_PRIOR, shifts)
        own = {
            name: _fit_line(points, common, OWN_PRIOR, shifts)
            for name, points in by_attribute.items()
            if points
        }
        shifts = tuple(_fit_shift(by_attribute, own, level) for level in range(LEVELS))
    knots: tuple[tuple[float, float], ...] = ()
    if method == "isotonic":
        knots = _isotonic(
            [
                (own[name].probability(score, shift_of(shifts, level)), right)
                for name, points in by_attribute.items()
                for score, right, level in points
            ]
        )
    negatives = sum(nothing for _, nothing, _ in none)
    line = _fit_line(none, Line(), COMMON_PRIOR, shifts) if negatives >= FEWEST_NEGATIVES else Line()
    return Calibration(common, own, line, knots, shifts, fitted=True)


def shift_of(shifts: Shifts, level: int | None) -> float:
    """What a level adds to the log odds; nothing where nobody knows it."""
    return 0.0 if level is None else shifts[level]


def _shifts(content: Sequence[Any]) -> Shifts:
    if len(content) != LEVELS:
        raise ValueError(f"{len(content)} shifts")
    return tuple(float(shift) for shift in content)


def _fit_shift(by_attribute: Mapping[str, Points], own: Mapping[str, Line], level: int) -> float:
    """Maximum a posteriori by Newton's method, given the lines."""
    points = [
        (own[name].slope * logit(score) + own[name].offset, float(right))
        for name, points in by_attribute.items()
        for score, right, its in points
        if its == level
    ]
    if not points:
        return 0.0
    z, y = np.array(points).T
    shift = 0.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(z + shift, -30, 30)))
        step = (float(np.sum(p - y)) + SHIFT_PRIOR * shift) / (float(np.sum(p * (1 - p))) + SHIFT_PRIOR)
        shift -= min(max(step, -1.0), 1.0)  # the curvature far away is no guide
        if abs(step) < 1e-9:
            break
    return shift


def _fit_line(points: Points, prior: Line, precision: tuple[float, float], shifts: Shifts) -> Line:
    """Maximum a posteriori by Newton's method; the slope stays positive, or order would be lost."""
    if not points:
        return prior
    x = np.array([logit(score) for score, _, _ in points])
    y = np.array([float(right) for _, right, _ in points])
    known = np.array([shift_of(shifts, level) for _, _, level in points])
    design = np.stack([x, np.ones_like(x)], axis=1)
    centre = np.array([prior.slope, prior.offset])
    weight = np.diag(precision)
    at = centre.copy()

    def loss(where: np.ndarray[Any, Any]) -> float:
        z = design @ where + known
        fit = float(np.sum(np.logaddexp(0.0, z) - y * z))
        return fit + 0.5 * float((where - centre) @ weight @ (where - centre))

    now = loss(at)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(design @ at + known, -30, 30)))
        gradient = design.T @ (p - y) + weight @ (at - centre)
        curvature = design.T @ (design * (p * (1 - p))[:, None]) + weight
        step = np.linalg.solve(curvature, gradient)
        scale = 1.0
        while loss(at - scale * step) > now and scale > 1e-6:
            scale /= 2
        at = at - scale * step
        before, now = now, loss(at)
        if before - now < 1e-9:
            break
    return Line(max(float(at[0]), 0.05), float(at[1]))


def _isotonic(points: Sequence[tuple[float, bool]]) -> tuple[tuple[float, float], ...]:
    """Pool adjacent violators over blocks of at least ``KNOT_TRIALS``; a block gives a knot at its
    first and at its last input."""
    ordered = sorted(points)
    blocks: list[tuple[float, float, int, int]] = []  # first input, last input, right, count
    for i in range(0, len(ordered), KNOT_TRIALS):
        part = ordered[i : i + KNOT_TRIALS]
        block = (part[0][0], part[-1][0], sum(right for _, right in part), len(part))
        while blocks and blocks[-1][2] * block[3] >= block[2] * blocks[-1][3]:
            first, _, right, count = blocks.pop()
            block = (first, block[1], right + block[2], count + block[3])
        blocks.append(block)
    knots: list[tuple[float, float]] = []
    height = 0.0
    for first, last, right, count in blocks:
        height = max(height, (right + 0.5) / (count + 1))  # smoothing may upset the order by a hair
        knots.extend([(first, height), (last, height)])
    return tuple(knots)


def interpolate(knots: Sequence[tuple[float, float]], x: float) -> float:
    """Piecewise linear through the knots, drawn to (0, 0) and (1, 1) outside them."""
    right = bisect_right(knots, (x, math.inf))
    x0, y0 = knots[right - 1] if right else (0.0, 0.0)
    x1, y1 = knots[right] if right < len(knots) else (1.0, 1.0)
    return y0 if x1 <= x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)
