"""Plots as inline SVG, coloured by the page's style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attrex.report.numbers import fraction, whole
from attrex.report.visible import escaped

_WIDTH, _HEIGHT = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 12, 40


@dataclass(frozen=True, slots=True)
class Series:
    """Points as (x, y) in [0, 1]; ``css`` is the class that colours them."""

    name: str
    css: str
    points: Sequence[tuple[float, float]]


def stacked_bar(parts: Sequence[tuple[str, int, str]], label: str, *, legend: bool = True) -> str:
    """Shares of a whole: name, count, colour class. The legend has the numbers: colour is not alone."""
    total = sum(count for _, count, _ in parts)
    if not total:
        return ""
    at, bars, keys = 0.0, [], []
    for name, count, css in parts:
        if not count:
            continue
        width = 100 * count / total
        title = f"{escaped(name)}: {whole(count)}"
        bars.append(
            f'<rect class="{css}" x="{at:.3f}" y="0" width="{width:.3f}" height="10">'
            f"<title>{title}</title></rect>"
        )
        keys.append(
            f'<li>{_key(f"""<rect class="{css}" width="10" height="10" rx="2"/>""")}{escaped(name)} '
            f"<b>{whole(count)}</b> <span>{100 * count / total:.1f} %</span></li>"
        )
        at += width
    svg = (
        f'<svg class="stack" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{escaped(label)}">{"".join(bars)}</svg>'
    )
    return f'{svg}<ul class="legend">{"".join(keys)}</ul>' if legend else svg


def _key(mark: str) -> str:
    return f'<svg class="key" viewBox="0 0 10 10" aria-hidden="true">{mark}</svg>'


def dot(value: float | None, ends: tuple[float, float] | None, beside: float | None = None) -> str:
    """A value on a line from 0 to 1 with its interval; ``beside`` is another model's, as an open mark."""
    parts = ['<line class="rail" x1="2" y1="8" x2="118" y2="8"/>']
    if ends is not None:
        parts.append(f'<line class="range" x1="{_x(ends[0])}" y1="8" x2="{_x(ends[1])}" y2="8"/>')
    if beside is not None:
        parts.append(f'<circle class="open" cx="{_x(beside)}" cy="8" r="3.2"/>')
    if value is not None:
        parts.append(f'<circle class="point" cx="{_x(value)}" cy="8" r="3.6"/>')
    return f'<svg class="dot" viewBox="0 0 120 16" aria-hidden="true">{"".join(parts)}</svg>'


def _x(value: float) -> str:
    return f"{2 + 116 * min(max(value, 0.0), 1.0):.1f}"


def meter(probability: float | None) -> str:
    """A bar as long as the probability, with the number beside it."""
    if probability is None:
        return '<span class="meter none">–</span>'
    width = 100 * min(max(probability, 0.0), 1.0)
    return (
        '<span class="meter"><svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="groove" width="100" height="6"/>'
        f'<rect class="level" width="{width:.1f}" height="6"/></svg>'
        f"{fraction(probability, digits=2)}</span>"
    )


def xy_plot(
    series: Sequence[Series],
    *,
    label: str,
    x_title: str,
    y_title: str,
    diagonal: bool = False,
    joined: bool = True,
) -> str:
    """Lines (or dots where not ``joined``) in the unit square, with grid, axes and a legend."""
    drawn = [_axes(x_title, y_title)]
    if diagonal:
        drawn.append(f'<line class="diagonal" x1="{_px(0)}" y1="{_py(0)}" x2="{_px(1)}" y2="{_py(1)}"/>')
    for one in series:
        places = [(_px(x), _py(y)) for x, y in one.points]
        if joined and len(places) > 1:
            path = " ".join(f"{x},{y}" for x, y in places)
            drawn.append(f'<polyline class="line {one.css}" points="{path}"/>')
        marks = places if not joined else places[-1:]
        drawn.extend(f'<circle class="mark {one.css}" cx="{x}" cy="{y}" r="4"/>' for x, y in marks)
    keys = "".join(
        f'<li>{_key(f"""<circle class="mark {one.css}" cx="5" cy="5" r="4"/>""")}{escaped(one.name)}</li>'
        for one in series
    )
    legend = f'<ul class="legend">{keys}</ul>' if len(series) > 1 else ""
    return (
        f'<figure><svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escaped(label)}">'
        f"{''.join(drawn)}</svg><figcaption>{escaped(label)}{legend}</figcaption></figure>"
    )


def _px(value: float) -> str:
    return f"{_LEFT + (_WIDTH - _LEFT - _RIGHT) * min(max(value, 0.0), 1.0):.1f}"


def _py(value: float) -> str:
    return f"{_TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - min(max(value, 0.0), 1.0)):.1f}"


def _axes(x_title: str, y_title: str) -> str:
    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _px(tick), _py(tick)
        parts.append(f'<line class="grid" x1="{_px(0)}" y1="{y}" x2="{_px(1)}" y2="{y}"/>')
        parts.append(f'<line class="grid" x1="{x}" y1="{_py(0)}" x2="{x}" y2="{_py(1)}"/>')
        parts.append(
            f'<text class="tick" x="{x}" y="{_HEIGHT - _BOTTOM + 15}" text-anchor="middle">{tick:g}</text>'
        )
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y}" dy="4" text-anchor="end">{tick:g}</text>')
    parts.append(
        f'<text class="axis" x="{_px(0.5)}" y="{_HEIGHT - 6}" text-anchor="middle">{escaped(x_title)}</text>'
    )
    parts.append(
        f'<text class="axis" x="11" y="{_py(0.5)}" text-anchor="middle" '
        f'transform="rotate(-90 11 {_py(0.5)})">'
        f"{escaped(y_title)}</text>"
    )
    return "".join(parts)
