"""What keeps an encoder from forgetting what it was pretrained for: its masked words are still guessed as the
original guesses them (AVEQA's distilled masked language model).

Legend: N sequences, S positions, D hidden, M masked tokens, V vocabulary.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForMaskedLM

from attrex.errors import ModelError
from attrex.nn.precision import mixed

HEADS = {"bert": "cls.predictions.", "roberta": "lm_head."}
"""How the files of each kind call the layers that guess words."""

TIED = ("predictions.decoder.weight", "predictions.decoder.bias", "decoder.weight", "decoder.bias")
"""What may be missing from a file: it is the words' vectors, and the head's own bias again."""


def masked_word_head(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> nn.Module | None:
    """The pretrained layers from a state to a word, frozen; None where the weights have none. Raises
    ``ModelError`` where they have but a part."""
    settings = dict(config)
    kind = str(settings.pop("model_type", ""))
    if kind not in HEADS or not any(name.startswith(HEADS[kind]) for name in tensors):
        return None
    whole: Any = AutoModelForMaskedLM.from_config(AutoConfig.for_model(kind, **settings))
    whole.load_state_dict(dict(tensors), strict=False)
    whole.tie_weights()  # the words' vectors are the last layer
    body = str(whole.base_model_prefix)
    ((name, head),) = ((n, module) for n, module in whole.named_children() if n != body)
    known = {*tensors, *(f"{name}.{n}" for n in TIED)}
    if missing := [n for n, _ in head.named_parameters() if f"{name}.{n}" not in known]:
        raise ModelError(f"the base's masked-word head lacks weights, {name}.{missing[0]} the first of them")
    frozen: nn.Module = head.eval().requires_grad_(False)
    return frozen


class Memory(nn.Module):
    """The original encoder and its head, both frozen. ``share``: of the text's tokens that are masked.

    ``forward``: the cross entropy between the original's guesses and those of the encoder as it is now, mean
    over masked tokens. Which are masked is drawn anew each time.
    """

    def __init__(self, body: nn.Module, head: nn.Module, *, mask: int, pieces: int, share: float) -> None:
        super().__init__()
        self.body = copy.deepcopy(body).eval().requires_grad_(False)
        self.head = head
        self.mask, self.pieces, self.share = mask, pieces, share

    def train(self, mode: bool = True) -> Memory:
        """Stays as it is: the original does not drop out."""
        return self

    def forward(self, encoder: nn.Module, ids_NS: Tensor, mask_NS: Tensor, text_NS: Tensor) -> Tensor:
        """``text_NS``: the tokens that may be masked."""
        chosen_NS = (torch.rand(ids_NS.shape, device=ids_NS.device) < self.share) & text_NS
        if not chosen_NS.any():
            return torch.zeros((), device=ids_NS.device)
        masked_NS = ids_NS.masked_fill(chosen_NS, self.mask)
        guessed_MV = self.head(encoder(masked_NS, mask_NS)[chosen_NS])
        with torch.no_grad(), mixed(ids_NS.device):
            states_NSD = self.body(
                input_ids=masked_NS % self.pieces, attention_mask=mask_NS.long()
            ).last_hidden_state
            original_MV = self.head(states_NSD[chosen_NS])
        soft_MV = torch.softmax(original_MV.float(), 1)
        return -(soft_MV * torch.log_softmax(guessed_MV, 1)).sum(1).mean()
