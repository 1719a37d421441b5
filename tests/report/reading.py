"""A page as a browser would read it, and its terminal twin."""

from __future__ import annotations

import io
from html.parser import HTMLParser

from rich.console import Console, RenderableType

_VOID = {"meta", "input", "br", "img"}


class Page(HTMLParser):
    """Text, tags, attributes, and what the style sheet and the script hold."""

    def __init__(self, document: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.marked: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.held: dict[str, list[str]] = {"style": [], "script": []}
        self._open: list[str] = []
        self.feed(document)
        self.close()
        assert self._open == [], f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend((tag, name, value or "") for name, value in attrs)
        if tag == "mark":
            self.marked.append("")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend((tag, name, value or "") for name, value in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        at = self._open[-1] if self._open else ""
        if at in self.held:
            self.held[at].append(data)
            return
        self.text += data
        if at == "mark":
            self.marked[-1] += data

    def values(self, name: str) -> list[str]:
        """The values of all attributes of that name."""
        return [value for _, one, value in self.attributes if one == name]


def assert_harmless(page: Page, *, scripts: int) -> None:
    """Nothing is fetched, nothing runs but the page's own script, nothing needs what the policy forbids."""
    assert page.tags.count("script") == len(page.held["script"]) == scripts
    assert not {"img", "link", "iframe", "object", "embed", "base", "a", "use", "image"} & set(page.tags)
    for _, name, _ in page.attributes:
        assert not name.startswith("on")
        assert name not in {"src", "href", "xlink:href", "action", "formaction", "style", "srcdoc"}
    assert "http" not in "".join(page.held["style"] + page.held["script"])
    assert "@import" not in "".join(page.held["style"])
    assert "url(" not in "".join(page.held["style"])


def terminal(renderable: RenderableType, *, width: int = 80, colour: bool = False) -> str:
    """What a terminal of that width gets."""
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=colour, color_system="standard" if colour else None).print(
        renderable
    )
    return out.getvalue()


def widest(text: str) -> int:
    """The longest line, without trailing blanks."""
    return max(len(line.rstrip()) for line in text.splitlines())
