"""Cost before running: FLOPs by formula, seconds and memory by a short measured trial."""

from attrex.plan.cached import CachePlan
from attrex.plan.estimate import CataloguePlan, ModelPlan, Seconds, Subject, plan_model
from attrex.plan.memory import resident
from attrex.plan.survey import Survey, survey
from attrex.plan.terminal import plan_terminal

__all__ = [
    "CachePlan",
    "CataloguePlan",
    "ModelPlan",
    "Seconds",
    "Subject",
    "Survey",
    "plan_model",
    "plan_terminal",
    "resident",
    "survey",
]
