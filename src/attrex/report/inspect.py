"""A run's extractions, to be read by people: in the terminal and as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from string import Template
from typing import Any, Literal

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from attrex.report.illustrations import Illustrations
from attrex.report.numbers import counted, fraction, whole
from attrex.report.page import asset, bdi, page, section, tiles
from attrex.report.page import table as html_table
from attrex.report.plots import meter, stacked_bar
from attrex.report.row import STATUSES, InspectRow, Place, parse
from attrex.report.visible import around, clipped, escaped, visible

_SNIPPET, _VALUE = 320, 300
"""The longest snippet and value shown on the page, in characters."""
_ALTERNATIVES = 5
_PLACES = 3
"""So many places of a value are shown in the terminal; the page shows all."""
_NEXT = 3
"""So many values that were not written are shown in the terminal."""

_STYLES = {
    "found": "green",
    "not_stated": "dim",
    "not_applicable": "magenta",
    "conflict": "yellow",
    "abstained": "blue",
    "unreadable": "red",
}


_TELLING = ("found", "conflict", "abstained", "unreadable", "not_stated", "not_applicable")
"""Values first, then what a person may have to decide."""

Order = Literal["found", "most", "least", "file"]
ORDERS: Mapping[Order, Callable[[InspectRow], tuple[float, ...]]] = {
    "found": lambda row: (_TELLING.index(row.status),),
    "most": lambda row: (_TELLING.index(row.status), -(row.probability or 0.0)),
    "least": lambda row: (_TELLING.index(row.status), row.probability or 0.0),
    "file": lambda row: (),
}
"""By what rows are sorted; those that are alike stay in the file's order."""


@dataclass(frozen=True, slots=True)
class _Overview:
    """Everything was counted; only the first rows were kept."""

    rows: list[InspectRow]
    total: int
    products: int
    statuses: Counter[str]
    attributes: dict[str, Counter[str]]
    part_read: int


def _read(
    records: Iterable[Mapping[str, Any]], limit: int, file: str | None, order: Order = "file"
) -> _Overview:
    rows: list[InspectRow] = []
    statuses: Counter[str] = Counter()
    attributes: dict[str, Counter[str]] = {}
    products: set[int] = set()  # hashes, so that memory stays small over millions of ids
    asks_of_last: set[tuple[str, str]] = set()
    last, total, part_read = "", 0, 0
    for number, record in enumerate(records, 1):
        row = parse(record, number, file)
        total += 1
        if order != "file" or len(rows) < limit:
            rows.append(row)
        if len(rows) > 2 * limit:  # so that memory stays small, and sorting is not for each row
            rows = sorted(rows, key=ORDERS[order])[:limit]
        if row.product_id != last:
            last, asks_of_last = row.product_id, set()
            products.add(hash(last))
        if (row.product_id, row.attribute) in asks_of_last:
            continue  # another value of the same ask
        asks_of_last.add((row.product_id, row.attribute))
        statuses[row.status] += 1
        attributes.setdefault(row.attribute, Counter())[row.status] += 1
        part_read += row.input_read == "part"
    shown = sorted(rows, key=ORDERS[order])[:limit]
    return _Overview(shown, total, len(products), statuses, attributes, part_read)


def inspect_json(records: Iterable[Mapping[str, Any]], *, file: str | None = None) -> dict[str, Any]:
    """How many products, asks and rows there are, and how the asks ended, in all and by attribute; the rows
    themselves are for machines as they are. Raises ``InputError`` as ``inspect_html``."""
    seen = _read(records, 0, file)
    return {
        "rows": seen.total,
        "products": seen.products,
        "asks": seen.statuses.total(),
        "partly_read": seen.part_read,
        "statuses": {status: seen.statuses[status] for status in STATUSES},
        "attributes": {name: dict(own) for name, own in sorted(seen.attributes.items())},
    }


def inspect_html(
    records: Iterable[Mapping[str, Any]],
    *,
    title: str = "Extractions",
    limit: int = 2000,
    file: str | None = None,
    illustrations: Illustrations | None = None,
) -> str:
    """A self-contained page over the long form's rows. All rows are counted, the first ``limit`` are
    shown, and the page says how many are left out. ``file`` is named in errors. ``illustrations`` stand
    beside the rows that they belong to.

    Raises ``InputError`` where a row lacks a field or holds something else in it.
    """
    seen = _read(records, limit, file)
    asks = seen.statuses.total()
    found = seen.statuses["found"]
    parts = [
        tiles(
            [
                ("Products", whole(seen.products), ""),
                ("Attributes", whole(len(seen.attributes)), ""),
                ("Asks", whole(asks), "product × attribute"),
                ("Found", whole(found), f"{100 * found / asks:.1f} % of the asks" if asks else ""),
                ("Only partly read", whole(seen.part_read), "asks whose text was not read to the end"),
            ]
        ),
        section("How the asks ended", f'<div class="panel">{_status_bar(seen.statuses)}</div>'),
        section("By attribute", _attribute_table(seen)),
        _rows_section(seen, illustrations or Illustrations()),
    ]
    return page(
        title,
        "\n".join(parts),
        subtitle="What was found in the texts, where it stands, and how sure the model is.",
        script="inspect.js",
        pictures=illustrations is not None,
    )


def _status_bar(statuses: Mapping[str, int], *, legend: bool = True) -> str:
    parts = [(_name(status), statuses.get(status, 0), f"s-{status}") for status in STATUSES]
    said = ", ".join(f"{name} {count}" for name, count, _ in parts if count)
    return stacked_bar(parts, said, legend=legend) or '<p class="note">There are no rows.</p>'


def _attribute_table(seen: _Overview) -> str:
    rows = [
        [
            bdi(name),
            _status_bar(counts, legend=False),
            whole(counts.total()),
            whole(counts["found"]),
            f"{100 * counts['found'] / counts.total():.1f} %",
        ]
        for name, counts in sorted(seen.attributes.items(), key=lambda item: -item[1].total())
    ]
    return html_table(
        ["Attribute", "How its asks ended", "Asks", "Found", "Share found"],
        rows,
        caption="Asks and found values by attribute",
        numeric_from=2,
        css="bars",
    )


def _rows_section(seen: _Overview, illustrations: Illustrations) -> str:
    left_out = seen.total - len(seen.rows)
    notice = (
        f'<p class="notice">This page shows the first {whole(len(seen.rows))} of {whole(seen.total)} rows; '
        f"{whole(left_out)} are left out. The numbers above count them all.</p>"
        if left_out
        else ""
    )
    if illustrations.note:
        notice += f'<p class="notice">{escaped(illustrations.note)}</p>'
    head = (
        '<th scope="col" class="w-ask">Attribute and product</th><th scope="col" class="w-value">Value</th>'
        '<th scope="col" class="w-sure">Probability</th><th scope="col">Where it stands</th>'
    )
    body = "\n".join(_row(row, number, illustrations) for number, row in enumerate(seen.rows))
    return (
        f"<section><h2>Extractions</h2>{notice}{_filters(seen)}"
        f'<p class="shown" id="shown" role="status">{counted(len(seen.rows), "row")}.</p>'
        '<div class="wide"><table class="rows">'
        '<caption class="unseen">Extractions, one row per value</caption>'
        f'<thead><tr>{head}</tr></thead><tbody id="rows">{body}</tbody></table></div></section>'
    )


def _filters(seen: _Overview) -> str:
    """Hidden until the script shows it: without the script it would do nothing."""
    shown: Counter[str] = Counter(row.attribute for row in seen.rows)
    options = "".join(
        f'<option value="{escaped(name)}">{escaped(clipped(name, 60))} ({whole(count)})</option>'
        for name, count in sorted(shown.items())
    )
    present = {row.status for row in seen.rows}
    picks = "".join(
        f'<label><input type="checkbox" name="status" value="{status}" checked>{_chip(status)}</label>'
        for status in STATUSES
        if status in present
    )
    return Template(asset("filters.html")).substitute(options=options, picks=picks)


def _row(row: InspectRow, number: int, illustrations: Illustrations) -> str:
    p = "" if row.probability is None else f"{row.probability:.6f}"
    canonical = (
        f'<span class="said">written canonically: {bdi(clipped(row.canonical, _VALUE))}</span>'
        if row.canonical is not None and row.value is not None and row.canonical != row.value
        else ""
    )
    value = (
        f'<span class="value">{bdi(clipped(row.value, _VALUE))}</span>{canonical}'
        if row.value is not None
        else '<span class="without">no value</span>'
    )
    return (
        f'<tr data-attribute="{escaped(row.attribute)}" data-status="{row.status}" data-p="{p}">'
        f'<th scope="row"><span class="attribute">{bdi(row.attribute)}</span>'
        f'<span class="id">{bdi(clipped(row.product_id, 80))}</span>{_picture(row, illustrations)}</th>'
        f'<td>{value}<div class="ends">{_chip(row.status)}</div></td>'
        f"<td>{meter(row.probability)}</td>"
        f"<td>{_evidence(row)}{_figures(number, illustrations)}{_others(row)}</td></tr>"
    )


def _picture(row: InspectRow, illustrations: Illustrations) -> str:
    image = illustrations.pictures.get(row.product_id)
    if image is None:
        return ""
    return _image(image, f"picture of {clipped(row.product_id, 80)}", "thumbnail")


def _figures(number: int, illustrations: Illustrations) -> str:
    figures = ""
    for part in illustrations.crops.get(number, ()):
        words = bdi(clipped(part.words, 80))
        image = (
            f'<img class="crop" src="{escaped(part.image)}" alt="{escaped(clipped(part.words, 80))}" '
            f'width="{part.width}" height="{part.height}">'
        )
        figures += (
            f'<figure class="printed">{image}<figcaption>{words}, as it is {part.how}</figcaption></figure>'
        )
    for each in illustrations.heat_maps.get(number, ()):
        words = clipped(each.words, 80)
        image = _image(each.image, f"the picture, bright where {words} attends", "heat")
        figures += (
            f"<figure>{image}<figcaption>attention of {bdi(words)} over the picture</figcaption></figure>"
        )
    return f'<div class="figures">{figures}</div>' if figures else ""


def _image(image: str, text: str, css: str) -> str:
    return f'<img class="{css}" src="{escaped(image)}" alt="{escaped(text)}" width="112" height="112">'


def _evidence(row: InspectRow) -> str:
    part = '<span class="said">Only a part of the text was read.</span>' if row.input_read == "part" else ""
    return "".join(map(_place, row.places)) + part


def _place(place: Place) -> str:
    if place.snippet is None:
        nowhere = "inferred; it stands nowhere in the text" if place.kind == "inferred" else ""
        said = bdi(clipped(place.seen_in, 160)) if place.seen_in else nowhere
        return f'{_source(place.source)}<span class="without">{said}</span>'
    read = "" if place.read_on is None else f'<span class="said">{bdi(clipped(place.read_on, 160))}</span>'
    return f'<p class="snippet">{_source(place.source)}{highlighted(place.snippet, place.mark)}{read}</p>'


def _source(name: str | None) -> str:
    return f'<span class="source">{bdi(clipped(name, 80))}</span>' if name else ""


def highlighted(snippet: str, mark: tuple[int, int] | None, *, length: int = _SNIPPET) -> str:
    """The snippet as HTML, escaped, cut around the value, the value marked."""
    if mark is None:
        return bdi(clipped(snippet, length))
    before, inside, after = (escaped(part) for part in around(snippet, *mark, length))
    return f'<bdi dir="auto">{before}<mark>{inside}</mark>{after}</bdi>'


def _others(row: InspectRow) -> str:
    if not row.alternatives:
        return ""
    shown = row.alternatives[:_ALTERNATIVES]
    more = len(row.alternatives) - len(shown)
    items = "".join(
        f"<li>{bdi(clipped(a.text, _VALUE))}{_source(a.source)}{meter(a.probability)}</li>" for a in shown
    )
    items += f'<li class="without">and {whole(more)} more</li>' if more else ""
    opened = "" if row.value is not None else " open"
    label = counted(len(row.alternatives), "alternative")
    return f"<details{opened}><summary>{label}</summary><ul>{items}</ul></details>"


def _chip(status: str) -> str:
    return f'<span class="chip c-{status}">{_name(status)}</span>'


def _name(status: str) -> str:
    return status.replace("_", " ")


def inspect_terminal(
    records: Iterable[Mapping[str, Any]], *, limit: int = 40, file: str | None = None, order: Order = "found"
) -> RenderableType:
    """The same for the terminal; reads well at 80 columns. Shown are the ``limit`` first rows by ``order``:
    "found" begins with the values, in the file's order, "most" and "least" with those that are most or least
    probable. Raises ``InputError`` as ``inspect_html``."""
    seen = _read(records, limit, file, order)
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, expand=True)
    grid.add_column("Product", ratio=2, overflow="ellipsis", no_wrap=True, style="dim")
    grid.add_column("Attribute", ratio=3, overflow="ellipsis", no_wrap=True)
    grid.add_column("Value", ratio=4, overflow="fold")
    grid.add_column("p", justify="right", width=4)
    grid.add_column("Where it stands", ratio=7, overflow="fold")
    for row in seen.rows:
        grid.add_row(
            Text(visible(row.product_id)),
            Text(visible(row.attribute)),
            Text(visible(clipped(row.value, 60)), style="bold")
            if row.value is not None
            else Text(_name(row.status), style=_STYLES[row.status]),
            fraction(row.probability, digits=2),
            _stands(row),
        )
    lines: list[RenderableType] = [grid]
    left_out = seen.total - len(seen.rows)
    if left_out:
        lines.append(Text(f"{whole(left_out)} of {whole(seen.total)} rows are not shown.", style="dim"))
    ends = ", ".join(f"{whole(seen.statuses[s])} {_name(s)}" for s in STATUSES if seen.statuses[s])
    summary = f"{counted(seen.products, 'product')}, {counted(seen.statuses.total(), 'ask')}"
    lines.append(Text(f"{summary}: {ends}." if ends else "There are no rows."))
    return Group(*lines)


def _stands(row: InspectRow) -> Text:
    """Each place on lines of its own; of what somebody may have to decide, what was not written."""
    if row.value is None and row.status in ("conflict", "abstained", "unreadable") and row.alternatives:
        others = [
            f"{visible(clipped(each.text, 40))} {fraction(each.probability, digits=2)}".rstrip()
            for each in row.alternatives[:_NEXT]
        ]
        return Text(f"not written: {', '.join(others)}", style="dim")
    texts = [
        Text.assemble(
            marked(p.snippet, p.mark, length=48),
            *([] if p.read_on is None else [(f" ({visible(clipped(p.read_on, 80))})", "dim")]),
        )
        if p.snippet is not None
        else Text(visible(clipped(f"{p.source or ''} {p.seen_in}".strip(), 80)), style="dim")
        for p in row.places
        if p.snippet is not None or p.seen_in is not None
    ]
    more = len(texts) - _PLACES
    return Text("\n").join(
        [*texts[:_PLACES], *([Text(f"and {counted(more, 'more place')}")] if more > 0 else [])]
    )


def marked(snippet: str, mark: tuple[int, int] | None, *, length: int) -> Text:
    """The snippet for the terminal, cut around the value, the value set off."""
    if mark is None:
        return Text(visible(clipped(snippet, length)))
    before, inside, after = (visible(part) for part in around(snippet, *mark, length))
    return Text.assemble(before, (inside, "bold black on yellow"), after)
