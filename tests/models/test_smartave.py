"""What makes SMARTAVE the model it is: blocks with hyper-tokens, two forms, and values of several parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attrex.core import Attribute, Product, Source, Stated
from attrex.models.smartave import build_smartave_text
from attrex.models.smartave_inputs import CATEGORY, NOT_TEXT, OTHER, PICTURE, BlockMaker, Laid, lines
from attrex.nn.beams import Written
from attrex.nn.structured import ATTRIBUTE, PATTERNS
from attrex.nn.writer import in_front
from attrex.schema import Schema
from attrex.supervision.distant import label
from attrex.supervision.pool import Pool
from attrex.text.reading import read
from attrex.text.tokeniser import WordPieces
from attrex.training import Settings, fit
from tests.conformance.ten import COLOUR, MATERIAL, PRODUCTS, pool, product
from tests.models.small_smartave import ATTRIBUTES, alike, ask, begun

FORMS = pytest.mark.parametrize("form", ["seen", "apart"])


# --- blocks ---


@pytest.fixture(scope="module")
def maker(base: Path) -> BlockMaker:
    return BlockMaker(begun(base).tokeniser, ["title", "bullets"], longest=6)


def test_sources_category_and_pictures_are_blocks_of_their_own(base: Path, maker: BlockMaker) -> None:
    tokeniser = begun(base).tokeniser
    given = product("1", "Hats", "red cotton", {}, notes="wool", bullets="steel", empty=" ")
    (reading,) = read([given], tokeniser)
    blocks = maker.product(reading, [3, 1])
    assert [b.modality for b in blocks] == [CATEGORY, OTHER + 1, OTHER, OTHER + 2, PICTURE, PICTURE]
    (cls,) = tokeniser.opening
    ids = [tokens.ids for tokens in tokeniser.encode(["Hats", "red cotton", "wool", "steel"])]
    assert [list(b.ids) for b in blocks[:4]] == [[cls, *own, tokeniser.separator] for own in ids]
    assert [len(b.ids) for b in blocks[4:]] == [3, 1]
    places = [at for b in blocks for at in b.at if at != NOT_TEXT]
    assert places == [0, 1, 3, 5]  # separators between sources are nobody's
    assert maker.attribute([7, 8, tokeniser.separator]).modality == ATTRIBUTE
    assert list(maker.attribute([7, 8, tokeniser.separator]).ids) == [cls, 7, 8, tokeniser.separator]


def test_a_long_source_is_several_blocks_and_nothing_of_it_is_left_out(base: Path, maker: BlockMaker) -> None:
    given = product("1", None, "red hat", {}, bullets="cotton wool steel green silk " * 3)
    (reading,) = read([given], begun(base).tokeniser)
    blocks = maker.product(reading)
    assert [b.modality for b in blocks] == [OTHER + 1, *[OTHER + 2] * 4]
    assert {len(b.ids) for b in blocks[1:]} == {5, 6}
    assert [reading.ids[at] for b in blocks for at in b.at if at != NOT_TEXT] == [
        id for id, source in zip(reading.ids, reading.sources, strict=True) if source >= 0
    ]
    places, owners, tokens = lines([reading])
    assert [len(own) for own in places] == [2, 15]  # tagged as the one source that it is
    assert owners == [0, 0]
    assert tokens[1] == list(range(3, 18))


@given(st.lists(st.integers(0, 25), min_size=1, max_size=5), st.integers(4, 12))
def test_every_token_is_in_one_block_whatever_the_sizes(base: Path, lengths: list[int], longest: int) -> None:
    tokeniser = WordPieces.from_file(base / "tokenizer.json")
    texts = ["red " * length for length in lengths]
    given_ = Product("1", "Hats", tuple(Source(f"s{at}", text) for at, text in enumerate(texts)))
    (reading,) = read([given_], tokeniser)
    blocks = BlockMaker(tokeniser, ["s1"], longest=longest).product(reading)
    real = [at for at, source in enumerate(reading.sources) if source >= 0]
    assert [at for block in blocks for at in block.at if at != NOT_TEXT] == real
    for block in blocks:
        assert 3 <= len(block.ids) <= longest
        assert len({reading.sources[at] for at in block.at if at != NOT_TEXT}) <= 1
    assert len(blocks) == 1 + sum(-(-length // (longest - 2)) for length in lengths)


@FORMS
def test_sources_in_another_order_or_with_empty_ones_are_answered_alike(form: str, base: Path) -> None:
    model = begun(base, attribute=form, longest=1)
    writer, script = model.network.extraction.writer, model.network.extraction.script
    writer.generate.bias.data[writer.place(torch.tensor(script.end))] += 9.0  # values end, and are proposed
    texts = {"title": "Red cotton hat", "bullets": "wool, dark blue", "notes": "40 cm, red"}
    sources = [Source(name, text) for name, text in texts.items()]
    given = [
        Product("1", "Hats", tuple(sources)),
        Product("2", "Hats", tuple(sources[::-1])),
        Product(
            "3", "Hats", (sources[1], Source("empty", ""), sources[0], Source("blank", " \n"), sources[2])
        ),
    ]
    answers = ask(model, given)
    assert len(answers[0].candidates) > 2
    for at in range(3):
        assert alike(answers[at], answers[3 + at])
        assert alike(answers[at], answers[6 + at])


@FORMS
def test_a_source_s_name_says_which_source_it_is(form: str, base: Path) -> None:
    model = begun(base, attribute=form)
    title, bullets, other, another = (
        Product("1", None, (Source(name, "red cotton hat"),)) for name in ("title", "bullets", "x", "y")
    )
    answers = ask(model, [title, bullets, other, another], [COLOUR])
    assert answers[0].none_score != pytest.approx(answers[1].none_score, rel=1e-5)
    assert answers[2].none_score == pytest.approx(answers[3].none_score, rel=1e-5)  # neither is known
    assert begun(base).learnt.table.sources == ("title", "bullets")


# --- the two forms ---


@contextmanager
def encoded(model: Any) -> Iterator[list[int]]:
    """The local tokens that go through the encoder, call by call."""
    seen: list[int] = []
    hook = model.network.reader.encoder.register_forward_hook(lambda _, given, __: seen.append(len(given[0])))
    yield seen
    hook.remove()


def test_the_paper_s_form_reads_a_product_for_each_attribute(base: Path) -> None:
    model = begun(base)
    with encoded(model) as seen:
        prepared = model.prepare(PRODUCTS[:2])
        assert seen == []
        model.answer(prepared, model.describe(ATTRIBUTES), [(0, 0)])
        once = sum(seen)
        model.answer(prepared, model.describe(ATTRIBUTES), [(0, 1), (0, 2)])
        assert sum(seen) > 2 * once


def test_the_other_form_reads_it_once(base: Path) -> None:
    model = begun(base, attribute="apart")
    with encoded(model) as seen:
        prepared = model.prepare(PRODUCTS[:2])
        assert len(seen) == 1
        described = model.describe(ATTRIBUTES)
        model.answer(prepared, described, [(p, a) for p in range(2) for a in range(3)])
        assert len(seen) == 1


def states_of_two_asks(model: Any) -> list[torch.Tensor]:
    """One text's, asked for its colour and its material."""
    example = next(e for e in model.examples(pool(), 0) if e.asks[0].attribute == COLOUR)
    other = replace(example, asks=(replace(example.asks[0], attribute=MATERIAL),))
    batches = [model.collate([each]) for each in (replace(example, asks=example.asks[:1]), other)]
    with torch.no_grad():
        return [model.network.read(Laid.of(batch), None)[1] for batch in batches]


def test_in_the_paper_s_form_what_is_asked_changes_the_text_s_states(base: Path) -> None:
    states = {form: states_of_two_asks(begun(base, attribute=form)) for form in ("seen", "apart")}
    assert (states["seen"][0] - states["seen"][1]).abs().amax(2).min() > 1e-5
    assert torch.equal(*states["apart"])


def test_what_is_asked_may_be_added_so_that_it_is_known_without_its_hyper_token(base: Path) -> None:
    blind = [pattern for pattern in PATTERNS if pattern != "local-hyper"]
    states = {
        added: states_of_two_asks(begun(base, attentions=blind, attribute_added=added))
        for added in (True, False)
    }
    assert (states[True][0] - states[True][1]).abs().amax(2).min() > 1e-5
    torch.testing.assert_close(*states[False])


def test_attributes_that_are_asked_together_do_not_see_each_other(base: Path) -> None:
    model = begun(base, attribute="apart")
    together = ask(model, PRODUCTS[:1], [COLOUR, MATERIAL])
    for at, attribute in enumerate((COLOUR, MATERIAL)):
        assert alike(together[at], ask(model, PRODUCTS[:1], [attribute])[0], 1e-5)
    assert together[0].none_score != pytest.approx(together[1].none_score, rel=1e-5)


@FORMS
@pytest.mark.parametrize("left_out", PATTERNS)
def test_a_model_without_one_of_the_attentions_is_another_one(left_out: str, form: str, base: Path) -> None:
    whole = begun(base, attribute=form)
    model = begun(base, attribute=form, attentions=[p for p in PATTERNS if p != left_out])
    assert len(model.tensors()) <= len(whole.tensors())
    model.network.load_state_dict(whole.network.state_dict(), strict=False)
    batch = model.collate(model.examples(pool(), 0))
    one, other = (each.network(batch)["loss"] for each in (whole, model))
    assert one.item() != pytest.approx(other.item(), rel=1e-4)
    other.backward()
    assert [n for n, p in model.network.named_parameters() if p.requires_grad and p.grad is None] == []


@FORMS
def test_tags_are_an_auxiliary_task_of_that_weight(form: str, base: Path) -> None:
    model = begun(base, attribute=form, alpha=0.6)
    batch, extraction, losses = model.collate(model.examples(pool(), 0)), model.network.extraction, {}
    with torch.no_grad():
        for alpha in (0.1, 0.6, 10.0):
            extraction.alpha = alpha
            losses[alpha] = model.network(batch)["loss"].item()
        extraction.tags = None
        alone = model.network(batch)["loss"].item()
    tagging = (losses[10.0] - alone) / 10
    assert tagging > 0.1
    for alpha, loss in losses.items():
        assert loss == pytest.approx(alone + alpha * tagging, rel=1e-4)
    assert begun(base, attribute=form, alpha=0).network.extraction.tags is None


# --- what is answered ---


LAMP = Attribute("Colour", many=True)


@pytest.fixture(scope="module")
def lamps() -> Pool:
    titles = [
        ("white shade, blue holder", ("white", "blue")),
        ("blue shade, red holder", ("blue", "red")),
        ("red shade, white holder", ("red", "white")),
        ("green shade", ("green",)),
        ("blue holder", ("blue",)),
        ("shade and holder", ()),
    ]
    products = [
        Product(str(at), None, (Source("title", t),), (), {"Colour": tuple(map(Stated, values))})
        for at, (t, values) in enumerate(titles)
    ]
    return label(products, Schema([LAMP]))[0]


def test_several_values_of_one_attribute_each_have_their_evidence(base: Path, lamps: Pool) -> None:
    model: Any = build_smartave_text(base=str(base), window=30, block=16, decoder_layers=1, beams=3)
    fit(model, lamps, None, Settings(epochs=80, batch=6, rates={"default": 3e-3}, weight_decay=0.0))
    assert model.learnt.table.parts == 2
    both, one, none = ask(model, [lamps.products[at] for at in (0, 3, 5)], [LAMP])
    found = {c.text: c for c in both.candidates if c.score > 0.5}
    assert set(found) == {"white", "blue"}
    assert [(s.source, s.start) for v in ("white", "blue") if (s := found[v].evidence.span)] == [
        ("title", 0),
        ("title", 13),
    ]
    assert [c.text for c in one.candidates if c.score > 0.5] == ["green"]
    assert none.none_score is not None
    assert none.none_score > 0.5
    assert max((c.score for c in none.candidates), default=0.0) < 0.5


def test_each_value_says_from_which_source_it_was_copied(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sources have it; the pointers decide which is named first."""
    model = begun(base, longest=1)
    extraction = model.network.extraction
    (red,) = extraction.script.keys(["red"])
    given = product("1", "Hats", "red hat", {}, bullets="a red cap")
    written = [([*red], Written((), (), -0.1)), ([], Written((), (), -3.0))]
    monkeypatch.setattr(type(extraction), "write", lambda *_, **__: ([written], [0.05]))
    for place, source in ((0, "title"), (3, "bullets")):
        copied_XLT = torch.full((1, 1, 5), -2.0)
        copied_XLT[0, 0, place] = -0.1
        monkeypatch.setattr(type(extraction), "pointed", lambda *_, made=copied_XLT: made)
        (answer,) = ask(model, [given], [COLOUR])
        spans = [c.evidence.span for c in answer.candidates]
        assert next(s.source for s in spans if s) == source
        assert len(spans) == 2
        assert answer.candidates[1].score < answer.candidates[0].score


@FORMS
def test_all_asks_are_written_side_by_side_with_their_past_kept(form: str, base: Path) -> None:
    model = begun(base, attribute=form, beams=3, longest=4)
    rows: list[tuple[int, int]] = []
    (layer,) = model.network.extraction.decoder.layers
    hook = layer.register_forward_hook(lambda _, given, __: rows.append(given[0].shape[:2]))
    ask(model, PRODUCTS[:4])
    hook.remove()
    assert rows[0] == (12, 1)
    assert max(rows) == (36, 1)  # beams of all asks of all products, a piece at a time
    assert len([each for each in rows if each[1] == 1]) <= 5


def test_the_pointers_are_the_writer_s_own(base: Path) -> None:
    """Looked at again in one go, a sequence points where it pointed when it was written."""
    model = begun(base)
    network = model.network
    words, extraction = network.reader.words, network.extraction
    batch = model.collate(model.examples(pool(), 0)[:2])
    with torch.no_grad():
        laid = Laid.of(batch)
        told_AD, states_ATD = network.read(laid, None)
        keys_ATD = extraction.writer.key(states_ATD)
        copied = extraction.pointed(words, told_AD, keys_ATD, laid.pieces_NT2, batch["written_AL"]).exp()
        torch.testing.assert_close(copied.sum(2), torch.ones(copied.shape[:2]))
        states = extraction.states(words, told_AD, batch["written_AL"])
        _, _, expected = extraction.writer.chances(
            states, in_front(batch["written_AL"]), keys_ATD, laid.pieces_NT2
        )
    torch.testing.assert_close(copied[:, :2], expected[:, :2], atol=1e-5, rtol=1e-4)
