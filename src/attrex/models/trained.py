"""What all models with a text encoder share: the path from a pool to a network, and from a folder to one.

A model is a ``TrainedModel`` that holds a text part, an attribute part and a mechanism. The mechanism is what
makes it the model it is: its network, and what of the work is done before the other side is known.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from attrex.core import Answer, Attribute, Product, Span
from attrex.models.attribute_parts import AttributePart, AttributeTable
from attrex.models.interface import Cost, Described, Grid, Prepared, Traits
from attrex.models.replacement import check_replacement, with_replacements
from attrex.models.tagging import NOTHING, TRIMS, UNKNOWN, TaggedWindow, Trims, tagged_windows
from attrex.models.text_encoders import MadeText, TextPart, WarmingText
from attrex.models.weights import fill_in, grouped, kept
from attrex.supervision.pool import Pool
from attrex.text.reading import Reading
from attrex.text.tokeniser import Tokeniser

Network = TypeVar("Network", bound=nn.Module)

ROUGHLY = 16
"""Tokens in multiples of which the lengths of texts with pictures are counted."""


@dataclass(frozen=True, slots=True)
class Learnt(Generic[Network]):
    """What there is once a model has begun to train, or is restored."""

    text: MadeText
    table: AttributeTable
    network: Network
    trims: Trims

    @property
    def tokeniser(self) -> Tokeniser:
        return self.text.tokeniser

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device


class Mechanism(Protocol[Network]):
    """What makes a model the one it is. ``prepare``, ``describe``, ``answer`` and ``collate`` are those of
    ``Model`` and ``Learner``, given what was ``learnt``."""

    def assemble(self, text: MadeText, table: AttributeTable) -> Network:
        """The network around the encoder, with fresh weights. ``network(batch)`` takes what ``collate``
        gives and returns ``{"loss": ...}``."""
        ...

    def prepare(self, learnt: Learnt[Network], products: Sequence[Product]) -> Sequence[Prepared]:
        """One record a window, with the ``reading`` it was made of."""
        ...

    def describe(self, learnt: Learnt[Network], attributes: Sequence[Attribute]) -> Sequence[Described]:
        """One record an attribute; None for one that a closed model does not know."""
        ...

    def answer(
        self, learnt: Learnt[Network], asked: Sequence[tuple[Prepared, Described]]
    ) -> Sequence[Answer]:
        """One answer per pair of records. Windows without a token, unless they are ``Seeing``, and unknown
        attributes do not come here; a record that several asks share is the same object in all."""
        ...

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> Sequence[TaggedWindow]:
        """The instances of one epoch: the windows of the pool, or other windows made of them."""
        ...

    def collate(self, learnt: Learnt[Network], examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        """A batch of tensors."""
        ...


@runtime_checkable
class PackingMechanism(Protocol):
    """What a mechanism offers whose records may lie on a disk; see ``interface.Packing``."""

    record_types: tuple[type, type]


@runtime_checkable
class CostedMechanism(Protocol):
    """What a mechanism offers whose cost is known by formula; see ``interface.Costed``."""

    def cost(
        self,
        learnt: Learnt[Any],
        readings: Sequence[Reading],
        attributes: Sequence[Attribute],
        asks: Sequence[tuple[int, int]],
    ) -> Cost: ...


@runtime_checkable
class AttendingMechanism(Protocol):
    """What a mechanism offers whose words look at the patches of pictures; see ``interface.Attending``."""

    def attention(self, learnt: Learnt[Any], product: Product, span: Span | None) -> Grid | None: ...


@runtime_checkable
class PointingMechanism(Protocol):
    """What a mechanism offers that can say which region of a picture tells it a value; see
    ``interface.Pointing``. ``products``: of each ask its window."""

    def pointed(
        self,
        learnt: Learnt[Any],
        products: Sequence[Product],
        asked: Sequence[tuple[Any, Any]],
        answers: Sequence[Answer],
    ) -> Sequence[Answer]: ...


@runtime_checkable
class ConcurrentMechanism(Protocol):
    """What a mechanism says that changes nothing of its own while it prepares and answers."""

    concurrent: Literal[True]


@runtime_checkable
class PicturedMechanism(Protocol):
    """What a mechanism says that looks at pictures: whether it learns and answers of a picture alone, without
    a text. Its records of one are ``Seeing``."""

    sees_alone: bool


@runtime_checkable
class Seeing(Protocol):
    """What a record says that holds a picture, of which it can be asked without a text: ``seen`` is not 0."""

    seen: int


def _is_seen(prepared: Prepared) -> bool:
    return isinstance(prepared, Seeing) and bool(prepared.seen)


class TrainedModel(Generic[Network]):
    """Implements ``Model``, ``Learner`` and ``StorableModel`` for any mechanism.

    ``builder`` and ``arguments`` build it again; ``window``: the longest input in tokens; ``replacement``:
    the probability with which a value in a training text gives way to another, anew each epoch;
    ``pictures``: the pixels a side of the pictures that the mechanism looks at, None where at none;
    ``batch``: windows whose records may be in memory at once, where they are large.
    """

    def __init__(
        self,
        builder: str,
        arguments: Mapping[str, Any],
        *,
        text: TextPart,
        attributes: AttributePart,
        mechanism: Mechanism[Network],
        window: int,
        replacement: float = 0.0,
        pictures: int | None = None,
        batch: int | None = None,
    ) -> None:
        self._builder, self._arguments = builder, dict(arguments)
        self._text, self._attributes, self._window = text, attributes, window
        self._pictures, self._batch = pictures, batch
        self.mechanism, self._replacement = mechanism, check_replacement(replacement)
        self._learnt: Learnt[Network] | None = None
        self._read: tuple[weakref.ref[Pool], list[TaggedWindow]] | None = None

    @property
    def learnt(self) -> Learnt[Network]:
        """Asserts that the model has begun to train, or is restored."""
        assert self._learnt is not None, "the model is neither trained nor restored"
        return self._learnt

    # --- Model ---

    @property
    def traits(self) -> Traits:
        cacheable: Literal["memory", "disk"] = "memory" if self.record_types is None else "disk"
        concurrent = (
            isinstance(self.mechanism, ConcurrentMechanism)
            and self._learnt is not None
            and self._learnt.device.type == "cpu"
        )
        return Traits(
            self._attributes.answers,
            pictures=self._pictures,
            cacheable=cacheable,
            window=self._window,
            concurrent=concurrent,
            batch=self._batch,
            pictures_alone=self._sees_alone,
        )

    @property
    def _sees_alone(self) -> bool:
        if self._pictures is None or not isinstance(self.mechanism, PicturedMechanism):
            return False
        return self.mechanism.sees_alone

    @property
    def tokeniser(self) -> Tokeniser:
        return self.learnt.tokeniser

    @torch.inference_mode()
    def prepare(self, products: Sequence[Product]) -> list[Prepared]:
        """See ``Model``."""
        return list(self.mechanism.prepare(self.learnt, products))

    @torch.inference_mode()
    def describe(self, attributes: Sequence[Attribute]) -> list[Described]:
        """See ``Model``."""
        return list(self.mechanism.describe(self.learnt, attributes))

    @torch.inference_mode()
    def answer(
        self,
        prepared: Sequence[Prepared],
        described: Sequence[Described],
        asks: Sequence[tuple[int, int]],
    ) -> list[Answer]:
        """See ``Model``."""
        made: list[Answer] = [NOTHING] * len(asks)
        live: list[int] = []
        for at, (product, attribute) in enumerate(asks):
            if described[attribute] is None:
                made[at] = UNKNOWN
            elif len(prepared[product].reading) or _is_seen(prepared[product]):
                live.append(at)
        asked = [(prepared[asks[at][0]], described[asks[at][1]]) for at in live]
        for at, answer in zip(live, self.mechanism.answer(self.learnt, asked), strict=True):
            made[at] = answer
        return made

    # --- Packing, Costed, Attending, Pointing ---

    @property
    def record_types(self) -> tuple[type, type] | None:
        """See ``Packing``."""
        return self.mechanism.record_types if isinstance(self.mechanism, PackingMechanism) else None

    def cost(
        self,
        readings: Sequence[Reading],
        attributes: Sequence[Attribute],
        asks: Sequence[tuple[int, int]],
    ) -> Cost | None:
        """See ``Costed``."""
        if not isinstance(self.mechanism, CostedMechanism):
            return None
        return self.mechanism.cost(self.learnt, readings, attributes, asks)

    @torch.inference_mode()
    def attention(self, product: Product, span: Span | None) -> Grid | None:
        """See ``Attending``."""
        if not isinstance(self.mechanism, AttendingMechanism):
            return None
        return self.mechanism.attention(self.learnt, product, span)

    def pointed(
        self,
        products: Sequence[Product],
        prepared: Sequence[Prepared],
        described: Sequence[Described],
        asks: Sequence[tuple[int, int]],
        answers: Sequence[Answer],
    ) -> list[Answer]:
        """See ``Pointing``."""
        made = list(answers)
        live = [at for at, answer in enumerate(answers) if answer.candidates]
        if not live or not isinstance(self.mechanism, PointingMechanism):
            return made
        asked = [(prepared[asks[at][0]], described[asks[at][1]]) for at in live]
        own = [products[asks[at][0]] for at in live]
        found = self.mechanism.pointed(self.learnt, own, asked, [answers[at] for at in live])
        for at, answer in zip(live, found, strict=True):
            made[at] = answer
        return made

    # --- Learner ---

    @property
    def network(self) -> Network:
        return self.learnt.network

    def begin(self, pool: Pool) -> None:
        """Tokeniser, encoder, attributes, and the pool read once. What was read is kept for ``examples`` as
        long as the pool itself is."""
        text = self._text.make(pool)
        windows = tagged_windows(pool, text.tokeniser, self._window, pictured=self._sees_alone)
        trims = Trims.learn(windows)
        attributes = list({a.name: a for a in pool.attributes()}.values())
        table = self._attributes.begin(attributes, windows)
        self._learnt = Learnt(text, table, self.mechanism.assemble(text, table), trims)
        self._read = (weakref.ref(pool, self._forget), windows)

    def warm_up(self, pool: Pool, say: Callable[[str], None]) -> bool:
        """See ``Warming``."""
        return isinstance(self._text, WarmingText) and self._text.warm_up(self.learnt.text, pool, say)

    def _forget(self, pool: weakref.ref[Pool]) -> None:
        self._read = None

    def examples(self, pool: Pool, epoch: int) -> Sequence[TaggedWindow]:
        """See ``Learner``."""
        if self._read is not None and self._read[0]() is pool:
            windows = self._read[1]
        else:
            windows = tagged_windows(pool, self.tokeniser, self._window, pictured=self._sees_alone)
        if self._replacement:
            seed = f"{torch.initial_seed()}/{epoch}"
            windows = with_replacements(windows, self._replacement, limit=self._window, seed=seed)
        return self.mechanism.examples(windows, epoch)

    def length(self, example: TaggedWindow) -> int:
        """Tokens; roughly, where pictures are looked at: there a little padding costs next to nothing, and
        titles of one length are alike in other ways too, so that batches of them teach less."""
        tokens = len(example.reading)
        return tokens if self._pictures is None else tokens // ROUGHLY * ROUGHLY

    def collate(self, examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        """See ``Learner``."""
        return self.mechanism.collate(self.learnt, examples)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        return grouped(self.network)

    # --- StorableModel ---

    def config(self) -> dict[str, Any]:
        return {"builder": self._builder, "arguments": dict(self._arguments)}

    def tensors(self) -> dict[str, Tensor]:
        return kept(self.network, portable=self.learnt.text.portable)

    def files(self) -> dict[str, str]:
        return {
            **self.learnt.text.files,
            **self.learnt.table.files(),
            TRIMS: self.learnt.trims.to_json(),
        }

    def restore(self, tensors: Mapping[str, Tensor], files: Mapping[str, str]) -> None:
        text, trims = self._text.remake(files), Trims.from_json(files[TRIMS])
        table = self._attributes.remake(files)
        network = self.mechanism.assemble(text, table)
        fill_in(network, tensors, portable=text.portable)
        self._learnt, self._read = Learnt(text, table, network.eval(), trims), None
