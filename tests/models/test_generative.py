"""The generative model: what is written of a product, in which order, and how it is found in the text."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import T5Config, T5ForConditionalGeneration

from attrex.core import Attribute, Evidence, Product, Source, Span, Stated
from attrex.errors import ConfigError, ModelError
from attrex.models.generative import build_generative
from attrex.models.tagging import TaggedWindow, Trims
from attrex.models.writing import Grounding, Opinion, Script, opinions
from attrex.nn.beams import Written
from attrex.schema import Schema
from attrex.supervision.distant import label
from attrex.text.reading import read
from attrex.text.tokeniser import WordPieces
from attrex.text.windows import cut
from tests.conformance.base import make_base, make_t5_base
from tests.conformance.ten import COLOUR, PRODUCTS, SCHEMA, pool, product


def begun(folder: Path, known: Any = None, **arguments: Any) -> Any:
    torch.manual_seed(0)
    model: Any = build_generative(**{"base": str(folder), "window": 20, "layers": 1, **arguments})
    model.begin(known or pool())
    model.network.eval()
    return model


@pytest.fixture(name="script")
def _script(base: Path) -> Script:
    return Script(WordPieces.from_file(base / "tokenizer.json"))


def written(model: Any, window: TaggedWindow) -> str:
    """What the model is taught to write of a window, in words."""
    script = model.network.script
    marks = {script.value_mark: " :", script.pair_mark: " |", script.end: " ."}
    ids = script.write(window, model.network.longest)
    return "".join(marks.get(i) or " " + script.pieces.text_of([i]) for i in ids).strip()


# --- all pairs at once ---


def test_all_that_is_known_of_a_product_is_one_sequence(base: Path) -> None:
    model = begun(base)
    said = [written(model, window) for window in model.examples(pool(), 0)]
    assert said[0] == "colour : red | material : cotton | size : l | ."
    assert said[1] == "colour : dark blue | material : wool | ."  # a known "none" is not written
    assert model.collate(model.examples(pool(), 0))["written_NL"].shape[0] == len(said)


def test_the_whole_output_is_there_before_anything_is_asked(base: Path) -> None:
    model = begun(base)
    rows: list[int] = []
    hook = model.network.writer.decoder.register_forward_hook(
        lambda _, __, given, ___: rows.append(len(given["inputs_embeds"])), with_kwargs=True
    )
    encoded: list[int] = []
    count = model.network.encoder.register_forward_hook(lambda _, given, __: encoded.append(len(given[0])))
    prepared = model.prepare(PRODUCTS)
    assert sum(encoded) == len(PRODUCTS)
    # One row a product for the first piece, then one a beam: beam search of width 4.
    assert max(rows) == 4 * len(PRODUCTS)
    steps = len(rows)
    model.answer(prepared, model.describe(list(SCHEMA.every)), [(p, a) for p in range(10) for a in range(3)])
    assert (len(rows), sum(encoded)) == (steps, len(PRODUCTS))
    hook.remove()
    count.remove()


@pytest.mark.parametrize(
    ("order", "names"),
    [("common-first", ["Colour", "Material", "Size"]), ("rare-first", ["Size", "Colour", "Material"])],
)
def test_pairs_stand_in_the_order_of_their_attributes_frequency(
    order: str,
    names: list[str],
    base: Path,
) -> None:
    model = begun(base, order=order)
    assert [ask.attribute.name for ask in model.examples(pool(), 0)[0].asks] == names
    assert model.examples(pool(), 0) == model.examples(pool(), 1)


def test_a_random_order_is_drawn_anew_each_epoch(base: Path) -> None:
    model = begun(base, order="random")
    orders = [[[a.attribute.name for a in w.asks] for w in model.examples(pool(), n)] for n in range(3)]
    assert orders[0] != orders[1] != orders[2]
    assert orders[0] == [[a.attribute.name for a in w.asks] for w in model.examples(pool(), 0)]
    assert [sorted(asks) for asks in orders[0]] == [sorted(asks) for asks in orders[1]]


def test_a_value_that_stands_nowhere_is_written_as_the_cell_has_it(base: Path) -> None:
    stated = {"Colour": (Stated("Dark Red"),), "Material": (Stated("felt"),)}
    given = [Product("1", None, (Source("title", "Felt hat, felt lining"),), (), stated)]
    model = begun(base, label(given, SCHEMA)[0])
    (window,) = model.examples(label(given, SCHEMA)[0], 0)
    assert written(model, window) == "colour : dark red | material : felt | ."
    assert model.learnt.table.values == ("Dark Red", "Felt")


def test_pairs_for_which_there_is_no_room_are_left_out(base: Path, script: Script) -> None:
    window = begun(base).examples(pool(), 0)[0]
    assert len(script.write(window, 100)) == 13
    for longest, length in ((13, 13), (12, 9), (6, 5), (4, 1)):
        ids = script.write(window, longest)
        assert (len(ids), ids[-1]) == (length, script.end)


# --- what the sequences say ---


def test_what_was_written_is_read_back_and_the_ill_formed_is_left(script: Script) -> None:
    v, p = script.value_mark, script.pair_mark
    ids = [8, v, 9, 10, p, 8, p, v, 9, p, 8, v, p, 8, v, 9, v, 9, p, 11, 12, v, 9, p, 8, v, 9]
    assert script.parse(ids) == [((8,), (2, 4)), ((11, 12), (22, 23))]


def test_values_and_none_share_the_belief_of_all_sequences(script: Script) -> None:
    v, p = script.value_mark, script.pair_mark
    first = Written((), (*(math.log(x) for x in (0.9, 1.0, 0.8, 0.5)), 0.0), math.log(0.3))
    second = Written((), (*(math.log(x) for x in (0.9, 1.0, 0.6, 1.0)), 0.0), math.log(0.1))
    nothing = Written((), (0.0,), math.log(0.1))
    said = opinions([([8, v, 9, p], first), ([8, v, 10, p], second), ([], nothing)], script)
    assert said.keys() == {(8,)}
    assert said[(8,)].values == pytest.approx({(9,): 0.6 * 0.4, (10,): 0.2 * 0.6})
    assert said[(8,)].none == pytest.approx(0.2)
    assert opinions([], script) == {}


# --- grounding ---


def grounding(script: Script) -> Grounding:
    spelt = {script.keys(["dark red"])[0]: "Dark-Red"}
    return Grounding(script, {}, spelt, Trims({"Colour": {"jerseys": (0, 1)}}))


@pytest.mark.parametrize(
    ("value", "found", "alignment"),
    [
        ("red", [("title", "Red"), ("bullets", "red")], "exact"),
        ("jerseys", [("title", "Jersey")], "exact"),
        ("40cm", [("bullets", "40 cm")], "normalised"),
        ("waterprof", [("bullets", "waterproof")], "fuzzy"),
    ],
)
def test_a_written_value_is_found_as_the_text_has_it(
    value: str, found: list[tuple[str, str]], alignment: str, script: Script
) -> None:
    given = product("1", None, "Red Jerseys", {}, bullets="a red one, waterproof, 40 cm")
    (reading,) = read([given], script.pieces)
    made = grounding(script).places("Colour", script.keys([value])[0], reading, script.own_pieces(reading))
    for (text, evidence), (source, expected) in zip(made, found, strict=True):
        assert evidence.span is not None
        assert (evidence.span.source, evidence.kind, evidence.alignment) == (source, "span", alignment)
        whole = given.text(source)
        assert whole is not None
        assert whole[evidence.span.start : evidence.span.end] == text == expected


@pytest.mark.parametrize(("value", "text"), [("dark red", "Dark-Red"), ("linen", "linen"), ("xzz", "xzz")])
def test_a_value_that_stands_nowhere_is_marked_inferred(value: str, text: str, script: Script) -> None:
    (reading,) = read([product("1", None, "Red hat", {})], script.pieces)
    made = grounding(script).places("Colour", script.keys([value])[0], reading, script.own_pieces(reading))
    assert made == [(text, Evidence("inferred"))]


def test_words_that_the_tokeniser_does_not_know_are_told_apart(script: Script) -> None:
    (reading,) = read([product("1", None, "\u05d0\u05d1 hat \u05d2\u05d3", {})], script.pieces)
    own = script.own_pieces(reading)
    assert own[0] != own[2]
    assert min(own[0], own[2]) >= script.pieces.size
    made = grounding(script).places("Colour", (own[2],), reading, own)
    assert made == [("\u05d2\u05d3", Evidence("span", Span("title", 7, 9)))]


def test_improbable_values_are_not_proposed(script: Script) -> None:
    (reading,) = read([product("1", None, "Red hat", {})], script.pieces)
    red, hat = script.keys(["red", "hat"])
    made = grounding(script).candidates("Colour", Opinion({hat: 0.001, red: 0.4}, 0.5), reading)
    assert [(c.text, c.score) for c in made] == [("Red", 0.4)]


# --- T5 ---


@pytest.fixture(scope="module", params=[False, True], ids=["v1.1", "v1.0"])
def t5(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A base with its decoder, and the whole of it as Hugging Face has it; v1.0 ties words and output."""
    folder = make_t5_base(tmp_path_factory.mktemp("bases") / "t5")
    config = {**json.loads((folder / "config.json").read_text()), "tie_word_embeddings": request.param}
    (folder / "config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    whole = T5ForConditionalGeneration(T5Config(**{n: v for n, v in config.items() if n != "model_type"}))
    if not request.param:
        whole.lm_head.weight = torch.nn.Parameter(torch.randn_like(whole.shared.weight))
    once = dict(whole.named_parameters())
    save_file({n: p.detach().contiguous() for n, p in once.items()}, folder / "model.safetensors")
    return folder, whole.eval()


def test_t5_writes_with_its_own_decoder(t5: tuple[Path, Any]) -> None:
    folder, whole = t5
    model = begun(folder, layers=None)
    network = model.network
    ids, written = torch.tensor([[5, 6, 7, 1]]), torch.tensor([[0, 6, 8]])
    with torch.no_grad():
        memory = network.encoder(ids, torch.ones_like(ids).bool())
        states = network.writer.decoder(
            inputs_embeds=network.writer.read_back(network.words(written), written),
            encoder_hidden_states=memory,
        ).last_hidden_state
        logits = whole(input_ids=ids, decoder_input_ids=written).logits
        ours = network.writer.generate(states)
    torch.testing.assert_close(ours, logits[..., network.writer.pieces_V], atol=1e-4, rtol=1e-4)


def test_t5_s_pieces_are_written_out(t5: tuple[Path, Any]) -> None:
    script = begun(t5[0]).network.script
    (key,) = script.keys(["dark red"])
    assert script.pieces.text_of(key) == "dark red"
    assert script.value_mark >= script.pieces.size
    ids = [*key, script.value_mark, *key, script.pair_mark]
    assert script.parse(ids) == [(key, (len(key) + 1, 2 * len(key) + 1))]


def test_t5_learns_and_is_kept(t5: tuple[Path, Any]) -> None:
    model = begun(t5[0])
    assert len(model.network.writer.decoder.block) == 1
    model.network.train()
    batch = model.collate(model.examples(pool(), 0))
    optimiser = torch.optim.Adam(model.network.parameters(), 1e-2)
    losses = []
    for _ in range(60):
        loss = model.network(batch)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
    model.network.eval()
    asks = [(p, a) for p in range(4) for a in range(3)]
    told = model.answer(model.prepare(PRODUCTS), model.describe(list(SCHEMA.every)), asks)
    assert told[0].candidates[0].text == "Red"
    again: Any = build_generative(base=str(t5[0]), window=20, layers=1)
    again.restore(model.tensors(), model.files())
    assert again.answer(again.prepare(PRODUCTS), again.describe(list(SCHEMA.every)), asks) == told


def test_another_kind_of_encoder_is_refused(tmp_path: Path) -> None:
    folder = make_base(tmp_path / "roberta")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "roberta", "type_vocab_size": 2}))
    with pytest.raises(ModelError, match=r"no decoder for an encoder of the kind roberta\. Fix: give model"):
        begun(folder)


# --- bad input ---


def test_a_name_longer_than_its_window_is_cut(base: Path) -> None:
    long = Attribute("Colour " + "what the eye sees first " * 40)
    given = [product("1", None, "Red hat", {long.name: "red"})]
    model = begun(base, label(given, Schema([long]))[0])
    (window,) = model.examples(label(given, Schema([long]))[0], 0)
    assert len(written(model, window).split()) == 32 + 4
    (described,) = model.describe([long])
    assert len(described.key) == 32


def test_thousands_of_attributes_cost_a_look_up_each(base: Path) -> None:
    model = begun(base)
    prepared = model.prepare(PRODUCTS[:1])
    many = [replace(COLOUR, description=str(n)) for n in range(2500)]
    many += [Attribute(f"attribute {n}") for n in range(2500)]
    answers = model.answer(prepared, model.describe(many), [(0, at) for at in range(5000)])
    assert len({repr(a) for a in answers[:2500]}) == 1
    assert all(a.problem is not None for a in answers[2500:])


def test_a_text_of_ten_thousand_tokens_is_written_of_in_windows(base: Path) -> None:
    model = begun(base, window=100, beams=1)
    model.network.longest = 4
    long = product("1", "Hats", "red cotton hat " * 3_334, {})
    windows = cut([long], model.tokeniser, model.traits.window)
    prepared = model.prepare([w.product for w in windows])
    assert len(prepared) == len(windows) > 100
    assert sum(len(p.reading) for p in prepared) >= 10_000


def test_a_window_without_room_in_the_encoder_is_refused(base: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"window is 120; with its category that is 139 tokens, and the enc"
    ):
        begun(base, window=120)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"order": "alphabetical"}, "order: expected one of common-first, rare-first, random; got"),
        ({"beams": 0}, "beams: expected a whole number from 1, got 0"),
        ({"layers": True}, "layers: expected a whole number from 1, got True"),
        ({"shapes": "seen"}, "shapes: expected one of ignored, read; got 'seen'"),
    ],
)
def test_a_wrong_argument_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        build_generative(**given)
    assert f"model.arguments.{message}" in str(error.value)
