"""What each of several models would cost on a catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from attrex.api.extractor import Extractor
from attrex.core import Attribute, Product
from attrex.errors import ConfigError, InputError
from attrex.extract import Pipeline
from attrex.extract.pipeline import WINDOWS
from attrex.io.rows import Reader
from attrex.models.interface import Model
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
    seed: int = 0,
    progress: Callable[[str], None] = lambda line: None,
) -> CataloguePlan:
    """Reads the catalogue once, fills a few of its products with each model, and scales.

    ``models``: folders, or names on the hub. Asked is what ``fill`` would ask. ``seconds`` is about what
    measuring a model may take. Raises ``InputError`` where there is no product, ``ConfigError`` where there
    is no model or a model's schema lacks an attribute.
    """
    if not models:
        raise ConfigError("--model: with which model? Give -m model/, or several to compare")
    if not seconds > 0:
        raise ConfigError(f"--seconds is {seconds:g}; it must be above 0")
    base = resident()
    loaded: list[tuple[Extractor, int | None]] = []
    for name in models:
        before = resident()
        extractor = Extractor.from_pretrained(name)
        after = resident()
        loaded.append((extractor, None if before is None or after is None else max(0, after - before)))
    asked = [_asked(extractor, attributes, all=all) for extractor, _ in loaded]
    ungated = [_asked(extractor, attributes, all=all, gated=False) for extractor, _ in loaded]
    seen = survey((row.product for row in reader), [*asked, *ungated], seed=seed)
    if not seen.products:
        raise InputError("there is no product", file=reader.path, fix="give at least one row")
    planned = []
    names = _names(models)
    for at, ((extractor, size), own, name) in enumerate(zip(loaded, asked, names, strict=True)):
        progress(f"{name}: measuring for about {seconds:g} s")
        subject = Subject(
            name=name,
            builder=extractor.name,
            version=extractor.version,
            model=extractor.model,
            asked=own,
            attributes=seen.attributes[at],
            asks=seen.asks[at],
            spared=None if extractor.gate is None else seen.asks[len(asked) + at] - seen.asks[at],
            start=_starter(extractor, own),
            loaded=size,
            at_once=WINDOWS,
        )
        planned.append(plan_model(subject, seen, seconds=seconds, base=base))
    return CataloguePlan(reader.path, seen.products, len(seen.sample), tuple(planned))


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


def _starter(extractor: Extractor, asked: Asked) -> Callable[[Model], Fill]:
    """The real path with another in the model's place."""

    def start(model: Model) -> Fill:
        pipeline = Pipeline(
            model,
            extractor.schema,
            Resolver(extractor.policy, Normaliser()),
            stage=extractor.name,
            version=extractor.version,
        )

        def fill(products: Sequence[Product]) -> None:
            for _ in pipeline.run(extractor.request(p, asked(p), all=True) for p in products):
                pass

        return fill

    return start
