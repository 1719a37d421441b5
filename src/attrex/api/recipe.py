"""A set-up from data to model, as a YAML file: one per published set-up in ``attrex/recipes``.

::

    description: one line for people
    model: {builder: adatag, arguments: {...}}     # a name of the models' catalogue, and its arguments
    training: {epochs: 10, ...}                    # left out: the model learns in one pass
    negatives: {other_categories: 1, cut_out: 0.1}
    noise: 0.2                                     # of the texts learnt from, as EAVE's A.7; left out: none
    split: {train: 0.8, tune: 0.1, calibrate: 0.1}
    calibration: platt                             # or isotonic
    relearn: false                                 # learn again on all parts once thresholds are known
    labels_per_value: 10                           # known at most, of all parts together; left out: all
    gate: {kind: auto, recall: 0.995}              # asked: auto, text, category, picture or none
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml

from attrex.api.gating import AUTO, KINDS, GateSettings
from attrex.errors import ConfigError
from attrex.schema.document import one_line

DEFAULT = "adatag-minilm"
PARTS = ("train", "tune", "calibrate")


@dataclass(frozen=True, slots=True)
class Negatives:
    """How many asks of other categories' attributes go with each product, and for which share of
    the located values a copy of the product without the value is made."""

    other_categories: int = 0
    cut_out: float = 0.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """See the module's text. ``training`` is None for a model that learns in one pass."""

    name: str
    builder: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    training: Mapping[str, Any] | None = None
    negatives: Negatives = Negatives()
    noise: float = 0.0
    split: Mapping[str, float] = field(default_factory=lambda: {"train": 0.8, "tune": 0.1, "calibrate": 0.1})
    calibration: Literal["platt", "isotonic"] = "platt"
    relearn: bool = False
    labels_per_value: int | None = None
    gate: GateSettings = AUTO


def recipe_names() -> list[str]:
    """The recipes that come with attrex."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in files("attrex").joinpath("recipes").iterdir()
        if entry.name.endswith(".yaml")
    )


def load_recipe(name: str | Path) -> Recipe:
    """By name, or from a file whose name ends in ``.yaml``.

    Raises ``ConfigError`` with the path of the setting that is wrong.
    """
    text = str(name)
    if text.endswith((".yaml", ".yml")):
        try:
            content = Path(name).read_text("utf-8")
        except FileNotFoundError:
            raise ConfigError(f"recipe: there is no file {text}") from None
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(f"recipe: {text} cannot be read: {said}") from None
        return _parse(content, Path(name).stem)
    if text not in recipe_names():
        near = difflib.get_close_matches(text, recipe_names(), 1)
        hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(recipe_names())}."
        raise ConfigError(f'recipe: there is no recipe "{text}"; {hint} A file of your own ends in .yaml')
    return _parse(files("attrex").joinpath("recipes", f"{text}.yaml").read_text("utf-8"), text)


def _parse(content: str, name: str) -> Recipe:
    try:
        data = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise ConfigError(f"recipe {name}: is not YAML: {one_line(error)}") from None
    settings = _mapping(data, f"recipe {name}")
    known = (
        *(
            "description",
            "model",
            "training",
            "negatives",
            "noise",
            "split",
            "calibration",
            "relearn",
            "labels_per_value",
            "gate",
        ),
    )
    _refuse_others(settings, known, "")
    model = _mapping(settings.get("model"), "model")
    _refuse_others(model, ("builder", "arguments"), "model.")
    builder = model.get("builder")
    if not isinstance(builder, str):
        raise ConfigError(f"model.builder: expected the name of a model, got {builder!r}")
    calibration = settings.get("calibration", "platt")
    if calibration not in ("platt", "isotonic"):
        raise ConfigError(f'calibration: expected "platt" or "isotonic", got {calibration!r}')
    relearn = settings.get("relearn", False)
    if not isinstance(relearn, bool):
        raise ConfigError(f"relearn: expected true or false, got {relearn!r}")
    training = settings.get("training")
    made: dict[str, Any] = {}
    if "split" in settings:
        made["split"] = _split(_mapping(settings["split"], "split"))
    return Recipe(
        name=name,
        builder=builder,
        arguments=_mapping(model.get("arguments", {}), "model.arguments"),
        description=str(settings.get("description", "")),
        training=None if training is None else _mapping(training, "training"),
        negatives=_negatives(_mapping(settings.get("negatives", {}), "negatives")),
        noise=_noise(settings),
        calibration=calibration,
        relearn=relearn,
        labels_per_value=_labels(settings),
        gate=_gate(_mapping(settings.get("gate", {}), "gate")),
        **made,
    )


def _mapping(data: object, path: str) -> dict[str, Any]:
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ConfigError(f"{path}: expected settings by name, got {data!r}")
    return data


def _refuse_others(data: Mapping[str, Any], known: tuple[str, ...], path: str) -> None:
    for key in data:
        if key not in known:
            raise ConfigError(f"{path}{key}: no such setting; there are {', '.join(known)}")


def _number(data: Mapping[str, Any], key: str, path: str, default: float) -> float:
    value = data.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{path}{key}: expected a number, got {value!r}")
    return value


def _negatives(data: Mapping[str, Any]) -> Negatives:
    _refuse_others(data, ("other_categories", "cut_out"), "negatives.")
    others = _number(data, "other_categories", "negatives.", 0)
    cut_out = _number(data, "cut_out", "negatives.", 0.0)
    if others < 0 or others != int(others):
        raise ConfigError(f"negatives.other_categories is {others:g}; it must be a whole number from 0 on")
    if not 0 <= cut_out <= 1:
        raise ConfigError(f"negatives.cut_out is {cut_out:g}; it must lie in [0, 1]")
    return Negatives(int(others), float(cut_out))


def _gate(data: Mapping[str, Any]) -> GateSettings:
    _refuse_others(data, ("kind", "recall"), "gate.")
    kind = data.get("kind", AUTO.kind)
    if kind not in KINDS:
        raise ConfigError(f"gate.kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    return GateSettings(kind, float(_number(data, "recall", "gate.", AUTO.recall)))


def _noise(settings: Mapping[str, Any]) -> float:
    noise = float(_number(settings, "noise", "", 0.0))
    if not 0 <= noise <= 1:
        raise ConfigError(f"noise is {noise:g}; it must lie in [0, 1]")
    return noise


def _labels(settings: Mapping[str, Any]) -> int | None:
    number = settings.get("labels_per_value")
    if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
        raise ConfigError(f"labels_per_value: expected a whole number from 1, got {number!r}")
    return number


def _split(data: Mapping[str, Any]) -> dict[str, float]:
    _refuse_others(data, PARTS, "split.")
    fractions = {part: float(_number(data, part, "split.", 0.0)) for part in PARTS if part in data}
    if "train" not in fractions:
        raise ConfigError("split.train: is missing; something must be learnt from")
    if any(not 0 < f <= 1 for f in fractions.values()) or abs(sum(fractions.values()) - 1) > 1e-6:
        told = ", ".join(f"{part} {f:g}" for part, f in fractions.items())
        raise ConfigError(f"split: the parts must be positive and add up to 1, got {told}")
    return fractions
