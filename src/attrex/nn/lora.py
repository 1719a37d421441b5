"""Low-rank adaptation (Hu et al., 2022) of a decoder, by the library ``peft``."""

from __future__ import annotations

from typing import Any, cast

from torch import nn

from attrex.errors import ConfigError
from attrex.nn.causal import CausalDecoder

TARGETS = ("q_proj", "v_proj")
"""The paper's choice: what of attention is adapted."""


def add_lora(decoder: CausalDecoder, *, size: int) -> None:
    """Low-rank products beside the queries' and values' projections, in place; they begin as nought. Raises
    ``ConfigError`` where ``peft`` is not installed."""
    peft = _peft()
    config = peft.LoraConfig(r=size, lora_alpha=2 * size, target_modules=list(TARGETS))
    peft.inject_adapter_in_model(config, decoder.lm)


def fold_lora(decoder: CausalDecoder) -> None:
    """Puts the products into the weights beside which they stand, in place."""
    found = [
        (layer, name)
        for layer in decoder.layers
        for name in TARGETS
        if isinstance(getattr(cast(Any, layer).self_attn, name), _lora_layer())
    ]
    for layer, name in found:
        attention = cast(Any, layer).self_attn
        adapted = getattr(attention, name)
        adapted.merge()
        setattr(attention, name, adapted.get_base_layer())


def has_lora(module: nn.Module) -> bool:
    """Whether any part of it is adapted so; without asking for ``peft``."""
    return any(name.endswith("lora_A") for name, _ in module.named_modules())


def _lora_layer() -> type[Any]:
    _peft()
    from peft.tuners.lora import LoraLayer

    layer: type[Any] = LoraLayer
    return layer


def _peft() -> Any:
    try:
        # Nine seconds to import, and only this needs it.
        import peft
    except ImportError:
        raise ConfigError(
            'model.arguments.tuning is "lora", for which the package peft is needed. '
            'Fix: pip install "attrex[lora]"'
        ) from None
    return peft
