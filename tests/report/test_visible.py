import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrex.report.visible import around, clipped, escaped, visible

texts = st.text(st.characters() | st.sampled_from("<>&\"'\x1b\u202e\ud800\x00\n"), max_size=60)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "␛[31mred"),
        ("a\tb\nc", "a b c"),
        ("\x00\x7f\x9b", "␀␡\ufffd"),
        ("safe\u202etxt.exe", "safe\ufffdtxt.exe"),
        ("\ud800", "\ufffd"),
        ("أسود مقاس 42", "أسود مقاس 42"),
        ("👟 café", "👟 café"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(texts)
def test_offsets_hold_and_nothing_dangerous_is_left(text: str) -> None:
    shown = visible(text)
    assert len(shown) == len(text)
    shown.encode("utf-8")
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown)
    assert not set("<>\"'") & set(escaped(text))


@given(texts, st.integers(0, 60), st.integers(0, 60), st.integers(20, 60))
def test_the_value_is_kept_and_the_rest_cut(text: str, start: int, length: int, room: int) -> None:
    start = min(start, len(text))
    end = min(start + length, len(text))
    before, inside, after = around(text, start, end, room)
    if end - start <= room:
        assert inside == text[start:end]
    assert text[:start].endswith(before.removeprefix("…"))
    assert text[end:].startswith(after.removesuffix("…"))
    assert len(before + inside + after) <= room + 25


def test_a_short_text_is_whole() -> None:
    assert around("a red shoe", 2, 5, 40) == ("a ", "red", " shoe")
    assert around("x" * 50 + "red" + "y" * 50, 50, 53, 23) == ("…" + "x" * 10, "red", "y" * 10 + "…")
    assert around("x" * 50 + "red", 50, 53, 23) == ("…" + "x" * 20, "red", "")
    assert (clipped("abcdef", 6), clipped("abcdef", 4)) == ("abcdef", "abc…")
