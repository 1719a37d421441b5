"""Questions to a language model's server in the tests, and their parts."""

from __future__ import annotations

import json
from typing import Any

from attrex.core import Answer, Attribute, Product, Source
from attrex.models.endpoint import Endpoint, build_endpoint
from tests.web.talking import Talking, says

COLOUR = Attribute("Colour", "what the eye sees first.", examples=("teal", "dark red"))
SLEEVE = Attribute("Sleeve Style", values=("Short Sleeve", "Long Sleeve"))
FEATURES = Attribute("Features", many=True)
SIZE = Attribute("Size", unit="cm")
KNOWN = {"Colour": ["red", "dark red"], "Size": ["40 cm"]}
QUICK = {"wait": 0.0, "concurrency": 1}


def model(served: Talking, **arguments: Any) -> Endpoint:
    limits = {**QUICK, **arguments.pop("limits", {})}
    return build_endpoint(address=served.address, model="m", limits=limits, **arguments)


def product(title: str, id: str = "1", category: str | None = None, **texts: str) -> Product:
    sources = (Source("title", title), *(Source(name, text) for name, text in texts.items()))
    return Product(id, category, sources)


def ask(model: Endpoint, given: Product, *attributes: Attribute) -> list[Answer]:
    asks = [(0, at) for at in range(len(attributes))]
    return model.answer(model.prepare([given]), model.describe(attributes), asks)


def told(values: dict[str, Any], **options: Any) -> Any:
    return says(json.dumps(values), **options)
