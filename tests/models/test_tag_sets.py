"""The joint tags of several attributes: their meaning, and answers against enumeration."""

from __future__ import annotations

import math
from itertools import combinations, pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attrex.core import Attribute, Product, Source, Span, Stated
from attrex.core.tags import BIO, BIOE, SCHEMES, TagScheme
from attrex.models.bilstm_crf import build_tag_sets
from attrex.models.tag_sets import TagSetNetwork, TagSets
from attrex.models.trained import TrainedModel
from attrex.schema import Schema
from attrex.supervision.pool import Label, Pool
from tests.oracles.chains import log_sum, scored_taggings

COLOUR, MATERIAL = Attribute("Colour"), Attribute("Material")
EACH_SCHEME = pytest.mark.parametrize("scheme", [BIO, BIOE], ids=lambda scheme: scheme.name)


def seen_by(sets: TagSets, attribute: int) -> TagScheme:
    """The scheme of one attribute, to which all tags of the others are O."""
    own = [tag for tag in sets.scheme.tags if tag != "O"]
    named = dict(zip(sets.tags_of(attribute), own, strict=True))
    names = tuple(named.get(tag, "O") for tag in range(sets.size))
    places = [sets.scheme.index(name) for name in names]
    return TagScheme(
        sets.scheme.name,
        names,
        tuple(tuple(sets.scheme.follows[i][j] for j in places) for i in places),
        tuple(sets.scheme.starts[i] for i in places),
        tuple(sets.scheme.ends[i] for i in places),
    )


def test_the_paper_s_example() -> None:
    """§4.3: B-SkinType E-SkinType O B-Scent."""
    sets = TagSets(2, BIOE)
    assert (sets.size, sets.tags_of(0), sets.tags_of(1)) == (7, [1, 2, 3], [4, 5, 6])
    assert sets.encode([(0, 2, 0), (3, 4, 1)], 4) == [1, 3, 0, 4]


def test_of_labels_that_overlap_the_longest_stays_then_the_first() -> None:
    sets = TagSets(2, BIO)
    assert sets.encode([(0, 1, 0), (0, 3, 1)], 4) == [3, 4, 4, 0]
    assert sets.encode([(1, 3, 1), (0, 2, 0)], 4) == [1, 2, 0, 0]
    assert sets.encode([(0, 2, 1), (0, 2, 0)], 2) == [1, 2]


@given(st.data(), st.sampled_from(sorted(SCHEMES)), st.integers(1, 4))
def test_each_attribute_reads_its_own_spans_back(data: st.DataObject, name: str, attributes: int) -> None:
    length = data.draw(st.integers(1, 12))
    cuts = sorted(data.draw(st.sets(st.integers(0, length), max_size=8)))
    pairs = [p for p in pairwise(cuts) if data.draw(st.booleans())]
    spans = [(start, end, data.draw(st.integers(0, attributes - 1))) for start, end in pairs]
    sets = TagSets(attributes, SCHEMES[name])
    tags = sets.encode(spans, length)
    for attribute in range(attributes):
        seen = seen_by(sets, attribute)
        own = [(s, e) for s, e, a in spans if a == attribute]
        assert seen.decode(tags) == own
        assert seen.well_formed(tags)


@EACH_SCHEME
def test_to_an_attribute_the_others_tags_are_outside(scheme: TagScheme) -> None:
    sets = TagSets(3, scheme)
    seen = seen_by(sets, 1)
    own = sets.tags_of(1)
    assert [tag for tag, name in enumerate(seen.tags) if name != "O"] == own
    for i, j in combinations(range(sets.size), 2):
        one, other = (scheme.index(seen.tags[tag]) for tag in (i, j))
        assert seen.follows[i][j] == scheme.follows[one][other]


@pytest.mark.parametrize(
    ("scheme", "closing", "runs_on"),
    [
        (BIO, [4, 2], [(1, 2), (2, 2), (3, 4), (4, 4)]),
        (BIOE, [6, 3], [(1, 2), (1, 3), (2, 2), (2, 3), (4, 5), (4, 6), (5, 5), (5, 6)]),
    ],
    ids=lambda each: each.name if isinstance(each, TagScheme) else "",
)
def test_what_opens_runs_on_and_closes(
    scheme: TagScheme, closing: list[int], runs_on: list[tuple[int, int]]
) -> None:
    sets = TagSets(2, scheme)
    joint = sets.joint(torch.tensor([1, 0]))
    assert joint.begin_X.tolist() == [sets.tags_of(1)[0], 1]
    assert joint.inside_X.tolist() == [sets.tags_of(1)[1], 2]
    assert joint.closing_X.tolist() == closing
    assert [own.nonzero().flatten().tolist() for own in joint.own_XK] == [sets.tags_of(1), sets.tags_of(0)]
    assert [tuple(pair) for pair in joint.runs_on_KK.nonzero().tolist()] == runs_on


def product(title: str) -> Product:
    return Product(title, None, (Source("title", title),))


def begun(scheme: str, decoder: str) -> TrainedModel[TagSetNetwork]:
    pool = Pool(
        [product("red wool hat")],
        [Label(0, COLOUR, "negative"), Label(0, MATERIAL, "negative")],
        Schema([COLOUR, MATERIAL]),
    )
    torch.manual_seed(2)
    model = build_tag_sets(embedding=4, width=4, decoder=decoder, scheme=scheme)  # type: ignore[arg-type]
    model.begin(pool)
    with torch.no_grad():
        for parameter in model.network.tagger.decoder.parameters():
            parameter.normal_(std=0.7)
    model.network.eval()
    return model


@pytest.mark.parametrize("scheme", ["BIO", "BIOE"])
@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_answers_are_those_of_all_tag_sequences_counted_out(scheme: str, decoder: str) -> None:
    """Of every sequence of both attributes' tags: what share has this span, and what share none at all."""
    model = begun(scheme, decoder)
    prepared = model.prepare([product("red wool hat")])
    chain, sets = model.network.chain(prepared), model.network.sets
    taggings = scored_taggings(chain, 0)
    whole = log_sum([score for _, score in taggings])
    for place, attribute in enumerate((COLOUR, MATERIAL)):
        seen = seen_by(sets, place)
        (answer,) = model.answer(prepared, model.describe([attribute]), [(0, 0)])
        without = [score for tags, score in taggings if not seen.decode(list(tags))]
        # "None" means that the attribute has no tag at all, not only no well-formed value.
        bare = [score for tags, score in taggings if not set(tags) & set(sets.tags_of(place))]
        assert len(bare) == len(without)
        assert answer.none_score == pytest.approx(math.exp(log_sum(bare) - whole), abs=1e-4)
        assert answer.candidates
        for candidate in answer.candidates:
            span = candidate.evidence.span
            assert span is not None
            tokens = prepared[0].reading.tokens(span)
            assert tokens is not None
            pattern = [sets.encode([(0, tokens[1] - tokens[0], place)], tokens[1] - tokens[0])]
            fitting = [
                score
                for tags, score in taggings
                if list(tags[slice(*tokens)]) in pattern and tokens in seen.decode(list(tags))
            ]
            assert candidate.score == pytest.approx(math.exp(log_sum(fitting) - whole), abs=1e-4)


def test_labels_that_overlap_are_learnt_as_one_tag_a_word() -> None:
    pool = Pool(
        [Product("1", None, (Source("title", "Red Bull cup"),), (), {"Brand": (Stated("Red Bull"),)})],
        [
            Label(0, COLOUR, "positive", ("Red",), (Span("title", 0, 3),)),
            Label(0, Attribute("Brand"), "positive", ("Red Bull",), (Span("title", 0, 8),)),
        ],
        Schema([COLOUR, Attribute("Brand")]),
    )
    model = build_tag_sets(embedding=4, width=4)
    model.begin(pool)
    batch = model.collate(list(model.examples(pool, 0)))
    assert batch["tags_BT"].tolist() == [[4, 6, 0]]
