"""Where a language model's picture encoder comes from: CLIP, a small one that learns from nothing, or one
that did so before and is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

from safetensors.torch import save_file
from torch import nn

from attrex.errors import ConfigError, ModelError, OutputError
from attrex.models.arguments import one_of
from attrex.nn.granular import ClipTokens, ResNetTokens, build_clip, find_clip, load_clip
from attrex.nn.pretrained import CONFIG, WEIGHTS, Base, find_base, lasting_name, load_weights, same_base
from attrex.nn.vision import SmallResNet

FEATURES = "features.json"
Pictured = Literal["clip", "small", "kept", "none"]
KIND = "attrex-small-resnet"
"""What the ``config.json`` of a small encoder says that was written by itself."""


class FeaturesPart(Protocol):
    """How a model gets its encoder of pictures. ``size``: pixels a side, None where it looks at none."""

    @property
    def size(self) -> int | None: ...

    def make(self) -> tuple[nn.Module | None, dict[str, str]]:
        """For training, with what a folder must hold of it."""
        ...

    def remake(self, files: Mapping[str, str]) -> nn.Module | None:
        """For a model folder."""
        ...


class NoFeatures:
    """Pictures are not looked at."""

    size: int | None = None

    def make(self) -> tuple[nn.Module | None, dict[str, str]]:
        return None, {}

    def remake(self, files: Mapping[str, str]) -> nn.Module | None:
        return None


class SmallFeatures:
    """``nn.granular.ResNetTokens``, which learns from nothing; ``last``: of the last block alone."""

    def __init__(self, *, size: int, widths: Sequence[int], last: bool) -> None:
        self.size: int | None = size
        self._side, self._widths, self._last = size, tuple(widths), last

    def make(self) -> tuple[nn.Module | None, dict[str, str]]:
        return ResNetTokens(SmallResNet(size=self._side, widths=self._widths), last=self._last), {}

    def remake(self, files: Mapping[str, str]) -> nn.Module | None:
        return self.make()[0]


class ClipFeatures:
    """CLIP by folder or by its name on the hub, frozen. The size is that of its configuration."""

    def __init__(self, base: str, *, every: int, size: int) -> None:
        self._base, self._every, self._side = base, every, size
        self.size: int | None = size

    def make(self) -> tuple[nn.Module | None, dict[str, str]]:
        base = find_clip(self._base)
        made = ClipTokens(load_clip(base), every=self._every).sized(self._side)
        about = {"base": lasting_name(base), "sha256": base.sha256(), "config": base.config()}
        return made, {FEATURES: json.dumps(about)}

    def remake(self, files: Mapping[str, str]) -> nn.Module | None:
        about = json.loads(files[FEATURES])
        base = find_clip(about["base"])
        same_base(base, about, "vision encoder")
        body = build_clip(about["config"])
        body.load_state_dict(load_clip(base).state_dict())
        return ClipTokens(body, every=self._every).sized(self._side)


class KeptFeatures:
    """A small encoder that was learnt before, frozen: a folder that ``save_features`` wrote. ``last``: of the
    last block alone."""

    def __init__(self, base: str, *, size: int, last: bool) -> None:
        self._base, self._last, self._side = base, last, size
        self.size: int | None = size

    def make(self) -> tuple[nn.Module | None, dict[str, str]]:
        base = self._found(self._base)
        return self._loaded(base), {
            FEATURES: json.dumps({"base": lasting_name(base), "sha256": base.sha256()})
        }

    def remake(self, files: Mapping[str, str]) -> nn.Module | None:
        about = json.loads(files[FEATURES])
        base = self._found(about["base"])
        same_base(base, about, "vision encoder")
        return self._loaded(base)

    def _found(self, name: str) -> Base:
        base = find_base(name, needs=(WEIGHTS, CONFIG), what="vision encoder")
        config = base.config()
        if config.get("model_type") != KIND:
            raise ModelError(
                f'the vision encoder "{name}" is of the architecture "{config.get("model_type")}". '
                "Fix: give a folder that save_features wrote"
            )
        if config["size"] != self._side:
            raise ConfigError(
                f"model.arguments.picture_size is {self._side}, and the vision encoder wants "
                f"{config['size']} pixels"
            )
        return base

    def _loaded(self, base: Base) -> nn.Module:
        config = base.config()
        made = ResNetTokens(SmallResNet(size=config["size"], widths=config["widths"]))
        load_weights(made, base.tensors(), where=f'the vision encoder "{base.name}"')
        return (made.coarsest() if self._last else made).requires_grad_(False)


def save_features(features: ResNetTokens, folder: Path) -> Path:
    """Writes a small encoder down as a folder that ``KeptFeatures`` reads. Raises ``OutputError`` where
    something stands there."""
    if folder.exists() and any(folder.iterdir()):
        raise OutputError("there is something already", file=str(folder), fix="name an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": KIND, "size": features.size, "widths": features.widths}
    (folder / CONFIG).write_text(json.dumps(config), "utf-8")
    save_file({n: t.detach().cpu().contiguous() for n, t in features.state_dict().items()}, folder / WEIGHTS)
    return folder


def features_part(
    pictures: Pictured, *, base: str, size: int, widths: Sequence[int], every: int, last: bool
) -> FeaturesPart:
    """What a builder's arguments mean. Raises ``ConfigError`` where one says nothing known."""
    one_of("pictures", pictures, ("clip", "small", "kept", "none"))
    if pictures == "clip":
        return ClipFeatures(base, every=every, size=size)
    if pictures == "kept":
        return KeptFeatures(base, size=size, last=last)
    return SmallFeatures(size=size, widths=widths, last=last) if pictures == "small" else NoFeatures()
