from __future__ import annotations

from dataclasses import fields

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, T5Config, T5EncoderModel

from attrex.errors import ModelError
from attrex.nn.attention import Projected
from attrex.nn.layered import (
    PLACES,
    LayeredEncoder,
    Place,
    PostNormEncoder,
    PreNormEncoder,
    attend,
    hidden_states,
    layer,
    layered,
    project,
    states_at,
)

TINY = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
    "initializer_range": 0.5,
}
T5 = {
    "vocab_size": 40,
    "d_model": 16,
    "d_kv": 6,  # heads together are wider than the states, as in T5 v1.1 small
    "d_ff": 24,
    "num_layers": 3,
    "num_heads": 4,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 12,
}
KINDS = ["bert", "roberta", "t5 v1.0", "t5 v1.1"]
EACH = pytest.mark.parametrize("kind", KINDS)
EACH_PLACE = pytest.mark.parametrize("place", PLACES)
MASK = torch.arange(9) < torch.tensor([[9], [4], [1]])
IDS = torch.randint(2, 40, (3, 9), generator=torch.Generator().manual_seed(1))


def body_of(kind: str) -> nn.Module:
    torch.manual_seed(0)
    if kind.startswith("t5"):
        gated = "gated-gelu" if kind == "t5 v1.1" else "relu"
        body: nn.Module = T5EncoderModel(T5Config(**T5, feed_forward_proj=gated))
        for name, parameter in body.named_parameters():
            if "norm" in name or "relative" in name:
                nn.init.normal_(parameter, 1.0)
    else:
        body = AutoModel.from_config(AutoConfig.for_model(kind, **TINY))
    return body.eval()


def run(encoder: LayeredEncoder, ids_BT: Tensor, mask_BT: Tensor | None) -> list[Tensor]:
    return hidden_states(encoder, encoder.words(ids_BT), mask_BT)


@EACH
@pytest.mark.parametrize("mask_BT", [None, MASK], ids=["whole", "padded"])
@torch.no_grad()
def test_every_layer_s_states_are_hugging_face_s_own(kind: str, mask_BT: Tensor | None) -> None:
    body = body_of(kind)
    stack = body.get_submodule("encoder.block" if kind.startswith("t5") else "encoder.layer")
    theirs: list[Tensor] = []
    stack[0].register_forward_pre_hook(lambda _, given: theirs.append(given[0]))
    for each in stack:
        each.register_forward_hook(
            lambda _, __, made: theirs.append(made[0] if isinstance(made, tuple) else made)
        )
    given = torch.ones_like(IDS) if mask_BT is None else mask_BT.long()
    # Their roberta numbers positions by the padding in the ids unless it is given vectors.
    last = body(inputs_embeds=body.get_input_embeddings()(IDS), attention_mask=given).last_hidden_state
    ours = run(layered(body), IDS, mask_BT)
    assert len(ours) == len(theirs) + 1 == 5
    for one, other in zip(ours, [*theirs, last], strict=True):
        torch.testing.assert_close(one, other)
    assert ours[-1].dtype == torch.float32


@EACH
def test_the_weights_are_the_body_s_own(kind: str) -> None:
    body = body_of(kind)
    own = {id(parameter) for parameter in body.parameters()}
    shared = list(layered(body).parameters())
    assert shared
    assert all(id(parameter) in own for parameter in shared)


@EACH
@torch.no_grad()
def test_dropout_is_theirs_in_training(kind: str) -> None:
    encoder = layered(body_of(kind)).train()
    torch.manual_seed(0)
    one, other = run(encoder, IDS, MASK), run(encoder, IDS, MASK)
    assert all((a - b).abs().max() > 0 for a, b in zip(one, other, strict=True))
    encoder.eval()
    assert all(
        torch.equal(a, b) for a, b in zip(run(encoder, IDS, MASK), run(encoder, IDS, MASK), strict=True)
    )


@EACH
@torch.no_grad()
def test_some_layers_of_a_body_make_a_smaller_encoder(kind: str) -> None:
    body = body_of(kind)
    whole, some = layered(body), layered(body, [2, 0])
    assert (whole.depth, some.depth) == (3, 2)
    states = run(some, IDS, MASK)
    bias = whole.bias(MASK, 9)
    by_hand = layer(whole, 0, layer(whole, 2, states[0], bias), bias)
    torch.testing.assert_close(states[2], by_hand)


# --- the six places ---


def seen(encoder: LayeredEncoder, at: int) -> tuple[dict[Place, Tensor], Tensor, Tensor]:
    """What stands at each place of a layer, its input and its output."""
    found: dict[Place, Tensor] = {}

    def keep(place: Place, states: Tensor) -> Tensor:
        found[place] = states
        return states

    inward = run(encoder, IDS, MASK)[at]
    hooks = {place: (lambda states, place=place: keep(place, states)) for place in PLACES}
    made = layer(encoder, at, inward, encoder.bias(MASK, 9), hooks)
    return found, inward, made


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@torch.no_grad()
def test_the_places_of_a_post_norm_layer(kind: str) -> None:
    encoder = layered(body_of(kind))
    assert isinstance(encoder, PostNormEncoder)
    own = encoder.layers[1]
    found, inward, made = seen(encoder, 1)
    assert list(found) == list(PLACES)
    heads = own.attention.self(inward, attention_mask=MASK[:, None, None, :].expand(3, 1, 9, 9))[0]
    torch.testing.assert_close(found["before_attention"], inward)
    torch.testing.assert_close(found["after_attention"], own.attention.output.dense(heads))
    torch.testing.assert_close(found["after_attention_and_skip"], inward + found["after_attention"])
    normed = own.attention.output.LayerNorm(found["after_attention_and_skip"])
    torch.testing.assert_close(found["before_mlp"], normed)
    torch.testing.assert_close(found["after_mlp"], own.output.dense(own.intermediate(normed)))
    torch.testing.assert_close(found["after_mlp_and_skip"], normed + found["after_mlp"])
    torch.testing.assert_close(made, own.output.LayerNorm(found["after_mlp_and_skip"]))


@pytest.mark.parametrize("kind", ["t5 v1.0", "t5 v1.1"])
@torch.no_grad()
def test_the_places_of_a_pre_norm_layer(kind: str) -> None:
    encoder = layered(body_of(kind))
    assert isinstance(encoder, PreNormEncoder)
    attention, mlp = encoder.layers[1].layer
    found, inward, made = seen(encoder, 1)
    assert list(found) == list(PLACES)
    normed = attention.layer_norm(inward)
    torch.testing.assert_close(found["before_attention"], normed)
    bias = encoder.bias(MASK, 9)
    added = attention.SelfAttention(normed, position_bias=bias)[0]
    torch.testing.assert_close(found["after_attention"], added)
    torch.testing.assert_close(found["after_attention_and_skip"], inward + added)
    normed = mlp.layer_norm(found["after_attention_and_skip"])
    torch.testing.assert_close(found["before_mlp"], normed)
    torch.testing.assert_close(found["after_mlp"], mlp.DenseReluDense(normed))
    torch.testing.assert_close(found["after_mlp_and_skip"], inward + added + found["after_mlp"])
    torch.testing.assert_close(made, found["after_mlp_and_skip"])


@EACH
@EACH_PLACE
@torch.no_grad()
def test_what_is_put_at_a_place_goes_on_from_there(kind: str, place: Place) -> None:
    """And nothing before it changes; past a sublayer's input the skip goes unchanged."""
    encoder = layered(body_of(kind))
    calm, inward, made = seen(encoder, 1)
    found: dict[Place, Tensor] = {}
    hooks = {
        each: (lambda states, each=each: found.setdefault(each, states.flip(1) if each == place else states))
        for each in PLACES
    }
    moved = layer(encoder, 1, inward, encoder.bias(MASK, 9), hooks)
    assert (moved - made).abs().max() > 1e-3
    at = PLACES.index(place)
    for before in PLACES[:at]:
        assert torch.equal(found[before], calm[before])
    if place in ("before_attention", "before_mlp"):
        skip = PLACES[at + 2]
        stream = inward if at == 0 else calm["before_mlp" if kind in ("bert", "roberta") else PLACES[2]]
        torch.testing.assert_close(found[skip], stream + found[PLACES[at + 1]])


@EACH
@EACH_PLACE
@torch.no_grad()
def test_states_at_a_place_cost_nothing_beyond_it(kind: str, place: Place) -> None:
    encoder = layered(body_of(kind))
    calm, inward, _ = seen(encoder, 1)
    called: list[nn.Module] = []
    beyond = encoder.beyond(1, place)
    for module in (m for each in beyond for m in each.modules()):
        module.register_forward_hook(lambda m, _, __: called.append(m))
    states = states_at(encoder, 1, place, inward, encoder.bias(MASK, 9))
    assert torch.equal(states, calm[place])
    assert called == []


@EACH
@EACH_PLACE
@pytest.mark.parametrize("at", [0, 1])
def test_what_lies_beyond_a_place_gets_no_gradient_and_all_else_does(
    kind: str, place: Place, at: int
) -> None:
    encoder = layered(body_of(kind))
    states = run(encoder, IDS, MASK)[at]
    states_at(encoder, at, place, states, encoder.bias(MASK, 9)).square().sum().backward()
    beyond = {id(p) for each in encoder.beyond(at, place) for p in each.parameters()}
    assert beyond
    for name, parameter in encoder.named_parameters():
        # Adding to all keys alike changes no softmax.
        if "key.bias" not in name:
            reached = parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
            assert reached == (id(parameter) not in beyond), name


# --- sharing and leaving out ---


@EACH
@torch.no_grad()
def test_tokens_that_sequences_share_can_be_projected_once(kind: str) -> None:
    encoder = layered(body_of(kind))
    flat = run(encoder, IDS[:1], None)[1]
    index_BT = torch.tensor([[0, 1, 2, 3, 8], [4, 3, 2, 1, 0]])
    bias = encoder.bias(None, 5)
    apart = layer(encoder, 1, flat[0][index_BT], bias)
    once = project(encoder, 1, flat)
    spread = Projected(*(getattr(once, field.name)[0][index_BT] for field in fields(Projected)))
    torch.testing.assert_close(attend(encoder, 1, spread, bias), apart)
    torch.testing.assert_close(attend(encoder, 1, spread.first(2), bias), apart[:, :2])


@EACH
@pytest.mark.parametrize("mask_BT", [None, MASK], ids=["whole", "padded"])
@torch.no_grad()
def test_the_first_rows_attend_to_all(kind: str, mask_BT: Tensor | None) -> None:
    encoder = layered(body_of(kind))
    inward = run(encoder, IDS, mask_BT)[1]
    bias = encoder.bias(mask_BT, 9)
    whole, first = layer(encoder, 1, inward, bias), layer(encoder, 1, inward, bias, rows=4)
    torch.testing.assert_close(first, whole[:, :4])


@EACH
@torch.no_grad()
def test_attention_maps_are_those_that_are_attended_by(kind: str) -> None:
    """Against eager attention of the same modules, which returns its weights."""
    body = body_of(kind)
    body.set_attn_implementation("eager")
    encoder = layered(body)
    found, _, _ = seen(encoder, 1)
    read = found["before_attention"]
    bias = encoder.bias(MASK, 9)
    assert bias is not None
    if isinstance(encoder, PreNormEncoder):
        theirs = encoder.layers[1].layer[0].SelfAttention(read, position_bias=bias)[2]
    else:
        barred = torch.zeros(3, 1, 1, 9).masked_fill(~bias, torch.finfo(torch.float32).min)
        theirs = encoder.layers[1].attention.self(read, attention_mask=barred)[1]
    torch.testing.assert_close(encoder.weights(1, read, read, bias), theirs)


def test_another_architecture_is_refused() -> None:
    body = nn.Linear(1, 1)
    body.config = AutoConfig.for_model("gpt2")  # type: ignore[assignment]
    with pytest.raises(ModelError, match="an encoder of the kind 'gpt2' cannot be run layer by layer") as e:
        layered(body)
    assert "one of the kinds bert, roberta, t5" in str(e.value)


def test_how_many_positions_there_are() -> None:
    longest = {kind: layered(body_of(kind)).longest for kind in KINDS}
    assert longest == {"bert": 40, "roberta": 38, "t5 v1.0": None, "t5 v1.1": None}
