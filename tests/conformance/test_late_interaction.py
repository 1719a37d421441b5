"""What makes the late-interaction models the ones they are: each test fails when just that is taken out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attrex.core import Attribute
from attrex.models import late_interaction, questions
from attrex.models.folder import load_model, save_model
from attrex.models.inputs import Inputs, lay_out
from attrex.models.virt import virtual_maps
from attrex.nn.encoders import padded
from attrex.text.reading import read
from tests.conformance.conftest import begun
from tests.conformance.table import TABLE
from tests.conformance.ten import COLOUR, MATERIAL, PRODUCTS, SCHEMA, UNSEEN, pool

ROWS = {row.name: row for row in TABLE}
THREE = list(SCHEMA.every)
ALL = [(p, a) for p in range(len(PRODUCTS)) for a in range(3)]
EACH = pytest.mark.parametrize("name", ["DiPair", "VIRT", "MixEncoder"])


def made(name: str, base: Path, **arguments: Any) -> Any:
    """The row's model before its first step, answering as it will."""
    row = ROWS[name]
    model = begun(replace(row, arguments={**row.arguments, **arguments}), base)
    model.network.eval()
    return model


@contextmanager
def encoded(model: Any) -> Iterator[list[int]]:
    """The number of sequences that went into the towers, call by call."""
    seen: list[int] = []
    hook = model.network.tower.layers.embeddings.register_forward_pre_hook(
        lambda _, __, given: seen.append(len(given["inputs_embeds"])), with_kwargs=True
    )
    yield seen
    hook.remove()


def meet(model: Any, product: int, attribute: Attribute, disturb: Any = None) -> Tensor:
    """The emissions ``(T, K)`` of a product's tokens for an attribute; ``disturb`` changes the records."""
    with torch.no_grad():
        (window,) = model.prepare([PRODUCTS[product]])
        (asked,) = model.describe([attribute])
        text_TX, asked_VY = window.vectors_TX.clone(), asked.vectors_VY.clone()
        if disturb is not None:
            disturb(text_TX, asked_VY)
        masks = (torch.ones(1, len(own), dtype=torch.bool) for own in (text_TX, asked_VY))
        chain = model.network.chain(text_TX[None], next(masks), asked_VY[None], next(masks))
    emissions_TK: Tensor = chain.emissions_NTK[0]
    return emissions_TK


def states(model: Any, ids: list[int]) -> list[Tensor]:
    """Hugging Face's own hidden states ``(S, D)`` of a sequence."""
    encoder = model.network.tower.encoder
    ids_1S, _ = padded([ids], 0)
    with torch.no_grad():
        run = encoder.body(inputs_embeds=encoder.embed(ids_1S), output_hidden_states=True)
    return [each_1SD[0] for each_1SD in run.hidden_states]


def text_ids(model: Any, product: int) -> tuple[list[int], slice]:
    """A product as the tower reads it, and where its own tokens stand."""
    (reading,) = read([PRODUCTS[product]], model.tokeniser)
    before = [*model.tokeniser.opening, *reading.prefix]
    return [*before, *reading.ids, model.tokeniser.separator], slice(len(before), len(before) + len(reading))


def asked_ids(model: Any, attribute: Attribute) -> list[int]:
    (words,) = questions.questions([attribute], model.tokeniser)
    return [*model.tokeniser.opening, *words]


# --- all three ---


@EACH
def test_text_and_attribute_are_encoded_once_and_apart(name: str, base: Path) -> None:
    model = made(name, base)
    with encoded(model) as sequences:
        prepared = model.prepare(PRODUCTS)
        assert sum(sequences) == len(PRODUCTS)
        described = model.describe(THREE)
        assert sum(sequences) == len(PRODUCTS) + len(THREE)
        model.answer(prepared, described, ALL)
    assert sum(sequences) == len(PRODUCTS) + len(THREE)


@EACH
def test_in_training_too(name: str, base: Path) -> None:
    model = made(name, base)
    examples = list(model.examples(pool(), 0))
    with encoded(model) as sequences:
        model.network(model.collate(examples))
    assert sequences == [len(examples), len(THREE)]


@EACH
def test_each_ask_is_trained_on_its_own_attribute_s_words(name: str, base: Path) -> None:
    """Two categories may say different things of attributes of one name."""
    model = made(name, base)
    first, second, *rest = model.examples(pool(), 0)
    other = replace(second.asks[0], attribute=replace(second.asks[0].attribute, description="of the band"))
    examples = [first, replace(second, asks=(other, *second.asks[1:][::-1])), *rest]
    batch = model.collate(examples)
    asks = [ask for each in examples for ask in each.asks]
    for row, ask in zip(batch["attribute_N"].tolist(), asks, strict=True):
        mask_Q = batch["question_mask_AQ"][row]
        assert batch["question_AQ"][row][mask_Q].tolist() == asked_ids(model, ask.attribute)


@EACH
def test_the_tags_depend_on_text_and_attribute_together(name: str, base: Path) -> None:
    """Another attribute changes the tokens' scores, and not all tokens' by the same."""
    model = made(name, base)
    colour_TK, material_TK = meet(model, 0, COLOUR), meet(model, 0, MATERIAL)
    difference_TK = colour_TK - material_TK
    assert difference_TK.abs().max() > 1e-3
    assert (difference_TK - difference_TK[0]).abs().max() > 1e-3


@EACH
def test_thousands_of_asks_meet_in_parts(name: str, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = made(name, base)
    prepared, described = model.prepare(PRODUCTS), model.describe(THREE)
    whole = model.answer(prepared, described, ALL * 20)
    sizes: list[int] = []
    hook = model.network.interaction.register_forward_hook(
        lambda _, given, __: sizes.append(len(given[0]) * (given[0].shape[1] + given[2].shape[1]))
    )
    monkeypatch.setattr(late_interaction, "MET_TOKENS", 100)
    parts = model.answer(prepared, described, ALL * 20)
    hook.remove()
    assert len(sizes) > 20
    assert max(sizes) <= 200
    for one, other in zip(whole, parts, strict=True):
        assert one.none_score == pytest.approx(other.none_score, abs=1e-5)


@EACH
def test_an_attribute_s_name_may_be_longer_than_all_that_is_read_of_it(name: str, base: Path) -> None:
    model = made(name, base)
    endless = [Attribute("red " * 5000), Attribute("red " * 6000), Attribute("")]
    first, second, empty = model.answer(
        model.prepare(PRODUCTS[:1]), model.describe(endless), [(0, 0), (0, 1), (0, 2)]
    )
    assert first.none_score == pytest.approx(second.none_score)
    assert empty.none_score is not None


def test_name_description_and_examples_are_read() -> None:
    assert questions.about(UNSEEN) == "Fastening: how it closes: zip, button"
    assert questions.about(Attribute("Size", values=("S", "M"), examples=("M", "L", "XL", "XS"))) == (
        "Size: M, L, XL, XS"
    )
    assert questions.about(Attribute("Size")) == "Size"


# --- DiPair ---


def test_dipair_s_head_gets_the_first_tokens_of_the_attribute_and_all_of_the_text(base: Path) -> None:
    model = made("DiPair", base)
    head = model.network.interaction
    ids, own = text_ids(model, 0)
    (window,), (asked,) = model.prepare(PRODUCTS[:1]), model.describe([COLOUR])
    assert len(asked_ids(model, COLOUR)) > 4
    with torch.no_grad():
        text_TW = head.project(states(model, ids)[-1][own]) + head.side_2W[0]
        asked_VW = head.project(states(model, asked_ids(model, COLOUR))[-1][:4]) + head.side_2W[1]
    torch.testing.assert_close(window.vectors_TX, text_TW, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(asked.vectors_VY, asked_VW, rtol=1e-4, atol=1e-5)


def test_dipair_s_first_tokens_are_an_argument(base: Path) -> None:
    lengths = [len(made("DiPair", base, first=k).describe([COLOUR])[0].vectors_VY) for k in (1, 3, 100)]
    assert lengths == [1, 3, len(asked_ids(made("DiPair", base), COLOUR))]


def test_dipair_s_head_is_a_transformer_over_both(base: Path) -> None:
    """A change of one token's output is felt at all others, and so is one of the attribute's."""
    model = made("DiPair", base)

    def token(text_TX: Tensor, _: Tensor) -> None:
        text_TX[2, ::2] += 1

    def attribute(_: Tensor, asked_VY: Tensor) -> None:
        asked_VY[3, ::2] += 1

    calm_TK = meet(model, 0, COLOUR)
    for disturb in (token, attribute):
        assert ((meet(model, 0, COLOUR, disturb) - calm_TK).abs().amax(1) > 1e-6).all()
    layers = model.network.interaction.head.layers
    assert len(layers) == 2
    assert len(made("DiPair", base, layers=1).network.interaction.head.layers) == 1


# --- VIRT ---


def test_virt_s_teacher_has_a_cross_encoder_s_attention(base: Path) -> None:
    """The wanted maps are Hugging Face's attention over the joint sequence, cut to the other side's tokens
    and made to sum to one again."""
    model = made("VIRT", base)
    teacher = model.network.teacher.tower
    (reading,) = read(PRODUCTS[:1], model.tokeniser)
    words = questions.questions([COLOUR], model.tokeniser)
    inputs = lay_out([reading], model.tokeniser, words)
    Q = 1 + len(words[0])
    body = teacher.encoder.body
    body.set_attn_implementation("eager")
    with torch.no_grad():
        run = body(
            inputs_embeds=teacher.encoder.embed(inputs.ids_NS),
            attention_mask=inputs.mask_NS.long(),
            output_attentions=True,
        )
        hidden = teacher(inputs.ids_NS, inputs.mask_NS)
    text = slice(int(inputs.position_NT[0, 0]), int(inputs.position_NT[0, -1]) + 1)
    for at, whole_NHSS in enumerate(run.attentions):
        with torch.no_grad():
            maps = virtual_maps(
                teacher.layers,
                at,
                inputs.text_states(hidden[at]),
                inputs.chain_NT,
                hidden[at][:, :Q],
                torch.ones(1, Q, dtype=torch.bool),
            )
        for ours, cut in zip(maps, (whole_NHSS[:, :, text, :Q], whole_NHSS[:, :, :Q, text]), strict=True):
            torch.testing.assert_close(ours, cut / cut.sum(3, keepdim=True), rtol=1e-4, atol=1e-6)


def distilled(model: Any) -> dict[str, Tensor]:
    """The gradient of the distance alone, by parameter; those that are not zero."""
    batch = model.collate(list(model.examples(pool(), 0)))
    network = model.network
    gradients: list[dict[str, Tensor]] = []
    for weight in (1.0, 0.0):
        network.teacher.weight = weight
        network.zero_grad(set_to_none=True)
        network(batch)["loss"].backward()
        gradients.append({n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None})
    difference = {n: gradients[0][n] - gradients[1][n] for n in gradients[0]}
    return {n: g for n, g in difference.items() if g.abs().max() > 1e-7}


def test_virt_s_towers_learn_their_teacher_s_attention_in_every_layer(base: Path) -> None:
    reached = set(distilled(made("VIRT", base)))
    for layer in (0, 1):
        for part in ("query", "key"):
            (name,) = (n for n in reached if f"layer.{layer}.attention.self.{part}.weight" in n)
            assert name.startswith("tower.")
    assert not {n for n in reached if n.startswith(("teacher.", "interaction.", "decoder."))}


def test_virt_s_towers_come_closer_to_their_teacher(base: Path) -> None:
    def apart(distillation: float) -> float:
        model = made("VIRT", base, distillation=distillation)
        network = model.network
        batch = model.collate(list(model.examples(pool(), 0)))
        pupil = [p for n, p in network.named_parameters() if p.requires_grad and n.startswith("tower.")]
        optimiser = torch.optim.Adam(pupil, lr=3e-3)
        for _ in range(15):
            optimiser.zero_grad()
            network(batch)["loss"].backward()
            optimiser.step()
        losses = []
        for weight in (1.0, 0.0):
            network.teacher.weight = weight
            with torch.no_grad():
                losses.append(network(batch)["loss"].item())
        return losses[0] - losses[1]

    assert apart(1.0) < 0.8 * apart(1e-9)


def test_virt_s_teacher_learns_the_tags_itself(base: Path) -> None:
    model = made("VIRT", base)
    network = model.network
    batch = model.collate(list(model.examples(pool(), 0)))
    network.teacher.weight = 0.0
    network(batch)["loss"].backward()
    teacher = {n: p for n, p in network.named_parameters() if n.startswith("teacher.") and p.requires_grad}
    assert [n for n, p in teacher.items() if p.grad is None] == []


def test_virt_s_teacher_reads_each_ask_as_a_cross_encoder_does(base: Path) -> None:
    model = made("VIRT", base)
    examples = list(model.examples(pool(), 0))
    batch = model.collate(examples)
    inputs = Inputs.of({n.removeprefix("taught "): t for n, t in batch.items() if "taught" in n})
    asks = [(each.reading, ask.attribute) for each in examples for ask in each.asks]
    for row, (reading, attribute) in zip(inputs.ids_NS.tolist(), asks, strict=True):
        opening = [*asked_ids(model, attribute), *reading.prefix, *reading.ids]
        assert row[: len(opening)] == opening


def test_virt_s_teacher_stays_out_of_the_model_folder(base: Path, tmp_path: Path) -> None:
    model = made("VIRT", base)
    assert not [name for name in model.tensors() if "teacher" in name]
    folder = save_model(model, tmp_path / "model", schema=SCHEMA, calibration={}, card="# Card\n")
    again: Any = load_model(folder).model
    assert again.network.teacher is None
    assert made("VIRT", base, distillation=0).network.teacher is None
    prepared, described = again.prepare(PRODUCTS), again.describe(THREE)
    assert again.answer(prepared, described, ALL) == model.answer(
        model.prepare(PRODUCTS), model.describe(THREE), ALL
    )


def test_virt_s_output_tokens_attend_to_the_attribute_s(base: Path) -> None:
    """Attention over its tokens: their order says nothing, and each is felt by every token of the text."""
    model = made("VIRT", base)
    calm_TK = meet(model, 0, COLOUR)

    def reverse(_: Tensor, asked_VY: Tensor) -> None:
        asked_VY.copy_(asked_VY.flip(0))

    torch.testing.assert_close(meet(model, 0, COLOUR, reverse), calm_TK)
    for at in range(len(asked_ids(model, COLOUR))):

        def disturb(_: Tensor, asked_VY: Tensor, at: int = at) -> None:
            asked_VY[at] += 1

        assert ((meet(model, 0, COLOUR, disturb) - calm_TK).abs().amax(1) > 0).all()


# --- MixEncoder ---


def test_mixencoder_s_vectors_attend_to_the_text_at_each_chosen_layer(base: Path) -> None:
    model = made("MixEncoder", base)
    head = model.network.interaction
    ids, own = text_ids(model, 0)
    (window,) = model.prepare(PRODUCTS[:1])
    hidden = states(model, ids)
    with torch.no_grad():
        kept = [layer.context(hidden[at][None, own])[0] for layer, at in zip(head.each, (1, 2), strict=True)]
    calm_TK = meet(model, 0, COLOUR)
    for at in (0, 1):
        part = slice(64 * at, 64 * (at + 1))
        torch.testing.assert_close(window.vectors_TX[:, part], kept[at], rtol=1e-4, atol=1e-5)

        def disturb(text_TX: Tensor, _: Tensor, part: slice = part) -> None:
            text_TX[3, part] += 1

        # What one token keeps for the vectors is felt, through them, at all tokens.
        assert ((meet(model, 0, COLOUR, disturb) - calm_TK).abs().amax(1) > 1e-6).all()


def test_mixencoder_recomputes_only_the_attribute_s_few_vectors(base: Path) -> None:
    model = made("MixEncoder", base, vectors=3)
    described = model.describe([Attribute("Red"), COLOUR])
    assert [d.vectors_VY.shape for d in described] == [(3, 32)] * 2
    sizes: list[tuple[int, ...]] = []
    for layer in model.network.interaction.each:
        layer.register_forward_hook(lambda _, given, out: sizes.extend([given[0].shape, out.shape]))
    model.answer(model.prepare(PRODUCTS[:1]), described, [(0, 0), (0, 1)])
    assert sizes == [(2, 3, 32)] * 4


def test_mixencoder_s_tokens_see_the_vectors_that_have_seen_the_text(base: Path) -> None:
    """At the end the tokens attend to the vectors as the light layers leave them."""
    model = made("MixEncoder", base)
    calm_TK = meet(model, 0, COLOUR)
    last: nn.Module = model.network.interaction.each[-1]
    hook = last.register_forward_hook(lambda _, __, vectors_NVW: vectors_NVW.flip(2))
    assert ((meet(model, 0, COLOUR) - calm_TK).abs().amax(1) > 1e-6).all()
    hook.remove()


@pytest.mark.parametrize(("depth", "chosen"), [(1, [1]), (2, [2]), (6, [2, 4, 6]), (7, [1, 3, 5, 7])])
def test_mixencoder_chooses_every_other_layer_up_to_the_last(depth: int, chosen: list[int]) -> None:
    from attrex.models.mixencoder import chosen_layers

    assert chosen_layers(None, depth) == chosen
