"""Pretrained tokenisers of T5's kind, beside those of BERT's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from attrex.text.tokeniser import Tokens, WordPieces, unspaced


class SentencePieces:
    """A ``tokenizer.json`` of T5's kind: nothing in front, ``</s>`` between and behind.

    A piece may hold the space before its word, or be that space alone. Spaces are no part of a value:
    offsets leave them out, and pieces that are nothing else are dropped.
    """

    def __init__(self, tokeniser: Tokenizer) -> None:
        tokeniser.no_truncation()
        tokeniser.no_padding()
        tokeniser.encode_special_tokens = True
        self._tokeniser = tokeniser
        separator, padding, unknown = (tokeniser.token_to_id(t) for t in ("</s>", "<pad>", "<unk>"))
        if separator is None or padding is None or unknown is None:
            raise ValueError("the tokeniser has no </s>, <pad> or <unk>")
        self.opening: tuple[int, ...] = ()
        self.separator: int = separator
        self.padding: int = padding
        self.unknown: int = unknown
        # "</s>" in a product's text is text, though the vocabulary knows it as a piece too.
        self._instead = {separator: unknown, padding: unknown}

    @property
    def size(self) -> int:
        """How many ids there are."""
        return int(self._tokeniser.get_vocab_size())

    def text_of(self, ids: Sequence[int]) -> str:
        """The pieces written out."""
        return "".join(str(self._tokeniser.id_to_token(id)) for id in ids).replace("\u2581", " ").strip()

    def to_json(self) -> str:
        """The content of a ``tokenizer.json``."""
        return str(self._tokeniser.to_str())

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """One record per text; offsets are of the original text, whatever the normaliser did."""
        return [
            Tokens(
                [self._instead.get(id, id) for id, _, _ in own],
                [s for _, s, _ in own],
                [e for _, _, e in own],
            )
            for own in unspaced(texts, self._tokeniser)
        ]


Pieces = WordPieces | SentencePieces


def pieces(tokeniser: Tokenizer) -> Pieces:
    """A pretrained tokeniser of either kind. Raises ``ValueError`` for one of neither."""
    return WordPieces(tokeniser) if tokeniser.token_to_id("[CLS]") is not None else SentencePieces(tokeniser)


def pieces_from_file(path: Path) -> Pieces:
    """From a ``tokenizer.json``."""
    return pieces(Tokenizer.from_file(str(path)))
