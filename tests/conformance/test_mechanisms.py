"""What makes each model the one it is: each test fails when just that is taken out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attrex.core import Attribute, Product, Source
from attrex.models.late_tagger import LateNetwork
from attrex.models.separate_tagger import SeparateNetwork
from attrex.nn.encoders import SelfAttention
from tests.conformance.conftest import begun
from tests.conformance.table import TABLE
from tests.conformance.ten import COLOUR, MATERIAL, PRODUCTS, SCHEMA, SIZE, UNSEEN, pool

ROWS = {row.name: row for row in TABLE}
THREE = list(SCHEMA.every)
ALL = [(p, a) for p in range(len(PRODUCTS)) for a in range(3)]


def encoders(model: Any) -> list[nn.Module]:
    """The encoders of any of the models."""
    network = model.network
    if isinstance(network, SeparateNetwork):
        return [tagger.encoder for tagger in network.each]
    return [network.encoder if isinstance(network, LateNetwork) else network.tagger.encoder]


@contextmanager
def counted(modules: list[nn.Module]) -> Iterator[list[int]]:
    """The number of sequences that went through the modules, call by call."""
    seen: list[int] = []
    hooks = [m.register_forward_hook(lambda _, given, __: seen.append(len(given[0]))) for m in modules]
    yield seen
    for hook in hooks:
        hook.remove()


def gradients(model: Any, attribute: Attribute) -> dict[str, Tensor]:
    """Of the loss of that attribute's asks alone, by parameter; those that are not zero."""
    examples = []
    for example in model.examples(pool(), 0):
        asks = tuple(ask for ask in example.asks if ask.attribute.name == attribute.name)
        if asks:
            examples.append(replace(example, asks=asks))
    model.network.zero_grad(set_to_none=True)
    model.network(model.collate(examples))["loss"].backward()
    return {
        name: parameter.grad
        for name, parameter in model.network.named_parameters()
        if parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
    }


# --- when the encoder runs ---


@pytest.mark.parametrize("name", ["adatag", "adatag, pretrained", "BiLSTM-MultiCRF", "BERT-CRF, tag sets"])
def test_the_encoder_runs_once_a_product_whatever_is_asked(name: str, base: Path) -> None:
    model = begun(ROWS[name], base)
    model.network.eval()
    with counted(encoders(model)) as sequences:
        prepared = model.prepare(PRODUCTS)
        assert sum(sequences) == len(PRODUCTS)
        model.answer(prepared, model.describe(THREE), ALL)
        assert sum(sequences) == len(PRODUCTS)


@pytest.mark.parametrize("name", ["cross-encoder", "BiLSTM-CRF, models", "OpenTag", "BiLSTM-CRF-SharedEmb"])
def test_the_encoder_runs_once_an_ask(name: str, base: Path) -> None:
    model = begun(ROWS[name], base)
    model.network.eval()
    with counted(encoders(model)) as sequences:
        prepared = model.prepare(PRODUCTS)
        assert sequences == []
        model.answer(prepared, model.describe(THREE), ALL)
        assert sum(sequences) == len(ALL)


# --- AdaTag ---


def test_adatag_generates_each_linear_layer_from_the_attribute_s_embedding(base: Path) -> None:
    """Eq. 3: reshape(W r + b), so that what lies between two embeddings has what lies between two layers."""
    model = begun(ROWS["adatag"], base)
    network = model.network
    with torch.no_grad():
        embeddings_AR = network.table(torch.arange(3))
        middle_1R = (embeddings_AR[:1] + embeddings_AR[1:2]) / 2
        made, between = network.decoders(embeddings_AR), network.decoders(middle_1R)
        generate = network.decoders.linear.generate
        layer_AKD = (embeddings_AR @ generate.weight.T + generate.bias).view(3, 4, -1)
    torch.testing.assert_close(made.weight_AKD, layer_AKD[:, :, :-1])
    torch.testing.assert_close(made.bias_AK, layer_AKD[:, :, -1])
    torch.testing.assert_close(between.weight_AKD[0], made.weight_AKD[:2].mean(0))
    for one, other in ((0, 1), (1, 2)):
        assert (made.weight_AKD[one] - made.weight_AKD[other]).abs().max() > 1e-4


def test_adatag_mixes_its_transitions_from_experts(base: Path) -> None:
    """§3.2: the sum of the experts' matrices, weighted by a softmax over the attribute's embedding."""
    network = begun(ROWS["adatag"], base).network
    mixture = network.decoders.transitions
    with torch.no_grad():
        mixture.gate.weight.mul_(20)  # at the start all attributes have nearly the same mixture
        embeddings_AR = network.table(torch.arange(3))
        made = network.decoders(embeddings_AR)
        weights_AE = torch.softmax(embeddings_AR @ mixture.gate.weight.T + mixture.gate.bias, 1)
        moves_ASS = sum(weights_AE[:, e, None, None] * mixture.prototypes[e] for e in range(2))
    torch.testing.assert_close(made.transitions_AKK, moves_ASS[:, :4, :4])
    torch.testing.assert_close(made.start_AK, moves_ASS[:, 4, :4])
    torch.testing.assert_close(made.end_AK, moves_ASS[:, :4, 4])
    assert (made.transitions_AKK[0] - made.transitions_AKK[1]).abs().max() > 1e-4


def test_adatag_s_embeddings_are_frozen_unless_they_are_tuned(base: Path) -> None:
    frozen = {n for n, _ in begun(ROWS["adatag"], base).network.named_parameters()}
    tuned = {n for n, _ in begun(ROWS["adatag, tuned"], base).network.named_parameters()}
    assert tuned - frozen == {"table.embedding_AR"}


@pytest.mark.parametrize(
    "other",
    [
        Attribute("Closure", UNSEEN.description, examples=UNSEEN.examples),
        Attribute(UNSEEN.name, "where it was made", examples=UNSEEN.examples),
        Attribute(UNSEEN.name, UNSEEN.description, examples=("steel", "glass")),
    ],
    ids=["name", "description", "examples"],
)
def test_adatag_reads_a_new_attribute_s_name_description_and_examples(other: Attribute, base: Path) -> None:
    model = begun(ROWS["adatag"], base)
    one, two, same = (described.decoder for described in model.describe([UNSEEN, other, UNSEEN]))
    assert (one.weight_AKD - two.weight_AKD).abs().max() > 1e-6
    assert torch.equal(one.weight_AKD, same.weight_AKD)


def test_adatag_s_static_embeddings_know_no_context(base: Path) -> None:
    contextual, static = (begun(ROWS[n], base).network.table for n in ("adatag", "adatag, static"))
    assert contextual.embedding_AR.shape == static.embedding_AR.shape == (3, 64)
    assert (contextual.embedding_AR - static.embedding_AR).abs().max() > 1e-3


def test_adatag_reads_capitals_where_shapes_are_read(base: Path) -> None:
    def moved(name: str) -> float:
        model = begun(ROWS[name], base)
        encoder = model.network.encoder.eval()
        if name == "adatag, as the default":
            nn.init.normal_(encoder.bits.weight)  # at the start they say nothing
        small, capital = (Product("", None, (Source("title", text),)) for text in ("red hat", "Red hat"))
        one, other = model.prepare([small, capital])
        return float((one.states_TD - other.states_TD).abs().max())

    assert moved("adatag, pretrained") == 0
    assert moved("adatag, as the default") > 1e-3


# --- the cross-encoder ---


def test_the_cross_encoder_reads_each_word_in_sight_of_the_attribute(base: Path) -> None:
    """Its one decoder is the same for all; the words' states are what differs."""
    model = begun(ROWS["cross-encoder"], base)
    readings = [p.reading for p in model.prepare([PRODUCTS[0]] * 3)]
    questions = [d.ids for d in model.describe(THREE)]
    with torch.no_grad():
        chain = model.network.tagger.eval().read(readings, model.tokeniser, questions)
    assert chain.emissions_NTK.shape[:2] == (3, len(readings[0]))
    for one, other in pairwise(chain.emissions_NTK):
        assert (one - other).abs().max() > 1e-3


def test_the_cross_encoder_is_trained_as_it_answers(base: Path) -> None:
    model = begun(ROWS["cross-encoder"], base)
    examples = list(model.examples(pool(), 0))
    rows = model.collate(examples)["ids_NS"].tolist()
    for example, row in zip(examples, rows, strict=True):
        (described,) = model.describe([example.asks[0].attribute])
        opening = [*model.tokeniser.opening, *described.ids, *example.reading.prefix, *example.reading.ids]
        assert row[: len(opening)] == opening


def test_the_cross_encoder_reads_the_description(base: Path) -> None:
    model = begun(ROWS["cross-encoder"], base)
    named, told = model.describe([Attribute("Colour"), COLOUR])
    assert set(named.ids) < set(told.ids)
    assert named.ids[-1] == told.ids[-1] == model.tokeniser.separator


# --- softmax or CRF ---


@pytest.mark.parametrize(
    ("softmax", "crf"),
    [("BiLSTM, tag sets", "BiLSTM-CRF, tag sets"), ("BiLSTM, models", "BiLSTM-CRF, models")],
)
def test_a_softmax_knows_no_tag_s_neighbours(softmax: str, crf: str, base: Path) -> None:
    def transitions(name: str) -> Tensor:
        network = begun(ROWS[name], base).network
        tagger = network.each[0] if isinstance(network, SeparateNetwork) else network.tagger
        made: Tensor = tagger.decoder(torch.zeros(1, dtype=torch.long)).transitions_AKK
        return made

    assert not transitions(softmax).any()
    assert transitions(crf).requires_grad
    assert transitions(crf).any()


# --- N tag sets ---


def test_tag_sets_give_all_attributes_one_decoder(base: Path) -> None:
    model = begun(ROWS["BiLSTM-CRF, tag sets"], base)
    made = model.network.tagger.decoder(torch.zeros(1, dtype=torch.long))
    assert made.transitions_AKK.shape == (1, 10, 10)  # O, and B, I and E of three attributes
    assert set(gradients(model, COLOUR)) == set(gradients(model, MATERIAL))


def test_tag_sets_tell_the_attributes_apart_by_their_tags(base: Path) -> None:
    model = begun(ROWS["BiLSTM-CRF, tag sets"], base)
    batch = model.collate(list(model.examples(pool(), 0)))
    own = [set(model.network.sets.tags_of(place)) for place in range(3)]
    assert set.union(*own) == set(range(1, 10))
    red, cotton, large = 1, 4, 7  # B of each
    assert batch["tags_BT"][0].tolist()[:6] == [red, cotton, 0, 0, 0, large]


def test_tag_sets_give_a_word_to_one_attribute_only(base: Path) -> None:
    """Of a word the attributes' probabilities add up to at most one; separate models know no such bound."""

    def most(name: str, begins: list[int]) -> float:
        model = begun(ROWS[name], base)
        with torch.no_grad():
            for parameter_name, parameter in model.network.named_parameters():
                if parameter_name.endswith("linear.own"):
                    parameter[:, begins, -1] += 4  # every word is a value
        answers = model.answer(model.prepare(PRODUCTS), model.describe(THREE), ALL)
        sums: defaultdict[tuple[int, Any], float] = defaultdict(float)
        for (at, _), answer in zip(ALL, answers, strict=True):
            for candidate in answer.candidates:
                sums[at, candidate.evidence.span] += candidate.score
        return max(sums.values())

    assert 0.9 < most("BiLSTM, tag sets", [1, 4, 7]) <= 1 + 1e-5
    assert most("BiLSTM, models", [0]) > 2


# --- N models, and what they share ---


@pytest.mark.parametrize("name", ["BiLSTM-CRF, models", "BERT, models", "OpenTag"])
def test_separate_models_learn_nothing_from_each_other(name: str, base: Path) -> None:
    model = begun(ROWS[name], base)
    for place, attribute in enumerate((COLOUR, MATERIAL, SIZE)):
        assert {n.split(".")[1] for n in gradients(model, attribute)} == {str(place)}


def test_shared_words_are_learnt_by_all_and_nothing_else_is(base: Path) -> None:
    model = begun(ROWS["BiLSTM-CRF-SharedEmb"], base)
    table = "taggers.0.encoder.table.weight"
    assert len({id(encoder.table) for encoder in encoders(model)}) == 1
    for place, attribute in enumerate((COLOUR, MATERIAL, SIZE)):
        reached = gradients(model, attribute)
        assert table in reached
        assert {n.split(".")[1] for n in reached if n != table} == {str(place)}
    assert [n for n in model.tensors() if n.endswith("table.weight")] == [table]


def test_multi_crf_shares_the_encoder_and_not_the_decoders(base: Path) -> None:
    model = begun(ROWS["BiLSTM-MultiCRF"], base)
    for place, attribute in enumerate((COLOUR, MATERIAL, SIZE)):
        reached = gradients(model, attribute)
        assert {n for n in reached if n.startswith("encoder.lstm")}
        for name in ("decoders.linear.own", "decoders.transitions.own"):
            assert reached[name].flatten(1).abs().sum(1).nonzero().tolist() == [[place]]


# --- OpenTag ---


def test_open_tag_s_words_attend_to_each_other(base: Path) -> None:
    """A change of one word's BiLSTM state is felt at all others; without attention, there alone."""

    def felt(name: str) -> Tensor:
        model = begun(ROWS[name], base)
        tagger = model.network.taggers[0].eval()
        recurrent = tagger.encoder.encoder if isinstance(tagger.encoder, SelfAttention) else tagger.encoder
        readings = [model.prepare([PRODUCTS[0]])[0].reading]

        def disturb(_: nn.Module, __: Any, states_BTD: Tensor) -> Tensor:
            disturbed_BTD = states_BTD.clone()
            disturbed_BTD[:, 4] += 1
            return disturbed_BTD

        with torch.no_grad():
            calm = tagger.read(readings, model.tokeniser).emissions_NTK
            with recurrent.register_forward_hook(disturb):
                moved: Tensor = tagger.read(readings, model.tokeniser).emissions_NTK
        return (moved - calm).abs().amax(2)[0] > 1e-7

    assert felt("OpenTag").all()
    assert felt("BiLSTM-CRF, models").sum() == 1
