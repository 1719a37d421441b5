"""The gate by words, category and pictures: the category's share of products that have the attribute,
corrected by what the product's own words say, and what its pictures show.

The log-odds of an attribute are a sum of one term a kind of evidence: that of the category gate, and linear
maps of the words and, where pictures are looked at, of these. Each may be missing. Tails fall back to the
share, for the maps' weights are held small. Filled cells are 1, "n/a" is 0, and an empty cell counts as what
is known of it: as the probability that the attribute applies to the product's category. Where no categories
tell the attributes apart, words and pictures must: first with empty cells as 0, then with the filled ones'
mean answer as 1 (Elkan and Noto, 2008, §2.1), the answers being those of maps that have not seen the product.

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
from attrex.models.gate_category import CategoryGate, category_gate, drawn, restore_category, selected
from attrex.models.gate_evidence import LEAST_FILLED, Evidence
from attrex.models.gate_features import Features
from attrex.models.gate_words import Bags, fit_linear

DECAY = 1e-4
"""Of the maps' weights. On OA-Mine three times as much asks 4 % more for the same recall."""
EDGE = 1e-4
"""A category's share is never surer than this, so that words can still speak."""


class TextGate:
    """``category`` gives the first term; None where categories do not tell attributes apart."""

    def __init__(
        self,
        names: Sequence[str],
        features: Features,
        weight_FA: Tensor,
        bias_A: Tensor,
        category: CategoryGate | None,
    ) -> None:
        self.names, self.features, self.category = tuple(names), features, category
        self.weight_FA, self.bias_A = weight_FA, bias_A

    @property
    def attributes(self) -> tuple[str, ...]:
        """See ``Gate``."""
        return self.names

    @property
    def pictures(self) -> int | None:
        """See ``Gate``."""
        return self.features.pictures

    def knows(self, category: str | None) -> bool:
        """See ``Gate``."""
        return self.category is not None and self.category.knows(category)

    def ranges(self, products: Sequence[Product], attributes: Sequence[Attribute]) -> Floats:
        """See ``Gate``."""
        bags = self.features.bags(products)
        odds_NA = bags.of(self.weight_FA, self.bias_A)
        if self.category is not None:
            odds_NA += log_odds(self.category.mix(products, bags) @ self.category.has_CA)
        return selected(odds_NA.sigmoid(), self.names, attributes)

    def config(self) -> dict[str, Any]:
        """See ``Gate``."""
        own = [] if self.category is None else list(self.category.categories)
        return {"kind": "text", "attributes": list(self.names), "categories": own}

    def tensors(self) -> dict[str, Tensor]:
        """See ``Gate``."""
        parts = {} if self.category is None else self.category.tensors()
        return {**parts, **self.features.tensors(), "weight": self.weight_FA, "bias": self.bias_A}


def learn_text_gate(products: Sequence[Product], *, pictures: bool = False) -> TextGate:
    """From filled cells and explicit "no value" of training products. With ``pictures`` it looks at those
    too, which have their pixels."""
    part = drawn(products)
    evidence = Evidence.of(part)
    features = Features.learn(part, evidence.outputs, pictures=pictures)
    bags = features.bags(part)
    if len(evidence.categories) > 1:
        return _beside_categories(part, evidence, features, bags)
    return _without_categories(part, evidence, features, bags)


def _beside_categories(
    products: Sequence[Product], evidence: Evidence, features: Features, bags: Bags
) -> TextGate:
    gate = category_gate(evidence, features, bags)
    guessed_NC = gate.guess(bags)
    given_NC = gate.mix(products, bags)
    applies_CA, _ = evidence.shares()
    target_NA = _targets(evidence, given_NC @ torch.from_numpy(applies_CA.astype(np.float32)))
    # The words learn beside given and beside guessed categories, each on every second product.
    seen_NC = given_NC.clone()
    seen_NC[1::2] = guessed_NC[1::2]
    prior_NA = log_odds(seen_NC @ gate.has_CA)
    weight_FA, bias_A = _fit(bags, features.size, target_NA, prior_NA)
    return TextGate(evidence.names, features, weight_FA, bias_A, gate)


def _without_categories(
    products: Sequence[Product], evidence: Evidence, features: Features, bags: Bags
) -> TextGate:
    enough = evidence.filled_NA.sum(axis=0) >= LEAST_FILLED
    names = tuple(name for name, many in zip(evidence.names, enough, strict=True) if many)
    filled_NA = torch.from_numpy(evidence.filled_NA[:, enough])
    none_NA = torch.from_numpy(evidence.none_NA[:, enough])
    answers_NA = torch.zeros(filled_NA.shape)
    nothing = torch.zeros(())
    for side in (0, 1):
        learnt, judged = slice(side, None, 2), slice(1 - side, None, 2)
        weight_FA, bias_A = _fit(
            features.bags(products[learnt]), features.size, filled_NA[learnt].float(), nothing
        )
        answers_NA[judged] = features.bags(products[judged]).of(weight_FA, bias_A).sigmoid()
    # The mean answer of filled cells stands for certainty; of one that is never filled there is none.
    sure_A = (answers_NA * filled_NA).sum(dim=0) / filled_NA.sum(dim=0).clamp(min=1)
    target_NA = (answers_NA / sure_A.clamp(min=EDGE)).clamp(max=1.0)
    target_NA[filled_NA], target_NA[none_NA] = 1.0, 0.0
    weight_FA, bias_A = _fit(bags, features.size, target_NA, nothing)
    return TextGate(names, features, weight_FA, bias_A, None)


def _targets(evidence: Evidence, applies_NA: Tensor) -> Tensor:
    """N×A: 1 filled, 0 said to have none, else the probability that it applies."""
    target_NA = applies_NA.clone()
    target_NA[torch.from_numpy(evidence.none_NA)] = 0.0
    target_NA[torch.from_numpy(evidence.filled_NA)] = 1.0
    return target_NA


def _fit(bags: Bags, size: int, target_NA: Tensor, prior_NA: Tensor) -> tuple[Tensor, Tensor]:
    def loss(odds_NA: Tensor) -> Tensor:
        wrong_NA = functional.binary_cross_entropy_with_logits(
            odds_NA + prior_NA, target_NA, reduction="none"
        )
        return wrong_NA.sum() / max(1, len(target_NA))

    return fit_linear(bags, size, target_NA.shape[1], loss, decay=DECAY)


def log_odds(shares: Tensor) -> Tensor:
    """Of shares that are kept off 0 and 1."""
    return torch.logit(shares.clamp(EDGE, 1 - EDGE))


def restore_text(content: Any, tensors: Mapping[str, Tensor]) -> TextGate:
    """From ``config`` and ``tensors``. Raises ``KeyError`` where a part is missing."""
    category = restore_category(content, tensors) if content["categories"] else None
    names = [str(name) for name in content["attributes"]]
    return TextGate(names, Features.restore(tensors), tensors["weight"], tensors["bias"], category)
