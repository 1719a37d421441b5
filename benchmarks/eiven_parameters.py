"""EIVEN's trainable parameters (Table 5; "2-5 M"), counted on the exact shapes of LLaMA-7B and CLIP ViT-B/16.

Nothing has numbers (the meta device), so no weights are needed and nothing is timed.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from attrex.nn.adapters import LinearMLPAdapter, MLPAdapter, RepAdapter, insert
from attrex.nn.causal import empty_decoder
from attrex.nn.granular import ClipTokens, Projector, build_clip
from record import write

LLAMA_7B: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": 32_000,
    "hidden_size": 4096,
    "intermediate_size": 11_008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
}
CLIP_B_16: dict[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 16,
}
ADAPTERS = [("RepAdapter", RepAdapter, 1.70), ("MLP-Adapter", MLPAdapter, 2.23)]
ADAPTERS += [("MLP-Adapter-L", LinearMLPAdapter, 2.23)]


def main() -> None:
    """See the module's text."""
    decoder = empty_decoder(LLAMA_7B).requires_grad_(False)
    frozen = count(decoder, trained=False)
    with torch.device("meta"):
        vision = ClipTokens(build_clip(CLIP_B_16), every=3)
        projections = {name: count(Projector(768, 4096, activation=name)) for name in ("silu", "swiglu")}
    rows: list[list[Any]] = []
    raw: dict[str, Any] = {"decoder": frozen, "vision": count(vision, trained=False), **projections}
    for name, adapter, published in ADAPTERS:
        with torch.device("meta"):
            made = empty_decoder(LLAMA_7B).requires_grad_(False)
            insert(made.layers, partial(adapter, made.width))
        own = count(made)
        raw[name] = own
        both = [own + projections[each] for each in ("silu", "swiglu")]
        rows.append(
            [
                name,
                f"{published:.2f}",
                f"{own / 1e6:.3f}",
                *(f"{each / 1e6:.2f}" for each in both),
                f"{both[0] / frozen:.3%}",
            ]
        )
    write(
        "eiven_parameters",
        "EIVEN's trainable parameters on LLaMA-7B and CLIP ViT-B/16, millions",
        ["adapter, size 8", "Table 5", "counted", "with projection", "with SwiGLU's gate", "of the decoder"],
        rows,
        [
            f"Frozen: LLaMA-7B {frozen / 1e6:,.0f} M, CLIP ViT-B/16's picture half "
            f"{raw['vision'] / 1e6:.1f} M; K = {vision.tokens} tokens a picture.",
            f"The projection 768 -> 128 -> 4,096 has {projections['silu'] / 1e6:.3f} M, with a second matrix "
            f"for the gate {projections['swiglu'] / 1e6:.3f} M. The paper says 2-5 M for all.",
            "Exact shapes on the meta device, nothing is loaded.",
        ],
        raw,
    )


def count(module: nn.Module, *, trained: bool = True) -> int:
    """Parameters that are trained, or all."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trained)


if __name__ == "__main__":
    main()
