"""Which attributes are asked: a gate learnt beside a model, and what it spares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal, get_args

from attrex.core import Product
from attrex.errors import ConfigError
from attrex.extract import Request, blanks
from attrex.extract.gating import excluded
from attrex.models.gate import RECALL, Cut, FittedGate, Gate, choose
from attrex.models.gate_category import learn_category_gate
from attrex.models.gate_pictures import PIXELS
from attrex.models.gate_text import learn_text_gate
from attrex.models.interface import Model
from attrex.schema import Schema

Kind = Literal["auto", "text", "category", "picture", "none"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MANY_ATTRIBUTES = 15
"""Without categories, so many must be asked of every product before a gate is tried."""
PAYS = 0.05
"""So large a share of the empty cells a gate must spare to be kept where nobody asked for one."""

LEARNERS: Mapping[str, Callable[[Sequence[Product]], Gate]] = {
    "text": learn_text_gate,
    "category": learn_category_gate,
    "picture": partial(learn_text_gate, pictures=True),
}


@dataclass(frozen=True, slots=True)
class GateSettings:
    """``kind``: "text" is learnt from text and category, "picture" from pictures too; "auto" learns one where
    the schema does not say which category has what, from pictures too where the model reads them, and keeps
    it where it pays. ``recall``: of the cells with a value, the share that is still asked.

    Raises ``ConfigError`` for an unknown kind or a recall outside (0, 1].
    """

    kind: Kind = "auto"
    recall: float = RECALL

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f'gate: expected one of {", ".join(KINDS)}, got "{self.kind}"')
        if not 0 < self.recall <= 1:
            raise ConfigError(f"gate.recall is {self.recall:g}; it must lie above 0 and not above 1")


AUTO = GateSettings()


def picture_size(model: Model, gate: GateSettings) -> int | None:
    """How many pixels a side pictures are read with to learn both; None where neither wants any."""
    own = model.traits.pictures
    return PIXELS if own is None and gate.kind == "picture" else own


@dataclass(frozen=True, slots=True)
class GateReport:
    """Counted on the part on which the thresholds were chosen: ``before`` and ``after`` are empty cells asked
    a product, ``kept`` of ``cells`` filled ones would still be asked."""

    kind: str
    wanted: float
    products: int
    before: float
    after: float
    cells: int
    kept: int

    @property
    def recall(self) -> float | None:
        """The share of the filled cells that would still be asked."""
        return self.kept / self.cells if self.cells else None

    @property
    def spared(self) -> float:
        """The share of the empty cells that is not asked."""
        return 1 - self.after / self.before if self.before else 0.0

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "recall": self.recall, "spared": self.spared}

    def __str__(self) -> str:
        line = f"The gate ({self.kind}) asks {self.after:.1f} of {self.before:.1f} empty cells a product"
        if self.recall is None:
            return line
        return f"{line}; of {self.cells:,} filled ones kept apart {self.recall:.1%} would be asked"


def learn_gate(
    train: Sequence[Product],
    calibrate: Sequence[Product],
    schema: Schema,
    settings: GateSettings,
    *,
    complete: bool = False,
) -> tuple[FittedGate, GateReport] | None:
    """A gate learnt on ``train``, its thresholds chosen on ``calibrate`` alone; None where none is wanted or
    worth it. Pictures, where it is to look at them, have their pixels. ``complete``: an empty cell says that
    there is no value."""
    wanted = settings.kind
    if wanted == "none" or (wanted == "auto" and not _worth_trying(train, schema)):
        return None
    kind = wanted
    if wanted == "auto":
        kind = "picture" if any(product.pictures and product.is_seen for product in train) else "text"
    gate = LEARNERS[kind]([_told(p, schema, complete) for p in train])
    told = [_told(p, schema, complete) for p in calibrate]
    given = [p for p in told if gate.knows(p.category)]
    fitted = FittedGate(
        gate,
        _cut(gate, given, schema, settings.recall),
        _cut(gate, [replace(p, category=None) for p in told], schema, settings.recall),
        settings.recall,
    )
    report = _counted(fitted, kind, calibrate, schema)
    if wanted == "auto" and report.spared < PAYS:
        return None
    return fitted, report


def _worth_trying(products: Sequence[Product], schema: Schema) -> bool:
    if schema.categories:
        return False  # the schema says which category has what
    several = len({p.category for p in products if p.category is not None}) > 1
    return several or len(schema.every) > MANY_ATTRIBUTES


def _told(product: Product, schema: Schema, complete: bool) -> Product:
    """With what the schema lacks left out, and with every empty cell "n/a" where that is what it means."""
    names = {a.name for a in schema.every}
    own = {name: values for name, values in product.stated.items() if name in names}
    if complete:
        own = {**{a.name: () for a in schema.of(product.category)}, **own}
    return replace(product, stated=own)


def _filled(product: Product) -> list[str]:
    return [name for name, values in product.stated.items() if values]


def _cut(gate: Gate, products: Sequence[Product], schema: Schema, recall: float) -> Cut:
    judged = set(gate.attributes)
    attributes = [a for a in schema.every if a.name in judged]
    column = {a.name: at for at, a in enumerate(attributes)}
    scores: dict[str, list[float]] = {name: [] for name in column}
    for product, ranges_A in zip(products, gate.ranges(products, attributes), strict=True):
        for name in _filled(product):
            if name in column:
                scores[name].append(float(ranges_A[column[name]]))
    return choose(scores, recall)


def _counted(gate: FittedGate, kind: str, products: Sequence[Product], schema: Schema) -> GateReport:
    empty = [blanks(product, schema) for product in products]
    by_name = {a.name: a for a in schema.every}
    filled = [
        Request(product, tuple([by_name[name] for name in _filled(product) if name in by_name]))
        for product in products
    ]
    before, cells = (sum(len(r.attributes) for r in asked) for asked in (empty, filled))
    denied, missed = (sum(map(len, excluded(gate, asked))) for asked in (empty, filled))
    rows = max(1, len(products))
    return GateReport(
        kind, gate.recall, len(products), before / rows, (before - denied) / rows, cells, cells - missed
    )
