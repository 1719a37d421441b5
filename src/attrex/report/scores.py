"""A run's scores, and two runs compared: in the terminal and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from attrex.evaluation.compare import Comparison, Difference
from attrex.evaluation.confusion import Confusion
from attrex.evaluation.counts import Counts, Scores
from attrex.evaluation.outcome import Outcome
from attrex.evaluation.report import Report
from attrex.evaluation.scoring import Group as Scored
from attrex.evaluation.support import HEAD_ATTRIBUTE, HEAD_VALUE
from attrex.report.confusions import confusion_html
from attrex.report.numbers import COMPARED, NONE, chance, counted, fraction, signed, span, whole
from attrex.report.page import bdi, page, section, table, tiles
from attrex.report.plots import Series, dot, stacked_bar, xy_plot
from attrex.report.visible import escaped, visible

_COUNTS = tuple(outcome.value for outcome in Outcome)
_MEANING = {
    "VC": "a value was given and is right",
    "VW": "a value was given, another is stated",
    "VN": "none was given, a value is stated",
    "NV": "a value was given, none is stated",
    "NN": "none was given, none is stated",
}
_LEGEND = (
    "P precision, R recall, 95 %: bootstrap interval of F1 by product. "
    "VC right, VW wrong, VN missed, NV given where none is stated, NN rightly none. "
    "– is 0/0 and left out of means."
)
_HEAD = (
    f"Head: at least {HEAD_ATTRIBUTE} training rows of the attribute, {HEAD_VALUE} of the value; tail: fewer."
)

_TESTS = "p: approximate randomisation by product, two-sided; 95 %: paired bootstrap."


def _said(scores: Scores, measure: str) -> str:
    return NONE if measure in scores.undefined else fraction(getattr(scores, measure))


def _judged_by(report: Report) -> str:
    asks, products = counted(report.asks, "ask"), counted(report.products, "product")
    return f"{asks} of {products}; values compared {COMPARED[report.matching]}."


def report_terminal(report: Report) -> RenderableType:
    """Tables for the terminal; read well at 80 columns."""
    lines: list[RenderableType] = [
        Text(visible(report.name), style="bold") if report.name else Text("Scores", style="bold"),
        Text(_judged_by(report)),
        _grid("Attribute", _summary(report), report.per_attribute),
    ]
    if report.slices:
        lines.append(_grid("Slice", {}, report.slices))
    if len(report.per_category) > 1:
        lines.append(_grid("Category", {}, report.per_category))
    legend = (
        f"{_LEGEND} {_HEAD}" if any("head" in name or "tail" in name for name in report.slices) else _LEGEND
    )
    lines.append(Text(legend, style="dim"))
    return Group(*lines)


def _summary(report: Report) -> Mapping[str, tuple[Counts | None, Scores]]:
    found: dict[str, tuple[Counts | None, Scores]] = {
        "all, micro": (report.micro.counts, report.micro.scores),
        "all, macro": (None, report.macro),
        "all, as sets": (None, report.sets[1]),
    }
    if report.spans is not None:
        found["all, by span"] = (report.spans.counts, report.spans.scores)
    return found


def _grid(
    heading: str, first: Mapping[str, tuple[Counts | None, Scores]], groups: Mapping[str, Scored]
) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    grid.add_column(heading, overflow="fold", min_width=14, ratio=1)
    ends = _any_interval(first, groups)
    for name in ("P", "R", "F1", *(["95 %"] if ends else []), *_COUNTS):
        grid.add_column(name, justify="right", no_wrap=True)
    for at, (name, (counts, scores)) in enumerate(first.items(), 1):
        grid.add_row(*_cells(name, counts, scores, ends), style="bold", end_section=at == len(first))
    for name, group in groups.items():
        grid.add_row(*_cells(name, group.counts, group.scores, ends))
    return grid


def _any_interval(first: Mapping[str, tuple[Counts | None, Scores]], groups: Mapping[str, Scored]) -> bool:
    """Whether a column of intervals would hold any."""
    return any(s.intervals for _, s in first.values()) or any(g.scores.intervals for g in groups.values())


def _cells(name: str, counts: Counts | None, scores: Scores, ends: bool) -> list[Text]:
    numbers = counts.to_json().values() if counts is not None else ()
    cells = [
        *(_said(scores, measure) for measure in ("precision", "recall", "f1")),
        *([span(scores.intervals.get("f1")) if scores.intervals else ""] if ends else []),
        *(str(n) for n in numbers),
        *("" for _ in range(0 if counts is not None else len(_COUNTS))),
    ]
    return [Text(visible(name)), *(Text(cell) for cell in cells)]


def comparison_terminal(comparison: Comparison) -> RenderableType:
    """A table for the terminal; reads well at 80 columns."""
    a, b = (visible(name) for name in comparison.names)
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    grid.add_column("F1", overflow="fold", min_width=14, ratio=1)
    for name in (a, b, "difference", "95 %", "p"):
        grid.add_column(Text(name), justify="right", overflow="fold")
    grid.add_row(*_difference("all, micro", comparison.micro), style="bold")
    grid.add_row(*_difference("all, macro", comparison.macro), style="bold", end_section=True)
    for name, one in comparison.per_attribute.items():
        grid.add_row(*_difference(name, one))
    return Group(
        Text(f"{b} against {a}, the same {counted(comparison.asks, 'ask')}", style="bold"),
        grid,
        Text(_right_alone(comparison)),
        Text(_TESTS, style="dim"),
    )


def _right_alone(comparison: Comparison) -> str:
    a, b = comparison.names
    return visible(
        f"Right: both {whole(comparison.both)}, only {a} {whole(comparison.only_a)}, "
        f"only {b} {whole(comparison.only_b)}, neither {whole(comparison.neither)}."
    )


def _difference(name: str, one: Difference) -> list[Text]:
    ends = f"{one.interval[0]:+.3f} to {one.interval[1]:+.3f}" if one.interval else NONE
    cells = (fraction(one.a), fraction(one.b), signed(one.difference), ends, fraction(one.p))
    return [Text(visible(name)), *(Text(cell) for cell in cells)]


def report_html(
    report: Report,
    *,
    title: str = "Evaluation",
    comparisons: Sequence[Comparison] = (),
    confusions: Sequence[Confusion] = (),
) -> str:
    """A self-contained page with plots; attributes' confusions, and other runs' comparisons on the same asks,
    may follow."""
    micro, macro = report.micro.scores, report.macro
    counts = report.micro.counts.to_json()
    parts = [
        tiles(
            [
                ("F1, micro", _said(micro, "f1"), _between(micro, "f1")),
                ("Precision", _said(micro, "precision"), _between(micro, "precision")),
                ("Recall", _said(micro, "recall"), _between(micro, "recall")),
                ("F1, macro", _said(macro, "f1"), f"mean of {counted(report.macro_attributes, 'attribute')}"),
                ("Asks", whole(report.asks), f"of {counted(report.products, 'product')}"),
            ]
        ),
        section(
            "How the asks ended",
            '<div class="panel">'
            + stacked_bar(
                [(f"{key}: {_MEANING[key]}", counts[key], f"s-{key.lower()}") for key in _COUNTS],
                ", ".join(f"{key} {counts[key]}" for key in _COUNTS),
            )
            + "</div>",
        ),
        section(
            "By attribute",
            _html_grid("Attribute", _summary(report), report.per_attribute, dots=True),
            note="The dot is F1 on a line from 0 to 1, the band its 95 % interval over resampled products. "
            + _LEGEND,
        ),
        *([_curves(report)] if report.curve else []),
    ]
    if report.slices:
        note = f"{_HEAD} Slices by value hold only asks with a gold value: read their recall."
        parts.append(
            section("Head and tail, seen and unseen", _html_grid("Slice", {}, report.slices), note=note)
        )
    if report.per_category:
        parts.append(section("By category", _html_grid("Category", {}, report.per_category)))
    parts.extend(confusion_html(one) for one in confusions)
    parts.extend(_compared(one) for one in comparisons)
    subtitle = f"{report.name}: {_judged_by(report)}" if report.name else _judged_by(report)
    return page(title, "\n".join(parts), subtitle=subtitle)


def _between(scores: Scores, measure: str) -> str:
    ends = scores.intervals.get(measure)
    return f"95 %: {ends[0]:.3f}–{ends[1]:.3f}" if ends else ""


def _html_grid(
    heading: str,
    first: Mapping[str, tuple[Counts | None, Scores]],
    groups: Mapping[str, Scored],
    *,
    dots: bool = False,
) -> str:
    plain = [(escaped(name), counts, scores) for name, (counts, scores) in first.items()]
    plain += [(bdi(name), group.counts, group.scores) for name, group in groups.items()]
    ends = _any_interval(first, groups)
    rows = []
    for name, counts, scores in plain:
        cells = [name]
        if dots:
            f1 = None if "f1" in scores.undefined else scores.f1
            cells.append(dot(f1, scores.intervals.get("f1")))
        cells += [_said(scores, measure) for measure in ("precision", "recall", "f1")]
        if ends:
            cells.append(span(scores.intervals.get("f1")) if scores.intervals else "")
        cells += [whole(n) for n in counts.to_json().values()] if counts is not None else [""] * len(_COUNTS)
        rows.append(cells)
    head = [heading, *(["0 – F1 – 1"] if dots else []), "Precision", "Recall", "F1"]
    head += [*(["95 % of F1"] if ends else []), *_COUNTS]
    return table(
        head, rows, caption=f"Scores by {heading.lower()}", numeric_from=2 if dots else 1, lead=len(first)
    )


def _curves(report: Report) -> str:
    plots = xy_plot(
        [Series("precision", "first", [(p.coverage, p.precision) for p in report.curve])],
        label="Precision of the answers kept, as the threshold falls and more asks are answered",
        x_title="share of asks answered",
        y_title="precision",
    ) + xy_plot(
        [Series("answers", "first", [(b.mean_probability, b.correct) for b in report.reliability])],
        label="Probability given against the share that is right; the closer to the dashed line, the better",
        x_title="probability",
        y_title="share right",
        diagonal=True,
        joined=False,
    )
    note = f"Expected calibration error of the answers: {fraction(report.calibration_error)}."
    return section("What the probabilities are worth", f'<div class="plots">{plots}</div>', note=note)


def _compared(comparison: Comparison) -> str:
    a, b = comparison.names
    rows = [
        [
            name,
            fraction(one.a),
            fraction(one.b),
            signed(one.difference),
            f"{one.interval[0]:+.3f} to {one.interval[1]:+.3f}" if one.interval else NONE,
            escaped(chance(one.p)),
        ]
        for name, one in (
            ("all, micro", comparison.micro),
            ("all, macro", comparison.macro),
            *((bdi(name), one) for name, one in comparison.per_attribute.items()),
        )
    ]
    body = table(["F1", a, b, "Difference", "95 %", "p"], rows, caption=f"{b} against {a}", lead=2)
    note = f"{_right_alone(comparison)} {_TESTS}"
    return section(f"{b} against {a}", body, note=note)
