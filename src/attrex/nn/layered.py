"""Pretrained encoders that run layer by layer and can be read and changed inside of each (EAVE §6.6).

Composed over Hugging Face's modules: weights, norms and dropouts are theirs and stay as they are; only the
order in which they are called stands here. A layer stops at six places, in this order:

================================  ======================================  ============================
place                             pre-norm (T5)                           post-norm (BERT)
================================  ======================================  ============================
``before_attention``              the normed states                       the layer's input
``after_attention``               what the attention adds to the stream   the same
``after_attention_and_skip``      the stream                              the sum, before its norm
``before_mlp``                    the normed stream                       the sum, normed
``after_mlp``                     what the MLP adds to the stream         the same
``after_mlp_and_skip``            the stream: the layer's output          the sum, before its norm
================================  ======================================  ============================

What is put in the place of ``before_attention`` or ``before_mlp`` is read by the sublayer alone; the skip
goes past it, in a post-norm stack too. What the sublayers add has gone through their dropout.

Legend: B sequences, T tokens, Q tokens that attend, D hidden, I all heads together, H heads.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, Protocol, cast

import torch
from torch import Tensor, nn

from attrex.errors import ModelError
from attrex.nn.attention import Attention, Projected
from attrex.nn.precision import mixed, product_dtype

Place = Literal[
    "before_attention",
    "after_attention",
    "after_attention_and_skip",
    "before_mlp",
    "after_mlp",
    "after_mlp_and_skip",
]
PLACES: tuple[Place, ...] = (
    "before_attention",
    "after_attention",
    "after_attention_and_skip",
    "before_mlp",
    "after_mlp",
    "after_mlp_and_skip",
)
Hook = Callable[[Tensor], Tensor]
"""States at a place to those that go on from there."""
Steps = Generator[Tensor, Tensor, Tensor]
"""Yields the states at each of ``PLACES`` but the first, goes on with what is sent, returns the layer's
output."""
NOWHERE: Mapping[Place, Hook] = MappingProxyType({})


class LayeredEncoder(Protocol):
    """An encoder of ``depth`` layers of ``width`` D, with ``heads`` H; ``longest``: positions that it
    knows, None where they are relative; ``embeddings``: all that there is in front of the first layer.
    ``layer`` and ``hidden_states`` below drive it."""

    embeddings: nn.Module
    width: int
    depth: int
    heads: int
    longest: int | None

    def words(self, ids_BT: Tensor) -> Tensor:
        """Word vectors ``(B, T, D)``, without positions."""
        ...

    def enter(self, vectors_BTD: Tensor, positions_BT: Tensor) -> Tensor:
        """The first layer's input ``(B, T, D)`` from word vectors."""
        ...

    def bias(self, mask_BT: Tensor | None, tokens: int) -> Tensor | None:
        """What every layer's attention adds to its scores: relative positions of ``tokens`` T that follow
        each other, and the mask of the real ones. Broadcasts to ``(B, H, T, T)``; None adds nothing.
        ``mask_BT`` None: all are real."""
        ...

    def before(self, at: int, states_BTD: Tensor) -> Tensor:
        """The first place: what layer ``at`` reads of its input."""
        ...

    def project(self, at: int, read_BTD: Tensor, states_BTD: Tensor, rows: int | None) -> Projected:
        """What goes into the attention, from what is read and the layer's input. ``rows``: only the first
        Q tokens attend and go on; all are attended to. None: all."""
        ...

    def after(self, at: int, projected: Projected, bias: Tensor | None) -> Steps:
        """The layer from there on."""
        ...

    def weights(self, at: int, queries_BQD: Tensor, keys_BTD: Tensor, bias: Tensor | None) -> Tensor:
        """The attention map ``(B, H, Q, T)`` of layer ``at`` between states ``before_attention``."""
        ...

    def leave(self, states_BTD: Tensor) -> Tensor:
        """The encoder's output in float32 from the last layer's."""
        ...

    def beyond(self, at: int, place: Place) -> list[nn.Module]:
        """What of the encoder has no part in the states at a place of layer ``at``."""
        ...


def layer(
    encoder: LayeredEncoder,
    at: int,
    states_BTD: Tensor,
    bias: Tensor | None,
    hooks: Mapping[Place, Hook] = NOWHERE,
    *,
    rows: int | None = None,
) -> Tensor:
    """The output ``(B, T, D)`` of layer ``at``, or ``(B, Q, D)`` where only the first ``rows`` go on.
    ``hooks`` may read or change what stands at their places."""
    return attend(encoder, at, project(encoder, at, states_BTD, hooks, rows=rows), bias, hooks)


def project(
    encoder: LayeredEncoder,
    at: int,
    states_BTD: Tensor,
    hooks: Mapping[Place, Hook] = NOWHERE,
    *,
    rows: int | None = None,
) -> Projected:
    """The first half of ``layer``: to where tokens meet. Large products run in bfloat16 where that pays."""
    with mixed(states_BTD.device):
        read_BTD = encoder.before(at, states_BTD)
        hook = hooks.get("before_attention")
        return encoder.project(at, read_BTD if hook is None else hook(read_BTD), states_BTD, rows)


def attend(
    encoder: LayeredEncoder,
    at: int,
    projected: Projected,
    bias: Tensor | None,
    hooks: Mapping[Place, Hook] = NOWHERE,
) -> Tensor:
    """The second half of ``layer``."""
    with mixed(projected.keys_BTI.device):
        steps = encoder.after(at, projected, bias)
        states = next(steps)
        for place in PLACES[1:]:
            hook = hooks.get(place)
            try:
                states = steps.send(states if hook is None else hook(states))
            except StopIteration as end:
                states = end.value
    return states


def states_at(
    encoder: LayeredEncoder, at: int, place: Place, states_BTD: Tensor, bias: Tensor | None
) -> Tensor:
    """The states at a place of layer ``at``; what comes after it is not computed."""
    with mixed(states_BTD.device):
        read_BTD = encoder.before(at, states_BTD)
        if place == PLACES[0]:
            return read_BTD
        steps = encoder.after(at, encoder.project(at, read_BTD, states_BTD, None), bias)
        states = next(steps)
        for _ in range(PLACES.index(place) - 1):
            states = steps.send(states)
        steps.close()
    return states


def hidden_states(encoder: LayeredEncoder, vectors_BTD: Tensor, mask_BT: Tensor | None) -> list[Tensor]:
    """Of a whole run over word vectors: the first layer's input, every layer's output, and last what
    ``leave`` makes of it, in float32."""
    B, T = vectors_BTD.shape[:2]
    positions_BT = torch.arange(T, device=vectors_BTD.device).expand(B, T)
    bias = encoder.bias(mask_BT, T)
    states = [encoder.enter(vectors_BTD, positions_BT)]
    for at in range(encoder.depth):
        states.append(layer(encoder, at, states[-1], bias))
    return [*states, encoder.leave(states[-1])]


class PostNormEncoder(nn.Module):
    """BERT's kind: learnt positions, a norm behind each sublayer. ``layers``: see ``layered``."""

    def __init__(self, body: nn.Module, layers: Sequence[int] | None = None) -> None:
        super().__init__()
        config: Any = body.config
        self.embeddings: Any = body.embeddings
        stack: Any = body.get_submodule("encoder")
        self.layers = stack.layer = _chosen(stack.layer, layers)
        self.width, self.depth = int(config.hidden_size), len(self.layers)
        self.heads = int(config.num_attention_heads)
        # RoBERTa's positions begin behind its padding's.
        self._first = int(config.pad_token_id) + 1 if config.model_type == "roberta" else 0
        self.longest: int | None = int(config.max_position_embeddings) - self._first

    def words(self, ids_BT: Tensor) -> Tensor:
        vectors_BTD: Tensor = self.embeddings.word_embeddings(ids_BT)
        return vectors_BTD

    def enter(self, vectors_BTD: Tensor, positions_BT: Tensor) -> Tensor:
        entered_BTD: Tensor = self.embeddings(
            inputs_embeds=vectors_BTD, position_ids=positions_BT + self._first
        )
        return entered_BTD

    def bias(self, mask_BT: Tensor | None, tokens: int) -> Tensor | None:
        return None if mask_BT is None else mask_BT[:, None, None, :]

    def before(self, at: int, states_BTD: Tensor) -> Tensor:
        return states_BTD

    def project(self, at: int, read_BTD: Tensor, states_BTD: Tensor, rows: int | None) -> Projected:
        return self._attention(at).project(read_BTD, states_BTD, rows)

    def after(self, at: int, projected: Projected, bias: Tensor | None) -> Steps:
        own: Any = self.layers[at]
        attention, mlp = own.attention.output, own.output
        added = yield attention.dropout(attention.dense(self._attention(at).attend(projected, bias)))
        summed = yield projected.skipped_BQD + added
        stream = attention.LayerNorm(summed)
        read = yield stream
        added = yield mlp.dropout(mlp.dense(own.intermediate(read)))
        summed = yield stream + added
        made: Tensor = mlp.LayerNorm(summed)
        return made

    def weights(self, at: int, queries_BQD: Tensor, keys_BTD: Tensor, bias: Tensor | None) -> Tensor:
        return self._attention(at).weights(queries_BQD, keys_BTD, bias)

    def _attention(self, at: int) -> Attention:
        own: Any = cast(Any, self.layers[at]).attention.self
        dropout = float(own.dropout.p) if self.training else 0.0
        return Attention(own.query, own.key, own.value, float(own.scaling), self.heads, dropout)

    def leave(self, states_BTD: Tensor) -> Tensor:
        return states_BTD.float()

    def beyond(self, at: int, place: Place) -> list[nn.Module]:
        own: Any = self.layers[at]
        after: list[nn.Module] = [own.attention.output.LayerNorm, own.intermediate, own.output]
        within: dict[Place, list[nn.Module]] = {
            "before_attention": [own],
            "after_attention": after,
            "after_attention_and_skip": after,
            "before_mlp": after[1:],
            "after_mlp": [own.output.LayerNorm],
            "after_mlp_and_skip": [own.output.LayerNorm],
        }
        return [*within[place], *self.layers[at + 1 :]]


class PreNormEncoder(nn.Module):
    """T5's kind, v1.1 (gated) and v1.0: a norm in front of each sublayer and one at the end, relative
    positions that all layers share. ``layers``: see ``layered``."""

    def __init__(self, body: nn.Module, layers: Sequence[int] | None = None) -> None:
        super().__init__()
        config: Any = body.config
        stack: Any = body.get_submodule("encoder")
        self.embeddings: Any = stack.embed_tokens
        first: Any = stack.block[0].layer[0].SelfAttention
        self.positions = first.relative_attention_bias
        # The first layer may not be among the chosen ones; as a method it is no child of this module.
        self._relative: Callable[[int, int], Tensor] = first.compute_bias
        self.layers = stack.block = _chosen(stack.block, layers)
        self.norm, self.dropout = stack.final_layer_norm, stack.dropout
        self.width, self.depth = int(config.d_model), len(self.layers)
        self.heads = int(config.num_heads)
        self.longest: int | None = None

    def words(self, ids_BT: Tensor) -> Tensor:
        vectors_BTD: Tensor = self.embeddings(ids_BT)
        return vectors_BTD

    def enter(self, vectors_BTD: Tensor, positions_BT: Tensor) -> Tensor:
        entered_BTD: Tensor = self.dropout(vectors_BTD)
        return entered_BTD

    def bias(self, mask_BT: Tensor | None, tokens: int) -> Tensor | None:
        # Once for all layers: what is added to a product has its type.
        bias_1HTT = self._relative(tokens, tokens).to(product_dtype(self.positions.weight.device))
        if mask_BT is None:
            return bias_1HTT
        lowest = torch.finfo(bias_1HTT.dtype).min
        return torch.where(mask_BT[:, None, None, :], bias_1HTT, lowest)

    def before(self, at: int, states_BTD: Tensor) -> Tensor:
        normed_BTD: Tensor = cast(Any, self.layers[at]).layer[0].layer_norm(states_BTD)
        return normed_BTD

    def project(self, at: int, read_BTD: Tensor, states_BTD: Tensor, rows: int | None) -> Projected:
        return self._attention(at).project(read_BTD, states_BTD, rows)

    def after(self, at: int, projected: Projected, bias: Tensor | None) -> Steps:
        attention, mlp = cast(Any, self.layers[at]).layer
        attended = self._attention(at).attend(projected, bias)
        added = yield attention.dropout(attention.SelfAttention.o(attended))
        stream = yield projected.skipped_BQD + added
        read = yield mlp.layer_norm(stream)
        added = yield mlp.dropout(mlp.DenseReluDense(read))
        made = yield stream + added
        return made

    def weights(self, at: int, queries_BQD: Tensor, keys_BTD: Tensor, bias: Tensor | None) -> Tensor:
        return self._attention(at).weights(queries_BQD, keys_BTD, bias)

    def _attention(self, at: int) -> Attention:
        own: Any = cast(Any, self.layers[at]).layer[0].SelfAttention
        dropout = float(own.dropout) if self.training else 0.0
        return Attention(own.q, own.k, own.v, float(own.scaling), self.heads, dropout)

    def leave(self, states_BTD: Tensor) -> Tensor:
        left_BTD: Tensor = self.dropout(self.norm(states_BTD.float()))
        return left_BTD

    def beyond(self, at: int, place: Place) -> list[nn.Module]:
        attention, mlp = cast(Any, self.layers[at]).layer
        positions = [self.positions] if at == 0 else []
        within: dict[Place, list[nn.Module]] = {
            "before_attention": [attention.SelfAttention, mlp, *positions],
            "after_attention": [mlp],
            "after_attention_and_skip": [mlp],
            "before_mlp": [mlp.DenseReluDense],
            "after_mlp": [],
            "after_mlp_and_skip": [],
        }
        return [*within[place], *self.layers[at + 1 :], self.norm]


KINDS: Mapping[str, Callable[[nn.Module, Sequence[int] | None], PostNormEncoder | PreNormEncoder]] = {
    "bert": PostNormEncoder,
    "roberta": PostNormEncoder,
    "t5": PreNormEncoder,
}
"""By the ``model_type`` of Hugging Face's configuration."""


def layered(body: nn.Module, layers: Sequence[int] | None = None) -> PostNormEncoder | PreNormEncoder:
    """A body of ``nn.pretrained.load_body`` as a ``LayeredEncoder``; its modules are shared, not copied.
    ``layers``: those that the encoder has, and that the body keeps; None: all.

    Raises ``ModelError`` for an architecture that cannot be run layer by layer here.
    """
    config: Any = body.config
    if config.model_type not in KINDS:
        raise ModelError(
            f"an encoder of the kind {config.model_type!r} cannot be run layer by layer. "
            f"Fix: take one of the kinds {', '.join(KINDS)}"
        )
    return KINDS[config.model_type](body, layers).train(body.training)


def _chosen(stack: nn.Module, layers: Sequence[int] | None) -> nn.ModuleList:
    all_layers = list(cast(nn.ModuleList, stack))
    return nn.ModuleList(all_layers if layers is None else [all_layers[at] for at in layers])
