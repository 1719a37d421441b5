"""Which attributes a product has at all, asked once a product in front of any model.

A ``Gate`` gives every product and attribute a probability; a ``FittedGate`` adds the thresholds below which
an attribute is not asked. It is the range of attributes of ULS-DRAM's §3.3 (Eq. 6 and 7) as a stage of its
own, so that lexicons, taggers and generators alike are asked little.

Shapes: ``N`` products, ``A`` attributes, ``C`` categories.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from attrex.core import Attribute, Product, content_hash
from attrex.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from torch import Tensor

Floats = npt.NDArray[np.float32]

RECALL = 0.995
"""Of the cells with a value, so large a share is still asked."""
LEAST_CELLS = 30
"""Of fewer known cells no threshold is learnt: every attribute passes."""
HIGHEST = 0.5
"""A threshold is never above: what is probably there is asked, whatever the recall allows."""
TRUSTED = 100.0
"""So many cells an attribute must have for its own recall to count as much as that of all."""
OWN_SHORTFALL = 4.0
"""An attribute may miss so many times the share that all together may miss."""


class Gate(Protocol):
    """Learnt on training data, without thresholds. A product's text, category or both may be missing."""

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of which there is evidence; others are not judged."""
        ...

    @property
    def pictures(self) -> int | None:
        """How many pixels a side it wants of pictures where the model wants none; None: it looks at none."""
        ...

    def knows(self, category: str | None) -> bool:
        """Whether the category is taken as given; else it is guessed from the text."""
        ...

    def ranges(self, products: Sequence[Product], attributes: Sequence[Attribute]) -> Floats:
        """N×A: the probability that the product has the attribute at all; 1 where it is not judged."""
        ...

    def config(self) -> dict[str, Any]:
        """``{"kind": a name in GATES, ...}``, JSON-able."""
        ...

    def tensors(self) -> dict[str, Tensor]: ...


@dataclass(frozen=True, slots=True)
class Cut:
    """Thresholds: of all attributes, and lower ones of some. ``cells``: the known cells behind them, ``kept``
    those at or above."""

    common: float = 0.0
    own: Mapping[str, float] = field(default_factory=dict)
    cells: int = 0
    kept: int = 0

    def of(self, names: Sequence[str]) -> Floats:
        """A: each attribute's threshold."""
        return np.array([self.own.get(name, self.common) for name in names], dtype=np.float32)

    @property
    def recall(self) -> float | None:
        """The share of the known cells that is still asked."""
        return self.kept / self.cells if self.cells else None

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {"common": self.common, "own": dict(self.own), "cells": self.cells, "kept": self.kept}


def choose(scores: Mapping[str, Sequence[float]], recall: float = RECALL) -> Cut:
    """The thresholds at which ``recall`` of the cells with a value would still be asked.

    ``scores``: by attribute, the gate's probabilities for such cells of products that it has not seen. The
    common one is the quantile with one cell more, so that the recall holds on the average of new data; with
    too few cells to allow a single miss it is the least score, lowered by as much as they are too few. An
    attribute whose own recall, shrunk towards that of all, falls short gets a lower one of its own.

    Raises ``ConfigError`` for a recall outside (0, 1].
    """
    if not 0 < recall <= 1:
        raise ConfigError(f"gate.recall is {recall:g}; it must lie above 0 and not above 1")
    ordered = {name: np.sort(np.asarray(own, dtype=np.float32)) for name, own in scores.items()}
    every = np.sort(np.concatenate([np.empty(0, np.float32), *ordered.values()]))
    cells, miss = len(every), 1 - recall
    if cells < LEAST_CELLS or recall == 1:
        return Cut(cells=cells, kept=cells)
    allowed = int((cells + 1) * miss + 1e-9)
    common = min(HIGHEST, float(every[allowed]) * min(1.0, cells * miss))
    own: dict[str, float] = {}
    kept = 0
    for name, values in ordered.items():
        missed = first = int(np.searchsorted(values, np.float32(common)))
        while missed and (missed + TRUSTED * miss) / (len(values) + TRUSTED) > OWN_SHORTFALL * miss:
            missed -= 1
        if missed < first:
            own[name] = float(values[missed])
        kept += len(values) - missed
    return Cut(common, own, cells, kept)


@dataclass(frozen=True)
class FittedGate:
    """A gate with its thresholds: ``known`` for products whose category it knows, ``guessed`` for others."""

    gate: Gate
    known: Cut
    guessed: Cut
    recall: float = RECALL

    def cut(self, category: str | None) -> Cut:
        """The thresholds for products of this category."""
        return self.known if self.gate.knows(category) else self.guessed

    def to_json(self) -> dict[str, Any]:
        """All but the tensors."""
        return {
            **self.gate.config(),
            "thresholds": {
                "recall": self.recall,
                "known": self.known.to_json(),
                "guessed": self.guessed.to_json(),
            },
        }

    @cached_property
    def version(self) -> str:
        """Content hash of all that was learnt."""
        digest = hashlib.blake2b(digest_size=16)
        for name, tensor in sorted(self.gate.tensors().items()):
            digest.update(name.encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        return content_hash([self.to_json(), digest.hexdigest()])


def load_gate(content: Any, tensors: Mapping[str, Tensor]) -> FittedGate:
    """From what ``to_json`` and ``tensors`` gave. Raises ``ModelError`` where it is damaged."""
    from attrex.models.gate_category import restore_category
    from attrex.models.gate_text import restore_text

    makers: dict[str, Callable[[Any, Mapping[str, Tensor]], Gate]] = {
        "category": restore_category,
        "text": restore_text,
    }
    try:
        if content["kind"] not in makers:
            raise ModelError(
                f'gate.json: there is no gate of the kind "{content["kind"]}"; there are {", ".join(makers)}'
            )
        told = content["thresholds"]
        return FittedGate(
            makers[content["kind"]](content, tensors),
            _cut(told["known"]),
            _cut(told["guessed"]),
            float(told["recall"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"gate.json is damaged ({error!r}). Fix: fit the model again") from error


def _cut(told: Any) -> Cut:
    own = {str(name): float(value) for name, value in told["own"].items()}
    return Cut(float(told["common"]), own, int(told["cells"]), int(told["kept"]))
