"""The contract: what can be done before the other side is known.

A ``Model`` splits its work in three: what needs only the product (``prepare``), what needs only
the attribute (``describe``), and the rest (``answer``). Nothing outside a model's own file knows
more of it than this. Core types only, so that a lexicon and an HTTP endpoint fit as well as a network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from attrex.core import Answer, Attribute, Product, Span
from attrex.supervision.pool import Pool
from attrex.text.reading import Reading
from attrex.text.tokeniser import Tokeniser

if TYPE_CHECKING:
    from torch import Tensor, nn

Prepared = Any
"""What a model made of one product's window; opaque to everyone else."""
Described = Any
"""What a model made of one attribute; opaque to everyone else."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What the pipeline must know of a model.

    ``attributes``: "open" answers any attribute, "closed" only those it was trained on.
    ``cacheable``: whether ``Prepared`` and ``Described`` may be kept, in memory or on disk too; a model
    that says "disk" is a ``Packing`` one.
    ``pictures``: how many pixels a side the pictures of products shall have; None for a model that reads
    none. It is known before ``begin``. The products that such a model sees have only pictures that could be
    read, each with its ``pixels``; a product may have none, and may have pictures and no text unless
    ``pictures_alone`` is False.
    ``joint``: answers to one product's asks depend on each other.
    ``window``: the longest input in tokens of ``Model.tokeniser``; None reads texts of any length.
    ``concurrent``: ``prepare`` and ``answer`` may run in several threads at once, and gain by it.
    ``batch``: how many products, or windows of them, it wants at once, where that is fewer than usual.
    """

    attributes: Literal["open", "closed"] = "open"
    pictures: int | None = None
    cacheable: Literal["no", "memory", "disk"] = "memory"
    joint: bool = False
    window: int | None = None
    concurrent: bool = False
    batch: int | None = None
    pictures_alone: bool = True


@runtime_checkable
class Model(Protocol):
    """See the module's text. All three methods keep order and length."""

    @property
    def traits(self) -> Traits: ...

    @property
    def tokeniser(self) -> Tokeniser | None:
        """How the model counts tokens; None where ``traits.window`` is None."""
        ...

    def prepare(self, products: Sequence[Product]) -> list[Prepared]:
        """Attribute-free work, once a window: one opaque record each."""
        ...

    def describe(self, attributes: Sequence[Attribute]) -> list[Described]:
        """Product-free work, once a catalogue. A closed model describes an attribute it does not
        know too; asked for it, it answers with a ``Problem`` of kind "unknown_attribute"."""
        ...

    def answer(
        self,
        prepared: Sequence[Prepared],
        described: Sequence[Described],
        asks: Sequence[tuple[int, int]],
    ) -> list[Answer]:
        """One answer per ask, an ask being indices into the two. A batch is always mixed: every
        product may be asked different attributes. ``none_score`` is always given."""
        ...


@runtime_checkable
class Packing(Protocol):
    """What a model offers beside ``Model`` whose records may lie on a disk."""

    @property
    def record_types(self) -> tuple[type, type] | None:
        """Of ``Prepared`` and of ``Described``: dataclasses whose fields are tensors, texts, numbers,
        other such dataclasses (``Reading``), None, and tuples, lists or mappings of these, all annotated.
        They are packed by their annotations, and come back on the CPU, those of ``Prepared`` rounded to 16
        or 8 bits. A ``Described`` may also be None. None for a model whose records are not for a disk."""
        ...


@dataclass(frozen=True, slots=True)
class Cost:
    """Floating-point operations by step, a multiply-add counting two (see ``nn.flops``)."""

    prepare: float = 0.0
    describe: float = 0.0
    answer: float = 0.0

    @property
    def total(self) -> float:
        """All three."""
        return self.prepare + self.describe + self.answer


@runtime_checkable
class Costed(Protocol):
    """What a model offers beside ``Model`` that can tell its cost without being run. The cost of others
    is counted while they run."""

    def cost(
        self,
        readings: Sequence[Reading],
        attributes: Sequence[Attribute],
        asks: Sequence[tuple[int, int]],
    ) -> Cost | None:
        """Of preparing the windows (as ``text.reading.read`` gives them with the model's tokeniser), of
        describing the attributes, and of answering the asks, which are indices into the two. By hand
        formula, without padding; nothing is run. None where there is no formula."""
        ...


Grid = Sequence[Sequence[float]]
"""A share for each patch of a picture, row by row from the top, each from the left; none is below 0, and all
sum to 1."""


@runtime_checkable
class Attending(Protocol):
    """What a model offers beside ``Model`` whose words look at the patches of a picture."""

    def attention(self, product: Product, span: Span | None) -> Grid | None:
        """How much each patch of the product's first picture is looked at by the words in ``span`` (ULS-DRAM,
        Figures 6 and 7): P rows of P shares.

        ``product`` is one window of the model's, and its pictures have their pixels. ``span`` is in the
        characters of the product's own sources, as they stand in this window; every token counts alike that
        has a character in it, and every head, if there are several. None stands for all tokens of the text.
        The answer is None where there is nothing to see: the model looks at no pictures, the product has
        none, or no token stands in the span.
        """
        ...


@runtime_checkable
class Pointing(Protocol):
    """What a model offers beside ``Model`` that can say by which part of a picture it knows a value."""

    def pointed(
        self,
        products: Sequence[Product],
        prepared: Sequence[Prepared],
        described: Sequence[Described],
        asks: Sequence[tuple[int, int]],
        answers: Sequence[Answer],
    ) -> list[Answer]:
        """The ``answers`` that ``answer`` gave to these asks of what was prepared of the ``products``; of
        their inferred candidates, those that are told by a region of a picture have it as their evidence,
        with the ``Region`` that it is. Texts, scores and order stay. It costs several readings more of each
        ask with such a candidate, and so is asked for what is written, and not for what is compared or
        learnt from."""
        ...


@runtime_checkable
class Metered(Protocol):
    """What a model offers beside ``Model`` that others answer for money, or within limits."""

    def usage(self) -> dict[str, Any]:
        """What was asked of them by this process; JSON-able."""
        ...


@runtime_checkable
class Identified(Protocol):
    """What a model offers beside ``StorableModel`` that has settings which change no answer."""

    def identity(self) -> dict[str, Any]:
        """Its configuration without these; JSON-able. What its version is made of."""
        ...


@runtime_checkable
class Warming(Protocol):
    """A learner of which a part may learn by itself, before all is learnt together."""

    def warm_up(self, pool: Pool, say: Callable[[str], None]) -> bool:
        """Whether anything was learnt. After ``begin``, but not where a run goes on; ``say`` is told how far
        it is."""
        ...


Example = Any
"""One training instance of a learner; opaque to the trainer."""


class Learner(Protocol):
    """What a model that can be trained offers beside ``Model``."""

    @property
    def network(self) -> nn.Module:
        """``network(batch)`` takes what ``collate`` gives and returns ``{"loss": ...}``."""
        ...

    def begin(self, pool: Pool) -> None:
        """One pass over the training data: attribute embeddings, vocabulary, frozen states."""
        ...

    def examples(self, pool: Pool, epoch: int) -> Iterable[Example]:
        """The instances of one epoch; may differ from epoch to epoch."""
        ...

    def length(self, example: Example) -> int:
        """Tokens, for length-grouped batches."""
        ...

    def collate(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """A batch of tensors, through the same text path as ``prepare`` and ``describe``."""
        ...

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """The trainable parameters by group name; the trainer gives each group its rate."""
        ...
