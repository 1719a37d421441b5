import base64
import hashlib

from attrex.report.page import bdi, page, section, table, tiles
from tests.report.reading import Page, assert_harmless

HOSTILE = '</title><script>alert("1")</script>&amp;'


def digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def test_the_policy_allows_the_pages_own_style_and_script_alone() -> None:
    read = Page(page("Title", "<p>x</p>", script="inspect.js"))
    policy = next(v for v in read.values("content") if "default-src" in v)
    assert policy == (
        f"default-src 'none'; style-src {digest(read.held['style'][0])}; "
        f"script-src {digest(read.held['script'][0])}; base-uri 'none'; form-action 'none'"
    )
    assert_harmless(read, scripts=1)


def test_without_a_script_none_may_run() -> None:
    read = Page(page("Title", ""))
    assert "script-src 'none'" in next(v for v in read.values("content") if "default-src" in v)
    assert_harmless(read, scripts=0)


def test_texts_are_escaped() -> None:
    body = (
        section(HOSTILE, "", note=HOSTILE)
        + tiles([(HOSTILE, HOSTILE, HOSTILE)])
        + table([HOSTILE], [[bdi(HOSTILE)]], caption=HOSTILE)
    )
    read = Page(page(HOSTILE, body, subtitle=HOSTILE))
    assert_harmless(read, scripts=0)
    assert read.text.count(HOSTILE) == 11


def test_numbers_are_set_right_and_leading_rows_set_off() -> None:
    made = table(["A", "B"], [["x", "1"], ["y", "2"]], caption="c", lead=1)
    assert '<th scope="col">A</th><th scope="col" class="n">B</th>' in made
    assert '<tr class="lead"><th scope="row">x</th><td class="n">1</td></tr><tr><th scope="row">y' in made
