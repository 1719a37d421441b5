"""A page that stands by itself: nothing is fetched, and nothing but its own script can run.

The Content-Security-Policy names the hashes of the page's one style sheet and one script. Inline
``style`` attributes and event handlers are therefore dead: geometry goes into SVG attributes, behaviour into
``inspect.js``.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from attrex.report.visible import escaped


@cache
def asset(name: str) -> str:
    """A text file of this package."""
    return files("attrex.report").joinpath(name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def page(
    title: str, body: str, *, subtitle: str = "", script: str | None = None, pictures: bool = False
) -> str:
    """A whole document. ``body`` is HTML, already escaped; ``title`` and ``subtitle`` are text.

    ``script`` names the package's own script file to carry, if any; ``pictures``: the body has images, as
    data URIs.
    """
    style = asset("page.css")
    code = asset(script) if script else None
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src {_hash(style)}",
            "script-src " + (_hash(code) if code else "'none'"),
            *(["img-src data:"] if pictures else []),
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="generator" content="attrex">',
            f"<title>{escaped(title)}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            f'<header class="top"><p class="brand">attrex</p><h1>{escaped(title)}</h1>',
            f'<p class="subtitle">{escaped(subtitle)}</p></header>' if subtitle else "</header>",
            "<main>",
            body,
            "</main>",
            f"<script>{code}</script>" if code else "",
            "</body>",
            "</html>",
            "",
        )
    )


def bdi(text: str) -> str:
    """Data within a sentence: escaped, and isolated so that its direction does not turn its surroundings."""
    return f'<bdi dir="auto">{escaped(text)}</bdi>'


def section(heading: str, body: str, *, note: str = "") -> str:
    """A headed part of the page; ``heading`` and ``note`` are text, ``body`` is HTML."""
    said = f'<p class="note">{escaped(note)}</p>' if note else ""
    return f"<section><h2>{escaped(heading)}</h2>{said}{body}</section>"


def tiles(numbers: list[tuple[str, str, str]]) -> str:
    """Large numbers in a row: label, number, small print (all text)."""
    cells = (
        f"<div><dt>{escaped(label)}</dt><dd>{escaped(number)}"
        + (f"<small>{escaped(small)}</small>" if small else "")
        + "</dd></div>"
        for label, number, small in numbers
    )
    return f'<dl class="tiles">{"".join(cells)}</dl>'


def table(
    head: list[str],
    rows: list[list[str]],
    *,
    caption: str,
    numeric_from: int = 1,
    lead: int = 0,
    css: str = "",
) -> str:
    """``head`` is text; the cells of ``rows`` are HTML. The first cell heads its row; columns from
    ``numeric_from`` on are set right, the first ``lead`` rows are set off.
    ``caption`` is for readers who do not see the page.
    """
    top = "".join(
        f'<th scope="col"{_right(at, numeric_from)}>{escaped(name)}</th>' for at, name in enumerate(head)
    )
    lines = []
    for place, row in enumerate(rows):
        first, *rest = row
        cells = "".join(f"<td{_right(at, numeric_from)}>{cell}</td>" for at, cell in enumerate(rest, 1))
        opening = '<tr class="lead">' if place < lead else "<tr>"
        lines.append(f'{opening}<th scope="row">{first}</th>{cells}</tr>')
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escaped(caption)}">'
        f'<table class="numbers {css}"><caption class="unseen">{escaped(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _right(at: int, numeric_from: int) -> str:
    return ' class="n"' if at >= numeric_from else ""
