"""A backtest, to be read by people: in the terminal and as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from attrex.core import Evidence
from attrex.evaluation.backtest import AtPrecision, Backtest, Disagreement, Pair, Side
from attrex.evaluation.counts import Interval
from attrex.report.inspect import highlighted, marked
from attrex.report.numbers import COMPARED, counted, fraction, span, whole
from attrex.report.page import bdi, page, section, table, tiles
from attrex.report.plots import Series, dot, meter, xy_plot
from attrex.report.visible import clipped, escaped, visible

_HOLDS = (
    "On filled cells: these cells were filled, hidden and restored. Empty cells are harder, for more of them "
    "have no value in the text; for a promise about those, review a random sample."
)
_MEASURES = (
    "Precision: answers that are the cell's own value. Coverage: masked cells that were answered. "
    "In text: coverage of those whose value stands in the text. Lexicon: known values, looked up."
)

_DOTS = "On the line, attrex is the full dot with its 95 % interval, the lexicon the open one."


def _hidden(backtest: Backtest) -> str:
    cells = backtest.overall.model
    return (
        f"{counted(cells.cells, 'filled cell')} of {counted(backtest.products, 'product')} "
        f"hidden and restored; "
        f"the value of {whole(cells.in_text)} stands in the text. "
        f"Values are compared {COMPARED[backtest.matching]}."
    )


def backtest_terminal(backtest: Backtest) -> RenderableType:
    """Tables for the terminal; read well at 80 columns."""
    grid = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    grid.add_column("\nAttribute", overflow="fold", min_width=14, ratio=1)
    for heading in ("\ncells", "\nin text", "attrex\nprec.", "\ncover.", "\nin text"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for heading in ("lexicon\nprec.", "\ncover.", "\nin text"):
        grid.add_column(heading, justify="right", no_wrap=True, style="dim")
    grid.add_row(*_cells("all", backtest.overall), style="bold", end_section=True)
    for name, pair in backtest.per_attribute.items():
        grid.add_row(*_cells(name, pair))
    lines: list[RenderableType] = [
        Text("Backtest, on filled cells", style="bold"),
        Text(_hidden(backtest)),
        grid,
        Text(_interval_line(backtest.overall.model)),
        _at_grid(backtest),
        Text(f"{_MEASURES} {_HOLDS}", style="dim"),
        *(Text(visible(f"{name}: {clipped(said, 300)}"), style="dim") for name, said in _settings(backtest)),
    ]
    if backtest.disagreements:
        lines += [Text(""), Text(_most(backtest), style="bold")]
        for number, one in enumerate(backtest.disagreements, 1):
            lines.append(_case(number, one))
    return Group(*lines)


def _numbers(side: Side) -> list[str]:
    return [fraction(side.precision), fraction(side.coverage), fraction(side.coverage_in_text)]


def _cells(name: str, pair: Pair) -> list[Text]:
    counts = [whole(pair.model.cells), whole(pair.model.in_text)]
    cells = [visible(name), *counts, *_numbers(pair.model), *_numbers(pair.lexicon)]
    return [Text(cell) for cell in cells]


def _interval_line(side: Side) -> str:
    ends = side.intervals
    if not ends:
        return "Intervals need at least two products."
    return (
        f"95 % intervals by product: precision {span(ends.get('precision'))}, "
        f"coverage {span(ends.get('coverage'))}, in text {span(ends.get('coverage_in_text'))}."
    )


def _at_grid(backtest: Backtest) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    grid.add_column("At precision")
    for heading in ("coverage", "in text"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for heading in ("lexicon: coverage", "in text"):
        grid.add_column(heading, justify="right", no_wrap=True, style="dim")
    for one in backtest.at_precision:
        shares = (one.model, one.model_in_text, one.lexicon, one.lexicon_in_text)
        grid.add_row(fraction(one.precision) + _whose(one, backtest), *(fraction(share) for share in shares))
    return grid


def _most(backtest: Backtest) -> str:
    shown, total = len(backtest.disagreements), backtest.disagreements_in_all
    return (
        f"The {shown} most confident of {counted(total, 'disagreement')}; some will be the catalogue's errors"
    )


def _case(number: int, one: Disagreement) -> Text:
    given, stated = (visible(clipped(", ".join(values), 60)) for values in (one.given, one.catalogue))
    text = Text.assemble(
        (f"{number:>2}. ", "dim"),
        (fraction(one.probability, digits=2), "bold"),
        (f" {visible(clipped(one.product_id, 24))} ", "dim"),
        f"{visible(one.attribute)}: ",
        (given, "bold green"),
        ", the catalogue has ",
        (stated, "bold red"),
        "" if one.catalogue_in_text else " (not in the text)",
    )
    evidence = one.evidence
    if evidence is not None and evidence.snippet is not None:
        text.append("\n    ")
        text.append_text(marked(evidence.snippet, _mark(evidence), length=70))
    return text


def _mark(evidence: Evidence) -> tuple[int, int] | None:
    if evidence.span is None or evidence.snippet is None or evidence.snippet_start is None:
        return None
    start = evidence.snippet_start
    end = start + evidence.span.end - evidence.span.start
    return (start, end) if end <= len(evidence.snippet) else None


def backtest_html(backtest: Backtest, *, title: str = "Backtest") -> str:
    """A self-contained page: the numbers beside the lexicon's, curves, disagreements with evidence."""
    model, lexicon = backtest.overall.model, backtest.overall.lexicon
    parts = [
        tiles(
            [
                ("Precision", fraction(model.precision), _small(model, lexicon, "precision")),
                ("Coverage", fraction(model.coverage), _small(model, lexicon, "coverage")),
                (
                    "Coverage in text",
                    fraction(model.coverage_in_text),
                    _small(model, lexicon, "coverage_in_text"),
                ),
                ("Cells restored", whole(model.correct), f"of {whole(model.cells)} hidden"),
            ]
        ),
        f'<p class="notice">{escaped(_HOLDS)}</p>',
        section("By attribute", _by_attribute(backtest), note=f"{_MEASURES} {_DOTS}"),
        section("Coverage at equal precision", _at_equal(backtest)),
    ]
    if backtest.disagreements:
        cases = "".join(_html_case(one) for one in backtest.disagreements)
        parts.append(section(_most(backtest), f'<ol class="cases">{cases}</ol>'))
    if backtest.settings:
        parts.append(section("Settings", _settings_table(backtest)))
    return page(title, "\n".join(parts), subtitle=_hidden(backtest))


def _settings(backtest: Backtest) -> list[tuple[str, str]]:
    """Name and value as text, in the given order."""
    return [(name.replace("_", " "), _setting(value)) for name, value in backtest.settings.items()]


def _setting(value: Any) -> str:
    """For people: numbers to three digits, what is nested in brackets. The JSON has all digits."""
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Mapping):
        parts = (
            (key, f"({_setting(v)})" if isinstance(v, Mapping) else _setting(v)) for key, v in value.items()
        )
        return ", ".join(f"{key} {said}" for key, said in parts) or "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _settings_table(backtest: Backtest) -> str:
    rows = [[bdi(name), f'<span class="long">{bdi(said)}</span>'] for name, said in _settings(backtest)]
    return table(["Setting", "Value"], rows, caption="Settings", numeric_from=2)


def _small(model: Side, lexicon: Side, measure: str) -> str:
    ends: Interval | None = model.intervals.get(measure)
    beside = f"lexicon {fraction(getattr(lexicon, measure))}"
    return f"95 %: {span(ends)}; {beside}" if ends else beside


def _by_attribute(backtest: Backtest) -> str:
    rows = []
    for name, pair in (("all", backtest.overall), *backtest.per_attribute.items()):
        model, lexicon = pair.model, pair.lexicon
        rows.append(
            [
                bdi(name),
                dot(model.precision, model.intervals.get("precision"), lexicon.precision),
                whole(model.cells),
                whole(model.in_text),
                *_numbers(model),
                *(f'<span class="beside">{number}</span>' for number in _numbers(lexicon)),
            ]
        )
    head = ["Attribute", "0 – precision – 1", "Cells", "In text", "Precision", "Coverage", "In text"]
    head += ["Lexicon: precision", "Coverage", "In text"]
    return table(
        head,
        rows,
        caption="Precision and coverage by attribute, with the lexicon's",
        numeric_from=2,
        lead=1,
    )


def _at_equal(backtest: Backtest) -> str:
    rows = [
        [
            fraction(one.precision) + escaped(_whose(one, backtest)),
            fraction(one.model),
            fraction(one.model_in_text),
            f'<span class="beside">{fraction(one.lexicon)}</span>',
            f'<span class="beside">{fraction(one.lexicon_in_text)}</span>',
        ]
        for one in backtest.at_precision
    ]
    head = ["At precision", "Coverage", "In text", "Lexicon: coverage", "In text"]
    numbers = table(head, rows, caption="Largest coverage at a given precision")

    series = [
        Series(name, css, [(p.coverage, p.precision) for p in points])
        for name, css, points in zip(("attrex", "lexicon"), ("first", "second"), backtest.curves, strict=True)
        if points
    ]
    plot = xy_plot(
        series,
        label="Precision as the threshold falls and more of the masked cells are answered",
        x_title="share of masked cells answered",
        y_title="precision",
    )
    return f'<div class="plots">{numbers}{plot if series else ""}</div>'


def _whose(one: AtPrecision, backtest: Backtest) -> str:
    """Why coverage is told at this precision, where a model's own overall precision is the reason."""
    owners = [
        name
        for name, side in (("attrex", backtest.overall.model), ("lexicon", backtest.overall.lexicon))
        if side.precision == one.precision
    ]
    return f" (overall, {' and '.join(owners)})" if owners else ""


def _html_case(one: Disagreement) -> str:
    evidence = one.evidence
    snippet = ""
    if evidence is not None and evidence.snippet is not None:
        source = f'<span class="source">{bdi(evidence.span.source)}</span>' if evidence.span else ""
        snippet = f'<p class="snippet">{source}{highlighted(evidence.snippet, _mark(evidence))}</p>'
    aside = "" if one.catalogue_in_text else " <small>not in the text</small>"
    product = f'<span class="id">{bdi(clipped(one.product_id, 80))}</span>'
    return (
        f'<li><div class="head"><h3>{bdi(one.attribute)}</h3>{product}{meter(one.probability)}</div>'
        f"<dl><dt>attrex</dt><dd>{bdi(clipped(', '.join(one.given), 300))}</dd>"
        f"<dt>catalogue</dt><dd>{bdi(clipped(', '.join(one.catalogue), 300))}{aside}</dd></dl>{snippet}</li>"
    )
