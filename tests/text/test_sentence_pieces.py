from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from attrex.text.sentence_pieces import SentencePieces, pieces
from attrex.text.tokeniser import WordPieces

WORDS = ["<pad>", "</s>", "<unk>", "\u2581", "\u2581red", "\u2581hat", *"redhats"]
CUTS: dict[str, Callable[[], pre_tokenizers.PreTokenizer]] = {
    "spaces with the word": pre_tokenizers.Metaspace,
    "words alone": lambda: pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    ),
}
EACH = pytest.mark.parametrize("cut", CUTS)


def raw(cut: str) -> Tokenizer:
    made = Tokenizer(models.Unigram([(word, -1.0 / len(word)) for word in WORDS], unk_id=2))
    made.pre_tokenizer = CUTS[cut]()
    made.add_special_tokens(["<pad>", "</s>", "<unk>"])
    return made


@EACH
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("red hats", ["red", "hat", "s"]),
        (" red \t hat ", ["red", "hat"]),
        ("", []),
        (" \n ", []),
        ("red\u00a0hat", ["red", "hat"]),
    ],
)
def test_offsets_are_of_words_without_their_spaces(cut: str, text: str, words: list[str]) -> None:
    (tokens,) = SentencePieces(raw(cut)).encode([text])
    found = [text[s:e] for s, e in zip(tokens.starts, tokens.ends, strict=True)]
    if "\u00a0" in text:
        # Not a space to every tokeniser; but never part of a token.
        assert "".join(found) == "".join(words)
        assert not any(each != each.strip() for each in found)
    else:
        assert found == words


@EACH
@given(text=st.text(alphabet="red hat\u2581\U0001f600\ud83d\u05e9</s>\n\x00", max_size=20))
def test_every_token_stands_somewhere(cut: str, text: str) -> None:
    (tokens,) = SentencePieces(raw(cut)).encode([text])
    assert len(tokens.ids) == len(tokens.starts) == len(tokens.ends)
    assert tokens.starts == sorted(tokens.starts)
    for start, end in zip(tokens.starts, tokens.ends, strict=True):
        assert 0 <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()


@EACH
def test_specials_in_a_text_are_text(cut: str) -> None:
    tokeniser = SentencePieces(raw(cut))
    (tokens,) = tokeniser.encode(["red </s> hat <pad>"])
    assert not {tokeniser.separator, tokeniser.padding} & set(tokens.ids)
    assert (tokeniser.opening, tokeniser.separator, tokeniser.padding) == ((), 1, 0)
    assert tokeniser.size == len(WORDS)


def test_the_kind_is_told_by_the_vocabulary() -> None:
    words = {"[CLS]": 0, "[SEP]": 1, "[PAD]": 2, "[UNK]": 3}
    assert isinstance(pieces(Tokenizer(models.WordPiece(words, unk_token="[UNK]"))), WordPieces)
    again = pieces(Tokenizer.from_str(SentencePieces(raw("words alone")).to_json()))
    assert isinstance(again, SentencePieces)
    with pytest.raises(ValueError, match="the tokeniser has no </s>, <pad> or <unk>"):
        pieces(Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
