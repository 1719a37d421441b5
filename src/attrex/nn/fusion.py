"""How a heavy encoder's states enter a light one (EAVE §3.4, §6.1, §6.2, §6.5).

Legend: N asks, S tokens of context and attribute, Q of them that go on, D the light encoder's width, L its
layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from attrex.errors import ConfigError

Mapping = Literal["even_0", "even_1", "even_2", "last", "last_n", "first_n"]
MAPPINGS: tuple[Mapping, ...] = ("even_0", "even_1", "even_2", "last", "last_n", "first_n")


def map_layers(mapping: Mapping | Sequence[int], *, heavy: int, light: int) -> tuple[int, ...]:
    """The layer f(l) of the heavy encoder, counted from 0, for each layer l of the light one (Table 3).

    ``even_k`` takes every (heavy / light)-th layer from k on, ``last`` the last one for all, ``last_n``
    and ``first_n`` as many as the light encoder has. Sizes that do not divide: ``min(heavy - 1,
    floor(l heavy / light) + k)``. Raises ``ConfigError`` where a layer is named that is not there.
    """
    path = "model.arguments.mapping"
    if not isinstance(mapping, str):
        chosen = tuple(mapping)
        if len(chosen) != light:
            raise ConfigError(f"{path} names {len(chosen)} layers; the light encoder has {light}")
        for layer in chosen:
            if not 0 <= layer < heavy:
                raise ConfigError(
                    f"{path} names layer {layer}; the heavy encoder's layers are 0 to {heavy - 1}"
                )
        return chosen
    if mapping in ("last_n", "first_n") and light > heavy:
        raise ConfigError(
            f"{path} is {mapping}; the heavy encoder has {heavy} layers, fewer than the light one's {light}"
        )
    if mapping == "last":
        return (heavy - 1,) * light
    if mapping == "last_n":
        return tuple(range(heavy - light, heavy))
    if mapping == "first_n":
        return tuple(range(light))
    if mapping in MAPPINGS:
        offset = int(mapping.removeprefix("even_"))
        return tuple(min(heavy - 1, layer * heavy // light + offset) for layer in range(light))
    raise ConfigError(f"{path}: expected one of {', '.join(MAPPINGS)} or a list of layers; got {mapping!r}")


class Fusion(Protocol):
    """The states ``(N, Q, D)`` that go on in layer ``at`` of the light encoder, of its own and the heavy
    encoder's ``(N, S, D)`` at the same place. The first Q of the S tokens are the same. ``mask_NS``: the
    real tokens; None: all. ``by_token``: whether a token meets nothing but its own heavy state."""

    by_token: bool

    def __call__(self, at: int, light_NQD: Tensor, heavy_NSD: Tensor, mask_NS: Tensor | None) -> Tensor: ...


class FixedFusion(nn.Module):
    """Eq. 3: ``(1 - alpha) light + alpha heavy``, with one ``alpha`` for all layers."""

    by_token = True

    def __init__(self, alpha: float) -> None:
        super().__init__()
        if not 0 <= alpha <= 1:
            raise ConfigError(f"model.arguments.alpha is {alpha:g}; it must lie in [0, 1]")
        self.alpha = alpha

    def forward(self, at: int, light_NQD: Tensor, heavy_NSD: Tensor, mask_NS: Tensor | None) -> Tensor:
        return torch.add((1 - self.alpha) * light_NQD, heavy_NSD[:, : light_NQD.shape[1]], alpha=self.alpha)


class LearnedFusion(nn.Module):
    """Eq. 3 with a scalar of each layer's own that is learnt from 0 on (§6.2): the light encoder meets the
    heavy states only as far as they help."""

    by_token = True

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.alpha_L = nn.Parameter(torch.zeros(layers))

    def forward(self, at: int, light_NQD: Tensor, heavy_NSD: Tensor, mask_NS: Tensor | None) -> Tensor:
        alpha = self.alpha_L[at]
        return (1 - alpha) * light_NQD + alpha * heavy_NSD[:, : light_NQD.shape[1]]


class CrossAttentionFusion(nn.Module):
    """Eq. 4: each token attends to the heavy states of all, and what it finds is added to its own."""

    by_token = False

    def __init__(self, layers: int, *, width: int, heads: int) -> None:
        super().__init__()
        self.each = nn.ModuleList([_CrossAttention(width, heads) for _ in range(layers)])

    def forward(self, at: int, light_NQD: Tensor, heavy_NSD: Tensor, mask_NS: Tensor | None) -> Tensor:
        found_NQD: Tensor = self.each[at](light_NQD, heavy_NSD, mask_NS)
        return found_NQD + light_NQD


class _CrossAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        # Small at first, so that the pretrained layers find their states as they know them.
        nn.init.normal_(self.out.weight, std=0.02)

    def forward(self, light_NQD: Tensor, heavy_NSD: Tensor, mask_NS: Tensor | None) -> Tensor:
        found_NHQd = nn.functional.scaled_dot_product_attention(
            self._split(self.query(light_NQD)),
            self._split(self.key(heavy_NSD)),
            self._split(self.value(heavy_NSD)),
            attn_mask=None if mask_NS is None else mask_NS[:, None, None, :],
        )
        found_NQD: Tensor = self.out(found_NHQd.transpose(1, 2).flatten(2))
        return found_NQD

    def _split(self, states_NTD: Tensor) -> Tensor:
        return states_NTD.view(*states_NTD.shape[:2], self.heads, -1).transpose(1, 2)


class IdentityAdaptor(nn.Linear):
    """W_adp where the two encoders are equally wide: it begins as the identity, as the light encoder may have
    been made of the heavy one's layers. So it works from the first step on, like what is pretrained."""

    def __init__(self, width: int) -> None:
        super().__init__(width, width, bias=False)
        nn.init.eye_(self.weight)


def adaptor(heavy: int, light: int) -> nn.Linear:
    """W_adp of Eq. 3: from the heavy encoder's width to the light one's."""
    return IdentityAdaptor(light) if heavy == light else nn.Linear(heavy, light, bias=False)
