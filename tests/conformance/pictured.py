"""Rows of the conformance table: models that may see pictures, and their rivals."""

from __future__ import annotations

from typing import Any

_BILSTM = {"embedding": 16, "width": 16, "dropout": 0.0, "window": 20}
_BERT = {"base": "tiny", "dropout": 0.0, "window": 20}
_VISION = {"vision": "small", "vision_size": 56, "vision_widths": [16, 16, 16, 16]}
_DEFLATE = {"base": "tiny", "window": 20, "layers": 1, "pictures": "none"}
_ULS = {**_BERT, **_VISION, "decoder_width": 16}


def _row(name: str, builder: str, *arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for each in arguments:
        joined |= each
    headed = builder in ("uls-l", "uls-vl", "mae", "cma-clip", "deflate")
    writes = joined.get("values", "head" if headed else "none") == "head"
    return {"name": name, "builder": builder, "arguments": joined, "writes": writes, **more}


ROWS = [
    _row("ULS-L", "uls-l", _BERT, {"decoder_width": 16}, rate=1e-2, epochs=80),
    _row(
        "ULS-L, own parameters",
        "uls-l",
        _BERT,
        {"decoder_width": 16, "range": "dynamic", "values": "none", "scheme": "BIOE"},
        rate=1e-2,
        epochs=120,
    ),
    _row(
        "ULS-L, attributes' words",
        "uls-l",
        _BERT,
        {"decoder_width": 16, "range": "words", "others": 0},
        rate=1e-2,
        epochs=80,
    ),
    _row("ULS-VL", "uls-vl", _ULS, {"joined": "concatenation", "range": "none"}, rate=1e-2, epochs=110),
    _row(
        "ULS-VL, self-attention as printed",
        "uls-vl",
        _ULS,
        {"joined": "self-attention", "attention": "printed", "range": "none"},
        rate=1e-2,
        epochs=170,
    ),
    _row("ULS-VL, TIR", "uls-vl", _ULS, {"range": "none"}, rate=1e-2, epochs=120),
    _row(
        "ULS-VL, PAR",
        "uls-vl",
        {**_BILSTM, **_VISION, "encoder": "bilstm", "decoder_width": 16, "joined": "concatenation"},
        rate=2e-2,
        epochs=60,
    ),
    _row("ULS-DRAM", "uls-vl", _ULS, rate=7e-3, epochs=190),
    _row("JAVE", "jave", _BERT, rate=1e-2),
    _row("M-JAVE", "m-jave", {**_BILSTM, **_VISION, "encoder": "bilstm"}, rate=2e-2, epochs=60),
    _row("RNN-LSTM", "rnn-lstm", _BILSTM, rate=3e-2),
    _row("Attn-BiRNN", "attn-birnn", _BILSTM, rate=3e-2, epochs=60),
    _row("Slot-Gated", "slot-gated", _BILSTM, rate=2e-2),
    _row("Joint-BERT", "joint-bert", _BERT, {"values": "head"}, rate=1e-2),
    _row("CMA-CLIP", "cma-clip", _BERT, _VISION, {"heads": 2, "layers": 1}, rate=1e-2, epochs=60),
    _row("DEFLATE", "deflate", _DEFLATE, open=True, rate=5e-3, epochs=60),
    _row("MAE", "mae", {**_BILSTM, **_VISION}, rate=2e-2),
]
"""The fields of ``table.Row``."""
