"""The engine that reads: RapidOCR, whose package holds its models (PP-OCRv6) and needs no network.

Chosen over Tesseract by ``benchmarks/ocr.py``: on drawn labels it reads 99 % of the words, and those of
turned labels too, of which Tesseract reads one in six; and pip alone installs it; Tesseract is a program
of the system with language files beside it. It takes less than half the time.
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from importlib.metadata import version
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from attrex.core.product import Corner
from attrex.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, its corners in pixels, clockwise from where it begins, and how sure the reading is."""

    text: str
    corners: tuple[Corner, Corner, Corner, Corner]
    confidence: float


class Engine(Protocol):
    """``name`` tells one engine and version from another, for what is kept."""

    @property
    def name(self) -> str: ...

    def lines(self, pixels_HW3: NDArray[np.uint8]) -> list[Line]:
        """What stands in a picture of red, green and blue; nothing where there are no words."""
        ...


def need_engine() -> None:
    """Raises ``ConfigError`` where RapidOCR, its runtime or Pillow is not installed."""
    for module in ("rapidocr", "onnxruntime", "PIL"):
        if importlib.util.find_spec(module) is None:
            raise ConfigError(f'--ocr: {module} is not installed. Fix: pip install "attrex[ocr]"')


class RapidOcr:
    """Implements ``Engine``. Threads may share one: they take turns. Raises ``ConfigError`` where it is not
    installed."""

    def __init__(self) -> None:
        need_engine()
        self.name = f"rapidocr {version('rapidocr')}"
        self._engine: Any = None
        self._lock = Lock()

    def lines(self, pixels_HW3: NDArray[np.uint8]) -> list[Line]:
        with self._lock:
            if self._engine is None:
                from rapidocr import RapidOCR

                self._engine = RapidOCR(params={"Global.log_level": "critical"})
            # It takes blue, green and red, as OpenCV does.
            found = self._engine(np.ascontiguousarray(pixels_HW3[:, :, ::-1]))
        if found.boxes is None or found.txts is None:
            return []
        return [
            Line(str(text), _corners(box), float(score))
            for text, box, score in zip(found.txts, found.boxes, found.scores, strict=True)
            if math.isfinite(score)
        ]


def _corners(box: Any) -> tuple[Corner, Corner, Corner, Corner]:
    first, second, third, fourth = ((float(x), float(y)) for x, y in box)
    return first, second, third, fourth
