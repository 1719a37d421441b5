"""EIVEN's network: a decoder that reads pictures' tokens among words.

Legend: B sequences, S positions, C pictures, G pixels a side, K tokens a picture, D hidden, N answer pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from attrex.models.decoder_parts import WholeDecoder
from attrex.nn.causal import CausalDecoder
from attrex.nn.encoders import padded
from attrex.nn.granular import PictureTokens


class EivenNetwork(nn.Module):
    """``forward`` takes what ``Eiven.collate`` gives. ``pictures`` None: they are not looked at."""

    def __init__(self, base: CausalDecoder | WholeDecoder, pictures: PictureTokens | None) -> None:
        super().__init__()
        self.base, self.pictures = base, pictures

    @property
    def decoder(self) -> CausalDecoder:
        """Whatever of it is tuned."""
        return self.base.decoder if isinstance(self.base, WholeDecoder) else self.base

    @property
    def tokens(self) -> int:
        """K."""
        return 0 if self.pictures is None else self.pictures.tokens

    def vectors(self, ids_BS: Tensor, pixels_CGG3: Tensor) -> Tensor:
        """``(B, S, D)`` of pieces, and of picture tokens where ``prompts.placeholder`` stands."""
        words_BSD = self.decoder.words(ids_BS.clamp(min=0))
        if self.pictures is None or not len(pixels_CGG3):
            return words_BSD
        tokens_XD = self.pictures(pixels_CGG3).flatten(0, 1).to(words_BSD.dtype)
        seen_BS = ids_BS < 0
        placed_BSD = tokens_XD[(-1 - ids_BS).clamp(min=0)]
        return torch.where(seen_BS.unsqueeze(2), placed_BSD, words_BSD)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: the mean over sequences of the negative log likelihood of their answers (EIVEN 2.2), each
        times its weight."""
        ids_BS, mask_BS, answer_BS = batch["ids_BS"], batch["mask_BS"], batch["answer_BS"]
        states_BSD = self.decoder.states(self.vectors(ids_BS, batch["pixels_CGG3"]), mask_BS)
        row_N, at_N = answer_BS.nonzero(as_tuple=True)
        # What follows a state is what it must say.
        logits_NV = self.decoder.logits(states_BSD[row_N, at_N - 1])
        lost_N = nn.functional.cross_entropy(logits_NV, ids_BS[row_N, at_N], reduction="none")
        return {"loss": (lost_N * batch["weight_B"][row_N]).sum() / len(ids_BS)}


def sequences(asked: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]) -> dict[str, Tensor]:
    """``ids_BS`` of what is read with its answer behind it, which are real, and which are the answer's."""
    ids_BS, mask_BS = padded([[*a, *b] for a, b in zip(asked, answers, strict=True)], 0)
    within_1S = torch.arange(ids_BS.shape[1]).unsqueeze(0)
    begin_B1 = torch.tensor([[len(each)] for each in asked])
    return {"ids_BS": ids_BS, "mask_BS": mask_BS, "answer_BS": mask_BS & (within_1S >= begin_B1)}
