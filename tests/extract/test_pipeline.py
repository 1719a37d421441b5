from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest
import torch

from attrex.cache import Cache, MemoryCache
from attrex.cache.records import size_of
from attrex.core import Answer, Attribute, Candidate, Evidence, Product, Source, Span, Stated, Status
from attrex.extract import Pipeline, Request, blanks, everything, known, named, trials
from attrex.extract.gating import narrowed
from attrex.extract.pipeline import AHEAD
from attrex.models.interface import Traits
from attrex.normalise import Normaliser
from attrex.resolve import Policy, Resolver, Thresholds, Trial
from attrex.schema import Category, Schema
from tests.extract.scripted import Script, Scripted, failing, word_after

COLOUR, SIZE, SHAFT = Attribute("Colour"), Attribute("Size"), Attribute("Shaft")
SCHEMA = Schema((COLOUR, SIZE), (Category("Boots", None, (SHAFT,)), Category("Lamps")))


def product(*texts: str, id: str = "p", category: str | None = None, **stated: tuple[Stated, ...]) -> Product:
    names = ("title", "description", "bullets")
    sources = tuple(Source(name, text) for name, text in zip(names, texts, strict=False))
    return Product(id, category, sources, stated=stated)


def pipeline(
    script: Script, *, window: int | None = None, threshold: float = 0.5, cache: Cache | None = None
) -> Pipeline:
    resolver = Resolver(Policy(thresholds=Thresholds("f1", threshold)), Normaliser())
    return Pipeline(
        Scripted(script, window=window), SCHEMA, resolver, stage="scripted", version="v1", cache=cache
    )


def only(made: Pipeline, asked: Product, attribute: Attribute = COLOUR):  # type: ignore[no-untyped-def]
    (result,) = made.run([Request(asked, (attribute,))])
    (extraction,) = result.extractions
    return extraction


class Side(Scripted):
    """Works only where two batches are in its hands at once, and the first is done last."""

    def __init__(self) -> None:
        super().__init__(word_after("in"))
        self._meeting, self._second = threading.Barrier(2, timeout=60), threading.Event()

    @property
    def traits(self) -> Traits:
        return Traits(concurrent=True)

    def prepare(self, products: Sequence[Product]) -> list[Product]:
        self._meeting.wait()
        if products[0].id == "0":
            assert self._second.wait(60)
        else:
            self._second.set()
        return super().prepare(products)


def test_a_concurrent_model_has_several_batches_at_once_and_results_keep_their_order() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        side = Pipeline(Side(), SCHEMA, Resolver(Policy(), Normaliser()), stage="", version="")
        asked = [Request(product(f"Lamp in c{at}", id=str(at)), (COLOUR,)) for at in range(2)]
        results = list(side.run(asked, batch=1))
    finally:
        torch.set_num_threads(before)
    assert [r.extractions[0].values[0].text for r in results] == ["c0", "c1"]


def test_found_with_its_evidence_and_provenance() -> None:
    made = only(pipeline(word_after("in")), product("Lamp in blue", id="p7"))
    assert (made.product_id, made.attribute, made.status) == ("p7", "Colour", Status.FOUND)
    (evidence,) = made.values[0].evidence
    assert evidence.span == Span("title", 8, 12)
    assert (evidence.snippet, evidence.snippet_start) == ("Lamp in blue", 8)
    assert made.provenance.model == "v1"
    assert made.provenance.schema == SCHEMA.version
    assert made.provenance.normaliser == Normaliser().version
    assert made.provenance.stage == "scripted"
    assert made.provenance.calibrated is False


def test_provenance_s_input_follows_the_texts_only() -> None:
    made = pipeline(word_after("in"))
    first = only(made, product("Lamp in blue", id="a")).provenance.input
    assert only(made, product("Lamp in blue", id="b", Colour=(Stated("red"),))).provenance.input == first
    assert only(made, product("Lamp in red")).provenance.input != first


def test_every_status_comes_through_the_whole_pipeline() -> None:
    lamp = product("Lamp in blue", "comes in red")
    assert only(pipeline(word_after("in")), product("Lamp in blue")).status is Status.FOUND
    assert only(pipeline(word_after("in")), product("Lamp")).status is Status.NOT_STATED
    assert only(pipeline(word_after("in")), lamp).status is Status.CONFLICT
    assert (
        only(pipeline(word_after("in", 0.6), threshold=0.9), product("Lamp in blue")).status
        is Status.ABSTAINED
    )
    assert only(pipeline(failing), product("Lamp")).status is Status.UNREADABLE
    assert only(pipeline(lambda p, a: Answer((), 0.9, 0.1)), product("Lamp")).status is Status.NOT_APPLICABLE


def test_a_product_without_text_is_unreadable_and_the_model_is_not_troubled() -> None:
    made = pipeline(word_after("in"))
    for empty in (product(), product(""), product(" \n", "")):
        extraction = only(made, empty)
        assert (extraction.status, extraction.input_read) == (Status.UNREADABLE, "none")
    assert made.model.prepared == []  # type: ignore[attr-defined]


def test_a_long_text_is_read_in_windows_and_offsets_stay_true() -> None:
    text = " ".join(["word"] * 150 + ["in", "blue"] + ["word"] * 150)
    made = pipeline(word_after("in"), window=40)
    extraction = only(made, product("Title", text))
    assert extraction.status is Status.FOUND
    assert extraction.input_read == "all"
    (evidence,) = extraction.values[0].evidence
    span = evidence.span
    assert span is not None
    assert text[span.start : span.end] == "blue"
    assert evidence.snippet is not None
    assert "in blue word" in evidence.snippet
    assert len(made.model.prepared) > 5  # type: ignore[attr-defined]


def test_input_read_in_part_is_unreadable_where_nothing_is_found() -> None:
    def half(window: Product, attribute: Attribute) -> Answer:
        broken = any("broken" in source.text for source in window.sources)
        return failing(window, attribute) if broken else word_after("in")(window, attribute)

    text = " ".join(["word"] * 100)
    nothing = only(pipeline(half, window=40), product(f"{text} broken {text}"))
    assert (nothing.status, nothing.input_read) == (Status.UNREADABLE, "part")
    something = only(pipeline(half, window=40), product(f"{text} broken {text} in blue {text}"))
    assert (something.status, something.input_read) == (Status.FOUND, "part")


def test_a_batch_is_mixed_and_keeps_order() -> None:
    made = pipeline(word_after("in"))
    requests = [
        Request(product("Lamp in blue", id="a"), (COLOUR, SIZE)),
        Request(product("", id="b"), (SIZE,)),
        Request(product("Boot in red", id="c"), ()),
        Request(product("Boot in red", id="d"), (SIZE,)),
    ]
    results = list(made.run(requests, batch=3))
    assert [r.request.product.id for r in results] == ["a", "b", "c", "d"]
    assert [[e.attribute for e in r.extractions] for r in results] == [
        ["Colour", "Size"],
        ["Size"],
        [],
        ["Size"],
    ]


def test_an_attribute_is_described_once_whoever_asks() -> None:
    made = pipeline(word_after("in"))
    for _ in range(3):
        only(made, product("Lamp in blue"))
        only(made, product("Lamp in blue"), Attribute("Colour"))  # equal, another object
    assert made.model.described == [COLOUR]  # type: ignore[attr-defined]


def test_batches_of_any_size_give_the_same_extractions() -> None:
    requests = [everything(product(f"Lamp in c{i}", id=str(i)), SCHEMA) for i in range(20)]
    outcomes = [
        [r.extractions for r in pipeline(word_after("in")).run(requests, batch=n)] for n in (1, 7, 256)
    ]
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_a_model_with_large_records_gets_few_windows_at_once() -> None:
    class Large(Scripted):
        def __init__(self) -> None:
            super().__init__(word_after("in"), window=8)
            self.at_once: list[int] = []

        @property
        def traits(self) -> Traits:
            return Traits(window=8, batch=3)

        def prepare(self, products: Sequence[Product]) -> list[Product]:
            self.at_once.append(len(products))
            return super().prepare(products)

    model = Large()
    made = Pipeline(model, SCHEMA, Resolver(Policy(), Normaliser()), stage="s", version="v")
    made.answers([Request(product("a red hat " * 40 + "in teal"), (COLOUR,))])
    assert max(model.at_once) == 3
    assert sum(model.at_once) > 9


def test_reading_runs_only_a_few_batches_ahead() -> None:
    taken = 0

    def source() -> Iterator[Request]:
        nonlocal taken
        for i in range(10_000):
            taken += 1
            yield Request(product(f"Lamp in c{i}"), (COLOUR,))

    stream = pipeline(word_after("in")).run(source(), batch=10)
    for _ in range(5):
        next(stream)
    assert taken <= 10 * (AHEAD + 1)
    stream.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("attrex-model")]


def test_an_error_in_the_input_reaches_the_caller() -> None:
    def source() -> Iterator[Request]:
        yield Request(product("Lamp in blue"), (COLOUR,))
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(pipeline(word_after("in")).run(source()))


def test_an_error_in_the_model_reaches_the_caller() -> None:
    def broken(window: Product, attribute: Attribute) -> Answer:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        list(pipeline(broken).run([Request(product("Lamp"), (COLOUR,))]))


def test_blanks_asks_only_what_no_cell_states() -> None:
    boots = product("Boots", category="Boots", Colour=(Stated("red"),), Size=())
    assert blanks(boots, SCHEMA).attributes == (SHAFT,)  # an explicit "no value" is no blank
    assert everything(boots, SCHEMA).attributes == (COLOUR, SIZE, SHAFT)


def test_an_attribute_of_another_category_is_not_applicable_without_a_model() -> None:
    made = pipeline(word_after("in"))
    request = named(
        product("Lamp in blue", category="Lamps"), (Attribute("Shaft"), COLOUR, Attribute("New")), SCHEMA
    )
    (result,) = made.run([request])
    assert [(e.attribute, e.status) for e in result.extractions] == [
        ("Colour", Status.FOUND),
        ("New", Status.FOUND),
        ("Shaft", Status.NOT_APPLICABLE),
    ]
    assert result.extractions[2].probability == 1.0
    assert result.extractions[2].provenance.stage == "schema"
    assert request.attributes[0] is SCHEMA.of("Lamps")[0]


def test_of_an_unknown_category_everything_may_be_asked() -> None:
    request = named(product("Lamp", category="Hats"), (SHAFT,), SCHEMA)
    assert (request.attributes, request.inapplicable) == ((SHAFT,), ())


def test_a_cache_prepares_the_same_text_once() -> None:
    texts = ("Lamp in blue", "Lamp in lime", "Lamp in pink")
    cache = MemoryCache(limit=int(2.2 * size_of(product(texts[0]))))
    made = pipeline(word_after("in"), cache=cache)
    same = [Request(product(texts[0], id=str(i)), (COLOUR,)) for i in range(4)]
    first = list(made.run(same, batch=2))
    assert len(made.model.prepared) == 1  # type: ignore[attr-defined]
    assert (cache.hits, cache.misses) == (3, 2)  # the attribute is the other miss
    assert [e.status for r in first for e in r.extractions] == [Status.FOUND] * 4
    for text in (*texts[1:], texts[0]):  # the oldest record has gone
        only(made, product(text))
    assert len(made.model.prepared) == 4  # type: ignore[attr-defined]


def test_one_more_attribute_costs_only_answers() -> None:
    """Another pipeline with the same cache, as in the next run: nothing that is known is made again."""
    cache = MemoryCache()
    products = [product(f"Lamp {i} in blue") for i in range(5)]
    first, second = (pipeline(word_after("in"), cache=cache) for _ in range(2))
    list(first.run([Request(p, (COLOUR,)) for p in products]))
    found = list(second.run([Request(p, (COLOUR, SIZE)) for p in products]))
    assert len(first.model.prepared) == 5  # type: ignore[attr-defined]
    assert second.model.prepared == []  # type: ignore[attr-defined]
    assert second.model.described == [SIZE]  # type: ignore[attr-defined]
    assert [[e.attribute for e in r.extractions] for r in found] == [["Colour", "Size"]] * 5


def test_a_model_that_may_not_be_cached_is_not() -> None:
    class Uncacheable(Scripted):
        @property
        def traits(self) -> Traits:
            return Traits(cacheable="no")

    model, cache = Uncacheable(word_after("in")), MemoryCache()
    resolver = Resolver(Policy(), Normaliser())
    made = Pipeline(model, SCHEMA, resolver, stage="s", version="v", cache=cache)
    for _ in range(2):
        only(made, product("Lamp in blue"))
    assert len(model.prepared) == 2
    assert (len(cache), cache.hits, cache.misses) == (0, 0, 0)


def tried(made: Pipeline, data: list[Product], *, complete: bool = False) -> list[Trial]:
    requests = [known(product, made, complete=complete) for product in data]
    return list(trials(made, requests, made.answers(requests)))


def test_trials_compare_canonically_and_count_what_is_known() -> None:
    data = [
        product("Lamp in BLUE", Colour=(Stated("blue"),), Size=()),
        product("Lamp in red", Colour=(Stated("green"),)),
        product("", Colour=(Stated("green"),)),
        product("Lamp", Colour=(Stated("green"),)),
    ]
    made = tried(pipeline(word_after("in", 0.8)), data)
    assert [(t.attribute, [right for _, right in t.proposals], t.gold) for t in made] == [
        ("Colour", [True], 1),
        ("Size", [False], 0),
        ("Colour", [False], 1),
        ("Colour", [], 1),
    ]
    assert made[0].proposals[0][0] == pytest.approx(0.8)
    assert made[0].none_score == 0.05
    complete = tried(pipeline(word_after("in", 0.8)), data[1:2], complete=True)
    assert [(t.attribute, t.gold) for t in complete] == [("Colour", 1), ("Size", 0)]


def test_what_a_gate_denies_is_a_value_that_nobody_proposes() -> None:
    data = [
        product("Lamp in blue", Colour=(Stated("blue"),), Size=()),
        product("Lamp in red", Colour=(Stated("red"),), Size=(Stated("S"),)),
    ]
    made = pipeline(word_after("in", 0.8))
    requests = [known(each, made) for each in data]
    denied = [{"Size": 0.01}, {"Colour": 0.02}]
    answers = made.answers(narrowed(requests, denied))
    assert [
        (t.attribute, len(t.proposals), t.none_score, t.gold) for t in trials(made, requests, answers, denied)
    ] == [
        ("Colour", 1, 0.05, 1),
        ("Size", 0, None, 0),
        ("Colour", 0, None, 1),
        ("Size", 1, 0.05, 1),
    ]


def test_trials_of_many_values_hold_every_proposal() -> None:
    features = Attribute("Features", many=True)
    schema = Schema((features,))

    def two(window: Product, attribute: Attribute) -> Answer:
        return Answer(
            tuple(
                Candidate(w, s, Evidence("span", Span("title", at, at + len(w))))
                for w, s, at in (("warm", 0.9, 0), ("light", 0.4, 5))
            ),
            0.1,
        )

    made = Pipeline(Scripted(two), schema, Resolver(Policy(), Normaliser()), stage="s", version="v")
    data = [product("warm light", Features=(Stated("light"), Stated("dry")))]
    (trial,) = tried(made, data)
    assert [right for _, right in trial.proposals] == [False, True]
    assert trial.gold == 2
