"""What pictures show, as the words of a dictionary of shapes: cheap enough to stand in front of any model.

A picture is brought to 56 pixels a side. Each of its 14 x 14 cells has the strengths of the edges there in
nine directions (Dalal and Triggs, 2005). Windows of 8 x 8 cells are compared with a dictionary, the centres
of the clusters of training windows (Coates, Ng and Lee, 2011); of every entry the best match in the picture
and the mean of the good ones are the features, so that it does not matter where the product stands. What
colour something has tells little of which attributes it has, and is left out.

Shapes: ``N`` products, ``M`` pictures, ``S`` pixels a side, ``h``×``w`` pixels or cells, ``L`` windows a
picture, ``E`` numbers a window, ``W`` entries of the dictionary, ``G`` features, ``K`` outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from attrex.core import Product

PIXELS = 56
"""A side; of larger pictures the mean, area by area."""
LEAST_PICTURES = 50
"""Of fewer no dictionary is made."""
_CELL, _WINDOW, _DIRECTIONS = 4, 8, 9
_WORDS = 256
"""On the drawn catalogue four times as many bring 3 points of accuracy, at three times the time."""
_FROM = 8_000
"""Training windows, evenly drawn, of which the dictionary is made."""
_STEPS = 8
_FLAT = 0.5
"""Added to a window's length, so that one without edges matches nothing."""
_GOOD = 0.1
"""A match is good that is so much above the picture's mean match."""
_BATCH = 64


class Sights:
    """``words_WE`` is the dictionary; ``mean_G`` and ``scale_G`` bring the features to about length one."""

    def __init__(self, words_WE: Tensor, mean_G: Tensor, scale_G: Tensor) -> None:
        self.words_WE, self.mean_G, self.scale_G = words_WE, mean_G, scale_G

    @classmethod
    def learn(cls, products: Sequence[Product]) -> Sights | None:
        """From the pictures of training products; None where these are too few."""
        pictured = [product for product in products if product.pictures]
        if len(pictured) < LEAST_PICTURES:
            return None
        count = sum(len(product.pictures) for product in pictured)
        drawn = torch.Generator().manual_seed(0)
        windows = torch.cat([_some(each, _FROM / count, drawn) for each in _windows(pictured)])
        raw = cls(_clusters(windows, drawn), torch.zeros(()), torch.ones(()))
        features_NG = raw.of(pictured)
        scale_G = 1 / ((features_NG.std(dim=0) + 1e-3) * features_NG.shape[1] ** 0.5)
        return cls(raw.words_WE, features_NG.mean(dim=0), scale_G)

    @property
    def size(self) -> int:
        """G."""
        return 2 * len(self.words_WE)

    def of(self, products: Sequence[Product]) -> Tensor:
        """N×G, the mean of a product's pictures; nought for one without."""
        made_NG = torch.zeros(len(products), self.size)
        rows = [row for row, product in enumerate(products) for _ in product.pictures]
        if not rows:
            return made_NG
        found = [self._features(windows_MLE) for windows_MLE in _windows(products)]
        features_MG = (torch.cat(found) - self.mean_G) * self.scale_G
        counts_N = torch.bincount(torch.tensor(rows), minlength=len(products)).clamp(min=1)
        return made_NG.index_add_(0, torch.tensor(rows), features_MG) / counts_N[:, None]

    def _features(self, windows_MLE: Tensor) -> Tensor:
        matches_MLW = windows_MLE @ self.words_WE.T
        good_MLW = (matches_MLW - matches_MLW.mean((1, 2), keepdim=True) - _GOOD).clamp(min=0)
        return torch.cat([matches_MLW.amax(1), good_MLW.mean(1)], dim=1)


def _windows(products: Sequence[Product]) -> Iterator[Tensor]:
    """The windows M×L×E of a few pictures at a time, product after product, of about length one each."""
    pixels = [picture.pixels for product in products for picture in product.pictures]
    for at in range(0, len(pixels), _BATCH):
        cells_MDhw = _edges(torch.cat([_small(each) for each in pixels[at : at + _BATCH]]))
        windows_MLE = functional.unfold((cells_MDhw + 1e-4).sqrt(), _WINDOW).transpose(1, 2)
        windows_MLE = windows_MLE - windows_MLE.mean(-1, keepdim=True)
        yield windows_MLE / (windows_MLE.norm(dim=-1, keepdim=True) + _FLAT)


def _small(pixels_SS3: npt.NDArray[np.uint8]) -> Tensor:
    """1×3×h×w, between 0 and 1."""
    channels_3SS = np.ascontiguousarray(pixels_SS3.transpose(2, 0, 1), dtype=np.float32) / 255
    return functional.interpolate(torch.from_numpy(channels_3SS)[None], PIXELS, mode="area")


def _edges(pixels_M3hw: Tensor) -> Tensor:
    """Of each cell the strengths of the edges by direction, each pixel's in its strongest channel."""
    across, down = torch.zeros_like(pixels_M3hw), torch.zeros_like(pixels_M3hw)
    across[..., 1:-1] = pixels_M3hw[..., 2:] - pixels_M3hw[..., :-2]
    down[..., 1:-1, :] = pixels_M3hw[..., 2:, :] - pixels_M3hw[..., :-2, :]
    strength_Mhw, channel_Mhw = (across.square() + down.square()).sqrt().max(1)
    own = channel_Mhw[:, None]
    angle_M1hw = torch.atan2(down.gather(1, own), across.gather(1, own)) % torch.pi / torch.pi
    direction_M1hw = (angle_M1hw * _DIRECTIONS).long().clamp(max=_DIRECTIONS - 1)
    sorted_MDhw = pixels_M3hw.new_zeros(len(pixels_M3hw), _DIRECTIONS, *strength_Mhw.shape[1:])
    sorted_MDhw.scatter_(1, direction_M1hw, strength_Mhw[:, None])
    return functional.avg_pool2d(sorted_MDhw, _CELL)


def _some(windows_MLE: Tensor, share: float, drawn: torch.Generator) -> Tensor:
    """Of each picture about that share of ``_FROM`` windows, one at least."""
    few = min(windows_MLE.shape[1], max(1, round(share)))
    order = torch.rand(windows_MLE.shape[:2], generator=drawn).argsort(1)[:, :few]
    return windows_MLE.gather(1, order[..., None].expand(-1, -1, windows_MLE.shape[2])).flatten(0, 1)


def _clusters(windows: Tensor, drawn: torch.Generator) -> Tensor:
    """W×E: the centres, of length one, by k-means on the cosine; one that loses all its windows is nought."""
    order = torch.randperm(len(windows), generator=drawn)
    words_WE = windows[order[:_WORDS]]
    for _ in range(_STEPS):
        nearest = (windows @ words_WE.T).argmax(1)
        sums_WE = torch.zeros_like(words_WE).index_add_(0, nearest, windows)
        words_WE = sums_WE / sums_WE.norm(dim=1, keepdim=True).clamp(min=1e-6)
    return words_WE
