from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attrex.nn.boxes import WHOLE, crop, grid, painted, rectangles, sized, within

PICTURE = torch.arange(3 * 8 * 8, dtype=torch.float32).view(3, 8, 8)
EDGE = st.floats(-0.2, 1.2)


def test_a_grid_s_cells_stand_row_by_row() -> None:
    assert grid(2).tolist() == [[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1]]
    assert sized(grid(2))[1].tolist() == [0.5, 0, 1, 0.5, 0.5, 0.5]


def test_a_crop_is_what_the_box_shows() -> None:
    assert torch.equal(crop(PICTURE, WHOLE, 8), PICTURE)
    torch.testing.assert_close(crop(PICTURE, (0.5, 0.25, 0.75, 0.5), 2), PICTURE[:, 2:4, 4:6])
    # Made smaller, every pixel counts.
    torch.testing.assert_close(crop(PICTURE, WHOLE, 1).flatten(), PICTURE.mean((1, 2)), atol=0.1, rtol=0)


@given(EDGE, EDGE, EDGE, EDGE, st.integers(1, 9))
def test_every_box_has_a_crop_if_only_of_a_pixel(
    left: float, top: float, right: float, bottom: float, side: int
) -> None:
    made = crop(torch.rand(3, side, side), (left, top, right, bottom), 4)
    assert made.shape == (3, 4, 4)
    assert made.isfinite().all()


def test_shares_of_boxes_lie_evenly_on_a_grid() -> None:
    boxes = torch.tensor([[0, 0, 1, 1], [0.25, 0.25, 0.75, 0.75], [0.5, 0, 1, 0.5]])
    shares = torch.tensor([0.4, 0.4, 0.2])
    made = painted(shares, boxes, 2)
    assert made.sum().item() == pytest.approx(1)
    torch.testing.assert_close(made, torch.tensor([[0.2, 0.4], [0.2, 0.2]]))


def test_rectangles_of_a_grid_are_all_that_there_are() -> None:
    assert sorted(rectangles(2).tolist()) == sorted(
        [left, top, right, bottom]
        for left, right in ((0, 0.5), (0, 1), (0.5, 1))
        for top, bottom in ((0, 0.5), (0, 1), (0.5, 1))
    )
    assert len(rectangles(7)) == (7 * 8 // 2) ** 2


def test_what_lies_within_a_box_is_the_cells_parts() -> None:
    shares = torch.tensor([[0.1, 0.2], [0.3, 0.4]])
    boxes = torch.tensor([[0, 0, 1, 1], [0.5, 0, 1, 0.5], [0.25, 0, 0.75, 1], [0.5, 0.5, 0.75, 0.75]])
    torch.testing.assert_close(within(shares, boxes), torch.tensor([1.0, 0.2, 0.5, 0.1]))


@given(EDGE, EDGE, st.integers(1, 9))
def test_what_lies_within_boxes_side_by_side_is_all(one: float, other: float, side: int) -> None:
    shares = torch.rand(side, side)
    low, high = sorted(min(max(edge, 0.0), 1.0) for edge in (one, other))
    edges = [0.0, low, high, 1.0]
    boxes = torch.tensor([[a, 0, b, 1] for a, b in pairwise(edges)])
    assert within(shares, boxes).sum().item() == pytest.approx(shares.sum().item(), rel=1e-4)
