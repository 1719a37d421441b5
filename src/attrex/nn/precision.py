"""bfloat16 where the hardware computes in it, float32 elsewhere."""

from __future__ import annotations

import torch


def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products are faster there than float32 ones.

    On a CPU without AVX-512 or AMX they are emulated, 300 times slower (measured on an AVX2 machine).
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def mixed(device: torch.device) -> torch.autocast:
    """A context in which a network's large products run in bfloat16 where that pays."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device))


def product_dtype(device: torch.device) -> torch.dtype:
    """What large products run in under ``mixed``."""
    return torch.bfloat16 if has_bfloat16(device) else torch.float32
