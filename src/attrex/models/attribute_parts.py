"""What a tagger knows of an attribute: an embedding made of name and values, or only its place in a list.

AdaTag §3.3: an attribute's embedding is its name's and its values', pooled over the training data and
frozen. Here also: tuned with the rest, random, static instead of contextualised, name or values alone.

Legend: A attributes, R attribute embedding, D width of the base encoder, T tokens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from attrex.core import Attribute
from attrex.models.arguments import one_of
from attrex.models.embedding import AttributeEmbedder, Pooling
from attrex.models.tagging import TaggedWindow

LIST, EMBEDDING = "attributes.json", "attribute_embedding.json"


class AttributePart(Protocol):
    """How a tagger turns attributes into what its decoders are made from.

    ``answers``: "open" where that can be done for an attribute that was never trained on.
    """

    @property
    def answers(self) -> Literal["open", "closed"]: ...

    def begin(self, attributes: Sequence[Attribute], windows: Sequence[TaggedWindow]) -> AttributeTable:
        """For training."""
        ...

    def remake(self, files: Mapping[str, str]) -> AttributeTable:
        """For a model folder; the tensors are loaded by the caller."""
        ...


class AttributeTable(nn.Module):
    """The attributes of the training data, by name. ``forward``: indices ``(A,)`` to the decoders' input."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.places = {name: at for at, name in enumerate(self.names)}

    @property
    def size(self) -> int:
        """R, or 0 where the decoders take indices."""
        return 0

    def files(self) -> dict[str, str]:
        """Texts for the model folder."""
        return {LIST: json.dumps(list(self.names), ensure_ascii=False)}

    def forward(self, index_A: Tensor) -> Tensor:
        return index_A

    def unknown(self, attribute: Attribute) -> Tensor | None:
        """The decoders' input ``(1, R)`` for an attribute that was never trained on; None where a
        closed table cannot say."""
        return None


class ListedAttributes:
    """An attribute is its index (BiLSTM-MultiCRF and its like); "open" where nothing is made of the
    index, because the attribute's words are read."""

    def __init__(self, answers: Literal["open", "closed"] = "closed") -> None:
        self.answers: Literal["open", "closed"] = answers

    def begin(self, attributes: Sequence[Attribute], windows: Sequence[TaggedWindow]) -> AttributeTable:
        return AttributeTable([a.name for a in attributes])

    def remake(self, files: Mapping[str, str]) -> AttributeTable:
        return AttributeTable(json.loads(files[LIST]))


class EmbeddedTable(AttributeTable):
    """Embeddings, standardised over the training attributes and of about unit length; an unknown one is
    embedded by ``embedder`` from its name, description and example values alone.

    Unit length matters: a generated weight sums R terms, and with entries of size one a single step of Adam
    would move it R times as far as it moves a weight of the encoder.

    Alone is not in context: ``shift_R``, the mean difference between the two over the training
    attributes, is added to make up for it.
    """

    embedding_AR: Tensor
    mean_R: Tensor
    scale_R: Tensor
    shift_R: Tensor

    def __init__(
        self, names: Sequence[str], size: int, *, tuned: bool, embedder: AttributeEmbedder | None
    ) -> None:
        super().__init__(names)
        self._size = size
        self._embedder = embedder
        vectors_AR = torch.zeros(len(self.names), size)
        if tuned:
            self.embedding_AR = nn.Parameter(vectors_AR)
        else:
            self.register_buffer("embedding_AR", vectors_AR)
        self.register_buffer("mean_R", torch.zeros(size))
        self.register_buffer("scale_R", torch.ones(size))
        self.register_buffer("shift_R", torch.zeros(size))

    @property
    def size(self) -> int:
        return self._size

    def files(self) -> dict[str, str]:
        return {**super().files(), EMBEDDING: json.dumps({"size": self._size})}

    def forward(self, index_A: Tensor) -> Tensor:
        return self.embedding_AR[index_A]

    def unknown(self, attribute: Attribute) -> Tensor | None:
        if self._embedder is None:
            return None
        raw_1R, known_1R = self._embedder.alone([attribute])
        shifted_1R = (raw_1R + self.shift_R - self.mean_R) / self.scale_R
        # A part about which nothing is known stands at the mean of all attributes: zero.
        return torch.where(known_1R, shifted_1R, torch.zeros_like(shifted_1R))


class EmbeddedAttributes:
    """An attribute is an embedding.

    ``kind``: "contextual" and "static" as AdaTag's Table 6, or "random" of ``size``, which is closed;
    ``parts``: name, value or both; ``tuned``: learnt on with the rest instead of frozen.
    """

    def __init__(
        self,
        *,
        base: str,
        kind: Literal["contextual", "static", "random"],
        parts: Sequence[Literal["name", "value"]],
        tuned: bool,
        size: int,
    ) -> None:
        one_of("attributes", kind, ("contextual", "static", "random"))
        for part in parts:
            one_of("attribute_parts", part, ("name", "value"))
        self.kind, self.tuned, self.random_size = kind, tuned, size
        pooling: Pooling = "static" if kind == "static" else "contextual"
        self._embedder = None if kind == "random" else AttributeEmbedder(base, pooling, tuple(parts))

    @property
    def answers(self) -> Literal["open", "closed"]:
        return "closed" if self._embedder is None else "open"

    def begin(self, attributes: Sequence[Attribute], windows: Sequence[TaggedWindow]) -> AttributeTable:
        names = [a.name for a in attributes]
        if self._embedder is None:
            table = EmbeddedTable(names, self.random_size, tuned=True, embedder=None)
            nn.init.normal_(table.embedding_AR, std=self.random_size**-0.5)
            return table
        in_context_AR, known_AR = self._embedder.in_context(attributes, windows)
        alone_AR, _ = self._embedder.alone(attributes)
        table = EmbeddedTable(names, in_context_AR.shape[1], tuned=self.tuned, embedder=self._embedder)
        weights_AR = known_AR.float()
        count_R = weights_AR.sum(0).clamp(min=1)
        mean_R = (in_context_AR * weights_AR).sum(0) / count_R
        variance_R = ((in_context_AR - mean_R).square() * weights_AR).sum(0) / count_R
        scale_R = variance_R.sqrt().clamp(min=1e-3) * in_context_AR.shape[1] ** 0.5
        with torch.no_grad():
            table.mean_R.copy_(mean_R)
            table.scale_R.copy_(scale_R)
            table.shift_R.copy_(((in_context_AR - alone_AR) * weights_AR).sum(0) / count_R)
            table.embedding_AR.copy_((in_context_AR - mean_R) / scale_R * weights_AR)
        return table

    def remake(self, files: Mapping[str, str]) -> AttributeTable:
        names = json.loads(files[LIST])
        # Not asked of the base: a folder is whole without it, until an attribute is new.
        size = int(json.loads(files[EMBEDDING])["size"])
        return EmbeddedTable(names, size, tuned=self.tuned or self.kind == "random", embedder=self._embedder)
