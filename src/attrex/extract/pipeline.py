"""Products in, extractions out: gate, cut, prepare, describe, answer, merge, resolve.

Streaming: a few batches are in flight, whatever the length of the input. The model works in a thread, or
several where it can, while the caller's thread reads, resolves and writes: torch lets go of the interpreter.
Pictures are read in threads of their own, ahead of the model.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

from attrex.cache import Cache, product_key
from attrex.core import Answer, Extraction, InputRead, Product, Provenance, Status, content_hash
from attrex.extract.described import DescribedAttributes
from attrex.extract.gating import excluded, narrowed
from attrex.extract.merge import Merged
from attrex.extract.printed import with_boxes
from attrex.extract.regions import on_pictures
from attrex.extract.request import Request, Result
from attrex.extract.seeing import Seen, look, without_unread
from attrex.io.pictures import PictureReader
from attrex.models.gate import FittedGate
from attrex.models.interface import Model, Pointing, Prepared
from attrex.resolve import Resolver
from attrex.schema import Schema
from attrex.text.windows import Window, cut

BATCH = 256
"""Products a batch: enough for a model to sort by length, few enough for memory to stay flat."""
PICTURED = 64
"""Products a batch where their pictures are read: 10 MB of a picture each, of 224 pixels."""
WINDOWS = 512
"""Windows prepared at once: one product of 10 MB is 20,000 windows."""
ASKS = 65_536
"""Cells of a batch beyond which no product is added, and windows times attributes that are answered at once:
what bounds memory where products have thousands of attributes, or hundreds of windows."""
GATE = "gate"
"""The stage that denies an attribute, in the provenance."""
AHEAD = 2
"""Batches that wait, beside those in the model's hands."""
WORKER = "attrex-model"
"""The name of the model's threads."""

Answers = list[tuple[Answer, InputRead]]
Denied = Mapping[str, float]
"""The attributes of one request that the gate denies, each with the probability that it applies."""
Done = tuple[list[Answers], Sequence[Denied] | None, Sequence[str]]
"""Answers, what the gate denied, and the hash of what was read."""


class Pipeline:
    """One model, one schema, one resolver; ``stage`` names the model in the provenance and
    ``version`` is its content hash. A ``cache`` may serve many pipelines. What the ``gate`` denies is not
    asked, and is not applicable. ``pictures`` reads those of products, where model or gate want them; without
    it, only pictures that have their pixels are seen."""

    def __init__(
        self,
        model: Model,
        schema: Schema,
        resolver: Resolver,
        *,
        stage: str,
        version: str,
        cache: Cache | None = None,
        gate: FittedGate | None = None,
        pictures: PictureReader | None = None,
    ) -> None:
        self.model, self.schema, self.resolver, self.gate = model, schema, resolver, gate
        self.pictures = pictures
        self._stage, self._version = stage, version
        self._cache = None if model.traits.cacheable == "no" else cache
        self._described = DescribedAttributes(model, self._cache, version)
        self._normaliser = resolver.normaliser.version

    def run(
        self, requests: Iterable[Request], *, batch: int | None = None, pointing: bool = True
    ) -> Iterator[Result]:
        """One result per request, in order, as soon as its batch is done. ``pointing``: a ``Pointing`` model
        is asked for the regions of pictures too, which change nothing else."""
        waiting = iter(requests)
        usual = BATCH if self.pictures is None else PICTURED
        batch = batch or min(usual, self.model.traits.batch or usual)
        pending: deque[tuple[list[Request], Future[Done]]] = deque()
        with self._pool() as (pool, workers):
            try:
                while part := _some(waiting, batch):
                    seen = None if self.pictures is None else look(part, self.pictures)
                    pending.append((part, pool.submit(self._done, part, seen, pointing)))
                    if len(pending) >= AHEAD + workers:
                        asked, done = pending.popleft()
                        yield from self.results(asked, *done.result())
                while pending:
                    asked, done = pending.popleft()
                    yield from self.results(asked, *done.result())
            finally:
                for _, done in pending:
                    done.cancel()

    @contextmanager
    def _pool(self) -> Iterator[tuple[ThreadPoolExecutor, int]]:
        # A cache is asked and filled by one thread at a time.
        if self.model.traits.concurrent and self._cache is None:
            from attrex.nn.threads import side_by_side  # not every model needs torch

            with side_by_side(WORKER) as made:
                yield made
        else:
            with ThreadPoolExecutor(1, WORKER) as one:
                yield one, 1

    def _done(self, requests: Sequence[Request], seen: Seen | None, pointing: bool) -> Done:
        if seen is not None:
            requests = seen()
        inputs = [input_hash(request.product) for request in requests]
        if self.gate is None:
            return self.answers(requests, pointing=pointing), None, inputs
        without = excluded(self.gate, requests)
        return self.answers(narrowed(requests, without), pointing=pointing), without, inputs

    @property
    def _at_once(self) -> int:
        traits = self.model.traits
        return WINDOWS if traits.window is None else min(WINDOWS, traits.batch or WINDOWS)

    def answers(self, requests: Sequence[Request], *, pointing: bool = False) -> list[Answers]:
        """Of one batch the merged answers and how much was read, per request and attribute; ``pointing`` as
        in ``run``."""
        if self.model.traits.pictures is not None:
            requests = [replace(request, product=without_unread(request.product)) for request in requests]
        readable = [
            at
            for at, request in enumerate(requests)
            if request.attributes and self._has_input(request.product)
        ]
        indices = {at: self._described.indices(requests[at].attributes) for at in readable}
        windows = cut(
            [requests[at].product for at in readable], self.model.tokeniser, self.model.traits.window
        )
        merged = {at: [Merged() for _ in requests[at].attributes] for at in readable}
        for begin in range(0, len(windows), self._at_once):
            part = windows[begin : begin + self._at_once]
            prepared = self._prepare(part)
            asks = (
                (number, index, gathered)
                for number, window in enumerate(part)
                for index, gathered in zip(
                    indices[readable[window.index]], merged[readable[window.index]], strict=True
                )
            )
            # What depends on each other stays together.
            while some := list(islice(asks, None if self.model.traits.joint else ASKS)):
                pairs = [(number, index) for number, index, _ in some]
                answered = self.model.answer(prepared, self._described.records, pairs)
                if pointing and isinstance(self.model, Pointing):
                    products = [window.product for window in part]
                    answered = self.model.pointed(
                        products, prepared, self._described.records, pairs, answered
                    )
                for answer, (number, _, gathered) in zip(answered, some, strict=True):
                    gathered.add(answer, part[number])
        results: list[Answers] = []
        for at, request in enumerate(requests):
            if at in merged:
                texts = {source.name: source.text for source in request.product.sources}
                own = [gathered.result(texts) for gathered in merged[at]]
                if self.model.traits.pictures is not None:
                    own = [(on_pictures(answer, request.product.pictures), read) for answer, read in own]
                if printed := {s.name: s.printed for s in request.product.sources if s.printed}:
                    own = [(with_boxes(answer, printed), read) for answer, read in own]
                if request.partly and self.model.traits.pictures is not None:
                    own = [(answer, "part" if read == "all" else read) for answer, read in own]
                results.append(own)
            else:
                results.append([(Answer(), "none")] * len(request.attributes))
        return results

    def _prepare(self, windows: Sequence[Window]) -> list[Prepared]:
        products = [window.product for window in windows]
        if self._cache is None:
            return self.model.prepare(products)
        keys = [product_key(product, self._version) for product in products]
        return self._cache.records(
            "product", keys, lambda places: self.model.prepare([products[at] for at in places])
        )

    def _has_input(self, product: Product) -> bool:
        traits = self.model.traits
        if traits.pictures is not None and traits.pictures_alone and product.pictures:
            return True
        return any(source.text and not source.text.isspace() for source in product.sources)

    def results(
        self,
        requests: Sequence[Request],
        answers: Sequence[Answers],
        without: Sequence[Denied] | None = None,
        inputs: Sequence[str] | None = None,
    ) -> Iterator[Result]:
        """Answers of this model resolved, whenever they were given; to the requests ``without`` what the gate
        denies, if anything. ``inputs``: the hashes of what was read, where that is more than the requests'
        products have."""
        if without is None:
            without = [{}] * len(requests)
        if inputs is None:
            inputs = [input_hash(request.product) for request in requests]
        for request, own, denied, input in zip(requests, answers, without, inputs, strict=True):
            yield Result(request, self._extractions(request, own, denied, input))

    def _extractions(
        self, request: Request, answers: Answers, denied: Denied, input: str
    ) -> tuple[Extraction, ...]:
        product = request.product
        provenance = Provenance(
            self._version,
            self.schema.version,
            self._normaliser,
            input,
            self._stage,
            self.resolver.calibrated,
        )
        resolve = self.resolver.resolve
        asked = request.attributes
        if denied:
            asked = tuple([attribute for attribute in asked if attribute.name not in denied])
        made = [
            resolve(product.id, attribute, answer, read, provenance)
            for attribute, (answer, read) in zip(asked, answers, strict=True)
        ]
        if denied:
            made = self._with_denied(request, made, denied, provenance)
        if request.inapplicable:
            declared = Provenance(
                self._version, self.schema.version, self._normaliser, provenance.input, "schema", False
            )
            made += [
                Extraction(product.id, name, Status.NOT_APPLICABLE, (), 1.0, (), "none", declared)
                for name in request.inapplicable
            ]
        return tuple(made)

    def _with_denied(
        self, request: Request, made: Sequence[Extraction], denied: Denied, provenance: Provenance
    ) -> list[Extraction]:
        assert self.gate is not None
        gated = replace(provenance, model=self.gate.version, stage=GATE, calibrated=True)
        answered, id = iter(made), request.product.id
        return [
            Extraction(id, a.name, Status.NOT_APPLICABLE, (), 1 - denied[a.name], (), "none", gated)
            if a.name in denied
            else next(answered)
            for a in request.attributes
        ]


def _some(waiting: Iterator[Request], most: int) -> list[Request]:
    """The next requests: so many at most, and no further one where they ask ``ASKS`` cells."""
    some: list[Request] = []
    cells = 0
    while len(some) < most and cells < ASKS:
        request = next(waiting, None)
        if request is None:
            break
        some.append(request)
        cells += len(request.attributes)
    return some


def input_hash(product: Product) -> str:
    """Content hash of what a model may read of the product."""
    return content_hash(
        [
            product.category,
            [[source.name, source.text] for source in product.sources],
            [picture.content for picture in product.pictures],
        ]
    )
