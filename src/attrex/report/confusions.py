"""Which values are taken for which: in the terminal and as a plot."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from attrex.evaluation.confusion import Confusion
from attrex.report.numbers import counted, whole
from attrex.report.page import section
from attrex.report.visible import clipped, escaped, visible

_CELL, _LEFT, _TOP, _RIGHT = 30, 150, 130, 80
_LABEL = 20
_LISTED = 5


def confusion_terminal(confusion: Confusion) -> RenderableType:
    """The matrix, columns by the numbers of the rows: stated values down, given ones across."""
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    grid.add_column("", justify="right")
    grid.add_column("stated \\ given", overflow="fold", ratio=1, min_width=12)
    for at in range(1, len(confusion.values) + 1):
        grid.add_column(str(at), justify="right", no_wrap=True)
    for i, (value, row) in enumerate(zip(confusion.values, confusion.counts, strict=True)):
        cells = [
            Text(str(n) if n else "·", style="bold" if i == j else "dim" if not n else "")
            for j, n in enumerate(row)
        ]
        grid.add_row(str(i + 1), Text(visible(value)), *cells)
    return Group(Text(_heading(confusion), style="bold"), grid, Text(_commonest(confusion), style="dim"))


def confusion_html(confusion: Confusion) -> str:
    """A section with the matrix as a plot: the darker, the larger the share of the row."""
    size = len(confusion.values)
    width, height = _LEFT + _CELL * size + _RIGHT, _TOP + _CELL * size + 8
    parts = []
    for at, value in enumerate(confusion.values):
        short = clipped(value, _LABEL)
        middle = at * _CELL + _CELL / 2
        title = f"<title>{escaped(value)}</title>"
        parts.append(
            f'<text class="tick" x="{_LEFT - 8}" y="{_TOP + middle + 4:g}" text-anchor="end">'
            f"{escaped(short)}{title}</text>"
        )
        x, y = _LEFT + middle + 4, _TOP - 8
        parts.append(
            f'<text class="tick" x="{x:g}" y="{y}" transform="rotate(-60 {x:g} {y})">'
            f"{escaped(short)}{title}</text>"
        )
    for i, row in enumerate(confusion.counts):
        total = sum(row)
        for j, count in enumerate(row):
            share = count / total if total else 0.0
            x, y = _LEFT + j * _CELL, _TOP + i * _CELL
            kind = "right" if i == j else "wrong"
            said = f"{confusion.values[i]} stated, {confusion.values[j]} given: {whole(count)} ({share:.0%})"
            parts.append(
                f'<rect class="cell {kind}" x="{x}" y="{y}" width="{_CELL - 1}" height="{_CELL - 1}" '
                f'fill-opacity="{share:.3f}"><title>{escaped(said)}</title></rect>'
            )
            if count:
                dark = " dark" if share > 0.55 else ""
                parts.append(
                    f'<text class="count{dark}" x="{x + _CELL / 2:g}" y="{y + _CELL / 2 + 4:g}" '
                    f'text-anchor="middle">{count if count < 10_000 else "9999+"}</text>'
                )
    svg = (
        f'<svg class="matrix" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escaped(_heading(confusion))}">{"".join(parts)}</svg>'
    )
    note = f"Stated values down, given ones across. {_commonest(confusion)}"
    return section(_heading(confusion), f'<figure class="wide">{svg}</figure>', note=note)


def _heading(confusion: Confusion) -> str:
    return visible(f"{confusion.attribute}: what is taken for what, {counted(confusion.asks, 'ask')}")


def _commonest(confusion: Confusion) -> str:
    mistakes = [f"{gold} as {given} ({n})" for gold, given, n in confusion.mistakes()[:_LISTED]]
    return visible(f"Most often: {', '.join(mistakes)}." if mistakes else "No mistake.")
