"""A product's pictures within a question, for language models that see."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from attrex.core import Product
from attrex.models.endpoint_prompts import Message

MOST = 4
"""Pictures of one product: each costs as much as hundreds of words."""


def addresses(product: Product) -> tuple[str, ...]:
    """The pictures that have their pixels, as JPEG within addresses ("data:")."""
    seen = [picture.pixels for picture in product.pictures if picture.pixels is not None][:MOST]
    if not seen:
        return ()
    from PIL import Image

    made = []
    for pixels in seen:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=90)
        made.append("data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode())
    return tuple(made)


def with_pictures(question: Message, pictures: Sequence[str]) -> Message:
    """The question with these behind its text."""
    if not pictures:
        return question
    parts = [{"type": "image_url", "image_url": {"url": address}} for address in pictures]
    return {**question, "content": [{"type": "text", "text": question["content"]}, *parts]}
