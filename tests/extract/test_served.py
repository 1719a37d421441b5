"""Every status, end to end, out of a model behind HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attrex.core import Attribute, Extraction, Product, Source, Status
from attrex.extract import Pipeline, Request
from attrex.models.interface import Model
from attrex.normalise import Normaliser
from attrex.resolve import Policy, Resolver, Thresholds
from attrex.schema import Schema
from tests.extract.served import Served, endpoint

COLOUR = Attribute("colour")
SCHEMA = Schema((COLOUR,))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with endpoint() as address:
        yield address


def ask(url: str, *texts: str, threshold: float = 0.5) -> Extraction:
    sources = tuple(Source(n, t) for n, t in zip(("title", "description"), texts, strict=False))
    resolver = Resolver(Policy(thresholds=Thresholds("f1", threshold)), Normaliser())
    pipeline = Pipeline(Served(url), SCHEMA, resolver, stage="served", version="1")
    (result,) = pipeline.run([Request(Product("p", sources=sources), (COLOUR,))])
    return result.extractions[0]


def test_it_is_a_model(url: str) -> None:
    assert isinstance(Served(url), Model)


@pytest.mark.parametrize(
    ("texts", "threshold", "status"),
    [
        (("colour: blue",), 0.5, Status.FOUND),
        (("a lamp",), 0.5, Status.NOT_STATED),
        (("a lamp with no colour",), 0.5, Status.NOT_APPLICABLE),
        (("colour: blue", "colour: red"), 0.5, Status.CONFLICT),
        (("colour: maybe blue",), 0.8, Status.ABSTAINED),
        (("crash",), 0.5, Status.UNREADABLE),
    ],
)
def test_each_status(url: str, texts: tuple[str, ...], threshold: float, status: Status) -> None:
    made = ask(url, *texts, threshold=threshold)
    assert made.status is status
    assert [v.text for v in made.values] == (["blue"] if status is Status.FOUND else [])


def test_an_endpoint_that_is_away_is_unreadable() -> None:
    with endpoint() as address:
        pass
    assert ask(address, "colour: blue").status is Status.UNREADABLE
