"""Detectors, tiny and at random, and one whose boxes are told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForObjectDetection

_DETR = {
    "d_model": 16,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "num_queries": 6,
    "backbone_config": {
        "model_type": "resnet",
        "embedding_size": 8,
        "hidden_sizes": [8, 8, 8, 8],
        "depths": [1, 1, 1, 1],
        "layer_type": "basic",
        "out_features": ["stage4"],
    },
}
TINY: dict[str, dict[str, Any]] = {
    "yolos": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "image_size": [64, 64],
        "patch_size": 16,
        "num_detection_tokens": 6,
    },
    "detr": _DETR,
    "conditional_detr": _DETR,
    "rt_detr": {
        "d_model": 16,
        "encoder_hidden_dim": 16,
        "encoder_in_channels": [8, 8, 8],
        "decoder_in_channels": [16, 16, 16],
        "encoder_layers": 1,
        "decoder_layers": 1,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 16,
        "decoder_ffn_dim": 16,
        "num_queries": 6,
        "num_denoising": 0,
        "backbone_config": {
            "model_type": "rt_detr_resnet",
            "embedding_size": 8,
            "hidden_sizes": [8, 8, 8, 8],
            "depths": [1, 1, 1, 1],
            "layer_type": "basic",
            "out_features": ["stage2", "stage3", "stage4"],
        },
    },
}
"""Configurations, one a kind."""


def write_detector(folder: Path, kind: str = "yolos", *, seed: int = 0, **settings: Any) -> Path:
    """What ``find_detector`` wants of a folder."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = AutoConfig.for_model(kind, **{**TINY[kind], "num_labels": 3, **settings})
        body = AutoModelForObjectDetection.from_config(config)
        with torch.no_grad():
            for parameter in body.parameters():
                if parameter.dim() > 1:  # as they begin, all pictures are much alike
                    parameter.normal_(std=parameter[0].numel() ** -0.5)
    body.save_pretrained(str(folder))
    return folder


class Told(nn.Module):
    """Stands in for a detector's body of DETR's kind, and finds the same in every picture: boxes (left, top,
    right, bottom) by how sure they are."""

    def __init__(self, boxes: Sequence[tuple[float, tuple[float, float, float, float]]]) -> None:
        super().__init__()
        self.config = SimpleNamespace(model_type="detr")
        self.boxes = boxes
        self.seen: list[Tensor] = []

    def forward(self, pixel_values: Tensor) -> Any:
        self.seen.append(pixel_values)
        sure_Q = torch.tensor([sure for sure, _ in self.boxes])
        corners_Q4 = torch.tensor([box for _, box in self.boxes]).view(-1, 4)
        low_Q2, high_Q2 = corners_Q4.split(2, 1)
        boxes_Q4 = torch.cat([(low_Q2 + high_Q2) / 2, high_Q2 - low_Q2], 1)
        # Three classes, of which the last is none: a second that is a little likely.
        logits_Q3 = torch.stack([sure_Q, sure_Q * 0 + 1e-6, 1 - sure_Q], 1).clamp(min=1e-9).log()
        C = len(pixel_values)
        return SimpleNamespace(logits=logits_Q3.expand(C, -1, -1), pred_boxes=boxes_Q4.expand(C, -1, -1))
