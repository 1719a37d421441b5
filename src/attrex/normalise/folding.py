"""What is left of a value when the way it is written is taken away."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_APOSTROPHES = str.maketrans("", "", "'’‘`´")
# Words and numbers; a point, comma or slash between digits belongs to the number (5.5, 1/2).
_TOKEN = re.compile(r"\d+(?:[.,/]\d+)*|[^\W\d_]+(?:\d+[^\W\d_]*)*")
_NEIGHBOURING_NUMBERS = re.compile(r"(?<=\d) (?=\d)")
# Latin, Greek and Cyrillic accents; what other scripts put on a letter makes it another letter.
_ACCENTS = re.compile("[\u0300-\u036f]")


@lru_cache(maxsize=65536)
def tokens(text: str) -> tuple[str, ...]:
    """Words and numbers without case, accents, punctuation and plural s: "Men's Boots" -> men, boot."""
    text = text.replace("&", " and ").translate(_APOSTROPHES).casefold()
    bare = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))
    # Fractions decompose to "1⁄2" with a slash of their own.
    return tuple(_singular(token) for token in _TOKEN.findall(bare.replace("⁄", "/").casefold()))


def _singular(token: str) -> str:
    plural = len(token) > 3 and token.endswith("s") and not token.endswith(("ss", "us", "is"))
    return token[:-1] if plural else token


def joined(words: tuple[str, ...]) -> str:
    """The words as one, "t", "shirt" as "tshirt". A space stays between numbers only: 1 5 is not 15."""
    return _NEIGHBOURING_NUMBERS.sub("\0", " ".join(words)).replace(" ", "").replace("\0", " ")


def contains(longer: tuple[str, ...], shorter: tuple[str, ...]) -> bool:
    """Whether the words of one stand together in the other."""
    n = len(shorter)
    return 0 < n <= len(longer) and any(longer[i : i + n] == shorter for i in range(len(longer) - n + 1))
