"""The gate's stage: which attributes of a batch are not asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from attrex.core import Attribute
from attrex.extract.request import Request
from attrex.models.gate import FittedGate


def excluded(gate: FittedGate, requests: Sequence[Request]) -> list[Mapping[str, float]]:
    """Per request the attributes below their threshold, with the probability that they apply. One that a
    filled cell states (``Request.certain``) is never among them, nor one that the gate does not judge."""
    judged = set(gate.gate.attributes)
    asked: dict[str, Attribute] = {}
    for request in requests:
        asked.update((a.name, a) for a in request.attributes if a.name in judged)
    if not asked:
        return [{} for _ in requests]
    names = list(asked)
    ranges_NA = gate.gate.ranges([request.product for request in requests], list(asked.values()))
    known_A, guessed_A = gate.known.of(names), gate.guessed.of(names)
    found: list[Mapping[str, float]] = []
    for request, ranges_A in zip(requests, ranges_NA, strict=True):
        low_A = ranges_A < (known_A if gate.gate.knows(request.product.category) else guessed_A)
        low = {names[at]: float(ranges_A[at]) for at in np.flatnonzero(low_A)}
        own = (a.name for a in request.attributes if a.name in low and a.name not in request.certain)
        found.append({name: low[name] for name in own} if low else {})
    return found


def narrowed(requests: Sequence[Request], without: Sequence[Mapping[str, float]]) -> list[Request]:
    """The requests with those attributes left out."""
    return [
        replace(request, attributes=tuple([a for a in request.attributes if a.name not in out]))
        if out
        else request
        for request, out in zip(requests, without, strict=True)
    ]
