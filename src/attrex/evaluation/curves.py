"""What the probabilities are worth: precision against coverage, and calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_POINTS = 200
"""A curve is thinned to about as many points, its ends kept."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """With answers below ``threshold`` withheld: the share of asks answered, and the share of those right."""

    threshold: float
    coverage: float
    precision: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose probability lies in ``[low, high)`` (the last bin holds 1 too)."""

    low: float
    high: float
    answers: int
    mean_probability: float
    correct: float


def curve(
    probabilities: Sequence[float], correct: Sequence[bool], asks: int, *, thin: bool = True
) -> tuple[CurvePoint, ...]:
    """One point per distinct probability, the surest first.

    The two sequences hold the answers that give a value; ``asks`` counts those too that give none.
    Answers of equal probability are let through together: no threshold can part them.
    """
    if not probabilities or not asks:
        return ()
    p, answered, right = _cumulative(probabilities, correct)
    chosen: npt.NDArray[np.int64] = np.arange(len(p))
    if thin and len(p) > _POINTS:
        chosen = np.unique(np.linspace(0, len(p) - 1, _POINTS).round().astype(np.int64))
    return tuple(
        CurvePoint(float(p[i]), float(answered[i] / asks), float(right[i] / answered[i])) for i in chosen
    )


def best_cut(precision: float, points: Sequence[CurvePoint]) -> CurvePoint | None:
    """The point of largest coverage at this precision or better; None where the precision is never reached.

    Where it is chosen on the very answers it is judged by, it compares two models and promises nothing.
    Pass a curve that was not thinned.
    """
    reached = (point for point in points if point.precision >= precision)
    return max(reached, key=lambda point: point.coverage, default=None)


def reliability(
    probabilities: Sequence[float], correct: Sequence[bool], *, bins: int = 10
) -> tuple[tuple[Bin, ...], float | None]:
    """The non-empty bins of equal width, and the expected calibration error (None without answers)."""
    if not probabilities:
        return (), None
    p = np.asarray(probabilities, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    index = np.clip((p * bins).astype(np.int64), 0, bins - 1)
    found: list[Bin] = []
    for at in np.unique(index):
        inside = index == at
        found.append(
            Bin(
                low=int(at) / bins,
                high=(int(at) + 1) / bins,
                answers=int(inside.sum()),
                mean_probability=float(p[inside].mean()),
                correct=float(right[inside].mean()),
            )
        )
    error = sum(b.answers * abs(b.mean_probability - b.correct) for b in found) / len(p)
    return tuple(found), error


def _cumulative(
    probabilities: Sequence[float], correct: Sequence[bool]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    p = np.asarray(probabilities, dtype=np.float64)
    order = np.argsort(-p, kind="stable")
    p = p[order]
    last = np.append(p[1:] != p[:-1], True)
    right = np.cumsum(np.asarray(correct, dtype=np.int64)[order])[last]
    return p[last], (np.flatnonzero(last) + 1).astype(np.int64), right
