"""A small SMARTAVE, and what is asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from attrex.core import Answer, Attribute, Product
from attrex.models.catalog import CATALOG
from attrex.supervision.pool import Pool
from tests.conformance.ten import SCHEMA, pool

ATTRIBUTES = list(SCHEMA.every)


def begun(base: Path, builder: str = "smartave-text", known: Pool | None = None, **arguments: Any) -> Any:
    """With what begins at nought at random, so that everything can be seen to matter."""
    torch.manual_seed(0)
    given = {"base": str(base), "window": 100, "decoder_layers": 1, "block": 32, **arguments}
    model: Any = CATALOG[builder](**given)
    model.begin(known or pool())
    for parameter in (p for p in model.network.parameters() if p.requires_grad and not p.any()):
        torch.nn.init.normal_(parameter, std=0.1)
    model.network.eval()
    return model


def ask(model: Any, products: list[Product], attributes: list[Attribute] = ATTRIBUTES) -> list[Answer]:
    """All of each."""
    asks = [(p, a) for p in range(len(products)) for a in range(len(attributes))]
    answers: list[Answer] = model.answer(model.prepare(products), model.describe(attributes), asks)
    return answers


def scores(answer: Answer) -> dict[Any, float]:
    """By text and source, and of "none"."""
    places = {
        (c.text, c.evidence.span.source if c.evidence.span else None): c.score for c in answer.candidates
    }
    assert answer.none_score is not None
    return {**places, None: answer.none_score}


def alike(one: Answer, other: Answer, within: float = 1e-4) -> bool:
    """At the floor a candidate may be there or not."""
    ours, theirs = scores(one), scores(other)
    return all(abs(ours.get(key, 0.01) - theirs.get(key, 0.01)) < within for key in ours | theirs)
