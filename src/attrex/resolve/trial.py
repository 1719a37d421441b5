"""What calibration and thresholds are learnt from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trial:
    """One ask of known outcome: the raw scores of its proposals, best first, each with whether it is
    right (only the first of a single-valued attribute), the raw score of "none", how many values are
    stated in truth (0: none), and each proposal's level of familiarity (empty: nobody looked)."""

    attribute: str
    proposals: tuple[tuple[float, bool], ...]
    none_score: float | None
    gold: int
    levels: tuple[int | None, ...] = ()
