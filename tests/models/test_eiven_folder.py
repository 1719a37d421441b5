"""What of EIVEN is trained, what is kept of it, and what it is refused for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from attrex.errors import AttrexError, ConfigError, ModelError, OutputError
from attrex.models.decoder_export import export_decoder
from attrex.models.eiven import build_eiven
from attrex.models.folder import load_model, save_model
from attrex.models.picture_parts import save_features
from attrex.nn import pretrained
from attrex.nn.causal import find_decoder, load_decoder, small_decoder
from attrex.training import Settings
from attrex.training.trainer import AttrexTrainer
from tests.conformance.base import make_decoder_base
from tests.conformance.ten import SCHEMA, pool
from tests.models.eiven_made import BARE, COLOUR, OPEN, SEEN, SMALL, asked, begun, make_clip_base, moved

TUNINGS = ["repadapter", "mlp", "mlp-linear", "lora"]
LINEAR = ["repadapter", "mlp-linear", "lora"]


@pytest.fixture(autouse=True)
def _peft(request: pytest.FixtureRequest) -> None:
    if "lora" in request.node.name:
        pytest.importorskip("peft", reason="the extra lora is not installed")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_decoder_base(tmp_path / "decoder")


def fitted(base: Path, **arguments: Any) -> Any:
    """With pictures, adapters away from where they began."""
    model = begun(base, **(SMALL | {"tuning": "repadapter"} | arguments))
    moved(model)
    return model


# --- what is trained and kept ---


@pytest.mark.parametrize("tuning", TUNINGS)
def test_only_adapters_and_what_reads_pictures_are_trained_and_kept(
    tuning: str, base: Path, tmp_path: Path
) -> None:
    clip = make_clip_base(tmp_path / "clip")
    model = begun(base, tuning=tuning, pictures="clip", vision_base=str(clip), picture_size=56, projection=4)
    trained = {n for n, p in model.network.named_parameters() if p.requires_grad}
    assert trained == set(model.tensors())
    assert {n.split(".")[0] for n in trained} == {"base", "pictures"}
    assert all("adapter" in n or "lora" in n for n in trained if n.startswith("base"))
    assert all(n.startswith("pictures.projector") for n in trained if n.startswith("pictures"))
    grouped = [p for group in model.parameter_groups().values() for p in group]
    assert len(grouped) == len(trained)


def test_the_frozen_decoder_takes_no_optimiser_memory(base: Path) -> None:
    model = fitted(base)
    among = pool()
    trainer = AttrexTrainer(model, among, Settings(epochs=1), score=None, checkpoints=None, say=print)
    optimiser = trainer.create_optimizer()
    loss = model.network(model.collate(list(model.examples(among, 0))[:4]))["loss"]
    loss.backward()
    optimiser.step()
    held = sum(p.numel() for p in optimiser.state)
    assert held == sum(tensor.numel() for tensor in model.tensors().values())
    assert not [n for n, p in model.network.named_parameters() if p.grad is not None and not p.requires_grad]


@pytest.mark.parametrize("tuning", TUNINGS)
def test_gradients_reach_every_adapter(tuning: str, base: Path) -> None:
    model = fitted(base, tuning=tuning)
    model.network(model.collate(list(model.examples(pool(), 0))))["loss"].backward()
    named = model.network.named_parameters()
    trainable = {n: p for n, p in named if p.requires_grad and n.startswith("base")}
    assert trainable
    assert [n for n, p in trainable.items() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("tuning", TUNINGS)
def test_a_folder_of_adapters_answers_as_before(tuning: str, base: Path, tmp_path: Path) -> None:
    model = fitted(base, tuning=tuning)
    folder = save_model(model, tmp_path / "model", schema=SCHEMA, calibration={}, card="")
    again: Any = load_model(folder).model
    assert asked(again, SEEN, [COLOUR, OPEN]) == asked(model, SEEN, [COLOUR, OPEN])
    frozen = load_file(base / "model.safetensors")
    kept = load_file(folder / "model.safetensors")
    assert not {n.partition("lm.")[2] for n in kept} & set(frozen)


def test_a_base_is_found_again_from_another_working_folder(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(base.parent)
    model = fitted(Path(base.name), pictures="none")
    folder = save_model(model, tmp_path / "model", schema=SCHEMA, calibration={}, card="")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again: Any = load_model(folder).model
    assert asked(again, BARE, [COLOUR]) == asked(model, BARE, [COLOUR])


# --- export ---


@pytest.mark.parametrize("tuning", LINEAR)
def test_an_exported_decoder_says_the_same_without_adapters(tuning: str, base: Path, tmp_path: Path) -> None:
    model = fitted(base, tuning=tuning)
    folder = export_decoder(model, tmp_path / "exported")
    with torch.no_grad():
        before = asked(model, BARE, [COLOUR])
        alone = load_decoder(find_decoder(str(folder)))
        ids_BT = torch.randint(3, 20, (3, 9))
        mask_BT = torch.ones_like(ids_BT).bool()
        ours, theirs = (d.states(d.words(ids_BT), mask_BT) for d in (model.network.decoder, alone))
        plain = load_decoder(find_decoder(str(base)))
        without = plain.states(plain.words(ids_BT), mask_BT)
    assert (ours - theirs).abs().max() < 1e-5
    assert (ours - without).abs().max() > 1e-2
    assert not any("adapter" in n or "lora" in n for n, _ in alone.named_parameters())
    assert asked(model, BARE, [COLOUR]) == before  # the model itself is as it was


def test_an_exported_decoder_is_a_base(base: Path, tmp_path: Path) -> None:
    model = fitted(base, pictures="none")
    folder = export_decoder(model, tmp_path / "exported")
    again = begun(folder, tuning="mlp")
    for one, other in zip(asked(model, BARE, [COLOUR]), asked(again, BARE, [COLOUR]), strict=True):
        assert one.none_score == pytest.approx(other.none_score, abs=1e-5)


def test_what_cannot_be_exported(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="an adapter with an activation cannot be folded"):
        export_decoder(fitted(base, tuning="mlp"), tmp_path / "exported")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="there is something already"):
        export_decoder(fitted(base), tmp_path / "full")


# --- a base of 16 bits ---


def halved(base: Path) -> None:
    tensors = {n: t.half() for n, t in load_file(base / "model.safetensors").items()}
    save_file(tensors, base / "model.safetensors", {"format": "pt"})
    edited(base, dtype="float16")


@pytest.mark.parametrize(("fast", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_weights_of_16_bits_stay_small_where_the_hardware_computes_so(
    fast: bool, dtype: torch.dtype, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the adapters beside them are of 32 bits, learn, and answer."""
    monkeypatch.setattr("attrex.nn.precision.has_bfloat16", lambda device: fast)
    halved(base)
    model = fitted(base)
    dtypes = {p.dtype for p in model.network.parameters() if not p.requires_grad}
    assert dtypes == {dtype}
    assert {p.dtype for p in model.network.parameters() if p.requires_grad} == {torch.float32}
    loss = model.network(model.collate(list(model.examples(pool(), 0))[:6]))["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    for answer in asked(model, SEEN, [COLOUR]):
        total = sum(c.score for c in answer.candidates) + (answer.none_score or 0)
        assert total <= 1.02
    (free,) = asked(model, SEEN[:1], [OPEN])
    assert free.none_score is not None or free.problem is not None


# --- bases that will not do ---


def edited(base: Path, **changes: Any) -> None:
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, **changes}))


def without_tensor(base: Path) -> None:
    tensors = load_file(base / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, base / "model.safetensors", {"format": "pt"})


def reshaped(base: Path) -> None:
    tensors = load_file(base / "model.safetensors")
    tensors["model.norm.weight"] = torch.ones(7)
    save_file(tensors, base / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda b: (b / "tokenizer.json").unlink(), r'the decoder ".*decoder" has no tokenizer\.json'),
        (lambda b: (b / "model.safetensors").unlink(), r'the decoder ".*" has no model\.safetensors'),
        (
            lambda b: edited(b, model_type="gpt2"),
            'is of the architecture "gpt2". Fix: give one of llama, qwen2',
        ),
        (lambda b: edited(b, eos_token_id=None), r'the decoder ".*": its config\.json names no eos_token_id'),
        (without_tensor, r"lacks weights, model\.layers\.1\.mlp\.up_proj\.weight the first of 1"),
        (reshaped, r"(?s)decoder.*(norm\.weight is \(7,\), expected \(32,\)|does not fit its config\.json)"),
    ],
)
def test_a_base_that_will_not_do_is_named_with_what_it_lacks(
    spoil: Callable[[Path], object], message: str, base: Path
) -> None:
    spoil(base)
    with pytest.raises(ModelError, match=message):
        begun(base)


def test_a_base_that_is_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        ModelError, match='the decoder "no/such" is neither a folder nor to be had from the hub'
    ):
        begun(Path("no/such"))


def test_adapters_for_another_base_are_refused(base: Path, tmp_path: Path) -> None:
    folder = save_model(fitted(base), tmp_path / "model", schema=SCHEMA, calibration={}, card="")
    shutil.rmtree(base)
    with pytest.raises(ModelError, match=r"the decoder .* neither a folder"):
        load_model(folder)
    make_decoder_base(base, seed=1)
    message = r'trained on another version of the decoder ".*decoder" \(its SHA-256 differs\)'
    pretrained._sha256.cache_clear()
    with pytest.raises(ModelError, match=message):
        load_model(folder)


def test_a_vision_encoder_that_is_no_clip_or_another_one(base: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r'vision encoder ".*" is of the architecture "llama". Fix: give a CLIP'
    ):
        begun(base, pictures="clip", vision_base=str(base))
    clip = make_clip_base(tmp_path / "clip")
    with pytest.raises(ConfigError, match=r"picture_size is 112, and the vision encoder wants 56 pixels"):
        begun(base, pictures="clip", vision_base=str(clip), picture_size=112)
    with pytest.raises(ConfigError, match=r"model\.arguments\.every is 5; it must divide the encoder's 12"):
        begun(base, pictures="clip", vision_base=str(clip), picture_size=56, every=5)
    model = begun(base, pictures="clip", vision_base=str(clip), picture_size=56)
    folder = save_model(model, tmp_path / "model", schema=SCHEMA, calibration={}, card="")
    again: Any = load_model(folder).model
    assert asked(again, SEEN, [COLOUR]) == asked(model, SEEN, [COLOUR])


def test_a_small_encoder_of_pictures_is_kept_for_another_model(base: Path, tmp_path: Path) -> None:
    learnt = fitted(base)
    encoder = learnt.network.pictures.encoder
    folder = save_features(encoder, tmp_path / "seeing")
    with pytest.raises(OutputError, match="there is something already"):
        save_features(encoder, folder)
    kept = {"pictures": "kept", "vision_base": str(folder)}
    model = fitted(base, **kept)
    pictures_B3SS = torch.randn(2, 3, 56, 56)
    with torch.no_grad():
        theirs = model.network.pictures.encoder(pictures_B3SS)
        assert torch.equal(theirs, encoder(pictures_B3SS))
        last = fitted(base, **kept, granularity="last").network.pictures.encoder(pictures_B3SS)
    assert torch.equal(last, theirs[:, -1:])
    assert not any(name.startswith("pictures.encoder") for name in model.tensors())
    again: Any = load_model(
        save_model(model, tmp_path / "model", schema=SCHEMA, calibration={}, card="")
    ).model
    assert asked(again, SEEN, [COLOUR]) == asked(model, SEEN, [COLOUR])
    with pytest.raises(ConfigError, match="picture_size is 112, and the vision encoder wants 56 pixels"):
        fitted(base, **kept, picture_size=112)
    with pytest.raises(ModelError, match=r'"llama"\. Fix: give a folder that save_features wrote'):
        fitted(base, pictures="kept", vision_base=str(base))


# --- settings ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"tuning": "prefix"},
            "model.arguments.tuning: expected one of full, repadapter, mlp, mlp-linear, lora",
        ),
        ({"tuning": "repadapter"}, 'the base "small" knows nothing, so all of it must learn'),
        ({"base": "x", "precision": "int8"}, "weights of 8 or 4 bits cannot be tuned as a whole"),
        ({"precision": "int2"}, "model.arguments.precision: expected one of file, int8, int4"),
        ({"adapter_size": 0}, "model.arguments.adapter_size is 0; it must be at least 1"),
        ({"pictures": "large"}, "model.arguments.pictures: expected one of clip, small, kept, none"),
        ({"order": "reversed"}, "model.arguments.order: expected one of text-first, question-first"),
        ({"comparison": "best"}, "model.arguments.comparison: expected one of judge-last"),
        ({"compared": 1.5}, r"model\.arguments\.compared is 1\.5; it must lie in \[0, 1\]"),
        ({"projection": 0}, "model.arguments.projection is 0; it must be at least 1"),
        ({"answers": "any"}, "model.arguments.answers: expected one of allowed, free"),
        ({"decoding": "top"}, "model.arguments.decoding: expected one of greedy, beam, sampled"),
        ({"beams": 0}, "model.arguments.beams: expected a whole number from 1, got 0"),
        ({"granularity": "fine"}, "model.arguments.granularity: expected one of multiple, last"),
        ({"activation": "relu"}, "model.arguments.activation: expected one of silu, swiglu"),
    ],
)
def test_a_wrong_setting_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(AttrexError, match=message):
        build_eiven(**arguments)


def test_8_bits_need_what_this_machine_lacks(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    message = 'precision is "int8", for which this machine lacks an NVIDIA GPU.* Fix: give "file"'
    with pytest.raises(ConfigError, match=message):
        begun(base, tuning="repadapter", precision="int8")


def test_lora_without_its_library(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    with pytest.raises(ConfigError, match=r'the package peft is needed. Fix: pip install "attrex\[lora\]"'):
        begun(base, tuning="lora")


def test_a_small_decoder_s_heads_must_fit(base: Path) -> None:
    with pytest.raises(ConfigError, match="layers is 2 and heads 5; at least one layer, and heads that give"):
        small_decoder(torch.zeros(9, 32), layers=2, heads=5)
