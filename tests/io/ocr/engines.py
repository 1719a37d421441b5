"""An engine that reads what it is told stands there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from attrex.io.ocr import Line

BOX = ((10.0, 20.0), (110.0, 20.0), (110.0, 40.0), (10.0, 40.0))


class Told:
    """Implements ``Engine``: the same lines for every picture; ``seen`` has the pictures' shapes."""

    name = "told 1"

    def __init__(self, *lines: Line | str) -> None:
        self._lines = [line if isinstance(line, Line) else Line(line, BOX, 0.95) for line in lines]
        self.seen: list[Sequence[int]] = []

    def lines(self, pixels_HW3: NDArray[np.uint8]) -> list[Line]:
        self.seen.append(pixels_HW3.shape)
        return list(self._lines)
