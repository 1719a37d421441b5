"""What PyTorch's own counter counts, with the fused operations that it passes over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

_ATEN = torch.ops.aten
_FIRST_MLP = 14
"""Which argument of ``_transformer_encoder_layer_fwd`` is the MLP's first matrix."""


def _attention(
    query: Sequence[int], key: Sequence[int], value: Sequence[int], *rest: Any, **more: Any
) -> int:
    batch, heads, tokens, width = query
    return 2 * batch * heads * tokens * key[2] * (width + value[3])


def _rnn(
    inputs: Sequence[int], of_input: Sequence[int], of_state: Sequence[int], *rest: Any, **more: Any
) -> int:
    """One layer and direction: both matrices for every token of every sequence."""
    tokens = inputs[0] * inputs[1]
    return 2 * tokens * (of_input[0] * of_input[1] + of_state[0] * of_state[1])


def _encoder_layer(inputs: Sequence[int], width: int, heads: int, *rest: Any, **more: Any) -> int:
    """PyTorch's own Transformer layer in one operation."""
    batch, tokens, _ = inputs
    feed_forward = int(rest[_FIRST_MLP - 3][0])
    return 2 * batch * tokens * width * (4 * width + 2 * tokens + 2 * feed_forward)


def counted(run: Callable[[], Any]) -> int:
    """Floating-point operations of ``run``, on whatever device, padding included; a multiply-add counts
    two. What is no torch costs nothing."""
    extra: dict[Any, Any] = {
        _ATEN._scaled_dot_product_flash_attention_for_cpu: _attention,
        _ATEN.mkldnn_rnn_layer: _rnn,
        _ATEN._transformer_encoder_layer_fwd: _encoder_layer,
    }
    with FlopCounterMode(display=False, custom_mapping=extra) as counter:
        run()
    return int(counter.get_total_flops())
