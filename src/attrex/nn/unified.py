"""A text encoder and a vision encoder as one, trained together (ULS-DRAM 3.1).

Legend: B products, C pictures, S positions of the text, T tokens of the text alone, P patches, X positions
that the language encoder reads, M all that can be looked at, G pixels a side, F a picture's features, D
hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from attrex.nn.encoders import PretrainedEncoder, ShapedEncoder
from attrex.nn.layered import layered
from attrex.nn.pixels import Normalised
from attrex.nn.text_guided import Joiner, TextGuided

_TINY = 1e-12


class WordEncoder(Protocol):
    """A text encoder in two halves: ids to word vectors, and word vectors to states."""

    def embed(self, ids_BS: Tensor) -> Tensor: ...

    def encode(self, vectors_BXD: Tensor, mask_BX: Tensor) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """What was made of products before any attribute is known.

    ``states_BTD`` of the text's tokens, ``mask_BT`` which are real; ``pooled_BD``: the whole product;
    ``patches_BPD``, ``mask_BP`` and ``picture_BD``: the picture's parts and the picture, nought where there
    is none; ``memory_BMD`` and ``mask_BM``: all states, all patches and the picture.
    """

    states_BTD: Tensor
    mask_BT: Tensor
    pooled_BD: Tensor
    patches_BPD: Tensor
    mask_BP: Tensor
    picture_BD: Tensor
    memory_BMD: Tensor
    mask_BM: Tensor


class PictureReader(nn.Module):
    """A vision encoder, and the linear map to the width of word vectors. Patches are told by how they differ
    from their picture's mean."""

    def __init__(
        self,
        vision: nn.Module,
        *,
        features: int,
        patches: int,
        width: int,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        super().__init__()
        self.vision, self.patches, self.width = vision, patches, width
        self.project = nn.Linear(features, width)
        self.normalised = Normalised(mean, std)

    def forward(self, pixels_CGG3: Tensor, picture_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``patches_BPD``, ``mask_BP`` and ``picture_BD`` of ``Seen``; ``picture_B``: each product's place
        among the pictures, -1 for none. Pixels are red, green and blue in 0 to 255."""
        seen_B = picture_B >= 0
        mask_BP = seen_B.unsqueeze(1).expand(-1, self.patches)
        if not len(pixels_CGG3):
            empty_BPD = self.project.weight.new_zeros(len(picture_B), self.patches, self.width)
            return empty_BPD, mask_BP, empty_BPD[:, 0]
        patches_CPF, pooled_CF = self.vision(self.normalised(pixels_CGG3))
        # What all patches of a picture share stays with the picture as a whole. Left in, it grew until the
        # patches were alike: the tags' loss, large at first, is soonest brought down by a shift of all words.
        apart_CPF = patches_CPF - patches_CPF.mean(1, keepdim=True)
        patches_BPD = self.project(apart_CPF)[picture_B] * mask_BP.unsqueeze(2)
        return patches_BPD, mask_BP, self.project(pooled_CF)[picture_B] * seen_B.unsqueeze(1)


class NoPictures(nn.Module):
    """What a model of text alone sees."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, pixels_CGG3: Tensor, picture_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As ``PictureReader``, without any patch."""
        empty_BPD = torch.zeros(len(picture_B), 0, self.width, device=picture_B.device)
        mask_BP = torch.zeros(len(picture_B), 0, dtype=torch.bool, device=picture_B.device)
        return empty_BPD, mask_BP, empty_BPD.new_zeros(len(picture_B), self.width)


class UnifiedEncoder(nn.Module):
    """Word vectors and patches through a joiner into the language encoder.

    ``pooling``: "first" takes the state of the first position, which is [CLS]; "mean" that of all positions
    of the text, for an encoder without one.
    """

    def __init__(
        self,
        words: nn.Module,
        pictures: PictureReader | NoPictures,
        joiner: nn.Module,
        *,
        pooling: Literal["first", "mean"],
    ) -> None:
        super().__init__()
        self.words, self.pictures, self.joiner = words, pictures, joiner
        self.pooling = pooling

    def forward(
        self, ids_BS: Tensor, mask_BS: Tensor, places: tuple[Tensor, Tensor], pictures: tuple[Tensor, Tensor]
    ) -> Seen:
        """``places``: where the T tokens of the text stand among the S, and which are real; ``pictures``:
        what ``PictureReader`` takes."""
        position_BT, mask_BT = places
        words: WordEncoder = self.words  # type: ignore[assignment]  # a module that is one
        join: Joiner = self.joiner
        patches_BPD, mask_BP, picture_BD = self.pictures(*pictures)
        handed_BXD, mask_BX = join(words.embed(ids_BS), mask_BS, patches_BPD, mask_BP)
        states_BXD = words.encode(handed_BXD, mask_BX)
        rows_B1 = torch.arange(len(ids_BS), device=ids_BS.device).unsqueeze(1)
        wholes = [picture_BD.unsqueeze(1)] if mask_BP.shape[1] else []
        return Seen(
            states_BTD=states_BXD[rows_B1, position_BT],
            mask_BT=mask_BT,
            pooled_BD=self._pooled(states_BXD[:, : ids_BS.shape[1]], mask_BS),
            patches_BPD=patches_BPD,
            mask_BP=mask_BP,
            picture_BD=picture_BD,
            memory_BMD=torch.cat([states_BXD, patches_BPD, *wholes], 1),
            mask_BM=torch.cat([mask_BX, mask_BP, mask_BP[:, :1]], 1),
        )

    def attention(
        self, ids_BS: Tensor, mask_BS: Tensor, places: tuple[Tensor, Tensor], pictures: tuple[Tensor, Tensor]
    ) -> Tensor | None:
        """How much each word of the text looks at each patch, ``(B, T, P)``, summing to one: in TIR, or where
        patches are read as words in the first layer of the language encoder, all heads alike. None where
        words meet no patches."""
        words: WordEncoder = self.words  # type: ignore[assignment]  # a module that is one
        patches_BPD, mask_BP, _ = self.pictures(*pictures)
        text_BSD = words.embed(ids_BS)
        if isinstance(self.joiner, TextGuided):
            weights_BSP = self.joiner.attention(text_BSD, patches_BPD, mask_BP)
        elif isinstance(self.words, PretrainedEncoder | ShapedEncoder):
            join: Joiner = self.joiner
            handed_BXD, mask_BX = join(text_BSD, mask_BS, patches_BPD, mask_BP)
            if handed_BXD.shape[1] == text_BSD.shape[1]:
                return None
            weights_BXX = first_attention(self.words.body, handed_BXD, mask_BX)
            behind_BP = mask_BS.sum(1, keepdim=True) + torch.arange(mask_BP.shape[1], device=ids_BS.device)
            weights_BSP = weights_BXX[:, : ids_BS.shape[1]].gather(
                2, behind_BP.unsqueeze(1).expand(-1, ids_BS.shape[1], -1)
            )
        else:
            return None
        rows_B1 = torch.arange(len(ids_BS), device=ids_BS.device).unsqueeze(1)
        weights_BTP = weights_BSP[rows_B1, places[0]].clamp(min=0)
        shares_BTP: Tensor = weights_BTP / weights_BTP.sum(2, keepdim=True).clamp(min=_TINY)
        return shares_BTP

    def _pooled(self, states_BSD: Tensor, mask_BS: Tensor) -> Tensor:
        if self.pooling == "first":
            return states_BSD[:, 0]
        mask_BS1 = mask_BS.unsqueeze(2)
        return (states_BSD * mask_BS1).sum(1) / mask_BS1.sum(1).clamp(min=1)


def first_attention(body: nn.Module, vectors_BXD: Tensor, mask_BX: Tensor) -> Tensor:
    """The attention map ``(B, X, X)`` of a pretrained encoder's first layer, the mean of its heads'."""
    encoder = layered(body)
    positions_BX = torch.arange(mask_BX.shape[1], device=mask_BX.device).expand(mask_BX.shape)
    read_BXD = encoder.before(0, encoder.enter(vectors_BXD, positions_BX))
    bias = encoder.bias(mask_BX, mask_BX.shape[1])
    return encoder.weights(0, read_BXD, read_BXD, bias).mean(1)
