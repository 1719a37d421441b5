"""What PyTorch's own counter counts, with the two products of a CPU that it passes over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

_ATEN = torch.ops.aten


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


def counted(run: Callable[[], Any]) -> int:
    """Floating-point operations of ``run``, on whatever device, padding included; a multiply-add counts
    two. What is no torch costs nothing."""
    extra: dict[Any, Any] = {
        _ATEN._scaled_dot_product_flash_attention_for_cpu: _attention,
        _ATEN.mkldnn_rnn_layer: _rnn,
    }
    with FlopCounterMode(display=False, custom_mapping=extra) as counter:
        run()
    return int(counter.get_total_flops())
