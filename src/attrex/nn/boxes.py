"""Boxes in pictures: (left, top, right, bottom) as shares of the picture's width and height.

Legend: X boxes, S pixels a side, V pixels a side of a crop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

WHOLE = (0.0, 0.0, 1.0, 1.0)
"""The picture as a whole."""
SIZED = 6
"""Numbers that ``sized`` gives of a box."""


def sized(box_X4: Tensor) -> Tensor:
    """``(X, 6)``: the edges, width and height, from which an embedding of a box is made. X may be several
    dimensions."""
    return torch.cat([box_X4, box_X4[..., 2:] - box_X4[..., :2]], -1)


def grid(side: int) -> Tensor:
    """``(side x side, 4)``: the cells of a grid, row by row from the top left."""
    edges = torch.arange(side) / side
    top, left = torch.meshgrid(edges, edges, indexing="ij")
    corner = torch.stack([left.flatten(), top.flatten()], 1)
    return torch.cat([corner, corner + 1 / side], 1)


def crop(picture_3SS: Tensor, box: Sequence[float], size: int) -> Tensor:
    """What the box shows, ``(3, size, size)``, stretched; it is widened to whole pixels, one at the least."""
    side = picture_3SS.shape[1]
    left, top = (min(max(math.floor(edge * side), 0), side - 1) for edge in box[:2])
    right, bottom = (min(max(math.ceil(edge * side), 1), side) for edge in box[2:])
    part_13hw = picture_3SS[:, top : max(bottom, top + 1), left : max(right, left + 1)].unsqueeze(0)
    made_13VV: Tensor = nn.functional.interpolate(
        part_13hw, size=(size, size), mode="bilinear", align_corners=False, antialias=True
    )
    return made_13VV[0]


def rectangles(side: int) -> Tensor:
    """``(X, 4)``: all that the cells of such a grid make up, the whole among them."""
    first, last = torch.triu_indices(side, side)
    left, top = torch.meshgrid(torch.arange(len(first)), torch.arange(len(first)), indexing="xy")
    left, top = left.flatten(), top.flatten()
    return torch.stack([first[left], first[top], last[left] + 1, last[top] + 1], 1) / side


def within(share_VV: Tensor, box_X4: Tensor) -> Tensor:
    """``(X,)``: how much of what lies on the cells of a grid, evenly on each, lies in each of the boxes."""
    side = len(share_VV)
    cover_X2V = _overlap(box_X4, side) * side
    return torch.einsum("xr,rc,xc->x", cover_X2V[:, 1], share_VV, cover_X2V[:, 0])


def painted(share_X: Tensor, box_X4: Tensor, side: int) -> Tensor:
    """Shares of boxes as shares of the cells of a grid, ``(side, side)``: each box's lies evenly on it."""
    overlap_X2V = _overlap(box_X4, side)
    cover_XVV = overlap_X2V[:, 1].unsqueeze(2) * overlap_X2V[:, 0].unsqueeze(1)
    even_XVV = cover_XVV / cover_XVV.sum((1, 2), keepdim=True).clamp(min=1e-12)
    return (even_XVV * share_X.view(-1, 1, 1)).sum(0)


def _overlap(box_X4: Tensor, side: int) -> Tensor:
    """``(X, 2, side)``: how far each box lies on each column, and on each row."""
    first_V = torch.arange(side, device=box_X4.device) / side
    low_X2, high_X2 = box_X4[:, :2], box_X4[:, 2:]
    return (
        torch.minimum(high_X2.unsqueeze(2), first_V + 1 / side) - torch.maximum(low_X2.unsqueeze(2), first_V)
    ).clamp(min=0)
