"""The Amazon product metadata (2018), cleaned the way MAVE's offsets presuppose.

Follows the procedure that the MAVE repository publishes: the paragraphs are title, description, feature,
price and brand, in this order; tags, styles and scripts go; white space becomes single blanks; paragraphs
that are still HTML, or mostly CSS, go; a product without a title goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html.entities import html5
from html.parser import HTMLParser
from typing import Any

SOURCES = ("title", "description", "feature", "price", "brand")
_STILL_HTML = ("<a href", "javascript:", "background-color:", "background-image:", " li:", ".aloha")


def paragraphs(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(source, text) of one product's metadata; empty where no title is left."""
    found = [pair for source in SOURCES for pair in _of_source(source, record.get(source))]
    return found if any(source == "title" for source, _ in found) else []


def _of_source(source: str, data: Any) -> Iterator[tuple[str, str]]:
    for text in [data] if isinstance(data, str) else data if isinstance(data, list) else []:
        if not isinstance(text, str) or (source == "title" and "getTime" in text):
            continue
        cleaned = " ".join(_plain(text.strip().encode("utf-8", "ignore").decode("utf-8")).split())
        if cleaned and not any(mark in cleaned for mark in _STILL_HTML) and not _is_css(cleaned):
            yield source, cleaned


def _is_css(text: str) -> bool:
    tokens = text.split()
    styled = sum(t.startswith((".", "#", "div")) or "px" in t or t.count("-") > 1 for t in tokens)
    return styled > 20 and styled / len(tokens) > 0.3


def _plain(text: str) -> str:
    if "<" not in text and "&" not in text:
        return text
    parser = _Strings()
    parser.feed(text)
    parser.close()
    return " ".join(parser.strings())


class _Strings(HTMLParser):
    """The stripped texts between tags. A reference without meaning stays as it is; numbers from 128 to 159
    are Windows-1252, as browsers and Beautiful Soup read them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self._found: list[str] = []
        self._open = ""
        self._hidden = False

    def strings(self) -> list[str]:
        self._cut()
        return self._found

    def _cut(self) -> None:
        if (text := self._open.strip()) and not self._hidden:
            self._found.append(text)
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._cut()
        self._hidden = self._hidden or tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._cut()
        self._hidden = self._hidden and tag not in ("style", "script")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._cut()

    def handle_comment(self, data: str) -> None:
        self._cut()

    def handle_decl(self, decl: str) -> None:
        self._cut()

    def unknown_decl(self, data: str) -> None:
        self._cut()
        if data.upper().startswith("CDATA["):
            self._open = data[len("CDATA[") :]
            self._cut()

    def handle_pi(self, data: str) -> None:
        self._cut()

    def handle_data(self, data: str) -> None:
        self._open += data

    def handle_entityref(self, name: str) -> None:
        self._open += html5.get(f"{name};", f"&{name}")

    def handle_charref(self, name: str) -> None:
        try:
            code = int(name[1:], 16) if name[:1] in "xX" else int(name)
            if code == 0:
                raise ValueError
            text = bytes([code]).decode("windows-1252", "ignore") if code < 256 else chr(code)
            self._open += text or chr(code)
        except (ValueError, OverflowError):
            self._open += "\ufffd"
