"""What filling a catalogue would cost with a model: counted on a sample, measured on a part of that, scaled.

FLOPs come from the model's own formula (``models.interface.Costed``) or, where it has none, from PyTorch's
counter. An embedding look-up is no product in them (the EAVE paper counts it as one: see ``plan.published``).
Seconds are those of the whole path, in this process, with as many threads as it has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from attrex.core import Attribute, Product
from attrex.models.interface import Cost, Costed, Model
from attrex.plan.cached import CachePlan, plan_cache
from attrex.plan.counting import counted
from attrex.plan.memory import peak_of
from attrex.plan.stopwatch import Stopwatch
from attrex.plan.survey import Asked, Survey
from attrex.text.reading import Reading, read
from attrex.text.windows import cut

STEP = 8
"""By how much more products each trial has."""
WALL = "wall"
"""The stopwatch's name for all of it."""
COUNTED = 16
"""Products on which PyTorch counts, at most."""
SLOWER = 4
"""So many times as long it takes meanwhile, at the least."""

Fill = Callable[[Sequence[Product]], None]
"""Fills products and throws the result away."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to be planned with. ``start`` makes, of a model that stands in for it, what fills products;
    ``asked`` says what they are asked, ``attributes`` what any is; ``asks`` are the cells to fill, ``spared``
    those that a gate denies besides (None without one). ``workers``: batches that the model works on at once;
    ``start``'s fill gives each of them its share. ``loaded`` is what the model takes in memory,
    ``at_once`` how many windows are prepared at once."""

    name: str
    builder: str
    version: str
    model: Model
    asked: Asked
    attributes: Sequence[Attribute]
    asks: int
    start: Callable[[Model], Fill]
    loaded: int | None
    at_once: int
    spared: int | None = None
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Seconds:
    """By step; ``rest`` is the gate, reading windows, merging and resolving, as far as it is not done
    meanwhile."""

    prepare: float
    describe: float
    answer: float
    rest: float

    @property
    def total(self) -> float:
        """All four."""
        return self.prepare + self.describe + self.answer + self.rest


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """A model's cost on the whole catalogue. ``tokens`` is None for a model that has none; ``flops_by``
    says where they come from; ``measured``: products that were filled to tell the seconds; ``memory``: the
    process's peak in bytes, None where the system does not tell; ``spared``: cells that the gate denies."""

    name: str
    builder: str
    asks: int
    attributes: int
    windows: float
    tokens: float | None
    flops: Cost
    flops_by: Literal["formula", "counter"]
    seconds: Seconds
    measured: int
    memory: int | None
    cache: CachePlan
    spared: int | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        flops, seconds = self.flops, self.seconds
        return {
            "model": self.name,
            "builder": self.builder,
            "asks": self.asks,
            "spared_by_gate": self.spared,
            "attributes": self.attributes,
            "windows": round(self.windows),
            "tokens": None if self.tokens is None else round(self.tokens),
            "flops": {
                "prepare": flops.prepare,
                "describe": flops.describe,
                "answer": flops.answer,
                "total": flops.total,
                "by": self.flops_by,
            },
            "seconds": {
                "prepare": seconds.prepare,
                "describe": seconds.describe,
                "answer": seconds.answer,
                "rest": seconds.rest,
                "total": seconds.total,
            },
            "measured_products": self.measured,
            "peak_memory_bytes": self.memory,
            "cache": self.cache.to_json(),
        }


@dataclass(frozen=True, slots=True)
class CataloguePlan:
    """Each model's cost on one catalogue. ``sample``: the products on which tokens were counted."""

    file: str
    products: int
    sample: int
    models: tuple[ModelPlan, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "file": self.file,
            "products": self.products,
            "sample": self.sample,
            "models": [model.to_json() for model in self.models],
        }


@dataclass(frozen=True, slots=True)
class _Work:
    """The windows of some products, and their asks: indices into these and into the subject's attributes."""

    windows: list[Product]
    readings: list[Reading] | None
    asks: list[tuple[int, int]]

    @property
    def tokens(self) -> int:
        return sum(len(r) + len(r.prefix) for r in self.readings or ())


def plan_model(subject: Subject, survey: Survey, *, seconds: float, base: int | None) -> ModelPlan:
    """The model's cost on a catalogue of which ``survey`` tells.

    About ``seconds`` are spent on measuring. ``base``: the process's bytes without any model.
    """
    whole = _work(subject, survey.sample)
    own = sum(len(subject.asked(product)) for product in survey.sample)
    wide, deep = survey.products / len(survey.sample), subject.asks / own if own else 0.0
    watch = Stopwatch(subject.model)
    watch.describe(subject.attributes)
    describing = watch.seconds["describe"]
    fill = subject.start(watch)
    measured = survey.sample[: _affordable(fill, survey.sample, seconds)]
    watch.reset()
    peak = peak_of(lambda: _timed(watch, fill, measured))
    spent = watch.seconds
    part = _work(subject, measured)
    flops, by = _flops(subject, whole, measured)
    own_flops = _formula(subject, part) or Cost()
    prepare = wide * _scaled(
        spent["prepare"], flops.prepare, own_flops.prepare, len(whole.windows), len(part.windows)
    )
    answer = deep * _scaled(spent["answer"], flops.answer, own_flops.answer, len(whole.asks), len(part.asks))
    # A step's seconds are those of all workers; of a few products there may have been work for one only.
    busy = min(subject.workers, len(measured))
    steps = (spent["prepare"] + spent["answer"]) / busy + spent["describe"]
    rest = max(0.0, spent[WALL] - steps)
    prepare, answer = prepare / subject.workers, answer / subject.workers
    windows = len(whole.windows) * wide
    cache = plan_cache(
        subject.model,
        subject.version,
        whole.windows,
        seconds_a_window=prepare / windows if windows else 0.0,
        of=windows,
        seconds=seconds,
    )
    # Of a slow model fewer windows were held at once than there will be.
    missing = max(0.0, min(subject.at_once, windows) - min(subject.at_once, len(part.windows)))
    records = round(missing * cache.memory / windows) if windows else 0
    known = [each for each in (base, subject.loaded, peak) if each is not None]
    return ModelPlan(
        name=subject.name,
        builder=subject.builder,
        asks=subject.asks,
        attributes=len(subject.attributes),
        windows=windows,
        tokens=None if whole.readings is None else whole.tokens * wide,
        flops=Cost(flops.prepare * wide, flops.describe, flops.answer * deep),
        flops_by=by,
        seconds=Seconds(prepare, describing, answer, rest * survey.products / max(1, len(measured))),
        measured=len(measured),
        memory=sum(known) + records if len(known) == 3 else None,
        cache=cache,
        spared=subject.spared,
    )


def _work(subject: Subject, products: Sequence[Product]) -> _Work:
    """As the pipeline does it: products without a text (or a picture, where one is enough for the model) or
    without an ask are not read."""
    model = subject.model
    looks = model.traits.pictures is not None and model.traits.pictures_alone
    readable = [
        p
        for p in products
        if (looks and p.pictures) or any(not s.text.isspace() for s in p.sources if s.text)
    ]
    asked = [(p, subject.asked(p)) for p in readable]
    live = [(p, own) for p, own in asked if own]
    windows = cut([p for p, _ in live], model.tokeniser, model.traits.window)
    index = {attribute: at for at, attribute in enumerate(subject.attributes)}
    asks = [(number, index[a]) for number, window in enumerate(windows) for a in live[window.index][1]]
    cutting = [window.product for window in windows]
    readings = None if model.tokeniser is None else read(cutting, model.tokeniser)
    return _Work(cutting, readings, asks)


def _affordable(fill: Fill, sample: Sequence[Product], seconds: float) -> int:
    """How many products of the sample can be filled in that time: tried with more and more, so that the
    costliest model is tried with one. The first is filled twice, for the first time takes longer."""
    fill(sample[:1])
    number = 1
    while True:
        begun = time.perf_counter()
        fill(sample[:number])
        took = time.perf_counter() - begun
        most = min(len(sample), max(1, int(seconds * number / max(took, 1e-9))))
        if most <= STEP * number:
            return most
        number *= STEP


def _timed(watch: Stopwatch, fill: Fill, products: Sequence[Product]) -> None:
    with watch.timed(WALL):
        fill(products)


def _formula(subject: Subject, work: _Work) -> Cost | None:
    if work.readings is None or not isinstance(subject.model, Costed):
        return None
    return subject.model.cost(work.readings, subject.attributes, work.asks)


def _flops(
    subject: Subject, whole: _Work, affordable: Sequence[Product]
) -> tuple[Cost, Literal["formula", "counter"]]:
    """Of the whole sample. Counted is on products that could be filled within the seconds that there are."""
    told = _formula(subject, whole)
    if told is not None:
        return told, "formula"
    few = max(1, min(COUNTED, len(affordable) // SLOWER))
    model, part = subject.model, _work(subject, affordable[:few])
    prepared, described = model.prepare(part.windows), model.describe(subject.attributes)
    windows, asks = len(part.windows), len(part.asks)
    prepare = counted(lambda: model.prepare(part.windows))
    answer = counted(lambda: model.answer(prepared, described, part.asks))
    return Cost(
        prepare * len(whole.windows) / windows if windows else 0.0,
        counted(lambda: model.describe(subject.attributes)),
        answer * len(whole.asks) / asks if asks else 0.0,
    ), "counter"


def _scaled(seconds: float, flops: float, own: float, number: int, part: int) -> float:
    """From a part's seconds to those of the sample: by FLOPs where the part's are known, for texts differ in
    length, else by number."""
    if own:
        return seconds * flops / own
    return seconds * number / part if part else 0.0
