"""A model on disk: a folder of plain files, read without unpickling anything.

``config.json`` (builder, arguments, format), ``model.safetensors`` (what was trained), the model's own
text files, ``schema.yaml``, ``calibration.json``, ``support.json`` (how often the training data state each
value; may be absent), ``gate.json`` and ``gate.safetensors`` (which attributes a product has at all; may be
absent) and ``README.md`` (the card). ``files.json`` lists every file with its SHA-256, so
that a truncated folder is told from a whole one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from safetensors import SafetensorError

from attrex.core import content_hash
from attrex.errors import ModelError, OutputError
from attrex.models.gate import FittedGate, load_gate
from attrex.models.interface import Identified, Model
from attrex.schema import Schema, dump_schema, read_schema

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
"""Of the folder. A newer attrex may write a higher one, which this one refuses."""
CONFIG, WEIGHTS, SCHEMA, CALIBRATION, SUPPORT, GATE, GATE_WEIGHTS, CARD, LIST = (
    "config.json",
    "model.safetensors",
    "schema.yaml",
    "calibration.json",
    "support.json",
    "gate.json",
    "gate.safetensors",
    "README.md",
    "files.json",
)
_FIX = "Fix: copy the whole folder, or fit the model again"
NEW = ".attrex-new"
"""Behind the folder's name while it is written."""
OWN = frozenset({CONFIG, WEIGHTS, SCHEMA, CALIBRATION, SUPPORT, GATE, GATE_WEIGHTS, CARD, LIST})


@runtime_checkable
class StorableModel(Model, Protocol):
    """A model that can be written down: builder and arguments, tensors, and texts by file name."""

    def config(self) -> dict[str, Any]:
        """``{"builder": a name in the catalogue, "arguments": JSON-able}``."""
        ...

    def tensors(self) -> dict[str, Tensor]: ...

    def files(self) -> dict[str, str]: ...

    def restore(self, tensors: Mapping[str, Tensor], files: Mapping[str, str]) -> None:
        """Takes back what ``tensors`` and ``files`` gave, on a model fresh from its builder."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """What stood in a folder."""

    model: StorableModel
    schema: Schema
    calibration: dict[str, Any]
    card: str
    support: dict[str, Any] | None = None
    gate: FittedGate | None = None


def model_version(model: StorableModel) -> str:
    """Content hash of everything a model has learnt."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(model.tensors().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(dtype=_bytes()).numpy().tobytes())
    made_by = model.identity() if isinstance(model, Identified) else model.config()
    return content_hash([made_by, model.files(), digest.hexdigest()])


def _bytes() -> Any:
    import torch

    return torch.uint8


def save_model(
    model: StorableModel,
    folder: Path,
    *,
    schema: Schema,
    calibration: Mapping[str, Any],
    card: str,
    support: Mapping[str, Any] | None = None,
    gate: FittedGate | None = None,
) -> Path:
    """Writes the folder, whole or not at all, and returns it. A kill while one model takes the place of
    another may leave files of both: such a folder is told to be damaged, and saving again makes it whole.

    Raises ``OutputError`` where it cannot be written, or where something that is no model stands there.
    """
    check_folder(folder)
    texts = {
        CONFIG: json.dumps({"format": FORMAT, **model.config()}, indent=2, ensure_ascii=False),
        SCHEMA: dump_schema(schema),
        CALIBRATION: json.dumps(calibration, ensure_ascii=False),
        CARD: card,
        **({} if support is None else {SUPPORT: json.dumps(support, ensure_ascii=False)}),
        **({} if gate is None else {GATE: json.dumps(gate.to_json(), ensure_ascii=False)}),
        **model.files(),
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Of one name, so that what a kill has left is written over.
        made = folder.resolve().with_name(f"{folder.resolve().name}{NEW}")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        try:
            tensors = {WEIGHTS: model.tensors(), GATE_WEIGHTS: {} if gate is None else gate.gate.tensors()}
            _write(made, texts, tensors)
            os.chmod(made, 0o755)  # noqa: S103 - as any folder the user makes
            if folder.exists():
                for entry in made.iterdir():
                    entry.replace(folder / entry.name)
            else:
                made.replace(folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except (OSError, SafetensorError) as problem:
        said = problem.strerror if isinstance(problem, OSError) else None
        raise OutputError(
            f"the model cannot be written ({said or problem})",
            file=str(folder),
            fix="make room, or give another place",
        ) from problem
    return folder


def check_folder(folder: Path) -> None:
    """Raises ``OutputError`` where no model can be written: something else stands there, or no folder can be
    made. For before the work, which may take long."""
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not _is_ours(folder))):
        raise OutputError(
            "this is not a model folder, so it is not overwritten",
            file=str(folder),
            fix="give another place, or remove it first",
        )
    above = next(each for each in folder.resolve().parents if each.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        what = f"nothing may be written to {above}" if above.is_dir() else f"{above} is no folder"
        raise OutputError(what, file=str(folder), fix="give another place")


def _write(made: Path, texts: Mapping[str, str], tensors: Mapping[str, dict[str, Tensor]]) -> None:
    for name, text in texts.items():
        (made / name).write_text(text, "utf-8")
    for name, own in tensors.items():
        if own:
            from safetensors.torch import save_file

            save_file({n: t.detach().cpu().contiguous() for n, t in own.items()}, made / name)
            (made / name).chmod((made / CONFIG).stat().st_mode)  # safetensors lets the owner alone read
    sums = {entry.name: _sha256(entry) for entry in sorted(made.iterdir()) if entry.name != CARD}
    (made / LIST).write_text(json.dumps(sums, indent=2), "utf-8")


def _is_ours(folder: Path) -> bool:
    """A model, or the checkpoints of one that was not finished."""
    return (folder / CONFIG).is_file() or all(entry.name == "checkpoints" for entry in folder.iterdir())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_model(folder: Path) -> Stored:
    """Raises ``ModelError`` where the folder is missing, damaged, or from a newer attrex."""
    from attrex.models.catalog import CATALOG

    if not folder.is_dir():
        what = "this is a file, not a model folder" if folder.exists() else "there is no such model folder"
        raise ModelError(f"{folder}: {what}. Fix: check the path, or fit a model")
    if not (folder / CONFIG).is_file():
        raise ModelError(f"{folder}: there is no {CONFIG}, so this is no model folder. {_FIX}")
    config = _json(folder / CONFIG)
    if not isinstance(config, dict) or not isinstance(config.get("format"), int):
        raise ModelError(f"{folder / CONFIG}: there is no format, so this is no attrex model. {_FIX}")
    if config["format"] > FORMAT:
        raise ModelError(
            f"{folder}: the model was written by a newer attrex (format {config['format']}; this one "
            f"reads up to {FORMAT}). Fix: upgrade attrex"
        )
    sums = _checked(folder)
    builder = str(config.get("builder"))
    if builder not in CATALOG:
        raise ModelError(
            f'{folder / CONFIG}: builder "{builder}" is unknown; there are {", ".join(CATALOG)}. {_FIX}'
        )
    try:
        model = CATALOG[builder](**config.get("arguments", {}))
    except TypeError as problem:
        raise ModelError(f"{folder / CONFIG}: arguments: {problem}. {_FIX}") from problem
    texts = {n: (folder / n).read_text("utf-8") for n in sums if n not in OWN}
    try:
        model.restore(_tensors(folder, WEIGHTS, sums), texts)
    except KeyError as missing:
        raise ModelError(f"{folder}: {missing.args[0]} is missing. {_FIX}") from missing
    card = folder / CARD
    return Stored(
        model,
        read_schema(folder / SCHEMA),
        _json(folder / CALIBRATION),
        card.read_text("utf-8", errors="replace") if card.is_file() else "",  # the user's to edit
        _json(folder / SUPPORT) if SUPPORT in sums else None,
        load_gate(_json(folder / GATE), _tensors(folder, GATE_WEIGHTS, sums)) if GATE in sums else None,
    )


def _tensors(folder: Path, name: str, sums: Mapping[str, str]) -> dict[str, Tensor]:
    if name not in sums:
        return {}
    from safetensors.torch import load_file

    tensors: dict[str, Tensor] = load_file(folder / name)
    return tensors


def _checked(folder: Path) -> dict[str, str]:
    """The folder's list of files, all of them there and whole."""
    if not (folder / LIST).is_file():
        raise ModelError(f"{folder}: {LIST} is missing. {_FIX}")
    sums = _json(folder / LIST)
    if not isinstance(sums, dict) or not {CONFIG, SCHEMA, CALIBRATION} <= sums.keys():
        raise ModelError(f"{folder / LIST}: damaged. {_FIX}")
    for name, expected in sums.items():
        if name != Path(name).name:
            raise ModelError(f'{folder / LIST}: "{name}" lies outside of the folder. {_FIX}')
        if not (folder / name).is_file():
            raise ModelError(f"{folder}: {name} is missing. {_FIX}")
        if _sha256(folder / name) != expected:
            raise ModelError(f"{folder / name}: damaged or cut short. {_FIX}")
    return sums


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (ValueError, UnicodeDecodeError) as problem:
        raise ModelError(f"{path}: damaged ({problem}). {_FIX}") from problem
