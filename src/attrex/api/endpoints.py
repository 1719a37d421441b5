"""``-m endpoint.yaml``: a language model behind an address, without a model folder.

::

    address: http://localhost:8000/v1      # any OpenAI-compatible server
    model: qwen2.5-7b-instruct             # what the server calls it
    schema: schema.yaml                    # left out: inferred from the demonstrations
    key: OPENAI_API_KEY                    # the environment variable that holds the key; left out: no key
    demonstrations: labelled.csv           # filled cells to learn from; left out: zero shots
    shots: 5                               # of them, the most similar, with each question
    prompt: extractgpt                     # or eave, or {system: , task: , by: product or attribute}
    ungrounded: mark                       # or drop: values that stand nowhere in the text
    limits: {concurrency: 8, requests_per_minute: 500, tokens_per_minute: 200000, seconds: 120, tries: 6}
    price: {prompt: 0.15, answer: 0.60}    # of a million tokens
    answers: endpoint.answers.sqlite       # keeps what was answered; null: nothing is kept

Every other argument of ``models.endpoint.build_endpoint`` is a setting too. Files are relative to this one.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import yaml

from attrex.api.extractor import Extractor
from attrex.api.fitting import settle_schema
from attrex.core import Product
from attrex.errors import ConfigError, InputError
from attrex.evaluation import Support
from attrex.io.reader import open_reader
from attrex.io.rows import Reader
from attrex.models.arguments import check_arguments
from attrex.models.endpoint import build_endpoint
from attrex.schema.document import one_line
from attrex.supervision.distant import label

SHOTS = 5
_OWN = ("schema", "demonstrations", "format")


def is_endpoint(name: str | Path) -> bool:
    """Whether a model's name is that of a file of settings."""
    return str(name).endswith((".yaml", ".yml"))


def read_endpoint(path: str | Path) -> Extractor:
    """The model that the file describes. Nothing is asked before the first product.

    Raises ``ConfigError`` for a setting that is wrong or missing, with its path, and ``InputError`` where
    there is nothing to demonstrate.
    """
    settings = _read(path)
    folder = Path(path).parent
    own = {name: settings.pop(name, None) for name in _OWN}
    for name in _OWN:
        if own[name] is not None and not isinstance(own[name], str):
            raise ConfigError(f"{path}: {name}: expected a name, got {own[name]!r}")
    settings.setdefault("answers", f"{Path(path).stem}.answers.sqlite")
    if isinstance(settings["answers"], str):
        settings["answers"] = str(folder / settings["answers"])
    reader: Reader | None = None
    products: list[Product] = []
    if own["demonstrations"] is not None:
        reader = open_reader(folder / own["demonstrations"], format=own["format"] or "auto")
        products = [row.product for row in reader]
        if not products:
            raise InputError(
                "there is no product to show as an example",
                file=reader.path,
                fix="give labelled products, or leave demonstrations out",
            )
        settings.setdefault("shots", SHOTS)
    elif settings.get("shots"):
        raise ConfigError(f"{path}: demonstrations: is missing; the shots are taken from them")
    if own["schema"] is None and reader is None:
        raise ConfigError(f"{path}: schema: is missing; say which attributes a product has")
    given = None if own["schema"] is None else folder / own["schema"]
    schema = settle_schema(given, reader, products)
    check_arguments("endpoint", build_endpoint, settings)
    model = build_endpoint(**settings)
    model.learn(label(products, schema)[0])
    return Extractor(model, schema, support=Support.of(products) if products else None)


def _read(path: str | Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(Path(path).read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"model: there is no file {path}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise ConfigError(f"model: {path} cannot be read: {one_line(problem)}") from None
    if not isinstance(settings, dict):
        raise ConfigError(f"{path}: expected settings such as address and model")
    if isinstance(settings.get("model"), dict) and "builder" in settings["model"]:
        raise ConfigError(f"{path}: this is a recipe, not a model. Fix: fit one with --recipe {path}")
    parameters = inspect.signature(build_endpoint).parameters
    known = [*parameters, *_OWN]
    for name in settings:
        if name not in known:
            raise ConfigError(f"{path}: {name}: no such setting; there are {', '.join(known)}")
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in settings:
            raise ConfigError(f"{path}: {name}: is missing")
    return settings
