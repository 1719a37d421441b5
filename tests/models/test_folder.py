"""Model folders: whole, or told exactly what is wrong with them."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from attrex.core import Attribute, Product, Source
from attrex.errors import BackboneMissing, ModelError, OutputError
from attrex.models import folder as folders
from attrex.models.adatag import build_adatag
from attrex.models.folder import StorableModel, check_folder, load_model, model_version, save_model
from attrex.models.lexicon import build_lexicon
from attrex.schema import Schema
from tests.conformance.base import make_base
from tests.conformance.ten import COLOUR, PRODUCTS, SCHEMA, UNSEEN, pool

CALIBRATION = {"kind": "none"}


def save(model: StorableModel, folder: Path) -> Path:
    return save_model(model, folder, schema=SCHEMA, calibration=CALIBRATION, card="# A card\n")


def adatag(**given: Any) -> Any:
    torch.manual_seed(0)
    model = build_adatag(
        **{
            "encoder": "bilstm",
            "embedding": 4,
            "width": 4,
            "attributes": "random",
            "attribute_size": 4,
            **given,
        }
    )
    model.begin(pool())
    model.network.eval()
    return model


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save(adatag(), tmp_path / "model")


def test_a_folder_holds_plain_files(saved: Path) -> None:
    names = {entry.name for entry in saved.iterdir()}
    assert names == {
        "config.json",
        "model.safetensors",
        "schema.yaml",
        "calibration.json",
        "README.md",
        "files.json",
        "attributes.json",
        "attribute_embedding.json",
        "trims.json",
        "words.json",
    }
    assert json.loads((saved / "config.json").read_text())["builder"] == "adatag"
    stored = load_model(saved)
    assert (stored.schema, stored.calibration, stored.card) == (SCHEMA, CALIBRATION, "# A card\n")


def test_who_may_read_one_file_may_read_all(saved: Path) -> None:
    assert len({entry.stat().st_mode for entry in saved.iterdir() if entry.is_file()}) == 1


def test_nothing_is_left_beside_the_folder(saved: Path) -> None:
    assert [entry.name for entry in saved.parent.iterdir()] == ["model"]


def test_a_version_changes_with_what_was_learnt(saved: Path) -> None:
    model: Any = load_model(saved).model
    before = model_version(model)
    assert before == model_version(adatag())
    with torch.no_grad():
        next(model.network.parameters()).view(-1)[0] += 1e-3
    assert model_version(model) != before


def test_a_model_takes_the_place_of_a_model(saved: Path) -> None:
    save(build_lexicon(), saved)
    assert load_model(saved).model.config()["builder"] == "lexicon"


def test_nothing_else_is_overwritten(tmp_path: Path) -> None:
    theirs = tmp_path / "photos"
    theirs.mkdir()
    (theirs / "cat.jpg").write_text("cat")
    with pytest.raises(OutputError, match="this is not a model folder, so it is not overwritten"):
        save(build_lexicon(), theirs)
    with pytest.raises(OutputError, match="not a model folder"):
        save(build_lexicon(), theirs / "cat.jpg")
    assert [entry.name for entry in theirs.iterdir()] == ["cat.jpg"]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders, "_write", full)
    with pytest.raises(OutputError, match=r"the model cannot be written \(No space left on device\)"):
        save(build_lexicon(), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_weights_that_find_no_room_are_an_output_error(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    model = adatag(width=64, embedding=64)
    largest = max(len(text.encode()) for text in model.files().values())
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(largest, 4096), before[1]))
    try:
        with pytest.raises(OutputError, match=r"the model cannot be written \(.*File too large"):
            save(model, tmp_path / "model")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def cut_short(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def configured(**given: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = {**json.loads((folder / "config.json").read_text()), **given}
        (folder / "config.json").write_text(json.dumps(config))
        sums = json.loads((folder / "files.json").read_text())
        sums["config.json"] = folders._sha256(folder / "config.json")
        (folder / "files.json").write_text(json.dumps(sums))

    return change


def listed(**given: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        sums = {**json.loads((folder / "files.json").read_text()), **given}
        (folder / "files.json").write_text(json.dumps(sums))

    return change


def forgotten(name: str) -> Callable[[Path], None]:
    """Gone, and gone from the list of files too."""

    def change(folder: Path) -> None:
        (folder / name).unlink()
        sums = json.loads((folder / "files.json").read_text())
        del sums[name]
        (folder / "files.json").write_text(json.dumps(sums))

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, r"there is no such model folder. Fix: check the path, or fit a model"),
        (lambda f: (f / "config.json").unlink(), r"so this is no model folder. Fix: copy the whole"),
        (lambda f: (f / "config.json").write_text("{"), r"config.json: damaged"),
        (lambda f: (f / "config.json").write_text("{}"), r"there is no format, so this is no attrex model"),
        (configured(format=99), r"written by a newer attrex \(format 99; this one reads up to 1\). Fix: upg"),
        (configured(builder="gpt"), r'builder "gpt" is unknown; there are adatag, .*lexicon'),
        (
            configured(arguments={"depth": 3}),
            r"config.json: arguments: .*unexpected keyword argument 'depth'",
        ),
        (cut_short, r"model.safetensors: damaged or cut short. Fix: copy the whole folder, or fit"),
        (lambda f: (f / "words.json").unlink(), r"words.json is missing. Fix: copy the whole folder"),
        (forgotten("words.json"), r"words.json is missing. Fix: copy the whole folder, or fit the model"),
        (lambda f: (f / "words.json").write_text("[]"), r"words.json: damaged or cut short"),
        (lambda f: (f / "files.json").unlink(), r"files.json is missing. Fix: copy the whole folder"),
        (lambda f: (f / "files.json").write_text("[1]"), r"files.json: damaged"),
        (listed(**{"../secret": "0"}), r'"\.\./secret" lies outside of the folder'),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(
    damage: Callable[[Path], None], message: str, saved: Path
) -> None:
    damage(saved)
    with pytest.raises(ModelError, match=message):
        load_model(saved)


def test_a_file_is_no_model_folder(saved: Path) -> None:
    file = saved / "config.json"
    with pytest.raises(ModelError) as told:
        load_model(file)
    assert (
        str(told.value) == f"{file}: this is a file, not a model folder. Fix: check the path, or fit a model"
    )


def test_a_card_in_another_encoding_is_read_as_far_as_it_can_be(saved: Path) -> None:
    (saved / "README.md").write_bytes("# Café\n".encode("cp1252"))
    assert load_model(saved).card == "# Caf\ufffd\n"


def test_a_place_for_no_model_is_told_beforehand(tmp_path: Path) -> None:
    check_folder(tmp_path / "new" / "model")
    check_folder(tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError) as told:
        check_folder(tmp_path / "file" / "model")
    place = tmp_path / "file" / "model"
    assert str(told.value) == f"{place}: {tmp_path / 'file'} is no folder. Fix: give another place"
    with pytest.raises(OutputError) as told:
        check_folder(tmp_path / "file")
    assert str(told.value).endswith(
        "file: this is not a model folder, so it is not overwritten. "
        "Fix: give another place, or remove it first"
    )


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputError) as told:
        check_folder(tmp_path / "model")
    assert str(told.value).endswith(f"model: nothing may be written to {tmp_path}. Fix: give another place")


def test_a_card_may_be_rewritten(saved: Path) -> None:
    (saved / "README.md").write_text("mine")
    assert load_model(saved).card == "mine"


# --- pretrained encoders ---


def answers(model: Any, attribute: Attribute) -> Any:
    return model.answer(model.prepare(PRODUCTS), model.describe([attribute]), [(0, 0), (3, 0)])


def test_a_folder_is_whole_without_the_local_encoder_it_was_made_of(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    model = adatag(encoder="pretrained", base=str(base), attributes="contextual", window=20)
    expected = answers(model, COLOUR)
    saved = save(model, tmp_path / "model")
    shutil.rmtree(base)
    again: Any = load_model(saved).model
    assert answers(again, COLOUR) == expected
    with pytest.raises(BackboneMissing, match="neither a folder nor to be had from the hub"):
        again.describe([UNSEEN])


def test_what_is_frozen_and_to_be_had_elsewhere_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with an encoder of the hub: its embeddings come from there, by name and hash."""
    from attrex.models import text_encoders
    from attrex.nn.pretrained import Base

    base = make_base(tmp_path / "base")
    monkeypatch.setattr(text_encoders, "find_base", lambda name: Base(name, base, portable=True))
    model = adatag(encoder="pretrained", base=str(base), attributes="random", window=20)
    assert not any(".embeddings." in name for name in model.tensors())
    assert any(".layer.0." in name for name in model.tensors())
    saved = save(model, tmp_path / "model")
    assert answers(load_model(saved).model, COLOUR) == answers(model, COLOUR)
    other = make_base(tmp_path / "other", seed=1)
    monkeypatch.setattr(text_encoders, "find_base", lambda name: Base(name, other, portable=True))
    with pytest.raises(
        ModelError, match=r"trained on another version of the encoder .*Fix: put that version back, or fit"
    ):
        load_model(saved)


def test_a_base_without_its_parts_is_refused(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    (base / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r'encoder ".*base" has no tokenizer.json'):
        adatag(encoder="pretrained", base=str(base))


def test_words_start_from_vectors_of_a_file(tmp_path: Path) -> None:
    vectors = tmp_path / "glove.txt"
    vectors.write_text("red 1 2 3 4\nunknown 9 9 9 9\nmug 5 6 7 8\n")
    model = adatag(vectors=str(vectors))
    red, mug = model.tokeniser.encode(["red mug"])[0].ids
    assert model.network.encoder.table.weight[red].tolist() == [1, 2, 3, 4]
    assert model.network.encoder.table.weight[mug].tolist() == [5, 6, 7, 8]
    vectors.write_text("red 1 2 3 4\nmug 5 6 7\n")
    with pytest.raises(ModelError, match=r"glove.txt, line 2: 3 numbers, expected 4"):
        adatag(vectors=str(vectors))
    with pytest.raises(ModelError, match=r'word vectors: there is no file "nowhere\.txt"'):
        adatag(vectors="nowhere.txt")


def test_vectors_are_not_needed_again(tmp_path: Path) -> None:
    vectors = tmp_path / "glove.txt"
    vectors.write_text("red 1 2 3 4\n")
    model = adatag(vectors=str(vectors))
    saved = save(model, tmp_path / "model")
    vectors.unlink()
    assert answers(load_model(saved).model, COLOUR) == answers(model, COLOUR)


def test_products_without_a_text_of_their_own_are_answered_after_loading(saved: Path) -> None:
    model = load_model(saved).model
    empty = Product("1", "Hats", (Source("title", ""),))
    (answer,) = model.answer(model.prepare([empty]), model.describe([COLOUR]), [(0, 0)])
    assert (answer.candidates, answer.none_score) == ((), 1.0)


def test_a_schema_of_any_kind_is_kept(tmp_path: Path) -> None:
    schema = Schema([Attribute("Größe", "wie groß", values=("S", "M"), many=True, delimiter="|")])
    saved = save_model(build_lexicon(), tmp_path / "m", schema=schema, calibration={}, card="")
    assert load_model(saved).schema == schema


# --- killed ---


def killed_at(step: int, model: StorableModel, folder: Path) -> bool:
    """Saves in another process, which is killed before it moves its ``step``-th file; whether it was."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL)
        return status == signal.SIGKILL
    moved, replace = 0, Path.replace

    def moving(path: Path, target: Path) -> Path:
        nonlocal moved
        if moved == step:
            os.kill(os.getpid(), signal.SIGKILL)
        moved += 1
        return replace(path, target)

    Path.replace = moving  # type: ignore[assignment,method-assign]
    save(model, folder)
    os._exit(0)


def test_killed_while_a_model_takes_the_place_of_another_the_folder_is_whole_or_told_to_be_damaged(
    tmp_path: Path,
) -> None:
    old, new = adatag(), build_lexicon()
    versions = {model_version(old), model_version(new)}
    folder, found = tmp_path / "model", set()
    for step in range(20):
        save(old, folder)
        done = not killed_at(step, new, folder)
        try:
            found.add(model_version(load_model(folder).model))
        except ModelError as error:
            assert re.search(r"damaged|is missing", str(error))  # noqa: PT017 - in a loop
        save(new, folder)
        assert model_version(load_model(folder).model) == model_version(new)
        assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
        if done:
            break
    assert done
    assert step > 3
    assert found == versions
