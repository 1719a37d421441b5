"""ULS-DRAM's mechanism: what is encoded when, what is decoded, and what an answer is made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from attrex.core import Answer, Attribute, Candidate, Evidence, Picture, Product, Source, Span, Stated
from attrex.errors import ConfigError
from attrex.models.catalog import CATALOG
from attrex.models.inputs import lay_out
from attrex.models.known_values import Known, KnownValues, class_tensors, with_known
from attrex.models.pictured_text import picture_tensors
from attrex.models.tagging import UNLOCATED_WEIGHT, tagged_windows
from attrex.models.unified import PreparedProduct
from attrex.models.unified_tags import decoded, range_tensors
from attrex.schema import Schema
from attrex.supervision.distant import label
from attrex.text.reading import read
from attrex.text.tokeniser import WORDS, Vocabulary
from tests.conformance.base import make_base
from tests.conformance.ten import NAMES, PRODUCTS, SCHEMA, SIDE, picture, pool
from tests.nn.resnet import write_resnet

THREE = list(SCHEMA.every)
SMALL: dict[str, Any] = {
    "encoder": "bilstm",
    "embedding": 16,
    "width": 16,
    "dropout": 0.0,
    "window": 20,
    "vision_size": 56,
    "vision_widths": [16, 16, 16, 16],
    "decoder_width": 16,
}
TEXT_ONLY = {name: value for name, value in SMALL.items() if not name.startswith("vision")}


def begun(builder: str = "uls-vl", **arguments: Any) -> Any:
    torch.manual_seed(0)
    model: Any = CATALOG[builder](**{**(SMALL if builder == "uls-vl" else TEXT_ONLY), **arguments})
    model.begin(pool())
    model.network.eval()
    return model


def all_answers(model: Any, products: list[Product]) -> list[Answer]:
    asks = [(p, a) for p in range(len(products)) for a in range(3)]
    answers: list[Answer] = model.answer(model.prepare(products), model.describe(THREE), asks)
    return answers


# --- pictures ---


def test_the_vision_encoder_may_learn_to_see_before_all_else() -> None:
    for epochs in (0, 1):
        model = begun(vision_epochs=epochs)
        vision, words = (getattr(model.network.encoder, part).state_dict() for part in ("pictures", "words"))
        before = {name: tensor.clone() for name, tensor in {**vision, **words}.items()}
        model.warm_up(pool(), print)
        assert all(torch.equal(before[name], words[name]) for name in words)
        assert all(torch.equal(before[name], vision[name]) for name in vision) == (epochs == 0)
    text = begun("uls-l")
    text.warm_up(pool(), print)  # there is nothing to see


def test_a_model_says_how_large_it_wants_its_pictures(tmp_path: Path) -> None:
    write_resnet(tmp_path / "resnet")
    assert CATALOG["uls-vl"](**SMALL).traits.pictures == SIDE
    resnet = {"vision": "pretrained", "vision_base": str(tmp_path / "resnet")}
    assert CATALOG["uls-vl"](**resnet).traits.pictures == 224
    assert CATALOG["m-jave"]().traits.pictures == CATALOG["mae"]().traits.pictures == 112
    assert CATALOG["uls-l"]().traits.pictures is CATALOG["jave"]().traits.pictures is None


@pytest.mark.parametrize("joined", ["tir", "concatenation", "self-attention"])
def test_the_picture_matters(joined: str) -> None:
    model = begun(joined=joined)
    with torch.no_grad():
        for name, parameter in model.network.named_parameters():
            if name.endswith("back.weight"):  # small at first
                parameter.mul_(20)
    one = PRODUCTS[0]
    other = replace(one, pictures=(picture("other"),))
    first, second, third = model.prepare([one, other, replace(one, pictures=())])
    for changed in (second, third):
        assert (changed.tokens_TX - first.tokens_TX).abs().max() > 1e-3
        assert (changed.values_C - first.values_C).abs().max() > 1e-4


def test_text_alone_sees_none() -> None:
    model = begun("uls-l")
    one = PRODUCTS[0]
    first, second = model.prepare([one, replace(one, pictures=())])
    assert torch.equal(first.tokens_TX, second.tokens_TX)
    assert torch.equal(first.values_C, second.values_C)


def test_the_first_picture_that_was_read_counts_and_each_is_seen_once() -> None:
    shown = picture("a")
    products = [
        Product("1", pictures=(Picture("broken.jpg"), shown)),
        Product("2"),
        Product("3", pictures=(shown, picture("b"))),
        Product("4", pictures=(picture("b"),)),
        Product("5", pictures=(Picture("broken.jpg"),)),
    ]
    made = picture_tensors(products)
    assert made["picture_B"].tolist() == [0, -1, 0, 1, -1]
    assert made["pixels_CGG3"].shape == (2, SIDE, SIDE, 3)
    assert torch.equal(made["pixels_CGG3"][0], torch.from_numpy(shown.pixels))
    assert picture_tensors(products[1:2])["picture_B"].tolist() == [-1]


def test_rates_are_by_group(tmp_path: Path) -> None:
    write_resnet(tmp_path / "resnet")
    base = str(make_base(tmp_path / "tiny"))
    model: Any = CATALOG["uls-vl"](
        base=base, vision="pretrained", vision_base=str(tmp_path / "resnet"), window=20
    )
    seeing = [replace(p, pictures=()) for p in PRODUCTS]
    model.begin(replace(pool(), products=seeing))
    groups = model.parameter_groups()
    assert {name for name, own in groups.items() if own} == {"encoder", "vision", "head"}
    own = dict(model.network.encoder.pictures.vision.named_parameters())
    assert {id(p) for p in groups["vision"]} == {id(p) for p in own.values()}


# --- heat maps ---


@pytest.mark.parametrize("joined", ["tir", "concatenation", "self-attention"])
def test_a_heat_map_is_the_mean_of_what_the_span_s_tokens_look_at(joined: str, tmp_path: Path) -> None:
    base = str(make_base(tmp_path / "tiny"))
    model = begun(encoder="pretrained", base=base, joined=joined)
    one = PRODUCTS[0]  # "Red cotton hat, size L"
    whole, *words = (model.attention(one, span) for span in (None, Span("title", 0, 3), Span("title", 4, 10)))
    for grid in (whole, *words):
        assert [len(row) for row in grid] == [7] * 7
        assert sum(map(sum, grid)) == pytest.approx(1, abs=1e-4)
        assert min(map(min, grid)) >= 0
    both = torch.tensor(model.attention(one, Span("title", 0, 10)))
    torch.testing.assert_close(both, torch.tensor(words).mean(0))
    assert (torch.tensor(words[0]) - torch.tensor(words[1])).abs().max() > 1e-6
    assert model.attention(replace(one, pictures=()), None) is None
    assert model.attention(one, Span("title", 90, 95)) is None
    assert model.attention(Product("", pictures=one.pictures), None) is None


def test_tir_s_heat_map_is_its_attention_to_patches(tmp_path: Path) -> None:
    model = begun(encoder="pretrained", base=str(make_base(tmp_path / "tiny")))
    one, encoder = PRODUCTS[0], model.network.encoder
    (reading,) = read([one], model.tokeniser)
    inputs = lay_out([reading], model.tokeniser)
    with torch.no_grad():
        patches_BPD, mask_BP, _ = encoder.pictures(*picture_tensors([one]).values())
        vectors_BSD = encoder.words.embed(inputs.ids_NS)
        weights_BSP = encoder.joiner.attention(vectors_BSD, patches_BPD, mask_BP)
    red = int(inputs.position_NT[0, 0])
    torch.testing.assert_close(
        torch.tensor(model.attention(one, Span("title", 0, 3))), weights_BSP[0, red].view(7, 7)
    )


def test_where_words_meet_no_patches_there_is_no_heat_map() -> None:
    assert begun("uls-l").attention(PRODUCTS[0], None) is None
    assert begun(joined="concatenation").attention(PRODUCTS[0], None) is None  # a BiLSTM attends to nothing


# --- the attribute range ---


def ranged(model: Any, values: list[float]) -> list[PreparedProduct]:
    """Records whose ranges say that."""
    return [replace(record, range=tuple(values)) for record in model.prepare(PRODUCTS[:4])]


def test_only_attributes_in_range_are_decoded() -> None:
    model = begun(threshold=0.5)
    decoded_pairs: list[int] = []
    model.network.tags.tags.register_forward_hook(lambda _, given, __: decoded_pairs.append(len(given[0])))
    asks = [(p, a) for p in range(4) for a in range(3)]
    answers = model.answer(ranged(model, [0.9, 0.2, 0.5]), model.describe(THREE), asks)
    assert sum(decoded_pairs) == 4  # the first attribute of four products; at the threshold is below it
    for (_, attribute), answer in zip(asks, answers, strict=True):
        assert answer.applicable == pytest.approx([0.9, 0.2, 0.5][attribute], abs=1e-5)
        assert (answer.applicable >= 0.5) == (attribute == 0)
        if attribute:
            assert answer.candidates == ()
            assert answer.none_score == pytest.approx(1 - answer.applicable, abs=1e-5)


def test_whoever_reads_an_answer_takes_one_half_for_the_border() -> None:
    for threshold, applies in ((0.4, 0.45), (0.6, 0.55)):
        model = begun(threshold=threshold)
        (answer,) = model.answer(ranged(model, [applies] * 3)[:1], model.describe(THREE), [(0, 0)])
        assert (answer.applicable >= 0.5) == (applies > threshold)


def test_without_a_range_all_is_decoded_at_once() -> None:
    model = begun(range="none")
    assert {record.range for record in model.prepare(PRODUCTS)} == {None}
    assert {answer.applicable for answer in all_answers(model, PRODUCTS)} == {None}
    tags = model.network.tags.sets.size
    assert {record.tokens_TX.shape[1] for record in model.prepare(PRODUCTS)} == {tags}
    assert tags == 1 + 2 * len(NAMES)


def test_each_product_is_encoded_once_whatever_is_asked() -> None:
    model = begun()
    rows: list[int] = []
    model.network.encoder.register_forward_hook(lambda _, given, __: rows.append(len(given[0])))
    all_answers(model, PRODUCTS)
    assert sum(rows) == len(PRODUCTS)


def test_training_decodes_what_is_there_and_some_that_is_not() -> None:
    tokeniser = Vocabulary.learn([s.text for p in PRODUCTS for s in p.sources], cut=WORDS)
    windows = tagged_windows(pool(), tokeniser, 20)
    with_value = [[bool(a.spans or a.unlocated) for a in w.asks] for w in windows]
    for others in (0, 1, 5):
        for window, has in zip(decoded(windows, 0, others, head=False), with_value, strict=True):
            weights = [ask.weight for ask in window.asks]
            assert all(weight > 0 for weight, own in zip(weights, has, strict=True) if own)
            without = [weight > 0 for weight, own in zip(weights, has, strict=True) if not own]
            assert sum(without) == min(others, len(without))
    (ask, *_), weight = windows[0].asks, UNLOCATED_WEIGHT
    nowhere = replace(windows[0], asks=(replace(ask, spans=(), exact=(), unlocated=("top",), weight=weight),))
    for head, expected in ((False, weight), (True, 1.0)):  # nothing to tag is certain where a head answers
        assert decoded([nowhere], 0, 1, head=head)[0].asks[0].weight == expected
    drawn = [
        str([[a.weight for a in w.asks] for w in decoded(windows, epoch, 1, head=False)])
        for epoch in range(4)
    ]
    assert len(set(drawn)) > 1
    assert drawn[0] == str([[a.weight for a in w.asks] for w in decoded(windows, 0, 1, head=False)])


def test_the_range_learns_from_what_is_known() -> None:
    model = begun()
    windows = [w for w in model.examples(pool(), 0) if w.product.id in ("1", "4", "5", "10")]
    made = range_tensors(windows, model.learnt.table)
    by_id = {w.product.id: at for at, w in enumerate(windows)}
    has, known = made["has_BA"].tolist(), made["known_BA"].tolist()
    assert has[by_id["1"]] == [1, 1, 1]
    assert has[by_id["4"]] == [1, 0, 0]
    assert known[by_id["4"]] == [1, 1, 1]
    assert known[by_id["5"]] == [1, 1, 0]  # nobody knows its size
    assert has[by_id["10"]] == [0, 0, 1]


# --- the value head ---


def test_known_values_are_folded_and_the_commonest_come_first() -> None:
    tokeniser = Vocabulary.learn([s.text for p in PRODUCTS for s in p.sources], cut=WORDS)
    windows = tagged_windows(pool(), tokeniser, 100)
    table = KnownValues().begin(THREE, windows)
    assert table.values[0][0].lower() == "red"  # "Red" and "red"
    assert len(table.values[0]) == len({v.lower() for v in table.values[0]}) == 6
    assert KnownValues().remake(table.files()).values == table.values
    first = [0, 8, 16]
    made = class_tensors(windows[:1], table, first)
    assert made["class_M"].tolist()[0] == 1  # red, of the first attribute
    assert made["class_weight_M"].tolist() == [1, 1, 1]
    (fourth,) = [w for w in windows if w.product.id == "4"]
    assert class_tensors([fourth], table, first)["class_M"].tolist()[1:] == [8, 16]  # none, and none


def test_known_values_are_written_as_the_cells_write_them() -> None:
    kind = Attribute("Type", many=True)
    titles = {"1": "Blue T-shirt", "2": "Red tshirt and sandal", "3": "A blouse"}
    cells = {"1": ["Tshirts"], "2": ["Tshirts", "Sandals"], "3": ["Tops"]}
    products = [
        Product(id, None, (Source("title", title),), stated={"Type": tuple(map(Stated, cells[id]))})
        for id, title in titles.items()
    ]
    own, _ = label(products, Schema([kind]))
    windows = tagged_windows(own, Vocabulary.learn(list(titles.values()), cut=WORDS), 100)
    table = KnownValues().begin([kind], windows)
    assert table.values == (("Tshirts", "Sandals", "Tops"),)
    tensors = class_tensors(windows, table, [0])
    assert list(zip(*(tensors[n].tolist() for n in ("class_product_M", "class_M")), strict=True)) == [
        (0, 1),
        (1, 1),
        (1, 2),
        (2, 3),
    ]


def test_a_known_value_in_the_text_s_writing_is_the_one_that_was_tagged() -> None:
    tokeniser = Vocabulary.learn(["a Blue T-shirt"], cut=WORDS)
    (reading,) = read([Product("1", None, (Source("title", "a Blue T-shirt"),))], tokeniser)
    tagged = (Candidate("T-shirt", 0.5, Evidence("span", Span("title", 7, 14))),)
    candidates, none = with_known(tagged, 0.4, Known(("Tshirts",), 0.0), [0.25, 0.75], reading)
    assert none == pytest.approx(0.1)
    assert [(c.text, round(c.score, 3)) for c in candidates] == [("T-shirt", 0.8)]


def test_what_the_tagger_leaves_is_shared_by_the_known_values() -> None:
    tokeniser = Vocabulary.learn(["a Blue hat"], cut=WORDS)
    (reading,) = read([Product("1", None, (Source("title", "a Blue hat, sand"),))], tokeniser)
    tagged = (Candidate("Blue", 0.5, Evidence("span", Span("title", 2, 6))),)
    values = Known(("blue", "red", "sand"), 0.0)
    candidates, none = with_known(tagged, 0.4, values, [0.25, 0.25, 0.3, 0.2], reading)
    assert none == pytest.approx(0.1)
    assert [(c.text, round(c.score, 3), c.evidence.kind) for c in candidates] == [
        ("Blue", 0.6, "span"),
        ("red", 0.12, "inferred"),
        ("sand", 0.08, "span"),
    ]
    assert candidates[2].evidence.span == Span("title", 12, 16)
    sure, left = with_known(tagged, 0.001, values, [0.25, 0.25, 0.3, 0.2], reading)
    assert [c.text for c in sure] == ["Blue"]  # nothing is left to share
    assert left == pytest.approx(0.00025)


def test_without_a_head_nothing_is_inferred() -> None:
    model = begun(values="none", range="none")
    assert {record.values_C for record in model.prepare(PRODUCTS)} == {None}
    kinds = {c.evidence.kind for answer in all_answers(model, PRODUCTS) for c in answer.candidates}
    assert kinds <= {"span"}


# --- arguments ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold": 1.5}, "model.arguments.threshold is 1.5; it must lie in [0, 1]"),
        ({"others": -1}, "model.arguments.others: expected a whole number from 0, got -1"),
        ({"others": True}, "model.arguments.others: expected a whole number from 0, got True"),
        (
            {"embedding": 8},
            "model.arguments.embedding is 8 and width is 16; "
            "where patches join the words, both must be the same",
        ),
        ({"range": "words"}, "model.arguments.range is words; a pretrained encoder must read them"),
        (
            {"range": "all"},
            "model.arguments.range: expected one of none, prototypes, dynamic, words; got 'all'",
        ),
        (
            {"joined": "late"},
            "model.arguments.joined: expected one of tir, self-attention, concatenation; got 'late'",
        ),
        ({"attention": "hard"}, "model.arguments.attention: expected one of softmax, printed; got 'hard'"),
        ({"values": "all"}, "model.arguments.values: expected one of head, none; got 'all'"),
        ({"vision_epochs": -1}, "model.arguments.vision_epochs: expected a whole number from 0, got -1"),
        ({"scheme": "IO"}, "model.arguments.scheme: expected one of BIO, BIOE; got 'IO'"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        begun(**arguments)
    assert str(caught.value) == message


def test_rare_words_share_an_embedding() -> None:
    """Else a product's number is a word by which all that is to be learnt of it can be told."""
    every, often = begun(), begun(at_least=2)
    words = [set(model.tokeniser.words) for model in (every, often)]
    assert "silk" in words[0] - words[1]  # it stands once
    assert "cotton" in words[1] < words[0]
    with pytest.raises(ConfigError, match=r"model.arguments.at_least: expected a whole number from 1, got 0"):
        begun(at_least=0)


# --- how it begins ---


@pytest.mark.parametrize("range", ["none", "prototypes", "dynamic"])
def test_before_anything_is_learnt_nearly_every_token_is_outside(range: str) -> None:
    part = begun(range=range).network.part
    source = part.decoder if range == "none" else getattr(part.tags.policy, "own", None)
    source = source or part.tags.policy.shared
    shares_AK = source.linear.own[:, :, -1].softmax(1)
    assert shares_AK[:, 0].min() > 0.9


@pytest.mark.parametrize(("values", "weight"), [("head", 1.0), ("none", UNLOCATED_WEIGHT)])
def test_a_value_that_stands_nowhere_counts_in_full_where_a_head_answers_it(
    values: str, weight: float
) -> None:
    model = begun(values=values)
    product = replace(PRODUCTS[0], stated={NAMES[0]: (Stated("nowhere at all"),)})
    (example,) = model.examples(label([product], SCHEMA)[0], 0)
    (ask,) = (ask for ask in example.asks if ask.unlocated)
    assert ask.weight == weight
