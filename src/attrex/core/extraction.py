"""What the user gets: one record per ask."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from attrex.core.answer import Evidence


class Status(StrEnum):
    """How an ask ended."""

    FOUND = "found"
    NOT_STATED = "not_stated"
    NOT_APPLICABLE = "not_applicable"
    CONFLICT = "conflict"
    ABSTAINED = "abstained"
    UNREADABLE = "unreadable"


InputRead = Literal["all", "part", "none"]


@dataclass(frozen=True, slots=True)
class Value:
    """One value: as written, in canonical form, how sure, and where it stands."""

    text: str
    canonical: str
    probability: float
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """How an extraction came about; the hashes are short content hashes."""

    model: str
    schema: str
    normaliser: str
    input: str
    stage: str
    calibrated: bool


@dataclass(frozen=True, slots=True)
class Extraction:
    """One ask's outcome. ``values`` is empty unless the status is ``found``; under ``conflict``
    and ``abstained`` the proposals stand in ``alternatives``.

    ``probability`` is that of the stated outcome: of the values where found, of "none" where not stated.
    """

    product_id: str
    attribute: str
    status: Status
    values: tuple[Value, ...]
    probability: float | None
    alternatives: tuple[Value, ...]
    input_read: InputRead
    provenance: Provenance
