"""Where an attribute's tag decoder (linear layer and transitions) comes from.

AdaTag generates it from the attribute's embedding (§3.2); its rivals look it up. Either way the result
is a ``Decoder`` of a batch of attributes.

Legend: A attributes, R attribute embedding, D hidden, K tags, E experts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_OUTSIDE = 0.95
"""Of a token that nobody has looked at yet."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """``emission = weight . state + bias`` and the chain's transitions; see ``nn.crf.Chain``."""

    weight_AKD: Tensor
    bias_AK: Tensor
    transitions_AKK: Tensor
    start_AK: Tensor
    end_AK: Tensor


class HyperLayer(nn.Module):
    """A hypernetwork: linear maps from an embedding to another layer's parameters (AdaTag Eq. 3).

    ``(A, R) -> (A, *shape)``, embeddings being of about unit length. What it generates begins small: a part
    of size ``scale`` that all attributes share (the bias), and one as large of the attribute's own.
    """

    def __init__(self, embedding: int, shape: tuple[int, ...], *, scale: float) -> None:
        super().__init__()
        self.shape = shape
        size = int(torch.Size(shape).numel())
        self.generate = nn.Linear(embedding, size)
        nn.init.normal_(self.generate.weight, std=scale)
        nn.init.normal_(self.generate.bias, std=scale)

    def forward(self, embedding_AR: Tensor) -> Tensor:
        generated: Tensor = self.generate(embedding_AR)
        return generated.view(-1, *self.shape)


class MixtureLayer(nn.Module):
    """A mixture of experts' *parameters*: sum of prototypes, weighted by a softmax gate (AdaTag §3.2).

    ``(A, R) -> (A, *shape)``.
    """

    def __init__(self, embedding: int, shape: tuple[int, ...], *, experts: int, scale: float) -> None:
        super().__init__()
        self.gate = nn.Linear(embedding, experts)
        self.prototypes = nn.Parameter(torch.randn(experts, *shape) * scale)

    def forward(self, embedding_AR: Tensor) -> Tensor:
        weights_AE = torch.softmax(self.gate(embedding_AR), dim=1)
        return torch.einsum("ae,e...->a...", weights_AE, self.prototypes)


class LookUpLayer(nn.Module):
    """Parameters of each attribute's own, by index: ``(A,) -> (A, *shape)`` (BiLSTM-MultiCRF)."""

    def __init__(self, attributes: int, shape: tuple[int, ...], *, scale: float) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.randn(attributes, *shape) * scale)

    def forward(self, index_A: Tensor) -> Tensor:
        return self.own[index_A]


def begin_outside(linear: LookUpLayer) -> LookUpLayer:
    """The same linear layer, to ``(A, K, D + 1)``, whose biases now say that nearly every token is outside
    (tag 0), as it is (Lin et al. 2017, 4.1).

    Where all tags begin alike their loss, a sum over tokens, is so large at first that what else is learnt of
    the same states is learnt late: in a try of four epochs (ULS-L, 1,150 titles, one seed) the value head
    beside the tags came to 0.30 of its own training titles, and to 0.64 with this.
    """
    with torch.no_grad():
        linear.own[:, 0, -1] += math.log(_OUTSIDE / (1 - _OUTSIDE) * (linear.own.shape[1] - 1))
    return linear


class NoTransitions(nn.Module):
    """No dependency between tags: what turns a CRF into independent softmaxes."""

    def __init__(self, tags: int) -> None:
        super().__init__()
        self.tags = tags

    def forward(self, attribute_A: Tensor) -> Tensor:
        return attribute_A.new_zeros((attribute_A.shape[0], self.tags, self.tags), dtype=torch.float32)


class DecoderSource(nn.Module):
    """Linear layer and transitions of attributes, each from a part of its own.

    ``linear``: to ``(A, K, D + 1)``, the last column the bias. ``transitions``: to ``(A, K + 1, K + 1)``,
    the last row the start state's, the last column the end state's; the corner is unused.
    """

    def __init__(self, linear: nn.Module, transitions: nn.Module) -> None:
        super().__init__()
        self.linear = linear
        self.transitions = transitions

    def forward(self, attribute_A: Tensor) -> Decoder:
        """``attribute_A``: embeddings ``(A, R)`` or indices ``(A,)``, as the parts expect."""
        layer_AKD = self.linear(attribute_A)
        moves_ASS = self.transitions(attribute_A)
        return Decoder(
            layer_AKD[:, :, :-1],
            layer_AKD[:, :, -1],
            moves_ASS[:, :-1, :-1],
            moves_ASS[:, -1, :-1],
            moves_ASS[:, :-1, -1],
        )
