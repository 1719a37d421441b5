from __future__ import annotations

import pytest

from attrex.core import Region


@pytest.mark.parametrize(
    ("picture", "box"),
    [
        (-1, (0.0, 0.0, 1.0, 1.0)),
        (0, (0.5, 0.0, 0.5, 1.0)),
        (0, (0.0, 0.6, 1.0, 0.5)),
        (0, (0.0, 0.0, 1.1, 1.0)),
        (0, (-0.1, 0.0, 1.0, 1.0)),
    ],
)
def test_a_region_lies_within_a_picture(picture: int, box: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match=r"the region .* of picture -?\d is empty or lies outside"):
        Region(picture, box)
    assert Region(0, (0.0, 0.25, 1.0, 1.0)).box[1] == 0.25
