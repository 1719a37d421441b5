"""The attributes a model has described so far: product-free work, done once."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from attrex.cache import Cache, attribute_key
from attrex.core import Attribute
from attrex.models.interface import Described, Model


class DescribedAttributes:
    """Grows as new attributes are asked; ``records[i]`` belongs to the attribute with index i.

    An attribute object met before is recognised by identity, without hashing its many values, for
    this happens once per ask. With a ``cache`` an attribute that an earlier run has described is not
    described again. Several threads may ask at once.
    """

    def __init__(self, model: Model, cache: Cache | None, version: str) -> None:
        self._model, self._cache, self._version = model, cache, version
        self.records: list[Described] = []
        self._kept: list[Attribute] = []
        self._by_identity: dict[int, int] = {}
        self._by_value: dict[Attribute, int] = {}
        self._growing = Lock()

    def indices(self, attributes: tuple[Attribute, ...]) -> list[int]:
        """The attributes' indices; what is new is described first, in one call."""
        known = self._by_identity
        found = [known.get(id(attribute), -1) for attribute in attributes]
        if -1 in found:
            with self._growing:
                self._take_in(attributes)
            found = [self._by_value[attribute] for attribute in attributes]
        return found

    def _take_in(self, attributes: tuple[Attribute, ...]) -> None:
        new = [a for a in dict.fromkeys(attributes) if a not in self._by_value]
        if not new:
            return
        self.records.extend(self._describe(new))
        for attribute in new:
            index = len(self._kept)
            self._kept.append(attribute)  # keeps the object alive, so that its id stays its own
            self._by_identity[id(attribute)] = index
            self._by_value[attribute] = index

    def _describe(self, new: Sequence[Attribute]) -> list[Described]:
        if self._cache is None:
            return self._model.describe(new)
        keys = [attribute_key(attribute, self._version) for attribute in new]
        return self._cache.records(
            "attribute", keys, lambda places: self._model.describe([new[at] for at in places])
        )
