"""Rows of the conformance table: SMARTAVE in its forms, and PAM."""

from __future__ import annotations

from typing import Any

_TEXT = {"base": "tiny", "window": 20, "decoder_layers": 1, "block": 16, "beams": 3}
_VISION = {"vision": "small", "vision_size": 56, "vision_widths": [16, 16, 16, 16]}
_OBJECTS = {
    "regions": "detector",
    "detector": "tiny detector",
    "detector_size": 56,
    "objects": 3,
    "objects_from": 0.3,
}
_ROW: dict[str, Any] = {"open": True, "writes": True}

ROWS: list[dict[str, Any]] = [
    {
        **_ROW,
        "name": "SMARTAVE",
        "builder": "smartave",
        "arguments": {**_TEXT, **_VISION},
        "rate": 3e-3,
        "epochs": 100,
    },
    {
        **_ROW,
        "name": "SMARTAVE-text, shared queries",
        "builder": "smartave-text",
        "arguments": {**_TEXT, "queries": "shared", "shapes": "read", "alpha": 0.1},
        "rate": 3e-3,
        "epochs": 90,
    },
    {
        **_ROW,
        "name": "SMARTAVE, apart",
        "builder": "smartave",
        "arguments": {**_TEXT, **_VISION, "attribute": "apart", "replacement": 0.3},
        "rate": 3e-3,
        "epochs": 120,
    },
    {
        **_ROW,
        "name": "PAM",
        "builder": "pam",
        "arguments": {"base": "tiny", "window": 20, "layers": 1, "beams": 3, **_VISION, **_OBJECTS},
        "rate": 5e-3,
        "epochs": 60,
    },
]
"""The fields of ``table.Row``."""
