"""All that was learnt about when to believe a model; ``calibration.json`` of a model folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from attrex.errors import ModelError
from attrex.resolve.calibration import Calibration, fit_calibration
from attrex.resolve.familiarity import Familiarity
from attrex.resolve.thresholds import Aim, Thresholds, choose_thresholds
from attrex.resolve.trial import Trial

KEPT_TRIALS = 20_000
"""Trials stored with a model, so that thresholds for another aim can be chosen later; about 1 MB."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A calibration, the thresholds on its probabilities, how familiar the values are, and the trials that
    both were learnt from.

    The default trusts the model's scores.
    """

    calibration: Calibration = field(default_factory=Calibration)
    thresholds: Thresholds = field(default_factory=Thresholds)
    familiarity: Familiarity = field(default_factory=Familiarity)
    trials: tuple[Trial, ...] = ()

    def aimed(self, aim: Aim) -> Policy:
        """The same calibration with thresholds for another aim."""
        return replace(self, thresholds=choose_thresholds(self.trials, self.calibration, aim))

    def to_json(self) -> dict[str, Any]:
        """JSON-able; ``from_json`` reads it back without loss (scores to six digits)."""
        return {
            "calibration": self.calibration.to_json(),
            "thresholds": self.thresholds.to_json(),
            "familiarity": self.familiarity.to_json(),
            "trials": [
                [t.attribute, [[s, int(right)] for s, right in t.proposals], t.none_score, t.gold, t.levels]
                for t in self.trials
            ],
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Policy:
        """Raises ``ModelError`` where the content is of another version or is damaged."""
        if not isinstance(content.get("calibration"), Mapping) or "thresholds" not in content:
            raise ModelError("calibration.json is damaged (a part is missing). Fix: fit the model again")
        calibration = Calibration.from_json(content["calibration"])  # first, for it tells another version
        try:
            trials = tuple(
                Trial(
                    str(attribute),
                    tuple((float(s), bool(right)) for s, right in proposals),
                    None if none is None else float(none),
                    int(gold),
                    tuple(None if level is None else int(level) for level in levels),
                )
                for attribute, proposals, none, gold, levels in content.get("trials", ())
            )
            familiarity = Familiarity.from_json(content["familiarity"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"calibration.json is damaged ({error!r}). Fix: fit the model again") from error
        return Policy(
            calibration,
            Thresholds.from_json(content["thresholds"]),
            familiarity,
            trials,
        )


def learn_policy(
    trials: Sequence[Trial],
    aim: Aim,
    *,
    method: Literal["platt", "isotonic"] = "platt",
    familiarity: Familiarity | None = None,
) -> Policy:
    """Calibration and thresholds from the same trials, which the model was not trained on; their levels are
    those of the ``familiarity``, which was learnt from what the model was trained on. Each has few
    parameters, and the thresholds are drawn to a common one, so one part serves both."""
    rounded = [
        replace(trial, proposals=tuple((round(s, 6), right) for s, right in trial.proposals))
        for trial in trials
    ]
    calibration = fit_calibration(rounded, method=method)
    thresholds = choose_thresholds(rounded, calibration, aim)
    return Policy(calibration, thresholds, familiarity or Familiarity(), tuple(rounded[:KEPT_TRIALS]))
