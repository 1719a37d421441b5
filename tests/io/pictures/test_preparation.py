from __future__ import annotations

import numpy as np
import pytest

from attrex.errors import ConfigError
from attrex.io.pictures import IMAGENET, Preparation


def test_channels_come_first_and_are_normalised() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    wanted = (pixels / 255 - np.array(IMAGENET.mean)) / np.array(IMAGENET.std)
    found = IMAGENET.normalised(pixels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted.transpose(0, 3, 1, 2), atol=1e-5)
    assert IMAGENET.normalised(pixels[:0]).shape == (0, 3, 4, 4)


def test_an_encoder_has_statistics_of_its_own() -> None:
    own = Preparation.of(2, [0.5, 0.5, 0.5], [0.25, 0.5, 1])
    white = np.full((1, 2, 2, 3), 255, dtype=np.uint8)
    np.testing.assert_allclose(own.normalised(white)[0, :, 0, 0], [2, 1, 0.5], atol=1e-6)


@pytest.mark.parametrize(
    ("size", "mean", "std", "message"),
    [
        (0, [0, 0, 0], [1, 1, 1], "pictures.size is 0; it must be at least 1"),
        (2, [0, 0], [1, 1, 1], r"pictures.mean: expected three numbers, got \[0, 0\]"),
        (2, [0, 0, 0], [1, 0, 1], r"pictures.std is \[1, 0, 1\]; each must be above 0"),
    ],
)
def test_wrong_settings_say_so(size: int, mean: list[float], std: list[float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Preparation.of(size, mean, std)
