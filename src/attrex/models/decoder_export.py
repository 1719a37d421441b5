"""What a language model has learnt, as a decoder that any program reads (EIVEN 2.2: no latency is added)."""

from __future__ import annotations

import copy
from pathlib import Path

from attrex.errors import OutputError
from attrex.models.eiven_network import EivenNetwork
from attrex.models.text_encoders import TOKENISER
from attrex.models.trained import TrainedModel
from attrex.nn.adapters import fold
from attrex.nn.causal import save_decoder
from attrex.nn.lora import fold_lora, has_lora


def export_decoder(model: TrainedModel[EivenNetwork], folder: Path) -> Path:
    """Writes the decoder with its adapters folded into its weights, its configuration and its tokeniser, as a
    folder that can be a base itself. The model stays as it is.

    Raises ``ModelError`` for adapters that cannot be folded (``nn.adapters.fold``), ``OutputError`` where
    something stands there.
    """
    if folder.exists() and any(folder.iterdir()):
        raise OutputError("there is something already", file=str(folder), fix="name an empty folder")
    decoder = copy.deepcopy(model.network.decoder)
    if has_lora(decoder):
        fold_lora(decoder)
    fold(decoder.layers)
    folder.mkdir(parents=True, exist_ok=True)
    save_decoder(decoder, folder)
    (folder / TOKENISER).write_text(model.files()[TOKENISER], "utf-8")
    return folder
