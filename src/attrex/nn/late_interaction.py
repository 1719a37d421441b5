"""How a text and an attribute meet that were encoded apart: the heads of the late-interaction models.

Each splits its work as the models' contract does: ``context`` is made once a text, ``attribute`` once an
attribute, and only ``forward`` is computed for each pair.

Legend: N pairs, B texts, A attributes, T tokens of a text, Q tokens of an attribute, V vectors of an
attribute, D the encoder's width, W the head's width, X and Y numbers kept a token and a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from attrex.nn import flops
from attrex.nn.flops import EncoderShape


@dataclass(frozen=True, slots=True)
class Operations:
    """Floating-point operations of a head: on a text alone, on an attribute alone, on the two together."""

    context: int
    attribute: int
    pair: int


class Interaction(Protocol):
    """A head. ``width`` W: of the states that it gives; ``layers``: which of an encoder's hidden states
    ``context`` reads, 0 being the first layer's input."""

    @property
    def width(self) -> int: ...

    @property
    def layers(self) -> Sequence[int]: ...

    def context(self, states: Sequence[Tensor], mask_BT: Tensor) -> Tensor:
        """What is kept of texts ``(B, T, X)``, from their states ``(B, T, D)`` at ``layers`` and the mask
        of the real tokens, which stand in front."""
        ...

    def attribute(self, states_AQD: Tensor, mask_AQ: Tensor) -> tuple[Tensor, Tensor]:
        """What is kept of attributes ``(A, V, Y)``, from their last states, and the mask of the real
        vectors, which stand in front."""
        ...

    def __call__(
        self, context_NTX: Tensor, mask_NT: Tensor, attribute_NVY: Tensor, mask_NV: Tensor
    ) -> Tensor:
        """States ``(N, T, W)`` of the texts' tokens, each text in sight of its attribute."""
        ...

    def cost(self, tokens: int, asked: int) -> Operations:
        """Of a text of T tokens and an attribute of Q, as ``nn.flops`` counts."""
        ...


def attend(query_NTW: Tensor, key_NVW: Tensor, value_NVW: Tensor, mask_NV: Tensor, heads: int) -> Tensor:
    """Scaled dot-product attention of T over V, in heads; ``(N, T, W)``."""

    def split(vectors: Tensor) -> Tensor:
        return vectors.view(*vectors.shape[:2], heads, -1).transpose(1, 2)

    attended_NHTW = functional.scaled_dot_product_attention(
        split(query_NTW), split(key_NVW), split(value_NVW), attn_mask=mask_NV[:, None, None, :]
    )
    return attended_NHTW.transpose(1, 2).flatten(2)


def linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """A linear layer that keeps the size of what it is given. PyTorch's own starts at a third of the
    variance, and the product of two such states, where token and attribute meet, at a ninth."""
    layer = nn.Linear(inputs, outputs, bias=bias)
    nn.init.normal_(layer.weight, std=inputs**-0.5)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


class TransformerHead(nn.Module):
    """DiPair's: a small Transformer reads an attribute's first output tokens and a text's behind each other.

    ``first``: how many of the attribute's tokens go in (k1 of the paper). Of the text, which is to be
    tagged, all do (k2). Both are projected from ``states`` D to ``width`` W, and know which of the two
    they are of.
    """

    def __init__(
        self, states: int, *, last: int, first: int, width: int, layers: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.width, self.layers, self.first = width, (last,), first
        self.project = linear(states, width)
        self.side_2W = nn.Parameter(torch.randn(2, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.head = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)

    def context(self, states: Sequence[Tensor], mask_BT: Tensor) -> Tensor:
        """``(B, T, W)``."""
        made: Tensor = self.project(states[0]) + self.side_2W[0]
        return made

    def attribute(self, states_AQD: Tensor, mask_AQ: Tensor) -> tuple[Tensor, Tensor]:
        """``(A, first, W)``, or fewer where the attributes are shorter."""
        return self.project(states_AQD[:, : self.first]) + self.side_2W[1], mask_AQ[:, : self.first]

    def forward(self, context_NTX: Tensor, mask_NT: Tensor, attribute_NVY: Tensor, mask_NV: Tensor) -> Tensor:
        both_NSW = torch.cat([attribute_NVY, context_NTX], dim=1)
        mask_NS = torch.cat([mask_NV, mask_NT], dim=1)
        read_NSW: Tensor = self.head(both_NSW, src_key_padding_mask=~mask_NS)
        return read_NSW[:, attribute_NVY.shape[1] :]

    def cost(self, tokens: int, asked: int) -> Operations:
        D, vectors = self.project.in_features, min(asked, self.first)
        head = EncoderShape(self.head.num_layers, self.width, self.width, 4 * self.width, False, 0)
        return Operations(
            flops.linear(tokens, D, self.width),
            flops.linear(vectors, D, self.width),
            flops.transformer(head, vectors + tokens),
        )


class TokenAttention(nn.Module):
    """A text's tokens attend to an attribute's vectors; a state, what it attends to, and the product of
    the two become one state.

    The product is what lets a token's tag depend on token and attribute together, and not on their sum.
    """

    def __init__(self, states: int, vectors: int, *, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.from_text = linear(states, 3 * width)
        # A key's bias would add the same to all of a query's scores.
        self.key = linear(vectors, width, bias=False)
        self.value = linear(vectors, width)
        self.met = linear(2 * width, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def context(self, states_BTD: Tensor) -> Tensor:
        """Queries, states and the pair-free part of the result, ``(B, T, 3 W)``."""
        made: Tensor = self.from_text(states_BTD)
        return made

    def attribute(self, vectors_AVD: Tensor) -> Tensor:
        """Keys and values, ``(A, V, 2 W)``."""
        return torch.cat([self.key(vectors_AVD), self.value(vectors_AVD)], dim=2)

    def forward(self, context_NTX: Tensor, attribute_NVY: Tensor, mask_NV: Tensor) -> Tensor:
        """States ``(N, T, W)`` of what ``context`` and ``attribute`` gave."""
        query_NTW, state_NTW, own_NTW = context_NTX.chunk(3, dim=2)
        key_NVW, value_NVW = attribute_NVY.chunk(2, dim=2)
        attended_NTW = attend(query_NTW, key_NVW, value_NVW, mask_NV, self.heads)
        met_NTW = self.met(torch.cat([attended_NTW, state_NTW * attended_NTW], dim=2))
        dropped_NTW: Tensor = self.dropout(functional.gelu(own_NTW + met_NTW))
        return dropped_NTW

    def cost(self, tokens: int, vectors: int) -> Operations:
        """Of T tokens that attend to V vectors."""
        W = self.width
        return Operations(
            flops.linear(tokens, self.from_text.in_features, 3 * W),
            flops.linear(vectors, self.key.in_features, 2 * W),
            4 * tokens * vectors * W + flops.linear(tokens, 2 * W, W),
        )


class OutputAttention(nn.Module):
    """VIRT's: the text's output tokens attend to the attribute's."""

    def __init__(self, states: int, *, last: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.width, self.layers = width, (last,)
        self.tokens = TokenAttention(states, states, width=width, heads=heads, dropout=dropout)

    def context(self, states: Sequence[Tensor], mask_BT: Tensor) -> Tensor:
        """``(B, T, 3 W)``."""
        return self.tokens.context(states[0])

    def attribute(self, states_AQD: Tensor, mask_AQ: Tensor) -> tuple[Tensor, Tensor]:
        """``(A, Q, 2 W)``."""
        return self.tokens.attribute(states_AQD), mask_AQ

    def forward(self, context_NTX: Tensor, mask_NT: Tensor, attribute_NVY: Tensor, mask_NV: Tensor) -> Tensor:
        made: Tensor = self.tokens(context_NTX, attribute_NVY, mask_NV)
        return made

    def cost(self, tokens: int, asked: int) -> Operations:
        return self.tokens.cost(tokens, asked)


class LightLayer(nn.Module):
    """One of MixEncoder's interaction layers: an attribute's vectors attend to a text's states and go
    through an MLP; the text's states stay as they are."""

    def __init__(self, states: int, *, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.key = linear(states, width, bias=False)
        self.value = linear(states, width)
        self.query = nn.Sequential(nn.LayerNorm(width), linear(width, width))
        self.joined = linear(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), linear(width, 4 * width), nn.GELU(), linear(4 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def context(self, states_BTD: Tensor) -> Tensor:
        """Keys and values, ``(B, T, 2 W)``."""
        return torch.cat([self.key(states_BTD), self.value(states_BTD)], dim=2)

    def forward(self, vectors_NVW: Tensor, context_NTX: Tensor, mask_NT: Tensor) -> Tensor:
        """The vectors, in sight of the text."""
        key_NTW, value_NTW = context_NTX.chunk(2, dim=2)
        attended_NVW = attend(self.query(vectors_NVW), key_NTW, value_NTW, mask_NT, self.heads)
        vectors_NVW = vectors_NVW + self.dropout(self.joined(attended_NVW))
        made: Tensor = vectors_NVW + self.dropout(self.mlp(vectors_NVW))
        return made

    def cost(self, tokens: int, vectors: int) -> Operations:
        """Of V vectors that attend to T tokens."""
        D, W = self.key.in_features, self.joined.in_features
        own = 2 * flops.linear(vectors, W, W) + 2 * flops.linear(vectors, W, 4 * W)
        return Operations(flops.linear(tokens, D, 2 * W), 0, own + 4 * vectors * tokens * W)


class LightAttention(nn.Module):
    """MixEncoder's: a few vectors of an attribute attend to the text's hidden states, a light layer at each
    of ``layers``, so that nothing else is computed anew for an attribute; then the text's output tokens
    attend to them.

    An attribute's ``vectors`` V are learnt codes that attend to its output tokens, once and for all texts.
    """

    def __init__(
        self,
        states: int,
        *,
        last: int,
        layers: Sequence[int],
        vectors: int,
        width: int,
        heads: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.width, self.heads, self.layers = width, heads, (*layers, last)
        self.codes_VW = nn.Parameter(torch.randn(vectors, width))
        self.key = linear(states, width, bias=False)
        self.value = linear(states, width)
        self.light = nn.ModuleList(
            LightLayer(states, width=width, heads=heads, dropout=dropout) for _ in layers
        )
        self.norm = nn.LayerNorm(width)
        self.tokens = TokenAttention(states, width, width=width, heads=heads, dropout=dropout)

    @property
    def each(self) -> list[LightLayer]:
        """The light layers, in order."""
        return [layer for layer in self.light if isinstance(layer, LightLayer)]

    def context(self, states: Sequence[Tensor], mask_BT: Tensor) -> Tensor:
        """Keys and values for each light layer, and what the output tokens keep:
        ``(B, T, (2 layers + 3) W)``."""
        kept = [layer.context(own) for layer, own in zip(self.each, states[:-1], strict=True)]
        return torch.cat([*kept, self.tokens.context(states[-1])], dim=2)

    def attribute(self, states_AQD: Tensor, mask_AQ: Tensor) -> tuple[Tensor, Tensor]:
        """``(A, V, W)``."""
        codes_AVW = self.codes_VW.expand(len(states_AQD), -1, -1)
        vectors_AVW = attend(codes_AVW, self.key(states_AQD), self.value(states_AQD), mask_AQ, self.heads)
        return vectors_AVW, mask_AQ.new_ones(vectors_AVW.shape[:2])

    def forward(self, context_NTX: Tensor, mask_NT: Tensor, attribute_NVY: Tensor, mask_NV: Tensor) -> Tensor:
        kept = torch.split(context_NTX, [*[2 * self.width] * len(self.light), 3 * self.width], 2)
        vectors_NVW = attribute_NVY
        for layer, own_NTX in zip(self.each, kept[:-1], strict=True):
            vectors_NVW = layer(vectors_NVW, own_NTX, mask_NT)
        made: Tensor = self.tokens(kept[-1], self.tokens.attribute(self.norm(vectors_NVW)), mask_NV)
        return made

    def cost(self, tokens: int, asked: int) -> Operations:
        vectors = len(self.codes_VW)
        light = [layer.cost(tokens, vectors) for layer in self.each]
        last = self.tokens.cost(tokens, vectors)
        return Operations(
            sum(each.context for each in light) + last.context,
            flops.linear(asked, self.key.in_features, 2 * self.width) + 4 * vectors * asked * self.width,
            sum(each.pair for each in light) + last.attribute + last.pair,
        )
