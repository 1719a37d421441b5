"""Floating-point operations by hand formula, from a network's shape and the lengths that it reads.

A multiply-add counts two. Only products count: sums, softmaxes, normalisations, activations and the CRF's
recursion do not, as in PyTorch's own counter, with which the tests compare. Padding counts nothing.

An embedding look-up costs no product. The EAVE paper counts it as one all the same, of a one-hot vector with
the whole table (2 V D a token; its GFLOPS come out within 1.5 % only so): ``Lookup`` says which is meant.

Legend: T tokens, D hidden, I heads x head size, F feed-forward, V vocabulary, H hidden of one direction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from attrex.errors import ModelError
from attrex.nn.decoders import HyperLayer, MixtureLayer
from attrex.nn.encoders import PretrainedEncoder, RecurrentEncoder, SelfAttention, ShapedEncoder

Lookup = Literal["real", "one-hot"]
"""How an embedding look-up is counted."""


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """A Transformer encoder's sizes; ``gated``: its MLP has three matrices (T5 v1.1), not two."""

    layers: int
    width: int
    inner: int
    feed_forward: int
    gated: bool
    vocabulary: int

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> EncoderShape:
        """From a Hugging Face ``config.json`` of T5's or BERT's kind. Raises ``ModelError`` for others."""
        try:
            if "d_kv" in config:
                return cls(
                    layers=config["num_layers"],
                    width=config["d_model"],
                    inner=config["d_kv"] * config["num_heads"],
                    feed_forward=config["d_ff"],
                    gated=str(config.get("feed_forward_proj", "relu")).startswith("gated"),
                    vocabulary=config["vocab_size"],
                )
            return cls(
                layers=config["num_hidden_layers"],
                width=config["hidden_size"],
                inner=config["hidden_size"],
                feed_forward=config["intermediate_size"],
                gated=False,
                vocabulary=config["vocab_size"],
            )
        except KeyError as missing:
            raise ModelError(
                f"the encoder's configuration names no {missing.args[0]}, so its cost cannot be told"
            ) from missing


T5_V1_1: Mapping[str, EncoderShape] = {
    "small": EncoderShape(8, 512, 384, 1024, True, 32_128),
    "base": EncoderShape(12, 768, 768, 2048, True, 32_128),
    "large": EncoderShape(24, 1024, 1024, 2816, True, 32_128),
    "xl": EncoderShape(24, 2048, 2048, 5120, True, 32_128),
}
"""The encoders of T5 v1.1, which the EAVE paper builds on."""


def transformer(shape: EncoderShape, tokens: int, *, lookup: Lookup = "real") -> int:
    """One sequence through a Transformer encoder: per layer and token 8 D I (query, key, value, output),
    4 T I (scores and their sum) and 4 D F, or 6 D F where gated."""
    layer = projection(shape, tokens, tokens) + attention(shape, tokens, tokens) + mlp(shape, tokens)
    words = tokens * 2 * shape.vocabulary * shape.width if lookup == "one-hot" else 0
    return shape.layers * layer + words


def projection(shape: EncoderShape, tokens: int, rows: int) -> int:
    """A layer's queries of the ``rows`` tokens that attend, and keys and values of all."""
    return linear(rows + 2 * tokens, shape.width, shape.inner)


def attention(shape: EncoderShape, tokens: int, rows: int) -> int:
    """A layer's scores and the sums they weigh, and what the attention puts out, of ``rows`` tokens that
    attend to all."""
    return 4 * rows * tokens * shape.inner + linear(rows, shape.inner, shape.width)


def mlp(shape: EncoderShape, rows: int) -> int:
    """A layer's MLP over so many tokens: two matrices, or three where gated."""
    return (3 if shape.gated else 2) * linear(rows, shape.width, shape.feed_forward)


def linear(rows: int, inputs: int, outputs: int) -> int:
    """A linear map of so many vectors."""
    return 2 * rows * inputs * outputs


def lstm(tokens: int, inputs: int, hidden: int) -> int:
    """Both directions of a BiLSTM over one sequence: four gates of an input and a state each."""
    return 2 * linear(tokens, inputs + hidden, 4 * hidden)


def shape_of(encoder: PretrainedEncoder | ShapedEncoder) -> EncoderShape:
    """Of a pretrained encoder, by its configuration."""
    return EncoderShape.from_config(encoder.body.config.to_dict())  # type: ignore[union-attr,operator]  # any HF body


def text_encoder(encoder: nn.Module, lengths: Iterable[int]) -> int:
    """Sequences of these lengths, special tokens among them, through a text encoder of ``nn.encoders``.

    Raises ``ModelError`` for a module that is none.
    """
    counts = Counter(lengths)
    return sum(number * cost for number, cost in zip(counts.values(), _each(encoder, counts), strict=True))


def _each(encoder: nn.Module, lengths: Iterable[int]) -> list[int]:
    if isinstance(encoder, PretrainedEncoder):
        shape = shape_of(encoder)
        return [transformer(shape, tokens) for tokens in lengths]
    if isinstance(encoder, ShapedEncoder):
        own = [linear(tokens, encoder.bits.in_features, encoder.width) for tokens in lengths]
        return [sum(both) for both in zip(own, _each(encoder.encoder, lengths), strict=True)]
    if isinstance(encoder, RecurrentEncoder):
        return [lstm(tokens, encoder.table.embedding_dim, encoder.width // 2) for tokens in lengths]
    if isinstance(encoder, SelfAttention):
        width = encoder.width
        own = [
            linear(tokens, width, width) + 4 * tokens * tokens * width + linear(tokens, 2 * width, width)
            for tokens in lengths
        ]
        return [sum(both) for both in zip(own, _each(encoder.encoder, lengths), strict=True)]
    raise ModelError(f"the cost of {type(encoder).__name__} is unknown")


def generated(part: nn.Module) -> int:
    """Making one attribute's parameters from its embedding; nothing where they are looked up."""
    if isinstance(part, HyperLayer):
        return linear(1, part.generate.in_features, part.generate.out_features)
    if isinstance(part, MixtureLayer):
        gate = linear(1, part.gate.in_features, part.gate.out_features)
        return gate + 2 * part.prototypes.numel()
    return 0
