"""One thing that can be asked of a product."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attribute:
    """A name and whatever helps to find its value.

    ``values`` are the allowed ones (empty: any text); ``examples`` are hints only. ``many``
    says that a product may have several at once, written with ``delimiter`` in one cell.
    """

    name: str
    description: str = ""
    values: tuple[str, ...] = ()
    unit: str | None = None
    many: bool = False
    examples: tuple[str, ...] = ()
    delimiter: str | None = None
