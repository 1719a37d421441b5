"""The gate by words and category: the category's share of products that have the attribute, corrected by
what the product's own words say.

The log-odds of an attribute are a sum of one term a kind of evidence: that of the category gate, and a linear
map of the words; a picture's would be one more. Tails fall back to the share, for the words' weights
are held small. Filled cells are 1, "n/a" is 0, and an empty cell counts as what is known of it: as the
probability that the attribute applies to the product's category. Where no categories tell the attributes
apart, the words must: first with empty cells as 0, then with the filled ones' mean answer as 1 (Elkan and
Noto, 2008, §2.1), the answers being those of maps that have not seen the product.

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
from attrex.models.gate_words import Bags, Words, fit_linear

DECAY = 1e-4
"""Of the words' weights. On OA-Mine three times as much asks 4 % more for the same recall."""
EDGE = 1e-4
"""A category's share is never surer than this, so that words can still speak."""


class TextGate:
    """``category`` gives the first term; None where categories do not tell attributes apart."""

    def __init__(
        self,
        names: Sequence[str],
        words: Words,
        weight_FA: Tensor,
        bias_A: Tensor,
        category: CategoryGate | None,
    ) -> None:
        self.names, self.words, self.category = tuple(names), words, category
        self.weight_FA, self.bias_A = weight_FA, bias_A

    @property
    def attributes(self) -> tuple[str, ...]:
        """See ``Gate``."""
        return self.names

    @property
    def pictures(self) -> int | None:
        """See ``Gate``."""
        return None

    def knows(self, category: str | None) -> bool:
        """See ``Gate``."""
        return self.category is not None and self.category.knows(category)

    def ranges(self, products: Sequence[Product], attributes: Sequence[Attribute]) -> Floats:
        """See ``Gate``."""
        bags = self.words.bags(products)
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
        features = torch.from_numpy(self.words.kept_F)
        return {**parts, "features": features, "weight": self.weight_FA, "bias": self.bias_A}


def learn_text_gate(products: Sequence[Product]) -> TextGate:
    """From filled cells and explicit "no value" of training products."""
    part = drawn(products)
    evidence = Evidence.of(part)
    words = Words.learn(part, evidence.outputs)
    bags = words.bags(part)
    if len(evidence.categories) > 1:
        return _beside_categories(part, evidence, words, bags)
    return _without_categories(part, evidence, words, bags)


def _beside_categories(products: Sequence[Product], evidence: Evidence, words: Words, bags: Bags) -> TextGate:
    gate = category_gate(evidence, words, bags)
    guessed_NC = gate.guess(bags)
    given_NC = gate.mix(products, bags)
    applies_CA, _ = evidence.shares()
    target_NA = _targets(evidence, given_NC @ torch.from_numpy(applies_CA.astype(np.float32)))
    # The words learn beside given and beside guessed categories, each on every second product.
    seen_NC = given_NC.clone()
    seen_NC[1::2] = guessed_NC[1::2]
    prior_NA = log_odds(seen_NC @ gate.has_CA)
    weight_FA, bias_A = _fit(bags, len(words.kept_F), target_NA, prior_NA)
    return TextGate(evidence.names, words, weight_FA, bias_A, gate)


def _without_categories(
    products: Sequence[Product], evidence: Evidence, words: Words, bags: Bags
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
            words.bags(products[learnt]), len(words.kept_F), filled_NA[learnt].float(), nothing
        )
        answers_NA[judged] = words.bags(products[judged]).of(weight_FA, bias_A).sigmoid()
    # The mean answer of filled cells stands for certainty; of one that is never filled there is none.
    sure_A = (answers_NA * filled_NA).sum(dim=0) / filled_NA.sum(dim=0).clamp(min=1)
    target_NA = (answers_NA / sure_A.clamp(min=EDGE)).clamp(max=1.0)
    target_NA[filled_NA], target_NA[none_NA] = 1.0, 0.0
    weight_FA, bias_A = _fit(bags, len(words.kept_F), target_NA, nothing)
    return TextGate(names, words, weight_FA, bias_A, None)


def _targets(evidence: Evidence, applies_NA: Tensor) -> Tensor:
    """N×A: 1 filled, 0 said to have none, else the probability that it applies."""
    target_NA = applies_NA.clone()
    target_NA[torch.from_numpy(evidence.none_NA)] = 0.0
    target_NA[torch.from_numpy(evidence.filled_NA)] = 1.0
    return target_NA


def _fit(bags: Bags, features: int, target_NA: Tensor, prior_NA: Tensor) -> tuple[Tensor, Tensor]:
    def loss(odds_NA: Tensor) -> Tensor:
        wrong_NA = functional.binary_cross_entropy_with_logits(
            odds_NA + prior_NA, target_NA, reduction="none"
        )
        return wrong_NA.sum() / max(1, len(target_NA))

    return fit_linear(bags, features, target_NA.shape[1], loss, decay=DECAY)


def log_odds(shares: Tensor) -> Tensor:
    """Of shares that are kept off 0 and 1."""
    return torch.logit(shares.clamp(EDGE, 1 - EDGE))


def restore_text(content: Any, tensors: Mapping[str, Tensor]) -> TextGate:
    """From ``config`` and ``tensors``. Raises ``KeyError`` where a part is missing."""
    category = restore_category(content, tensors) if content["categories"] else None
    names = [str(name) for name in content["attributes"]]
    return TextGate(names, Words(tensors["features"].numpy()), tensors["weight"], tensors["bias"], category)
