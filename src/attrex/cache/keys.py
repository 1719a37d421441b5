"""What a record is kept under: the model's version and everything that the model may read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple
from typing import Any

from attrex.core import Attribute, Product


def product_key(product: Product, version: str) -> str:
    """Of the product's content, its category included, but neither its id nor its values."""
    return _key(
        "product",
        version,
        product.category,
        [
            [source.name, source.text, *(astuple(line) for line in source.printed)]
            for source in product.sources
        ],
        [picture.content for picture in product.pictures],
    )


def attribute_key(attribute: Attribute, version: str) -> str:
    """Of all that is known of the attribute."""
    return _key("attribute", version, astuple(attribute))


def _key(*parts: Any) -> str:
    """Thirty-two hex digits: ``content_hash``'s twelve meet twice among some twenty million records."""
    data = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(data.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
