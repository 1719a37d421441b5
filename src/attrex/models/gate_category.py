"""The gate by category alone: which share of the category's products has the attribute.

Where the category is missing, new or small it is guessed from the words: the shares of the categories are
mixed by their probabilities. Whatever else judges ranges has to beat this. As a part of another gate it may
guess by pictures too.

Shapes: ``N`` products, ``A`` attributes, ``C`` categories, ``F`` features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from attrex.core import Attribute, Product
from attrex.models.gate import Floats
from attrex.models.gate_evidence import Evidence
from attrex.models.gate_features import Features
from attrex.models.gate_words import Bags, fit_linear

DECAY = 1e-5
"""Of the weights that guess the category."""
LEARNT_FROM = 20_000
"""Products, evenly drawn from all: more cost time and change little."""


class CategoryGate:
    """``weight_FC`` and ``bias_C`` guess the category, ``has_CA`` are the shares. With fewer than two
    categories there is nothing to tell apart, and every attribute passes."""

    def __init__(
        self,
        names: Sequence[str],
        categories: Sequence[str],
        features: Features,
        weight_FC: Tensor,
        bias_C: Tensor,
        has_CA: Tensor,
    ) -> None:
        self.names, self.categories, self.features = tuple(names), tuple(categories), features
        self.weight_FC, self.bias_C, self.has_CA = weight_FC, bias_C, has_CA
        self._place = {name: at for at, name in enumerate(self.categories)}

    @property
    def attributes(self) -> tuple[str, ...]:
        """See ``Gate``."""
        return self.names if len(self.categories) > 1 else ()

    @property
    def pictures(self) -> int | None:
        """See ``Gate``."""
        return self.features.pictures

    def knows(self, category: str | None) -> bool:
        """See ``Gate``."""
        return category in self._place

    def ranges(self, products: Sequence[Product], attributes: Sequence[Attribute]) -> Floats:
        """See ``Gate``."""
        mixed_NA = self.mix(products, self.features.bags(products)) @ self.has_CA
        return selected(mixed_NA, self.attributes, attributes)

    def mix(self, products: Sequence[Product], bags: Bags) -> Tensor:
        """N×C: all on the product's category where it is known, else as the words say."""
        guessed_NC = self.guess(bags)
        for row, product in enumerate(products):
            if product.category in self._place:
                guessed_NC[row] = 0
                guessed_NC[row, self._place[product.category]] = 1
        return guessed_NC

    def guess(self, bags: Bags) -> Tensor:
        """N×C: the categories' probabilities by the words."""
        return bags.of(self.weight_FC, self.bias_C).softmax(dim=1)

    def config(self) -> dict[str, Any]:
        """See ``Gate``."""
        return {"kind": "category", "attributes": list(self.names), "categories": list(self.categories)}

    def tensors(self) -> dict[str, Tensor]:
        """See ``Gate``."""
        return {
            **self.features.tensors(),
            "guess.weight": self.weight_FC,
            "guess.bias": self.bias_C,
            "has": self.has_CA,
        }


def learn_category_gate(products: Sequence[Product]) -> CategoryGate:
    """From filled cells and explicit "no value" of training products."""
    part = drawn(products)
    evidence = Evidence.of(part)
    features = Features.learn(part, evidence.outputs, pictures=False)
    return category_gate(evidence, features, features.bags(part))


def category_gate(evidence: Evidence, features: Features, bags: Bags) -> CategoryGate:
    """The same from what was counted already; ``bags`` are of the evidence's products."""
    _, has_CA = evidence.shares()
    categories, own = len(evidence.categories), torch.from_numpy(evidence.category_N)
    weight_FC, bias_C = torch.zeros(features.size, categories), torch.zeros(categories)
    if categories > 1:
        weight_FC, bias_C = fit_linear(
            bags,
            features.size,
            categories,
            lambda logits_NC: functional.cross_entropy(logits_NC, own, ignore_index=-1),
            decay=DECAY,
        )
    shares_CA = torch.from_numpy(has_CA.astype(np.float32))
    return CategoryGate(evidence.names, evidence.categories, features, weight_FC, bias_C, shares_CA)


def restore_category(content: Any, tensors: Mapping[str, Tensor]) -> CategoryGate:
    """From ``config`` and ``tensors``. Raises ``KeyError`` where a part is missing."""
    return CategoryGate(
        [str(name) for name in content["attributes"]],
        [str(name) for name in content["categories"]],
        Features.restore(tensors),
        tensors["guess.weight"],
        tensors["guess.bias"],
        tensors["has"],
    )


def drawn(products: Sequence[Product]) -> Sequence[Product]:
    """At most ``LEARNT_FROM`` of them, evenly."""
    if len(products) <= LEARNT_FROM:
        return products
    places = np.linspace(0, len(products) - 1, LEARNT_FROM).astype(int)
    return [products[at] for at in places]


def selected(ranges_NA: Tensor, names: Sequence[str], attributes: Sequence[Attribute]) -> Floats:
    """The columns of the attributes, 1 where one is not among the names."""
    column = {name: at for at, name in enumerate(names)}
    chosen = np.ones((len(ranges_NA), len(attributes)), dtype=np.float32)
    to = [at for at, attribute in enumerate(attributes) if attribute.name in column]
    if to:
        chosen[:, to] = ranges_NA[:, [column[attributes[at].name] for at in to]].numpy()
    return chosen
