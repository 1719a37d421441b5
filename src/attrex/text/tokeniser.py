"""Tokens with character offsets; the one text path of training and of extraction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tokenizers import Tokenizer

PAD, UNKNOWN, SEPARATOR = 0, 1, 2
"""Ids that every ``Vocabulary`` begins with."""

_HALF_PAIR = re.compile("[\ud800-\udfff]")


def sound(text: str) -> str:
    """The text without half surrogate pairs, which Rust's strings cannot hold; offsets stay."""
    return _HALF_PAIR.sub("\ufffd", text)


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text's tokens: vocabulary ids, and ``[start, end)`` of each in code points of the text."""

    ids: list[int]
    starts: list[int]
    ends: list[int]

    def __len__(self) -> int:
        return len(self.ids)


class Tokeniser(Protocol):
    """Cuts texts into tokens, without special tokens and without truncation.

    ``separator`` is the id that stands between two sources, ``padding`` the one that fills a batch,
    ``opening`` those that every input begins with.
    """

    @property
    def separator(self) -> int: ...

    @property
    def padding(self) -> int: ...

    @property
    def opening(self) -> tuple[int, ...]: ...

    def encode(self, texts: Sequence[str]) -> list[Tokens]: ...


def unspaced(texts: Sequence[str], tokeniser: Tokenizer) -> Iterator[list[tuple[int, int, int]]]:
    """Of each text its pieces: the id, and the characters ``[start, end)`` without the spaces around them.
    Pieces that are nothing but spaces are left out."""
    texts = [sound(text) for text in texts]
    for text, encoding in zip(texts, tokeniser.encode_batch(texts, add_special_tokens=False), strict=True):
        pieces = []
        for id, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
            covered = text[start:end]
            begin, behind = end - len(covered.lstrip()), start + len(covered.rstrip())
            if begin < behind:
                pieces.append((id, begin, behind))
        yield pieces


class WordPieces:
    """A pretrained ``tokenizer.json`` of BERT's kind: [CLS] in front, [SEP] between and behind."""

    def __init__(self, tokeniser: Tokenizer) -> None:
        tokeniser.no_truncation()
        tokeniser.no_padding()
        # "[SEP]" in a product's text is text.
        tokeniser.encode_special_tokens = True
        self._tokeniser = tokeniser
        opening, separator, padding = (tokeniser.token_to_id(t) for t in ("[CLS]", "[SEP]", "[PAD]"))
        if opening is None or separator is None or padding is None:
            raise ValueError("the tokeniser has no [CLS], [SEP] or [PAD]")
        self.opening: tuple[int, ...] = (opening,)
        self.separator: int = separator
        self.padding: int = padding

    @classmethod
    def from_file(cls, path: Path) -> WordPieces:
        """From a ``tokenizer.json``."""
        return cls(Tokenizer.from_file(str(path)))

    @property
    def size(self) -> int:
        """How many ids there are."""
        return int(self._tokeniser.get_vocab_size())

    def id_of(self, token: str) -> int:
        """A vocabulary entry's id; the separator's where there is no such entry."""
        found = self._tokeniser.token_to_id(token)
        return self.separator if found is None else int(found)

    def text_of(self, ids: Sequence[int]) -> str:
        """The pieces written out: a space in front of each that begins a word."""
        pieces = [str(self._tokeniser.id_to_token(id)) for id in ids]
        return "".join(p[2:] if p.startswith("##") and len(p) > 2 else f" {p}" for p in pieces).strip()

    def to_json(self) -> str:
        """The content of a ``tokenizer.json``."""
        return str(self._tokeniser.to_str())

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """One record per text; offsets are of the original text, whatever the normaliser did."""
        encoded: list[Tokens] = []
        for encoding in self._tokeniser.encode_batch([sound(t) for t in texts], add_special_tokens=False):
            offsets = encoding.offsets
            encoded.append(Tokens(encoding.ids, [s for s, _ in offsets], [e for _, e in offsets]))
        return encoded


class Vocabulary:
    """Words to ids. Unknown words share one id; lookups ignore case.

    ``cut`` is a regular expression whose matches are the tokens; see ``WORDS`` and ``CHARACTERS``.
    """

    opening: tuple[int, ...] = ()
    separator = SEPARATOR
    padding = PAD

    def __init__(self, words: Sequence[str], *, cut: str) -> None:
        self.words = tuple(words)
        self.cut = cut
        self._pattern = re.compile(cut, re.DOTALL)
        self._ids = {word: at for at, word in enumerate(self.words, start=SEPARATOR + 1)}

    @classmethod
    def learn(cls, texts: Iterable[str], *, cut: str, at_least: int = 1) -> Vocabulary:
        """All words that stand in the texts ``at_least`` times, commonest first."""
        pattern = re.compile(cut, re.DOTALL)
        counts: dict[str, int] = {}
        for text in texts:
            # Cut first: lower case may be longer ("İ"), and encode too cuts the text as it stands.
            for word in map(str.lower, pattern.findall(text)):
                counts[word] = counts.get(word, 0) + 1
        kept = sorted((w for w, n in counts.items() if n >= at_least), key=lambda w: (-counts[w], w))
        return cls(kept, cut=cut)

    @property
    def size(self) -> int:
        """How many ids there are, the three special ones included."""
        return len(self.words) + SEPARATOR + 1

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """One record per text."""
        encoded: list[Tokens] = []
        for text in texts:
            found = [match.span() for match in self._pattern.finditer(text)]
            ids = [self._ids.get(text[s:e].lower(), UNKNOWN) for s, e in found]
            encoded.append(Tokens(ids, [s for s, _ in found], [e for _, e in found]))
        return encoded


WORDS = r"[^\W\d_]+|\d+|[^\w\s]|_"
"""Runs of letters, runs of digits, single signs: "40mm" is two tokens, so that either can be a value."""
CHARACTERS = r"\S"
"""One token per code point that is not white space; for scripts that write no spaces."""
