"""The three kinds of token, small enough to build in a test."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_lowercase, digits

import pytest
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from attrex.text.tokeniser import CHARACTERS, WORDS, Tokeniser, Vocabulary, WordPieces

# With the letters of "한" as Unicode decomposes it: BERT reads one Hangul character as three tokens.
_LETTERS = ascii_lowercase + digits + "\u1112\u1161\u11ab" + "\u05e9\u05dc\u05d5\u05dd" + "אבגדহিन्दीß"
_WHOLE = ["blue", "cafe", "men", "##s", "stain", "##less", "mm", "##mm", "\ufffd"]
_SIGNS = "-.,/'\"()[]&%"


def word_pieces(*, lower: bool = True) -> WordPieces:
    """BERT's tokeniser with a vocabulary of single letters and a few words."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    plain = list(dict.fromkeys([*_LETTERS, *_SIGNS, *_WHOLE]))
    pieces = [*special, *plain, *(f"##{letter}" for letter in dict.fromkeys(_LETTERS))]
    vocabulary = {piece: at for at, piece in enumerate(dict.fromkeys(pieces))}
    tokeniser = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokeniser.normalizer = normalizers.BertNormalizer(lowercase=lower)
    tokeniser.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokeniser.add_special_tokens(special)
    return WordPieces(tokeniser)


KINDS: Mapping[str, Tokeniser] = {
    "words": Vocabulary.learn(["Blue café 40mm"], cut=WORDS),
    "pieces": word_pieces(),
    "characters": Vocabulary.learn(["Blue café 40mm"], cut=CHARACTERS),
}
EACH_KIND = pytest.mark.parametrize("tokeniser", list(KINDS.values()), ids=list(KINDS))

HARD = [
    "Blue stainless mug, 40mm",
    "Cafe\u0301 cre\u0300me",  # combining marks
    "Café crème",
    "\u05e9\u05dc\u05d5\u05dd 40mm \u05e9\u05dc",  # right to left
    "\u202bשלום\u202c Blue",  # direction marks
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 mug 😀 blue\U0001f600",  # emoji, joined and alone
    "❤\ufe0f 1\ufe0f\u20e3 mug",
    "bl\u200bue\ufeff soft\u00adly",  # characters of no width
    "oﬃce ﬁt ㎜ ½ ² İx ß",  # ligatures, signs of several letters
    "हिन्दी 한국 中文字",
    "line\nfeed\ttab\x0cform\u3000wide\u00a0fixed",
    "[SEP] [CLS] [UNK] [PAD]",
    "a\ud83db",  # half a surrogate pair
    "😀" * 5,
    "",
    "   ",
]

texts = st.one_of(
    st.sampled_from(HARD),
    st.text(max_size=40),
    st.text(
        st.sampled_from("ab B4-. \n\u0301\u200b\u200d\ufb01\u05e9😀\ufe0f한中İ\ud800\x0c\x85"), max_size=40
    ),
)
