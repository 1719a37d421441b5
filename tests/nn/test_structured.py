"""Structured attention against one dense matrix, and against the pretrained encoder that it begins as."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from attrex.errors import ModelError
from attrex.models.weights import grouped
from attrex.nn.encoders import PretrainedEncoder
from attrex.nn.pretrained import build_body
from attrex.nn.ragged import SLACK, Ragged
from attrex.nn.structured import (
    PATTERNS,
    Blocks,
    Pattern,
    Sent,
    Sources,
    StructuredEncoder,
    Words,
    attend,
    weighed,
)
from tests.oracles.structured import dense

D, HEADS = 16, 2
CONFIG = {
    "model_type": "bert",
    "vocab_size": 40,
    "hidden_size": D,
    "num_hidden_layers": 2,
    "num_attention_heads": HEADS,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
}
CPU = torch.device("cpu")
LENGTHS, OWNERS = [3, 40, 5, 41, 1, 17], [0, 0, 0, 1, 1, 2]
"""Blocks of three products."""


def encoder(**arguments: Any) -> StructuredEncoder:
    torch.manual_seed(0)
    body = PretrainedEncoder(build_body(CONFIG), frozen_embeddings=True)
    made = StructuredEncoder(body, modalities=4, opening=1, **arguments).eval()
    nn.init.normal_(made.modality.weight, std=0.3)
    return made


def sent(lengths: list[int], patterns: tuple[Pattern, ...] = PATTERNS, seed: int = 0) -> Sent:
    generator = torch.Generator().manual_seed(seed)

    def random(rows: int) -> Tensor:
        return torch.randn(rows, D, generator=generator)

    rows = {"local": sum(lengths), "hyper": len(lengths)}
    asked = {p: (random(rows[p.split("-")[0]]), random(rows[p.split("-")[1]])) for p in patterns}
    return Sent(asked, random(rows["local"]), random(rows["hyper"]))


# --- against the dense matrix ---


LEARNING = pytest.mark.parametrize("learning", [True, False], ids=["learning", "reading"])


@pytest.mark.parametrize(
    "patterns", [c for n in range(1, 5) for c in itertools.combinations(PATTERNS, n)], ids="+".join
)
@LEARNING
def test_each_attention_is_what_the_dense_matrix_says(patterns: tuple[Pattern, ...], learning: bool) -> None:
    made = sent(LENGTHS, patterns)
    with torch.set_grad_enabled(learning):
        ours = attend(made, Blocks(LENGTHS, OWNERS, CPU), heads=HEADS)
    torch.testing.assert_close(ours, dense(made, LENGTHS, OWNERS, HEADS), atol=1e-5, rtol=1e-5)


@given(
    st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=6), min_size=1, max_size=5),
    st.integers(0, 9),
    st.sampled_from([None, 1, 20, 512]),
)
def test_any_number_of_sources_of_any_length(products: list[list[int]], seed: int, piece: int | None) -> None:
    """Piece by piece, where nothing is learnt."""
    lengths = [length for own in products for length in own]
    owners = [at for at, own in enumerate(products) for _ in own]
    made = sent(lengths, seed=seed)
    with torch.set_grad_enabled(piece is None), pytest.MonkeyPatch.context() as patch:
        patch.setattr("attrex.nn.structured.PIECE", piece)
        ours = attend(made, Blocks(lengths, owners, CPU), heads=HEADS)
    torch.testing.assert_close(ours, dense(made, lengths, owners, HEADS), atol=1e-5, rtol=1e-5)


@LEARNING
def test_where_nothing_is_learnt_few_tokens_attend_at_once(
    learning: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made of them is added up on the spot: a second copy of all of them would be a third more than
    full attention takes."""
    rows: list[int] = []

    def noted(query: Tensor, *given: Any, **named: Any) -> Tensor:
        rows.append(query.shape[0] * query.shape[1])
        return weighed(query, *given, **named)

    monkeypatch.setattr("attrex.nn.structured.weighed", noted)
    lengths = [256] * 8
    with torch.set_grad_enabled(learning):
        attend(sent(lengths, ("local-local",)), Blocks(lengths, [0] * 8, CPU), heads=HEADS)
    assert rows == ([2048] if learning else [512] * 4)


def test_what_goes_in_stays_as_it_is() -> None:
    """The sums are made in place."""
    made = sent(LENGTHS)
    before = [
        t.clone() for t in (made.local_MD, made.hyper_RD, *(t for pair in made.asked.values() for t in pair))
    ]
    with torch.no_grad():
        attend(made, Blocks(LENGTHS, OWNERS, CPU), heads=HEADS)
    after = [made.local_MD, made.hyper_RD, *(t for pair in made.asked.values() for t in pair)]
    assert all(map(torch.equal, before, after))


def test_the_four_are_summed_and_those_left_out_add_nothing() -> None:
    made, blocks = sent(LENGTHS), Blocks(LENGTHS, OWNERS, CPU)
    whole = attend(made, blocks, heads=HEADS)
    alone = [
        attend(Sent({p: made.asked[p]}, made.local_MD, made.hyper_RD), blocks, heads=HEADS) for p in PATTERNS
    ]
    for at in (0, 1):
        torch.testing.assert_close(whole[at], sum(part[at] for part in alone))
    neither = attend(Sent({}, made.local_MD, made.hyper_RD), blocks, heads=HEADS)
    assert not any(part.any() for part in neither)


def test_whole_layers_are_those_of_the_dense_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    made = encoder()
    with torch.no_grad():
        ours = read(made, LENGTHS, OWNERS)
        monkeypatch.setattr(
            "attrex.nn.structured.attend",
            lambda sent, blocks, heads, dropout: dense(sent, LENGTHS, OWNERS, heads),
        )
        theirs = read(made, LENGTHS, OWNERS)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def read(
    made: StructuredEncoder, lengths: list[int], owners: list[int], modalities: list[int] | None = None
) -> tuple[Tensor, Tensor]:
    """Blocks of random words, each the same whatever stands beside it."""
    vectors = torch.cat([words(made, length) for length in lengths])
    places = torch.cat([torch.arange(length) for length in lengths])
    modality_R = torch.tensor(modalities or [1 + length % 3 for length in lengths])
    blocks = Blocks(lengths, owners, CPU)
    local, hyper, _ = made(*made.enter(vectors, places, modality_R, blocks), blocks)
    return local, hyper


def words(made: StructuredEncoder, length: int) -> Tensor:
    ids = torch.randint(2, 40, (length,), generator=torch.Generator().manual_seed(length))
    assert isinstance(made.encoder, PretrainedEncoder)
    return made.encoder.embed(ids)


def test_hyper_tokens_that_are_kept_hold_no_local_ones() -> None:
    made = encoder()
    blocks = Blocks(LENGTHS, OWNERS, CPU)
    vectors = torch.cat([words(made, length) for length in LENGTHS])
    places = torch.cat([torch.arange(length) for length in LENGTHS])
    kinds = torch.ones(len(LENGTHS), dtype=torch.long)
    _, _, before = made(*made.enter(vectors, places, kinds, blocks), blocks)
    assert [each.untyped_storage().nbytes() for each in before] == [4 * len(LENGTHS) * D] * made.depth


# --- what the pretrained encoder knows ---


def test_it_begins_as_the_pretrained_encoder_reading_each_block_alone() -> None:
    made = encoder()
    nn.init.zeros_(made.modality.weight)
    for added in made.added:
        nn.init.zeros_(added.value.weight)  # type: ignore[union-attr,arg-type]
    body: Any = made.encoder.body
    with torch.no_grad():
        local, _ = read(made, [7, 9], [0, 0])
        for at, length in ((slice(0, 7), 7), (slice(7, 16), 9)):
            alone = body(inputs_embeds=words(made, length).unsqueeze(0)).last_hidden_state[0]
            torch.testing.assert_close(local[at], alone, atol=1e-5, rtol=1e-5)


def test_the_hyper_tokens_values_begin_small_and_all_else_as_pretrained() -> None:
    made = encoder()
    for layer, added in zip(made._layers, made.added, strict=True):
        own: Any = layer.attention.self
        torch.testing.assert_close(added.value.weight, 0.1 * own.value.weight)  # type: ignore[union-attr]
        assert not added.value.bias.any()  # type: ignore[union-attr]
        for pattern in PATTERNS[:3]:
            assert torch.equal(added.queries[pattern].weight, own.query.weight)  # type: ignore[index]
            assert torch.equal(added.keys[pattern].weight, own.key.weight)  # type: ignore[index]
    copied = {id(p) for p in made.added.parameters()}
    assert copied <= {id(p) for p in grouped(made)["encoder"]}


def test_shared_queries_and_keys_are_the_pretrained_ones() -> None:
    own, shared = encoder(), encoder(shared=True)
    count = [sum(p.numel() for p in each.parameters()) for each in (own, shared)]
    assert count[0] - count[1] == 2 * 3 * (D * D + D + D * D)  # layers, patterns; query's bias, no key's
    with torch.no_grad():
        # Copies of the same: told apart only once they are trained.
        own.load_state_dict(shared.state_dict(), strict=False)
        torch.testing.assert_close(read(own, LENGTHS, OWNERS), read(shared, LENGTHS, OWNERS))
        for layer in own.added:
            nn.init.normal_(layer.queries["local-hyper"].weight)  # type: ignore[index,arg-type]
        assert not torch.allclose(read(own, LENGTHS, OWNERS)[0], read(shared, LENGTHS, OWNERS)[0], atol=1e-3)


def test_what_an_attention_that_is_left_out_had_is_not_there() -> None:
    names = {
        n for n, p in encoder(patterns=("hyper-hyper", "local-hyper")).named_parameters() if p.requires_grad
    }
    assert not [n for n in names if "hyper-local" in n or ".self." in n]
    names = {n for n, p in encoder(patterns=("local-local", "hyper-local")).named_parameters()}
    assert not [n for n in names if n.startswith("added") and ("hyper-hyper" in n or "value" in n)]


def test_the_first_layers_alone() -> None:
    made = encoder(layers=1)
    assert made.depth == 1
    assert not [n for n, _ in made.named_parameters() if "layer.1" in n]
    with pytest.raises(ModelError, match="layers is 3; the encoder has 2"):
        encoder(layers=3)


def test_another_kind_of_encoder_is_refused() -> None:
    body = build_body({**CONFIG, "model_type": "roberta"})
    with pytest.raises(ModelError, match="kind roberta cannot be given structured attention"):
        StructuredEncoder(PretrainedEncoder(body, frozen_embeddings=True), modalities=1, opening=1)


# --- who sees whom ---


def test_sources_in_any_order_are_read_alike() -> None:
    made = encoder()
    order = [2, 0, 1]
    with torch.no_grad():
        local, hyper = read(made, [3, 10, 5], [0, 0, 0])
        other_local, other_hyper = read(made, [5, 3, 10], [0, 0, 0])
    torch.testing.assert_close(hyper[order], other_hyper, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.cat([local[13:], local[:13]]), other_local, atol=1e-5, rtol=1e-5)


def test_a_product_is_read_alike_whatever_stands_beside_it() -> None:
    made = encoder()
    with torch.no_grad():
        local, hyper = read(made, LENGTHS, OWNERS)
        alone, own = read(made, LENGTHS[3:5], [0, 0])
    torch.testing.assert_close(local[48:90], alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(hyper[3:5], own, atol=1e-5, rtol=1e-5)


def test_a_source_reaches_another_through_the_hyper_tokens_alone() -> None:
    changes = {}
    for left_out in (None, *PATTERNS):
        made = encoder(patterns=tuple(p for p in PATTERNS if p != left_out))
        with torch.no_grad():
            local, _ = read(made, [6, 8], [0, 0], [1, 2])
            other, _ = read(made, [6, 9], [0, 0], [1, 2])
        changes[left_out] = (local[:6] - other[:6]).abs().max().item()
    assert changes[None] > 1e-4
    assert changes["hyper-local"] < 1e-6
    assert changes["local-hyper"] < 1e-6
    assert changes["hyper-hyper"] > 1e-5  # local to hyper sees the other's hyper-token itself


def test_an_attribute_s_hyper_token_begins_with_its_words() -> None:
    made = encoder(patterns=("hyper-hyper", "local-local"))
    with torch.no_grad():
        blocks = [read(made, [length, 6], [0, 0], [0, 1])[1][0] for length in (3, 4)]
        sources = [read(made, [length, 6], [0, 0], [1, 1])[1][0] for length in (3, 4)]
    assert not torch.allclose(*blocks, atol=1e-3)
    torch.testing.assert_close(*sources)


def test_an_attribute_may_be_added_to_its_own_product_s_tokens() -> None:
    """Local tokens see no hyper-token here: they know what is asked in no other way."""
    for added in (True, False):
        made = encoder(patterns=("hyper-local", "local-local"), attribute_added=added)
        with torch.no_grad():
            asked = [read(made, [length, 6, 6], [0, 0, 1], [0, 1, 1])[0][-12:] for length in (3, 4)]
            alone = read(made, [6], [0], [1])[0]
        assert torch.allclose(asked[0][:6], asked[1][:6], atol=1e-3) is not added
        torch.testing.assert_close(asked[0][6:], alone)  # of it nothing is asked


# --- attributes that come later ---


def ask(made: StructuredEncoder, attributes: list[int], products: list[int]) -> Tensor:
    """Each of the attributes (words by their number) of each product's two sources."""
    sources = Blocks(
        [9, 10, 12][: 2 if products == [0] else 3], [0, 0, 1][: 2 if products == [0] else 3], CPU
    )
    lengths = sources.own.lengths
    vectors = torch.cat([words(made, length) for length in lengths])
    places = torch.cat([torch.arange(length) for length in lengths])
    modality_R = torch.ones(len(lengths), dtype=torch.long)
    _, _, before = made(*made.enter(vectors, places, modality_R, sources), sources)
    index_PG, mask_PG = sources.hypers.padded(CPU)
    hyper_KPGD = torch.stack([each[index_PG] for each in before])
    named = Blocks(attributes, list(range(len(attributes))), CPU)
    vectors = torch.cat([words(made, length) for length in attributes])
    places = torch.cat([torch.arange(length) for length in attributes])
    local, hyper = made.enter(vectors, places, torch.zeros(len(attributes), dtype=torch.long), named)
    index_QL, mask_QL = named.own.padded(CPU)
    told = Words(torch.stack([each[index_QL] for each in made.words(local, named)]), mask_QL)
    product_A = torch.tensor(products).repeat_interleave(len(attributes))
    attribute_A = torch.arange(len(attributes)).repeat(len(products))
    return made.ask(hyper[attribute_A], Sources(hyper_KPGD, mask_PG), product_A, told, attribute_A)


@pytest.mark.parametrize("shared", [False, True])
def test_attributes_do_not_see_each_other(shared: bool) -> None:
    made = encoder(shared=shared)
    with torch.no_grad():
        together = ask(made, [3, 5, 4], [0, 1])
        torch.testing.assert_close(together[:3], ask(made, [3, 5, 4], [0]), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(together[1:2], ask(made, [5], [0]), atol=1e-5, rtol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3
    assert (together[0] - together[3]).abs().max() > 1e-5


def test_it_sees_the_product_through_hyper_to_hyper_and_its_words_through_hyper_to_local() -> None:
    for left_out, products, attributes in (("hyper-hyper", False, True), ("hyper-local", True, True)):
        made = encoder(patterns=tuple(p for p in PATTERNS if p != left_out))
        with torch.no_grad():
            asked = ask(made, [3, 5], [0, 1])
        assert ((asked[0] - asked[2]).abs().max() > 1e-5) == products
        assert ((asked[0] - asked[1]).abs().max() > 1e-5) == attributes


# --- rows without padding ---


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12))
def test_what_is_taken_apart_comes_together_again(lengths: list[int]) -> None:
    rows = Ragged(lengths, CPU)
    packed = torch.randn(sum(lengths), 3)
    assert torch.equal(rows.joined([group.of(packed) for group in rows.groups]), packed)
    assert sorted(row for group in rows.groups for row in group.rows_X.tolist()) == list(range(len(lengths)))
    for tokens in (1, 64, 10_000):
        parts = list(rows.parts(tokens))
        total = torch.zeros_like(packed)
        for part in parts:
            part.add(part.of(packed), total)
            assert part.index_XL.numel() <= max(tokens, part.index_XL.shape[1])
        assert torch.equal(total, packed)
        assert torch.equal(rows.joined([part.of(packed) for part in parts]), packed)
    for group in rows.groups:
        own = [lengths[row] for row in group.rows_X]
        assert group.index_XL.shape == (len(own), max(own))
        assert min(own) >= min(0.75 * max(own), max(own) - SLACK)


def test_rows_of_one_length_are_not_copied() -> None:
    rows = Ragged([4, 4, 4], CPU)
    packed = torch.randn(12, 3)
    (group,) = rows.groups
    assert group.mask_XL is None
    assert group.of(packed).data_ptr() == packed.data_ptr()
    assert rows.joined([group.of(packed)]).data_ptr() == packed.data_ptr()


def test_the_scores_of_many_sources_grow_with_their_number() -> None:
    """And not with its square: what is computed of words, by the groups' own shapes."""

    def scores(blocks: int) -> int:
        made = Blocks([32] * blocks, [0] * blocks, CPU)
        return sum(group.index_XL.numel() * group.index_XL.shape[1] for group in made.own.groups)

    assert [scores(n) / scores(1) for n in (2, 8, 64)] == [2, 8, 64]
