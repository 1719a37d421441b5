"""All that was learnt about when to believe a model; ``calibration.json`` of a model folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from attrex.errors import ModelError
from attrex.resolve.calibration import Calibration, fit_calibration
from attrex.resolve.thresholds import Aim, Thresholds, choose_thresholds
from attrex.resolve.trial import Trial


@dataclass(frozen=True, slots=True)
class Policy:
    """A calibration and the thresholds on its probabilities; the default trusts the model's scores."""

    calibration: Calibration = field(default_factory=Calibration)
    thresholds: Thresholds = field(default_factory=Thresholds)

    def to_json(self) -> dict[str, Any]:
        """JSON-able; ``from_json`` reads it back without loss."""
        return {"calibration": self.calibration.to_json(), "thresholds": self.thresholds.to_json()}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Policy:
        """Raises ``ModelError`` where the content is from a newer attrex or is damaged."""
        if not isinstance(content.get("calibration"), Mapping) or "thresholds" not in content:
            raise ModelError("calibration.json is damaged (a part is missing). Fix: fit the model again")
        return Policy(
            Calibration.from_json(content["calibration"]), Thresholds.from_json(content["thresholds"])
        )


def learn_policy(
    trials: Sequence[Trial], aim: Aim, *, method: Literal["platt", "isotonic"] = "platt"
) -> Policy:
    """Calibration and thresholds from the same trials, which the model was not trained on. Each
    has few parameters, and the thresholds are drawn to a common one, so one part serves both."""
    calibration = fit_calibration(trials, method=method)
    return Policy(calibration, choose_thresholds(trials, calibration, aim))
