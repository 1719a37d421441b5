"""EAVE's network against a plain reading of the paper, one ask at a time."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel, T5Config, T5EncoderModel

from attrex.models.eave_network import EaveNetwork, Reader
from attrex.models.sequence_tagger import own_decoders
from attrex.nn.encoders import PretrainedEncoder
from attrex.nn.fusion import CrossAttentionFusion, FixedFusion, Fusion, LearnedFusion
from attrex.nn.layered import PLACES, Hook, Place, layer
from attrex.nn.pairs import Pairs

EACH_PLACE = pytest.mark.parametrize("place", PLACES)
EACH_FUSION = pytest.mark.parametrize("fusion", ["fixed", "learned", "cross_attention"])
EACH_KIND = pytest.mark.parametrize("kind", ["bert", "t5"])
CONTEXTS = [torch.tensor([3, 5, 7, 9, 11, 2]), torch.tensor([4, 4, 8]), torch.tensor([6, 21, 20, 2])]
ATTRIBUTES = [torch.tensor([12, 13, 2]), torch.tensor([14])]
ASKS = [(0, 1), (1, 0), (0, 0), (2, 1)]


def encoder(kind: str, width: int, layers: int) -> PretrainedEncoder:
    if kind == "t5":
        config = T5Config(
            vocab_size=30,
            d_model=width,
            d_kv=4,
            d_ff=20,
            num_layers=layers,
            num_heads=2,
            feed_forward_proj="gated-gelu",
            dropout_rate=0.0,
        )
        body: nn.Module = T5EncoderModel(config)
    else:
        sizes = {"num_hidden_layers": layers, "num_attention_heads": 2, "intermediate_size": 20}
        still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        config = BertConfig(
            vocab_size=30,
            hidden_size=width,
            max_position_embeddings=20,
            **sizes,
            **still,
            initializer_range=0.3,
        )
        body = BertModel(config, add_pooling_layer=False)
    for name, parameter in body.named_parameters():
        if "norm" in name.lower() and "weight" in name:
            nn.init.normal_(parameter, 1.0, 0.3)
    return PretrainedEncoder(body, frozen_embeddings=False)


def network(
    kind: str = "bert",
    *,
    place: Place = "after_attention",
    fusion: Fusion | None = None,
    mapping: tuple[int, ...] = (0, 2),
    frozen: bool = False,
) -> EaveNetwork:
    """A heavy encoder of 3 layers and width 16, a light one of 2 layers and width 8."""
    torch.manual_seed(0)
    heavy, light = encoder(kind, 16, 4), Reader(encoder(kind, 8, 3), [0, 2])
    made = EaveNetwork(
        heavy,
        light,
        mapping=mapping,
        place=place,
        frozen=frozen,
        fusion=fusion or FixedFusion(0.4),
        decoder=own_decoders("crf", attributes=1, tags=4, width=8),
        dropout=0.0,
    )
    return made.eval()


def fusions(name: str) -> Fusion:
    torch.manual_seed(1)
    if name == "fixed":
        return FixedFusion(0.4)
    made: Any = LearnedFusion(2) if name == "learned" else CrossAttentionFusion(2, width=8, heads=2)
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5)
    return made  # type: ignore[no-any-return]


def answered(network: EaveNetwork, asks: list[tuple[int, int]] = ASKS) -> list[Tensor]:
    """Emissions ``(S, K)`` of each ask's context, all asks at once."""
    heavy_MXD = torch.cat([alone(network, ids) for ids in CONTEXTS], 1)
    context = network.tokens(
        torch.cat(CONTEXTS), torch.cat([torch.arange(len(ids)) for ids in CONTEXTS]), heavy_MXD
    )
    lengths_B, lengths_A = (torch.tensor([len(ids) for ids in side]) for side in (CONTEXTS, ATTRIBUTES))
    context_N, attribute_N = (torch.tensor(side) for side in zip(*asks, strict=True))
    pairs = Pairs.of(lengths_B, lengths_A, context_N, attribute_N)
    attribute = network.tokens(
        torch.cat(ATTRIBUTES)[pairs.token_Y],
        pairs.place_Y,
        torch.cat([alone(network, ids) for ids in ATTRIBUTES], 1)[:, pairs.token_Y],
    )
    longest = max(len(CONTEXTS[c]) for c, _ in asks)
    made_NCK = network.emissions(pairs, context, attribute, longest)
    assert made_NCK.shape == (len(asks), longest, 4)
    return [made_CK[: len(CONTEXTS[c])] for made_CK, (c, _) in zip(made_NCK, asks, strict=True)]


def alone(network: EaveNetwork, ids: Tensor) -> Tensor:
    """Adapted heavy states ``(M, S, D)`` of one sequence."""
    return network.adapted(ids[None], torch.ones_like(ids[None], dtype=torch.bool))[:, 0]


def by_hand(
    network: EaveNetwork, ids: Tensor, about: Tensor, mapping: tuple[int, ...], place: Place
) -> Tensor:
    """Equations 1 to 3 (or 4) for one ask, nothing shared, nothing left out."""
    heavy, light = network.heavy.reader, network.light

    def kept(tokens: Tensor) -> list[Tensor]:
        found: list[Tensor] = []

        def keep(states: Tensor) -> Tensor:
            found.append(states)
            return states

        states = heavy.enter(tokens[None], torch.arange(len(tokens))[None])
        bias = heavy.layers.bias(None, len(tokens))
        for at in range(heavy.layers.depth):
            states = layer(heavy.layers, at, states, bias, {place: keep})
        return found

    context, attribute = kept(ids), kept(about)
    both = torch.cat([ids, about])
    states = light.enter(both[None], torch.arange(len(both))[None])
    bias = light.layers.bias(None, len(both))
    for at, source in enumerate(mapping):
        y_ca = network.adaptor(torch.cat([context[source], attribute[source]], dim=1))
        fuse: Hook = lambda y, at=at, y_ca=y_ca: network.fusion(at, y, y_ca, None)  # noqa: E731
        states = layer(light.layers, at, states, bias, {place: fuse})
    made = network.tagger()
    left = light.layers.leave(states)[0, : len(ids)]
    return left @ made.weight_AKD[0].T + made.bias_AK[0]


@EACH_KIND
@EACH_PLACE
@EACH_FUSION
@torch.no_grad()
def test_all_asks_at_once_are_each_ask_by_the_equations(kind: str, place: Place, fusion: str) -> None:
    made = network(kind, place=place, fusion=fusions(fusion))
    for emissions_SK, (c, a) in zip(answered(made), ASKS, strict=True):
        expected_SK = by_hand(made, CONTEXTS[c], ATTRIBUTES[a], (0, 2), place)
        torch.testing.assert_close(emissions_SK, expected_SK, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("mapping", [(1, 1), (2, 0), (0, 1)])
@torch.no_grad()
def test_each_light_layer_meets_the_heavy_layer_that_it_is_mapped_to(mapping: tuple[int, ...]) -> None:
    made = network(mapping=mapping)
    assert alone(made, CONTEXTS[0]).shape == (len(set(mapping)), len(CONTEXTS[0]), 8)
    for emissions_SK, (c, a) in zip(answered(made), ASKS, strict=True):
        expected_SK = by_hand(made, CONTEXTS[c], ATTRIBUTES[a], mapping, "after_attention")
        torch.testing.assert_close(emissions_SK, expected_SK, atol=1e-5, rtol=1e-4)


@EACH_KIND
@torch.no_grad()
def test_the_mlp_reads_the_fused_stream(kind: str) -> None:
    """Of Equation 2's two readings that of Equation 1; with the printed one the MLP would not notice what
    the heavy encoder says in its own layer."""
    made = network(kind, fusion=FixedFusion(0.4), mapping=(0, 0))
    layers = made.light.layers
    states, heavy = torch.randn(1, 5, 8), torch.randn(1, 5, 8)
    found: dict[str, Tensor] = {}

    def see(place: str) -> Hook:
        return lambda at_place: found.setdefault(place, at_place)

    hooks: dict[Place, Hook] = {
        "after_attention": lambda y: made.fusion(0, y, heavy, None),
        "after_attention_and_skip": see("stream"),
        "before_mlp": see("read"),
    }
    layer(layers, 0, states, layers.bias(None, 5), hooks)
    own: Any = layers.layers[0]
    norm = own.layer[1].layer_norm if kind == "t5" else own.attention.output.LayerNorm
    torch.testing.assert_close(found["read"], norm(found["stream"]))
    stream = found["stream"] - 0.4 * heavy
    layer(layers, 0, states, layers.bias(None, 5), {"after_attention": lambda y: found.setdefault("y", y)})
    torch.testing.assert_close(stream, 0.6 * found["y"] + states)


# --- what goes where ---


@torch.no_grad()
def test_alpha_says_how_much_the_heavy_states_count() -> None:
    """§6.1: at 0 they count nothing; at 1, after the attention, nothing else passes between tokens, so that
    no context feels its attribute."""

    def felt(alpha: float) -> tuple[float, float]:
        made = network(fusion=FixedFusion(alpha))
        (calm,), (other,) = answered(made, [(0, 0)]), answered(made, [(0, 1)])
        made.adaptor.weight.mul_(1.5)
        (moved,) = answered(made, [(0, 0)])
        return float((moved - calm).abs().max()), float((other - calm).abs().max())

    heavy, attribute = felt(0)
    assert (heavy, attribute > 1e-3) == (0, True)
    heavy, attribute = felt(1)
    assert (heavy > 1e-3, attribute < 1e-6) == (True, True)
    assert min(felt(0.5)) > 1e-3


@torch.no_grad()
def test_the_light_encoder_reads_on_where_the_context_ends() -> None:
    made = network()
    seen: list[Tensor] = []
    made.light.encoder.body.embeddings.register_forward_hook(
        lambda _, __, given, ___: seen.append(given["position_ids"]), with_kwargs=True
    )
    answered(made, [(1, 0), (0, 1)])
    assert [each.flatten().tolist() for each in seen] == [
        [0, 1, 2, 3, 4, 5, 0, 1, 2, 0, 1, 2, 3],
        [3, 4, 5, 6],
    ]


@EACH_PLACE
@torch.no_grad()
def test_heavy_layers_that_nothing_is_mapped_to_are_not_run(place: Place) -> None:
    made = network(place=place, mapping=(0, 1))
    assert made.heavy.reader.layers.depth == 2
    assert not any(".layer.2." in name for name, _ in made.heavy.named_parameters())
    called: list[nn.Module] = []
    for module in made.heavy.reader.layers.beyond(1, place):
        module.register_forward_hook(lambda m, _, __: called.append(m))
    alone(made, CONTEXTS[0])
    assert called == []


@torch.no_grad()
def test_the_light_encoder_works_on_a_context_s_tokens_once_until_they_meet_an_attribute() -> None:
    made = network()
    first, last = (each.attention.self for each in made.light.layers.layers)
    tokens: dict[str, list[int]] = {"first": [], "last": []}
    for name, attention in (("first", first), ("last", last)):
        attention.key.register_forward_hook(
            lambda _, given, __, name=name: tokens[name].append(given[0].shape[:2].numel())
        )
    answered(made, [(0, 0), (0, 1), (0, 0), (0, 1)])
    contexts, attributes = sum(map(len, CONTEXTS)), 2 * sum(map(len, ATTRIBUTES))
    assert tokens["first"] == [contexts, attributes]
    assert tokens["last"] == [4 * (len(CONTEXTS[0]) + 3)]


@torch.no_grad()
def test_nothing_is_made_of_the_attributes_behind_the_last_layer() -> None:
    made = network()
    rows: list[int] = []
    made.light.layers.layers[1].intermediate.register_forward_hook(
        lambda _, given, __: rows.append(given[0].shape[1])
    )
    answered(made)
    assert rows == [len(CONTEXTS[0])]


def test_a_frozen_heavy_encoder_learns_nothing_and_drops_nothing_out() -> None:
    made = network(frozen=True).train()
    assert not any(parameter.requires_grad for parameter in made.heavy.parameters())
    assert not any(module.training for module in made.heavy.modules())
    assert made.light.training
    assert all(parameter.requires_grad for parameter in network().heavy.reader.layers.layers[0].parameters())
