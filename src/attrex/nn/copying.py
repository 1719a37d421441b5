"""SMARTAVE's value decoder (3.5): a Transformer that is told one vector, the attribute's hyper-token.

The paper's decoder attends to that one vector. A softmax over one is one, whatever the query: what is left of
such a cross-attention are its value and output matrices, one linear map. So that is what stands here, with
neither the queries and keys that no gradient would ever reach nor their cost. What is copied, and from where,
is the business of ``nn.writer``.

Legend: N sequences, M rows that are written, L pieces, D hidden, H heads, E head size.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from attrex.nn.precision import mixed


class ToldLayer(nn.Module):
    """A layer of BERT's kind with what is told between self-attention and MLP, each with a norm behind."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        own = copy.deepcopy(layer)
        width = own.attention.self.query.in_features
        self.heads = int(own.attention.self.num_attention_heads)
        self.query, self.key, self.value = (getattr(own.attention.self, n) for n in ("query", "key", "value"))
        # A key's bias changes nothing: see ``nn.structured``.
        self.key.register_parameter("bias", None)
        self.output, self.intermediate, self.mlp = own.attention.output, own.intermediate, own.output
        # The MLP was trained behind a norm of this scale.
        self.told, self.norm = nn.Linear(width, width), copy.deepcopy(own.attention.output.LayerNorm)
        nn.init.normal_(self.told.weight, std=0.02)
        nn.init.zeros_(self.told.bias)
        self.dropout = float(own.attention.self.dropout.p)
        self.requires_grad_(True)

    def seen(self, states_NLD: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values ``(N, H, L, E)`` of the layer's input."""
        return self._split(self.key(states_NLD)), self._split(self.value(states_NLD))

    def forward(
        self, states_NLD: Tensor, told_ND: Tensor, keys_NHLE: Tensor, values_NHLE: Tensor, *, causal: bool
    ) -> Tensor:
        """``told_ND``: ``told`` of the vector. ``causal``: each sees those before it, else all the keys."""
        attended_NHLE = scaled_dot_product_attention(
            self._split(self.query(states_NLD)),
            keys_NHLE,
            values_NHLE,
            is_causal=causal,
            dropout_p=self.dropout if self.training else 0.0,
        )
        states_NLD = self.output(attended_NHLE.transpose(1, 2).flatten(2), states_NLD)
        states_NLD = self.norm(states_NLD + told_ND.unsqueeze(1))
        made_NLD: Tensor = self.mlp(self.intermediate(states_NLD), states_NLD)
        return made_NLD

    def _split(self, states_NLD: Tensor) -> Tensor:
        return states_NLD.view(*states_NLD.shape[:2], self.heads, -1).transpose(1, 2)


class ValueDecoder(nn.Module):
    """``layers`` of them, which begin as the first of ``body``, a pretrained encoder of BERT's kind, or go
    round where it has fewer; so do positions, ``longest`` of them. It reads word vectors."""

    def __init__(self, body: nn.Module, *, layers: int, longest: int) -> None:
        super().__init__()
        embeddings: Any = body.get_submodule("embeddings")
        stack: Any = body.get_submodule("encoder")
        self.layers = nn.ModuleList(ToldLayer(stack.layer[at % len(stack.layer)]) for at in range(layers))
        known = embeddings.position_embeddings.weight.detach()
        self.places_LD = nn.Parameter(known[torch.arange(longest) % len(known)].clone())
        self.norm, self.dropout = copy.deepcopy(embeddings.LayerNorm), copy.deepcopy(embeddings.dropout)
        self.norm.requires_grad_(True)
        self.longest = longest

    def enter(self, vectors_NLD: Tensor, first: int = 0) -> Tensor:
        """The first layer's input of pieces that are the ``first``-th and following of their sequences."""
        entered_NLD: Tensor = self.dropout(
            self.norm(vectors_NLD + self.places_LD[first : first + vectors_NLD.shape[1]])
        )
        return entered_NLD

    def forward(self, vectors_NLD: Tensor, told_ND: Tensor) -> Tensor:
        """States ``(N, L, D)`` in float32; each knows what stands before it, itself, and what is told."""
        with mixed(vectors_NLD.device):
            states_NLD = self.enter(vectors_NLD)
            for layer in self.layers:
                assert isinstance(layer, ToldLayer)
                states_NLD = layer(states_NLD, layer.told(told_ND), *layer.seen(states_NLD), causal=True)
        return states_NLD.float()


class Telling:
    """Sequences that are being written; implements ``nn.writer.Past``. Keys and values of what was written
    are kept, so that a step costs one piece, and what is told is mapped once."""

    def __init__(self, decoder: ValueDecoder, told_ND: Tensor) -> None:
        self._decoder = decoder
        with mixed(told_ND.device):
            self._told = [layer.told(told_ND) for layer in decoder.layers]  # type: ignore[operator]
        self._seen: list[tuple[Tensor, Tensor]] = []
        self._written = 0

    def step(self, vectors_M1D: Tensor) -> Tensor:
        """See ``Past``."""
        states_M1D = self._decoder.enter(vectors_M1D, self._written)
        seen: list[tuple[Tensor, Tensor]] = []
        for at, layer in enumerate(self._decoder.layers):
            assert isinstance(layer, ToldLayer)
            keys, values = layer.seen(states_M1D)
            if self._seen:
                before = self._seen[at]
                keys, values = torch.cat([before[0], keys], 2), torch.cat([before[1], values], 2)
            seen.append((keys, values))
            states_M1D = layer(states_M1D, self._told[at], keys, values, causal=False)
        self._seen, self._written = seen, self._written + 1
        return states_M1D

    def choose(self, rows_M: Tensor) -> None:
        """See ``Past``."""
        self._told = [told[rows_M] for told in self._told]
        self._seen = [(keys[rows_M], values[rows_M]) for keys, values in self._seen]
