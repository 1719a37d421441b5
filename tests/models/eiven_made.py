"""EIVEN small enough to be built in a moment, untrained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from attrex.core import Answer, Attribute, Picture, Product
from attrex.models.eiven import build_eiven
from attrex.models.eiven_network import EivenNetwork
from attrex.models.trained import TrainedModel
from attrex.nn.adapters import Adapted
from attrex.nn.granular import build_clip
from attrex.supervision.pool import Pool
from tests.conformance.ten import PRODUCTS, pool

SIDE = 56
SMALL = {"pictures": "small", "picture_size": SIDE, "picture_widths": [16, 16, 16, 16]}
COLOUR = Attribute("Colour", values=("Red", "dark blue", "dark green", "Green", "sand"))
MATERIAL = Attribute("Material", values=("cotton", "cotton mix", "steel", "glass"))
OPEN = Attribute("Size", "how large it is")


def begun(
    folder: Path, *, among: Pool | None = None, seed: int = 0, **arguments: Any
) -> TrainedModel[EivenNetwork]:
    """Before its first step. ``folder``: of a decoder."""
    torch.manual_seed(seed)
    given: dict[str, Any] = {"base": str(folder), "pictures": "none", "window": 40, "comparison": "none"}
    model = build_eiven(**(given | arguments))
    model.begin(among or pool())
    model.network.eval()
    return model


def moved(model: TrainedModel[EivenNetwork]) -> None:
    """The adapters as after training: far from the identity."""
    torch.manual_seed(5)
    for module in model.network.modules():
        if isinstance(module, Adapted):
            for parameter in module.adapter.parameters():
                torch.nn.init.normal_(parameter, std=0.3)
    for name, parameter in model.network.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.3)


def pictured(product: Product, seed: int) -> Product:
    """With a picture of noise."""
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    return replace(product, pictures=(Picture(f"{seed}.png", pixels),))


BARE = [replace(product, pictures=()) for product in PRODUCTS]
SEEN = [pictured(product, at) for at, product in enumerate(PRODUCTS)]


def asked(
    model: TrainedModel[EivenNetwork], products: list[Product], attributes: list[Attribute]
) -> list[Answer]:
    """Every product everything."""
    asks = [(p, a) for p in range(len(products)) for a in range(len(attributes))]
    return model.answer(model.prepare(products), model.describe(attributes), asks)


def make_clip_base(folder: Path, *, layers: int = 12) -> Path:
    """What ``find_clip`` wants of a folder."""
    config = {
        "model_type": "clip_vision_model",
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "image_size": SIDE,
        "patch_size": 28,
    }
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        body = build_clip(config)
    tensors = {f"vision_model.{n}": t.contiguous() for n, t in body.state_dict().items()}
    save_file(tensors, folder / "model.safetensors")
    return folder
