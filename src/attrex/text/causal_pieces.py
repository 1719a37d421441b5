"""Tokenisers of decoders, which write on from what they read: LLaMA's kind, byte-level, BERT's pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tokenizers import Tokenizer

from attrex.text.tokeniser import Tokens, unspaced


@dataclass(frozen=True, slots=True)
class Marks:
    """``opening`` in front of every input, ``separator`` between two sources, ``end`` behind what is written,
    ``padding`` for what is masked."""

    opening: tuple[int, ...]
    separator: int
    end: int
    padding: int

    def to_json(self) -> dict[str, Any]:
        """``from_json`` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Marks:
        """What ``to_json`` gave, also after it was a text."""
        return cls(tuple(content["opening"]), content["separator"], content["end"], content["padding"])

    @classmethod
    def of(cls, tokeniser: Tokenizer, config: Mapping[str, Any]) -> Marks:
        """Of a pretrained decoder, by its tokeniser and its ``config.json``. Sources are parted by a line
        feed where that is a token of its own. Raises ``ValueError`` where the configuration names no end."""
        opening, separator, padding = (tokeniser.token_to_id(t) for t in ("[CLS]", "[SEP]", "[PAD]"))
        if opening is not None and separator is not None and padding is not None:
            return cls((opening,), separator, separator, padding)
        end = config.get("eos_token_id")
        end = end[0] if isinstance(end, list) else end
        if not isinstance(end, int):
            raise ValueError("its config.json names no eos_token_id")
        begin, filler = config.get("bos_token_id"), config.get("pad_token_id")
        feed = tokeniser.token_to_id("<0x0A>")
        feed = tokeniser.token_to_id("\u010a") if feed is None else feed
        return cls(
            () if begin is None else (int(begin),),
            end if feed is None else int(feed),
            end,
            end if filler is None else int(filler),
        )


class CausalPieces:
    """A ``tokenizer.json`` with its ``marks``. Offsets leave spaces out, and pieces that are nothing else are
    dropped; what a text says that looks like a mark is text."""

    def __init__(self, tokeniser: Tokenizer, marks: Marks) -> None:
        tokeniser.no_truncation()
        tokeniser.no_padding()
        tokeniser.encode_special_tokens = True
        self._tokeniser, self.marks = tokeniser, marks
        self.opening, self.separator, self.padding = marks.opening, marks.separator, marks.padding
        self._barred = {marks.end, *marks.opening}

    @property
    def size(self) -> int:
        """How many ids there are."""
        return int(self._tokeniser.get_vocab_size())

    def to_json(self) -> str:
        """The content of a ``tokenizer.json``."""
        return str(self._tokeniser.to_str())

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """One record per text; offsets are of the original text, whatever the normaliser did."""
        return self._encoded(texts, 0)

    def phrases(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of texts that stand behind a space, as a question or an answer does."""
        return [tokens.ids for tokens in self._encoded([f" {text}" for text in texts], 1)]

    def _encoded(self, texts: Sequence[str], added: int) -> list[Tokens]:
        encoded: list[Tokens] = []
        for pieces in unspaced(texts, self._tokeniser):
            own = [piece for piece in pieces if piece[0] not in self._barred]
            places = [(start - added, end - added) for _, start, end in own]
            encoded.append(Tokens([id for id, _, _ in own], [s for s, _ in places], [e for _, e in places]))
        return encoded

    def text_of(self, ids: Sequence[int]) -> str:
        """The pieces written out."""
        if self._tokeniser.decoder is not None:
            return str(self._tokeniser.decode(list(ids), skip_special_tokens=False)).strip()
        pieces = [str(self._tokeniser.id_to_token(id)) for id in ids]
        return "".join(p[2:] if p.startswith("##") and len(p) > 2 else f" {p}" for p in pieces).strip()
