"""Pixels are normalised as the encoders were trained, and their colours stand in front."""

from __future__ import annotations

import numpy as np
import torch

from attrex.io.pictures import Preparation
from attrex.nn.pixels import Normalised


def test_it_is_what_a_preparation_says() -> None:
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 5, 3), dtype=np.uint8)
    made = Normalised(mean, std)(torch.from_numpy(pixels))
    assert made.is_contiguous()
    torch.testing.assert_close(made, torch.from_numpy(Preparation(5, mean, std).normalised(pixels)))


def test_it_is_not_saved_with_a_model() -> None:
    assert not Normalised((0.5, 0.5, 0.5), (1.0, 1.0, 1.0)).state_dict()
