"""Tokens of the three kinds: where they stand, and what the vocabulary knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from tokenizers import Tokenizer, models

from attrex.text.tokeniser import (
    CHARACTERS,
    PAD,
    SEPARATOR,
    UNKNOWN,
    WORDS,
    Tokeniser,
    Vocabulary,
    WordPieces,
)
from tests.text.tokenisers import EACH_KIND, texts, word_pieces


def cut(tokeniser: Tokeniser, text: str) -> list[str]:
    (tokens,) = tokeniser.encode([text])
    return [text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)]


@EACH_KIND
@given(text=texts)
def test_tokens_stand_in_order_within_the_text(tokeniser: Tokeniser, text: str) -> None:
    (tokens,) = tokeniser.encode([text])
    assert len(tokens.ids) == len(tokens.starts) == len(tokens.ends) == len(tokens)
    places = list(zip(tokens.starts, tokens.ends, strict=True))
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert tokens.starts == sorted(tokens.starts)
    assert tokens.ends == sorted(tokens.ends)


@EACH_KIND
@given(text=texts)
def test_a_text_reads_the_same_in_company(tokeniser: Tokeniser, text: str) -> None:
    assert tokeniser.encode(["Blue", text, ""])[1] == tokeniser.encode([text])[0]


@given(text=texts)
def test_words_leave_out_white_space_only(text: str) -> None:
    assert "".join(cut(Vocabulary([], cut=WORDS), text)) == "".join(text.split())


@given(text=texts)
def test_characters_leave_out_white_space_only(text: str) -> None:
    assert cut(Vocabulary([], cut=CHARACTERS), text) == list("".join(text.split()))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("40mm x 1.5", ["40", "mm", "x", "1", ".", "5"]),
        ("Men's T-Shirt", ["Men", "'", "s", "T", "-", "Shirt"]),
        ("snake_case", ["snake", "_", "case"]),
        ("m² 中文", ["m²", "中文"]),
        ("😀😀", ["😀", "😀"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert cut(Vocabulary([], cut=WORDS), text) == words


def test_a_vocabulary_learns_the_commonest_first_and_ignores_case() -> None:
    learnt = Vocabulary.learn(["Red red blue", "BLUE red teal"], cut=WORDS, at_least=2)
    assert learnt.words == ("red", "blue")
    assert learnt.size == 5
    assert (learnt.padding, learnt.separator, learnt.opening) == (PAD, SEPARATOR, ())
    (tokens,) = learnt.encode(["RED Blue teal"])
    assert tokens.ids == [3, 4, UNKNOWN]


@pytest.mark.parametrize("text", ["İzmir", "ΣΑΣ", "ẞ", "Straße"])
def test_what_was_learnt_is_known(text: str) -> None:
    (tokens,) = Vocabulary.learn([text], cut=WORDS).encode([text])
    assert UNKNOWN not in tokens.ids


def test_word_pieces_are_of_the_original_text() -> None:
    pieces = word_pieces()
    assert cut(pieces, "Mens STAINLESS") == ["Men", "s", "STAIN", "LESS"]
    # One character of three tokens; a mark and a character of no width that the normaliser strips.
    assert cut(pieces, "한 cafe\u0301 bl\u200bue") == ["한", "한", "한", "cafe", "bl\u200bue"]


def test_special_tokens_within_a_text_are_text() -> None:
    pieces = word_pieces()
    (tokens,) = pieces.encode(["mug [SEP] [CLS]"])
    assert pieces.separator not in tokens.ids
    assert pieces.opening[0] not in tokens.ids


def test_half_a_surrogate_pair_is_one_unknown_character() -> None:
    pieces = word_pieces()
    assert pieces.encode(["a \ud83d b"]) == pieces.encode(["a \ufffd b"])


def test_word_pieces_are_neither_cut_short_nor_filled_up() -> None:
    tokeniser = Tokenizer.from_str(word_pieces().to_json())
    tokeniser.enable_truncation(4)
    tokeniser.enable_padding(length=9)
    assert [len(tokens) for tokens in WordPieces(tokeniser).encode(["mm " * 20, "mm"])] == [20, 1]


def test_ids_by_token() -> None:
    pieces = word_pieces()
    (tokens,) = pieces.encode(["mens"])
    assert tokens.ids == [pieces.id_of("men"), pieces.id_of("##s")]
    assert pieces.id_of("[unused1]") == pieces.separator


def test_word_pieces_come_back_from_their_file(tmp_path: Path) -> None:
    pieces = word_pieces()
    (tmp_path / "tokenizer.json").write_text(pieces.to_json(), encoding="utf-8")
    again = WordPieces.from_file(tmp_path / "tokenizer.json")
    assert again.size == pieces.size
    assert (again.opening, again.separator, again.padding) == (
        pieces.opening,
        pieces.separator,
        pieces.padding,
    )
    assert again.encode(["Mens [SEP] café"]) == pieces.encode(["Mens [SEP] café"])


def test_a_tokeniser_without_bert_s_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^the tokeniser has no \[CLS\], \[SEP\] or \[PAD\]$"):
        WordPieces(Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]")))
