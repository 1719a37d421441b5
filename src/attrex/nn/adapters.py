"""Adapters: what a frozen decoder learns in its place (EIVEN 2.2 and appendix D).

Each stands before an attention layer, between its norm and its projections, where the three projections are
all that reads it. So a linear one is part of them once it is trained: ``fold`` puts it into their weights,
and the decoder is as fast as without it.

Legend: D hidden, R an adapter's inner size, G groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from attrex.errors import ConfigError, ModelError

PROJECTIONS = ("q_proj", "k_proj", "v_proj")
"""What reads the normed states in a decoder's attention."""


class LinearAdapter(Protocol):
    """An adapter without an activation: h + U (V h) + b."""

    def low_rank(self) -> tuple[Tensor, Tensor, Tensor]:
        """U ``(D, R)``, V ``(R, D)`` and b ``(D,)``, biases multiplied out."""
        ...


class RepAdapter(nn.Module):
    """Linear, its up-projection in ``groups`` (Luo et al., 2023: the sparse structure): each group of the
    output reads one of the R. It begins as the identity. With biases it has D R + R + D R / G + D parameters,
    which is EIVEN's Table 5 for G = 2.

    Raises ``ConfigError`` where the groups do not divide both sizes.
    """

    def __init__(self, width: int, *, size: int = 8, groups: int = 2) -> None:
        super().__init__()
        if groups < 1 or size % groups or width % groups:
            raise ConfigError(
                f"groups is {groups}; it must divide the adapter's size {size} and the width {width}"
            )
        self.groups = groups
        self.down = nn.Linear(width, size)
        self.weight_GXR = nn.Parameter(torch.zeros(groups, width // groups, size // groups))
        self.bias_D = nn.Parameter(torch.zeros(width))
        nn.init.xavier_uniform_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, states_BTD: Tensor) -> Tensor:
        """``(B, T, D)``."""
        small_BTGR = self.down(states_BTD).unflatten(2, (self.groups, -1))
        up_BTD = torch.einsum("btgr,gxr->btgx", small_BTGR, self.weight_GXR.to(small_BTGR.dtype)).flatten(2)
        return states_BTD + up_BTD + self.bias_D

    def low_rank(self) -> tuple[Tensor, Tensor, Tensor]:
        """See ``LinearAdapter``."""
        up_DR: Tensor = torch.block_diag(*self.weight_GXR)  # type: ignore[no-untyped-call]  # it has no types
        return up_DR, self.down.weight, up_DR @ self.down.bias + self.bias_D


class MLPAdapter(nn.Module):
    """Houlsby et al. (2019): two dense layers, SiLU between them as in LaVIN. Begins as the identity."""

    def __init__(self, width: int, *, size: int = 8) -> None:
        super().__init__()
        self.down, self.up = _dense(width, size)

    def forward(self, states_BTD: Tensor) -> Tensor:
        """``(B, T, D)``."""
        up_BTD: Tensor = self.up(nn.functional.silu(self.down(states_BTD)))
        return states_BTD + up_BTD


class LinearMLPAdapter(nn.Module):
    """The same without its activation (EIVEN's MLP-Adapter-L): linear and dense."""

    def __init__(self, width: int, *, size: int = 8) -> None:
        super().__init__()
        self.down, self.up = _dense(width, size)

    def forward(self, states_BTD: Tensor) -> Tensor:
        """``(B, T, D)``."""
        up_BTD: Tensor = self.up(self.down(states_BTD))
        return states_BTD + up_BTD

    def low_rank(self) -> tuple[Tensor, Tensor, Tensor]:
        """See ``LinearAdapter``."""
        return self.up.weight, self.down.weight, self.up.weight @ self.down.bias + self.up.bias


def _dense(width: int, size: int) -> tuple[nn.Linear, nn.Linear]:
    down, up = nn.Linear(width, size), nn.Linear(size, width)
    nn.init.xavier_uniform_(down.weight)
    for tensor in (down.bias, up.weight, up.bias):
        nn.init.zeros_(tensor)
    return down, up


class Adapted(nn.Module):
    """A layer's norm with an adapter behind it."""

    def __init__(self, norm: nn.Module, adapter: nn.Module) -> None:
        super().__init__()
        self.norm, self.adapter = norm, adapter

    def forward(self, states_BTD: Tensor) -> Tensor:
        """What the attention's projections read, ``(B, T, D)``."""
        read_BTD: Tensor = self.adapter(self.norm(states_BTD))
        return read_BTD


def insert(layers: Iterator[nn.Module], make: Callable[[], nn.Module]) -> None:
    """An adapter of its own before the attention of each of a LLaMA-type decoder's layers."""
    for layer in layers:
        norm: Any = layer.input_layernorm
        layer.input_layernorm = Adapted(norm, make())


def fold(layers: Iterator[nn.Module]) -> None:
    """Puts linear adapters into the projections behind them, in place: W' = W (I + U V) and b' = b + W times
    the adapter's b. Every projection then has a bias. In float64, so that only the last rounding is lost.

    Raises ``ModelError`` for an adapter with an activation, and where the weights are of 8 or 4 bits: the sum
    would have to be rounded to them again.
    """
    for layer in list(layers):
        adapted: Any = layer.input_layernorm
        if not isinstance(adapted, Adapted):
            continue
        adapter: Any = adapted.adapter
        if isinstance(adapter, MLPAdapter):
            raise ModelError(
                "an adapter with an activation cannot be folded into the weights. "
                'Fix: train with model.arguments.tuning "repadapter" or "mlp-linear"'
            )
        attention: Any = layer.self_attn
        up_DR, down_RD, bias_D = (tensor.detach().double() for tensor in adapter.low_rank())
        for name in PROJECTIONS:
            setattr(attention, name, _folded(getattr(attention, name), up_DR, down_RD, bias_D))
        layer.input_layernorm = adapted.norm


def _folded(linear: nn.Linear, up_DR: Tensor, down_RD: Tensor, bias_D: Tensor) -> nn.Linear:
    weight_XD = linear.weight.detach()
    if not weight_XD.is_floating_point():
        raise ModelError(
            "adapters cannot be folded into weights of 8 or 4 bits. "
            'Fix: load the base with model.arguments.precision "file"'
        )
    exact_XD = weight_XD.double()
    made = nn.Linear(linear.in_features, linear.out_features, device=weight_XD.device, dtype=weight_XD.dtype)
    own_X = 0.0 if linear.bias is None else linear.bias.detach().double()
    with torch.no_grad():
        made.weight.copy_(exact_XD + (exact_XD @ up_DR) @ down_RD)
        made.bias.copy_(exact_XD @ bias_D + own_X)
    return made.requires_grad_(False)
