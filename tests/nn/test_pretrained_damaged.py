"""A pretrained encoder's folder of which a file was cut off."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from attrex.errors import ModelError
from attrex.nn.pretrained import PARTS, find_base
from tests.conformance.base import make_base


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize("kept", [0, 0.5, -1])
def test_a_file_that_is_cut_off_is_named(tmp_path: Path, file: str, kept: float) -> None:
    base = make_base(tmp_path / "base")
    assert find_base(str(base)).folder == base
    data = (base / file).read_bytes()
    (base / file).write_bytes(data[: int(kept) if kept == -1 else int(kept * len(data))])
    what = re.escape(f'the encoder "{base}": {file} is damaged or cut off (')
    with pytest.raises(ModelError, match=rf"^{what}.+\)\. Fix: copy the folder again$"):
        find_base(str(base))


def test_so_is_one_of_several_files_of_weights(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    (base / "model.safetensors").rename(base / "model-1-of-1.safetensors")
    (base / PARTS).write_text('{"weight_map": {"one": "model-1-of-1.safetensors"}}')
    assert find_base(str(base)).folder == base
    (base / "model-1-of-1.safetensors").write_bytes(b"cut")
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged or cut off"):
        find_base(str(base))
