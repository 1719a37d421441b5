"""Pictures as bytes, drawn for the tests of this folder."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def halves(
    left: Any = RED, right: Any = BLUE, *, mode: str = "RGB", size: tuple[int, int] = (64, 48)
) -> Image.Image:
    """Two colours side by side."""
    image = Image.new(mode, size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
