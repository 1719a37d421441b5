"""What each of several models would cost on a catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from attrex.api.extractor import Extractor
from attrex.core import Attribute, Picture, Product
from attrex.errors import ConfigError, InputError
from attrex.extract import Pipeline
from attrex.extract.pipeline import BATCH, WINDOWS
from attrex.io.pictures import PictureAccess, gather
from attrex.io.rows import Reader
from attrex.models.interface import Model
from attrex.nn.threads import workers
from attrex.normalise import Normaliser
from attrex.plan import CataloguePlan, Subject, plan_model, resident, survey
from attrex.plan.estimate import Fill
from attrex.plan.survey import Asked
from attrex.resolve import Resolver

SECONDS = 5.0
"""Measured a model, about."""


def plan(
    reader: Reader,
    models: Sequence[str | Path],
    *,
    attributes: Sequence[str] | None = None,
    all: bool = False,
    seconds: float = SECONDS,
    pictures: PictureAccess | None = None,
    seed: int = 0,
    progress: Callable[[str], None] = lambda line: None,
) -> CataloguePlan:
    """Reads the catalogue once, fills a few of its products with each model, and scales.

    ``models``: folders, or names on the hub. Asked is what ``fill`` would ask. ``seconds`` is about what
    measuring a model may take. ``pictures``: those that models may read (None: of the file's folder); a gate
    that looks at them judges the sample only. Raises ``InputError`` where there is no product,
    ``ConfigError`` where there is no model or a model's schema lacks an attribute.
    """
    if not models:
        raise ConfigError("--model: with which model? Give -m model/, or several to compare")
    if not seconds > 0:
        raise ConfigError(f"--seconds is {seconds:g}; it must be above 0")
    access = pictures or PictureAccess.beside(reader)
    base = resident()
    loaded: list[tuple[Extractor, int | None]] = []
    for name in models:
        before = resident()
        extractor = Extractor.from_pretrained(name).with_pictures(access)
        after = resident()
        loaded.append((extractor, None if before is None or after is None else max(0, after - before)))
    asked = [_asked(extractor, attributes, all=all) for extractor, _ in loaded]
    ungated = [_asked(extractor, attributes, all=all, gated=False) for extractor, _ in loaded]
    counted = [
        every if _looks(extractor) else own
        for (extractor, _), own, every in zip(loaded, asked, ungated, strict=True)
    ]
    seen = survey((row.product for row in reader), [*counted, *ungated], seed=seed)
    if not seen.products:
        raise InputError("there is no product", file=reader.path, fix="give at least one row")
    planned = []
    names = _names(models)
    for at, ((extractor, size), own, name) in enumerate(zip(loaded, asked, names, strict=True)):
        progress(f"{name}: measuring for about {seconds:g} s")
        own_seen = replace(seen, sample=_with_pixels(seen.sample, extractor))
        many = workers() if extractor.model.traits.concurrent else 1
        asks, every = seen.asks[at], seen.asks[len(asked) + at]
        if _looks(extractor):
            asks = round(every * _share(own, ungated[at], own_seen.sample))
        subject = Subject(
            name=name,
            builder=extractor.name,
            version=extractor.version,
            model=extractor.model,
            asked=own,
            attributes=seen.attributes[at],
            asks=asks,
            spared=None if extractor.gate is None else every - asks,
            start=_starter(extractor, ungated[at], many),
            workers=many,
            loaded=size,
            at_once=WINDOWS,
        )
        planned.append(plan_model(subject, own_seen, seconds=seconds, base=base))
    return CataloguePlan(reader.path, seen.products, len(seen.sample), tuple(planned))


def _looks(extractor: Extractor) -> bool:
    """Whether its gate looks at pictures."""
    return extractor.gate is not None and extractor.gate.gate.pictures is not None


def _with_pixels(sample: tuple[Product, ...], extractor: Extractor) -> tuple[Product, ...]:
    reader = extractor.picture_reader()
    if reader is None:
        return sample
    with reader:
        return tuple(gather(sample, reader))


def _share(asked: Asked, every: Asked, sample: Sequence[Product]) -> float:
    """Of the cells, those that the gate would have asked."""
    counts = [sum(len(each(product)) for product in sample) for each in (asked, every)]
    return counts[0] / counts[1] if counts[1] else 0.0


def _names(models: Sequence[str | Path]) -> list[str]:
    """The folders' own names where these tell them apart."""
    short = [Path(model).name for model in models]
    return short if len(set(short)) == len(short) else [str(model) for model in models]


def _asked(extractor: Extractor, names: Sequence[str] | None, *, all: bool, gated: bool = True) -> Asked:
    named = None if not names else extractor.known(names)

    def asked(product: Product) -> Sequence[Attribute]:
        request = extractor.request(product, named, all=all)
        return (extractor.admitted(request) if gated else request).attributes

    return asked


def _starter(extractor: Extractor, every: Asked, many: int) -> Callable[[Model], Fill]:
    """The real path, the gate's part of it included, with another in the model's place; pictures are read
    anew. So few products are shared out among the ``many`` workers as a whole catalogue is."""

    def start(model: Model) -> Fill:
        pictures = extractor.picture_reader(kept=0)
        pipeline = Pipeline(
            model,
            extractor.schema,
            Resolver(extractor.policy, Normaliser()),
            stage=extractor.name,
            version=extractor.version,
            pictures=pictures,
            gate=extractor.gate,
        )

        def fill(products: Sequence[Product]) -> None:
            requests = (extractor.request(_unread(p), every(p), all=True) for p in products)
            batch = None if many == 1 else min(BATCH, -(-len(products) // many))
            for _ in pipeline.run(requests, batch=batch):
                pass

        return fill

    return start


def _unread(product: Product) -> Product:
    """The product as it stands in the catalogue."""
    return replace(product, pictures=tuple([Picture(each.location) for each in product.pictures]))
