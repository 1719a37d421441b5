"""A pretrained ResNet's folder, tiny and at random."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import ResNetConfig, ResNetForImageClassification

TINY = {
    "model_type": "resnet",
    "embedding_size": 8,
    "hidden_sizes": [8, 8, 16, 24],
    "depths": [1, 1, 2, 1],
    "layer_type": "basic",
}


def write_resnet(folder: Path, *, seed: int = 0) -> ResNetForImageClassification:
    """A classifier as the hub has them: tensors under ``resnet.``, and a head that is not wanted."""
    settings = {name: value for name, value in TINY.items() if name != "model_type"}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = ResNetForImageClassification(ResNetConfig(**settings, num_labels=3))
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                if name.endswith("running_mean"):
                    buffer.normal_(std=0.1)
    folder.mkdir(exist_ok=True)
    save_file({n: t.contiguous() for n, t in model.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(TINY))
    return model.eval()
