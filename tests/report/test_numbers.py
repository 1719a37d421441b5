from attrex.report.numbers import chance, clipped, counted, fraction, percent, signed, span, whole


def test_how_numbers_are_written() -> None:
    assert (fraction(0.91249), fraction(0.5, digits=2), fraction(None)) == ("0.912", "0.50", "–")
    assert (span((0.1, 0.25)), span(None)) == ("0.10–0.25", "–")
    assert (signed(0.0123), signed(-0.5)) == ("+0.012", "-0.500")
    assert (whole(1234567), counted(1, "ask"), counted(2, "ask"), counted(0, "box", "boxes")) == (
        "1,234,567",
        "1 ask",
        "2 asks",
        "0 boxes",
    )
    shares = [percent(share) for share in (None, 0, 1 / 593, 0.005, 0.5, 592 / 593, 1)]
    assert shares == ["–", "0%", "<1%", "<1%", "50%", ">99%", "100%"]
    assert [clipped(text, 5) for text in ("", "abcde", "abcdef")] == ["", "abcde", "abcd…"]
    assert (chance(0.0004), chance(0.03), chance(None)) == ("p < 0.001", "p = 0.030", "–")
