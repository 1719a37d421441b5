"""What a model reads of an attribute: its name, its description, and example values."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from attrex.core import Attribute, Product, Source
from attrex.text.reading import read
from attrex.text.tokeniser import Tokeniser

LONGEST = 64
"""Tokens of an attribute that are read at most. Of a longer one the beginning, so first of all the name."""
EXAMPLES = 4
"""Example values that are read at most."""
SHOWN = 60
"""Characters of a long name that a message shows."""
_LOG = logging.getLogger(__name__)


def tell_cut(name: str, tokens: int, read: int) -> None:
    """Says that of an attribute's name, which is so many tokens long, only the first are read."""
    shown = name if len(name) <= SHOWN else f"{name[:SHOWN]}..."
    _LOG.warning('the attribute "%s" is %d tokens long; the first %d are read', shown, tokens, read)


def tell_long(attributes: Sequence[Attribute], tokeniser: Tokeniser, read: int = LONGEST) -> None:
    """``tell_cut`` of each whose name alone is longer than what is read."""
    names = tokeniser.encode([attribute.name for attribute in attributes])
    for attribute, tokens in zip(attributes, names, strict=True):
        if len(tokens) > read:
            tell_cut(attribute.name, len(tokens), read)


def about(attribute: Attribute) -> str:
    """``name: description: example, example``; what there is of it."""
    values = dict.fromkeys((*attribute.examples, *attribute.values))
    parts = (attribute.name, attribute.description, ", ".join(list(values)[:EXAMPLES]))
    return ": ".join(part for part in parts if part)


def questions(attributes: Sequence[Attribute], tokeniser: Tokeniser) -> list[tuple[int, ...]]:
    """The attributes' tokens, with the separator behind and without the opening."""
    products = [Product("", sources=(Source("", about(a)),)) for a in attributes]
    return [
        (*reading.ids[:LONGEST], tokeniser.separator) for reading in read(products, tokeniser, category=False)
    ]
