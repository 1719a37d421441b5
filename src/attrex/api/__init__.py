"""Fit, fill, evaluate, backtest: the library's front."""

from attrex.api.backtesting import backtest
from attrex.api.extractor import Extractor
from attrex.api.fitting import FitReport, fit
from attrex.api.recipe import Recipe, load_recipe, recipe_names
from attrex.api.scoring import evaluate

__all__ = [
    "Extractor",
    "FitReport",
    "Recipe",
    "backtest",
    "evaluate",
    "fit",
    "load_recipe",
    "recipe_names",
]
