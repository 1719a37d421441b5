"""Numbers as people read them, the same in the terminal and on the page."""

from __future__ import annotations

NONE = "–"
"""What stands for a number that is undefined or was not computed."""
COMPARED = {
    "exact": "exactly but for white space",
    "folded": "after folding case and accents",
    "loose": "but for their writing (case, accents, punctuation, spaces, plural s)",
}
"""How values were held against each other, by the name of the matching."""


def fraction(value: float | None, *, digits: int = 3) -> str:
    """0.9123 as "0.912"."""
    return NONE if value is None else f"{value:.{digits}f}"


def span(ends: tuple[float, float] | None) -> str:
    """An interval's ends, to two digits: "0.88–0.94"."""
    return NONE if ends is None else f"{ends[0]:.2f}–{ends[1]:.2f}"


def percent(value: float | None) -> str:
    """0.123 as "12%". Only nothing at all is "0%" and only all is "100%": 0.002 is "<1%", 0.998 ">99%"."""
    if value is None:
        return NONE
    rounded = f"{value:.0%}"
    if rounded == "0%" and value > 0:
        return "<1%"
    return ">99%" if rounded == "100%" and value < 1 else rounded


def signed(value: float) -> str:
    """A difference, with its sign: "+0.012"."""
    return f"{value:+.3f}"


def whole(number: int) -> str:
    """12345 as "12,345"."""
    return f"{number:,}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """The number with its noun: "1 cell", "2 cells"."""
    return f"{whole(number)} {noun if number == 1 else plural or noun + 's'}"


def clipped(text: str, most: int = 40) -> str:
    """A text that is longer than so many characters by its beginning, with an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def chance(p: float | None) -> str:
    """A test's p, never rounded down to nothing."""
    return NONE if p is None else "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
