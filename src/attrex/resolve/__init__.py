"""Answers to extractions: calibration, thresholds, reconciliation, status. No torch."""

from attrex.resolve.calibration import Calibration, Line, fit_calibration
from attrex.resolve.familiarity import Familiarity
from attrex.resolve.policy import Policy, learn_policy
from attrex.resolve.resolver import Resolver
from attrex.resolve.thresholds import WORTHLESS, Aim, Thresholds, choose_thresholds, reachable_f1
from attrex.resolve.trial import Trial

__all__ = [
    "WORTHLESS",
    "Aim",
    "Calibration",
    "Familiarity",
    "Line",
    "Policy",
    "Resolver",
    "Thresholds",
    "Trial",
    "choose_thresholds",
    "fit_calibration",
    "learn_policy",
    "reachable_f1",
]
