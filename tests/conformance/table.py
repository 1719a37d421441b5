"""The conformance table: every model there is, one row each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attrex.models.catalog import CATALOG
from attrex.models.folder import StorableModel
from tests.conformance import pictured, structured
from tests.web.talking import always_there

_BILSTM = {"encoder": "bilstm", "embedding": 16, "width": 16, "dropout": 0.0, "window": 20}
_BERT = {"encoder": "pretrained", "base": "tiny", "window": 20}
_ADATAG = {"experts": 2, "base": "tiny"}
_GENERATIVE = {"base": "tiny", "window": 20, "layers": 1}
_TOWERS = {"base": "tiny", "window": 20, "width": 32, "heads": 2, "dropout": 0.0}
_KNOWN = (
    ("Colour", ("red", "dark blue", "green", "blue", "brown", "sand")),
    ("Material", ("cotton", "wool", "steel", "silk", "glass", "felt", "straw")),
    ("Size", ("L", "40 cm", "12 cm")),
)
"""What the language model behind the address knows."""
_EIVEN = {"layers": 2, "heads": 2, "window": 20, "compared": 0.2}
_SEEING = {"pictures": "small", "picture_size": 56, "picture_widths": [16, 16, 16, 16]}
_EAVE = {"base": "tiny", "window": 20, "dropout": 0.0}


@dataclass(frozen=True)
class Row:
    """A builder with arguments. ``open``: answers attributes that were never trained on. ``rate``: at
    which it learns the ten products within ``epochs``; None for a model that learns in one pass.
    ``writes``: a value may be its own, and stand nowhere. The address "served" is that of a server which
    always answers."""

    name: str
    builder: str
    arguments: Mapping[str, Any]
    open: bool = False
    rate: float | None = 4e-2
    epochs: int = 40
    writes: bool = False

    def build(self, base: Path) -> StorableModel:
        """The model, untrained; ``base`` stands in for the pretrained encoder, the folders beside it for the
        pretrained decoder and detector."""
        beside = {f"tiny {name}": str(base.with_name(name)) for name in ("decoder", "detector")}
        places = {"tiny": str(base), **beside}
        arguments = {n: places.get(v, v) if isinstance(v, str) else v for n, v in self.arguments.items()}
        if arguments.get("address") == "served":
            arguments["address"] = always_there(_KNOWN)
        return CATALOG[self.builder](**arguments)


TABLE = [
    Row("lexicon", "lexicon", {}, open=True, rate=None),
    Row("endpoint", "endpoint", {"address": "served", "model": "m", "shots": 2}, open=True, rate=None),
    Row(
        "endpoint, one at a time",
        "endpoint",
        {"address": "served", "model": "m", "prompt": "eave"},
        open=True,
        rate=None,
    ),
    Row("adatag", "adatag", {**_BILSTM, **_ADATAG}, open=True),
    Row("adatag, pretrained", "adatag", {**_BERT, **_ADATAG}, open=True, rate=1e-2),
    Row(
        "adatag, as the default",
        "adatag",
        {**_BERT, **_ADATAG, "shapes": "read", "layers": 2, "replacement": 0.3},
        open=True,
        rate=1e-2,
    ),
    Row("adatag, static", "adatag", {**_BILSTM, **_ADATAG, "attributes": "static"}, open=True),
    Row("adatag, tuned", "adatag", {**_BILSTM, **_ADATAG, "attributes_tuned": True}, open=True),
    Row("adatag, random", "adatag", {**_BILSTM, "attributes": "random", "attribute_size": 8}),
    Row(
        "adatag, swapped",
        "adatag",
        {**_BILSTM, **_ADATAG, "linear": "mixture", "transitions": "hypernetwork", "experts": 6},
        open=True,
        epochs=60,
    ),
    Row("cross-encoder", "cross-encoder", {"base": "tiny", "window": 20}, open=True, rate=5e-3, epochs=60),
    Row("AVEQA", "aveqa", {"base": "tiny", "window": 20, "shapes": "read"}, open=True, rate=5e-3, epochs=60),
    Row("MAVEQA", "maveqa", {"base": "tiny", "window": 20, "radius": 4}, open=True, rate=6e-3, epochs=35),
    Row("BiLSTM, tag sets", "tag-sets", {**_BILSTM, "decoder": "softmax"}),
    Row("BiLSTM-CRF, tag sets", "tag-sets", {**_BILSTM, "decoder": "crf"}),
    Row("BERT, tag sets", "tag-sets", {**_BERT, "decoder": "softmax"}, rate=1e-2),
    Row(
        "BERT-CRF, tag sets",
        "tag-sets",
        {**_BERT, "decoder": "crf", "frozen_embeddings": False},
        rate=1e-2,
    ),
    Row("BiLSTM, models", "separate", {**_BILSTM, "decoder": "softmax"}),
    Row("BiLSTM-CRF, models", "separate", {**_BILSTM, "decoder": "crf", "scheme": "BIO"}),
    Row("BERT, models", "separate", {**_BERT, "decoder": "softmax"}, rate=1e-2),
    Row("BERT-CRF, models", "separate", {**_BERT, "decoder": "crf"}, rate=1e-2),
    Row("BiLSTM-CRF-SharedEmb", "separate", {**_BILSTM, "words": "shared"}),
    Row("BiLSTM-MultiCRF", "multi-crf", _BILSTM),
    Row("OpenTag", "separate", {**_BILSTM, "attention": "self"}, rate=3e-2, epochs=50),
    Row(
        "BiLSTM-MultiCRF, characters",
        "multi-crf",
        {**_BILSTM, "tokens": "characters", "window": 60, "width": 32},
        epochs=60,
    ),
    Row("DiPair", "dipair", {**_TOWERS, "first": 4}, open=True, rate=3e-3, epochs=130),
    Row(
        "VIRT",
        "virt",
        {**_TOWERS, "decoding": "softmax", "shapes": "read", "distillation": 0.3},
        open=True,
        rate=4e-3,
        epochs=90,
    ),
    Row("MixEncoder", "mixencoder", {**_TOWERS, "layers": [1, 2]}, open=True, rate=4e-3, epochs=100),
    Row("generative", "generative", _GENERATIVE, rate=5e-3, writes=True),
    Row(
        "generative, rare first",
        "generative",
        {**_GENERATIVE, "order": "rare-first", "shapes": "read", "beams": 1},
        rate=5e-3,
        epochs=60,
        writes=True,
    ),
    Row(
        "SUOpenTag",
        "suopentag",
        {"base": "tiny", "window": 20, "width": 32, "dropout": 0.0, "frozen_embeddings": False},
        open=True,
        rate=8e-3,
        epochs=150,
    ),
    Row(
        "EIVEN",
        "eiven",
        {**_EIVEN, **_SEEING, "words": "tiny"},
        open=True,
        rate=1e-2,
        epochs=90,
        writes=True,
    ),
    Row(
        "EIVEN, a pretrained decoder, the paper's order",
        "eiven",
        {
            **_EIVEN,
            "base": "tiny decoder",
            "pictures": "none",
            "order": "question-first",
            "comparison": "better-instance",
            "decoding": "greedy",
        },
        open=True,
        rate=1e-2,
        epochs=50,
        writes=True,
    ),
    Row("EAVE", "eave", {**_EAVE, "mapping": "even_0"}, open=True, rate=5e-3, epochs=60),
    Row(
        "EAVE, frozen",
        "eave",
        {**_EAVE, "heavy": "frozen", "light": "tiny", "shapes": "read", "decoding": "softmax"},
        open=True,
        rate=5e-3,
        epochs=60,
    ),
    Row(
        "EAVE, cross-attention",
        "eave",
        {**_EAVE, "fusion": "cross_attention", "place": "before_attention", "light_layers": [1]},
        open=True,
        rate=5e-3,
        epochs=60,
    ),
    *(Row(**fields) for fields in pictured.ROWS),
    *(Row(**fields) for fields in structured.ROWS),
]
