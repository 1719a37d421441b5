"""T5's encoder without its decoder, and weights in several files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from attrex.errors import ModelError
from attrex.nn.encoders import PretrainedEncoder
from attrex.nn.pretrained import PARTS, WEIGHTS, build_body, find_base, load_body
from tests.conformance.base import make_base, make_t5_base


def test_t5_is_its_encoder_alone(tmp_path: Path) -> None:
    base = find_base(str(make_t5_base(tmp_path / "t5")))
    # As on the hub: a decoder, and the word table under one of its two names.
    tensors = {**base.tensors(), "decoder.final_layer_norm.weight": torch.ones(32)}
    assert "shared.weight" in tensors
    assert "encoder.embed_tokens.weight" not in tensors
    save_file(tensors, base.folder / WEIGHTS)
    body = load_body(base)
    assert not any("decoder" in name for name, _ in body.named_parameters())
    table = body.get_submodule("encoder.embed_tokens")
    assert torch.equal(table.weight, tensors["shared.weight"])  # type: ignore[arg-type]
    assert body.get_submodule("shared").weight is table.weight
    states = body(input_ids=torch.tensor([[4, 5, 1]])).last_hidden_state
    assert states.shape == (1, 3, 32)


def test_norms_may_have_their_old_names(tmp_path: Path) -> None:
    base = find_base(str(make_base(tmp_path / "bert")))
    tensors = load_file(base.folder / WEIGHTS)
    old = {
        n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): t
        for n, t in tensors.items()
    }
    assert old.keys() != tensors.keys()
    save_file(old, base.folder / WEIGHTS)
    assert base.tensors().keys() == tensors.keys()
    body = load_body(base)
    assert torch.equal(
        body.state_dict()["embeddings.LayerNorm.weight"], tensors["embeddings.LayerNorm.weight"]
    )


def test_t5_s_frozen_embeddings_are_its_words(tmp_path: Path) -> None:
    base = find_base(str(make_t5_base(tmp_path / "t5")))
    encoder = PretrainedEncoder(load_body(base), frozen_embeddings=True)
    assert [n for n, p in encoder.named_parameters() if not p.requires_grad] == ["body.shared.weight"]


def in_parts(folder: Path) -> Path:
    make_t5_base(folder)
    tensors = load_file(folder / WEIGHTS)
    names = sorted(tensors)
    halves = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, own in halves.items():
        save_file({name: tensors[name] for name in own}, folder / file)
    index = {"weight_map": {name: file for file, own in halves.items() for name in own}}
    (folder / PARTS).write_text(json.dumps(index))
    (folder / WEIGHTS).unlink()
    return folder


def test_weights_may_lie_in_several_files(tmp_path: Path) -> None:
    whole = find_base(str(make_t5_base(tmp_path / "whole")))
    parts = find_base(str(in_parts(tmp_path / "parts")))
    ours, theirs = parts.tensors(), whole.tensors()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    before = parts.sha256()
    other = in_parts(tmp_path / "other")
    (file, *_) = sorted(other.glob("*-of-*"))
    save_file({name: tensor + 1 for name, tensor in load_file(file).items()}, file)
    assert find_base(str(other)).sha256() != before


def test_a_part_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = in_parts(tmp_path / "parts")
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no model-00002-of-00002\.safetensors, which its model\.safet"):
        load_body(find_base(str(folder)))
    (folder / PARTS).write_text(json.dumps({"weight_map": {"shared.weight": "../elsewhere.safetensors"}}))
    with pytest.raises(ModelError, match=r"has no \.\./elsewhere\.safetensors"):
        find_base(str(folder)).sha256()


def test_an_encoder_without_a_kind_is_refused() -> None:
    with pytest.raises(ModelError, match="names no model_type"):
        build_body({"hidden_size": 4})
