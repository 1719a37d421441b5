"""Training: one trainer, and checkpoints from which a killed run goes on as if nothing had happened."""

from attrex.training.fit import Trainable, TrainingReport, fit, forget
from attrex.training.settings import Settings

__all__ = ["Settings", "Trainable", "TrainingReport", "fit", "forget"]
