"""Detectors of DETR's kind: where in a picture there are objects. Which ones they are is not asked.

They are Hugging Face's, pretrained and frozen, by folder or by name. Those whose pictures are read by an
encoder of the package timm are refused: attrex does without it.

Legend: C pictures, S pixels a side, Q boxes that a detector gives, K classes, P boxes that are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from attrex.errors import ConfigError, ModelError
from attrex.nn.pixels import Normalised
from attrex.nn.pretrained import CONFIG, PREPARATION, WEIGHTS, Base, find_base, quietly
from attrex.nn.vision import IMAGENET_MEAN, IMAGENET_STD


def _softmax(logits_CQK: Tensor) -> Tensor:
    """The last class is "no object"."""
    return logits_CQK.softmax(2)[..., :-1].amax(2)


def _sigmoid(logits_CQK: Tensor) -> Tensor:
    return logits_CQK.sigmoid().amax(2)


KINDS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "conditional_detr": _sigmoid,
    "detr": _softmax,
    "rt_detr": _sigmoid,
    "yolos": _softmax,
}
"""By ``model_type``, how sure a box is, ``(C, Q)``, of its classes' logits."""


class Detector(nn.Module):
    """``most`` boxes of a picture at most, the surest first, each at least so sure (``least``).

    It is frozen, and computes in float32, whatever else does not: few digits move a box.
    """

    def __init__(
        self, body: nn.Module, *, most: int, least: float, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        super().__init__()
        config: Any = body.config
        self.body = body.requires_grad_(False).eval()
        self.most, self.least, self._sure = most, least, KINDS[config.model_type]
        self.normalised = Normalised(mean, std)

    def train(self, mode: bool = True) -> Detector:
        """It is frozen, and so is its dropout."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, pixels_CSS3: Tensor) -> list[Tensor]:
        """Of each picture ``(P, 4)`` as ``nn.boxes`` has them; there may be none. Pixels are red, green and
        blue in 0 to 255."""
        found = self.body(pixel_values=self.normalised(pixels_CSS3))
        sure_CQ = self._sure(found.logits.float())
        middle_CQ2, size_CQ2 = found.pred_boxes.float().split(2, 2)
        box_CQ4 = torch.cat([middle_CQ2 - size_CQ2 / 2, middle_CQ2 + size_CQ2 / 2], 2).clamp(0, 1)
        kept_CQ = (sure_CQ >= self.least) & (box_CQ4[..., 2:] > box_CQ4[..., :2]).all(2)
        made = []
        for box_Q4, sure_Q, kept_Q in zip(box_CQ4, sure_CQ, kept_CQ, strict=True):
            order_P = sure_Q[kept_Q].argsort(descending=True, stable=True)[: self.most]
            made.append(box_Q4[kept_Q][order_P])
        return made


def check_objects(most: int, least: float) -> None:
    """Raises ``ConfigError`` where a builder's number lies out of range."""
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise ConfigError(f"model.arguments.objects: expected a whole number from 1, got {most!r}")
    if not 0 <= least <= 1:
        raise ConfigError(f"model.arguments.objects_from is {least}; it must lie in [0, 1]")


def find_detector(name: str) -> Base:
    """A pretrained detector, by folder or by its name on the hub ("hustvl/yolos-tiny").

    Raises ``BackboneMissing`` where it is not there, ``ModelError`` where it is not whole or no detector.
    """
    base = find_base(name, needs=(WEIGHTS, CONFIG), what="detector")
    kind = base.config().get("model_type")
    if kind not in KINDS:
        raise ModelError(
            f'"{name}" is no detector that attrex knows: it is of the kind "{kind}". '
            f"Fix: give one of the kinds {', '.join(KINDS)}"
        )
    return base


def preparation(base: Base) -> tuple[Sequence[float], Sequence[float]]:
    """The mean and deviation that it was trained with; ImageNet's where its files do not say, and neither
    where they say that there was none."""
    file = base.folder / PREPARATION
    said: Mapping[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    if not said.get("do_normalize", True):
        return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return said.get("image_mean", IMAGENET_MEAN), said.get("image_std", IMAGENET_STD)


def build_detector(config: Mapping[str, Any]) -> nn.Module:
    """The architecture of a ``config.json`` at random. Raises ``ModelError`` where it needs timm."""
    # Seconds to import, and most models see no pictures.
    from transformers import AutoModelForObjectDetection

    body: nn.Module = AutoModelForObjectDetection.from_config(_configured(config))
    return body


def load_detector(base: Base) -> nn.Module:
    """With the pretrained weights, whose names Hugging Face's own reader knows, the old ones too. Raises
    ``ModelError`` where one is missing, or where it needs timm."""
    from transformers import AutoModelForObjectDetection

    config = _configured(base.config())
    with quietly():
        body, told = AutoModelForObjectDetection.from_pretrained(
            str(base.folder),
            config=config,
            use_safetensors=True,
            local_files_only=True,
            ignore_mismatched_sizes=True,  # told below, as what is missing is
            dtype=torch.float32,
            output_loading_info=True,
        )
    missing = sorted({*told["missing_keys"], *(each[0] for each in told["mismatched_keys"])})
    if missing:
        raise ModelError(
            f'the detector "{base.name}" lacks weights, {missing[0]} the first of {len(missing)}'
        )
    made: nn.Module = body
    return made


def _configured(config: Mapping[str, Any]) -> Any:
    from transformers import AutoConfig

    settings = {name: value for name, value in config.items() if name != "model_type"}
    made = AutoConfig.for_model(config["model_type"], **settings)
    if getattr(getattr(made, "backbone_config", None), "model_type", None) == "timm_backbone":
        raise ModelError(
            f"this detector of the kind {made.model_type} needs the package timm, which attrex does without. "
            "Fix: give one whose config.json has a backbone_config of another kind (ResNet's), or YOLOS"
        )
    return made
