"""A window longer than an encoder's positions is refused before anything is learnt; what is read of an
attribute's name, where that is long, is said."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from attrex.api.fitting import build
from attrex.core import Attribute
from attrex.errors import ConfigError, ModelError
from tests.conformance.base import make_base, make_decoder_base
from tests.conformance.ten import pool

_BERT = {"encoder": "pretrained"}
BUILDERS: dict[str, dict[str, Any]] = {
    "adatag": _BERT,
    "tag-sets": _BERT,
    "separate": _BERT,
    "uls-l": _BERT,
    "uls-vl": {},
    "jave": _BERT,
    "cma-clip": {},
}
BESIDE = {"cross-encoder": "category and attribute that is 308"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """128 positions."""
    return make_base(tmp_path_factory.mktemp("room") / "base")


@pytest.mark.parametrize("builder", [*BUILDERS, *BESIDE])
def test_a_window_without_room_is_refused(builder: str, base: Path) -> None:
    beside = BESIDE.get(builder, "its category that is 243")
    message = f"model.arguments.window is 224; with {beside} tokens, and the encoder has 128 positions. Fix: "
    model: Any = build(builder, {**BUILDERS.get(builder, {}), "base": str(base), "window": 224})
    with pytest.raises(ConfigError, match=re.escape(message)):
        model.begin(pool())


def test_one_with_room_is_not(base: Path) -> None:
    model: Any = build("adatag", {**_BERT, "base": str(base), "window": 109})
    model.begin(pool())
    told = "window is 110; with its category that is 129 tokens.* Fix: a window of 109 at most"
    with pytest.raises(ConfigError, match=told):
        build("adatag", {**_BERT, "base": str(base), "window": 110}).begin(pool())  # type: ignore[attr-defined]


def test_an_encoder_whose_tokeniser_is_of_another_kind_is_refused(tmp_path: Path) -> None:
    base = make_decoder_base(tmp_path / "decoder")
    model: Any = build("adatag", {**_BERT, "base": str(base), "window": 20})
    with pytest.raises(ModelError) as told:
        model.begin(pool())
    assert str(told.value) == (
        f'the encoder "{base}" cannot be used: the tokeniser has no </s>, <pad> or <unk>. '
        "Fix: give one of BERT's or T5's kind"
    )


@pytest.mark.parametrize(
    ("builder", "arguments"),
    [
        *((name, {}) for name in ("cross-encoder", "aveqa", "suopentag", "deflate")),
        ("smartave-text", {"block": 100}),
        ("smartave-text", {"block": 100, "attribute": "apart"}),
    ],
)
def test_a_name_longer_than_what_is_read_is_said(
    builder: str, arguments: dict[str, Any], base: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model: Any = build(builder, {"base": str(base), "window": 20, **arguments})
    model.begin(pool())
    name = "colour " * 100
    with caplog.at_level(logging.WARNING):
        model.describe([Attribute(name), Attribute("Colour", "seen " * 100)])
    assert [record.getMessage() for record in caplog.records] == [
        f'the attribute "{name[:60]}..." is 100 tokens long; the first 64 are read'
    ]
