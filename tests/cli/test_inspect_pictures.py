"""``attrex inspect`` with the pictures beside the text, and where in them words look."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrex.api import illustrating
from attrex.api.illustrating import attend
from attrex.core import Picture, Product, Source, Span
from attrex.models import catalog
from attrex.models.interface import Grid, Traits
from tests.api.pictured import BUILDER, SIZE, MeanColour, install, write_recipe, write_shop
from tests.cli.shell import Shell
from tests.extract.scripted import WordTokeniser
from tests.report.reading import Page

Filled = tuple[Path, Path, Path]


class Looking(MeanColour):
    """Looks at the patch whose number in its row is that of the span's first character."""

    def attention(self, product: Product, span: Span | None) -> Grid | None:
        assert all(picture.pixels is not None for picture in product.pictures)
        grid = [[0.0] * 7 for _ in range(7)]
        grid[0][0 if span is None else span.start % 7] = 1.0
        return grid


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    monkeypatch.setitem(catalog.CATALOG, BUILDER, Looking)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """The shop, the model, and the long form of what it filled."""
    from attrex.api import fit
    from attrex.cli.main import run

    folder = tmp_path_factory.mktemp("filled")
    shop = write_shop(folder / "shop", rows=40, empty=6)
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        fit(shop, recipe=write_recipe(folder / "seeing.yaml"), out=folder / "m")
        assert run(["fill", str(shop), "-m", str(folder / "m"), "-o", str(folder / "long.jsonl")]) == 0
    return shop, folder / "m", folder / "long.jsonl"


def page(path: Path) -> Page:
    return Page(path.with_suffix(".html").read_text(encoding="utf-8"))


def test_without_a_word_of_pictures_there_are_none(shell: Shell, filled: Filled) -> None:
    assert shell("inspect", filled[2]).code == 0
    assert not page(filled[2]).values("src")


def test_pictures_of_the_catalogue(shell: Shell, filled: Filled) -> None:
    shop, _, long = filled
    done = shell("inspect", long, "--data", shop)
    assert done.code == 0
    shown = page(long)
    assert len(shown.values("src")) == 12  # each with the part that tells its value
    assert shown.values("alt")[0] == "picture of p34"
    assert shown.text.count("as it is seen") == 6
    assert "in the picture at 0 0 20 8" in shown.text
    assert all(uri.startswith("data:image/jpeg;base64,") for uri in shown.values("src"))


def test_without_the_catalogue_pictures_that_are_evidence(shell: Shell, filled: Filled) -> None:
    shop, _, long = filled
    assert shell("inspect", long, "--pictures-folder", shop.parent).code == 0
    assert len(page(long).values("src")) == 12


def test_a_picture_that_is_gone_is_told(shell: Shell, filled: Filled, tmp_path: Path) -> None:
    done = shell("inspect", filled[2], "--pictures-folder", tmp_path)
    assert done.code == 0
    assert 'the picture "images/p34.png" of the product "p34" is left out: there is no such file' in done.err
    assert not page(filled[2]).values("src")


def test_heat_maps_of_values_and_of_words(shell: Shell, filled: Filled) -> None:
    shop, model, long = filled
    assert shell("inspect", long, "--data", shop, "-m", model).code == 0
    shown = page(long)
    assert sum(uri.startswith("data:image/png") for uri in shown.values("src")) == 6
    assert "attention of all of the text over the picture" in shown.text
    assert shell("inspect", long, "--data", shop, "-m", model, "--word", "thing", "--word", "gone").code == 0
    shown = page(long)
    assert sum(uri.startswith("data:image/png") for uri in shown.values("src")) == 6
    assert "attention of thing over the picture" in shown.text
    assert "attention of gone" not in shown.text


def test_what_does_not_go_together_is_told(
    shell: Shell, filled: Filled, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, looking, long = filled
    alone = shell("inspect", long, "-m", looking)
    assert alone.code == 2
    assert "heat maps need the texts and pictures. Give the catalogue by --data" in alone.err
    wordy = shell("inspect", long, "--data", shop, "--word", "x")
    assert wordy.code == 2
    assert "--word: whose attention? Give a model by -m" in wordy.err
    blind = shell("inspect", long, "--data", shop, "-m", model)
    assert blind.code == 2
    assert "this model's words attend to no picture" in blind.err


def test_a_page_s_pictures_and_maps_are_bounded(
    shell: Shell, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, model, long = filled
    monkeypatch.setattr(illustrating, "ROWS", 4)
    monkeypatch.setattr(illustrating, "HEAT_MAPS", 2)
    shell("inspect", long, "--data", shop, "-m", model)
    shown = page(long)
    kinds = [uri[:15] for uri in shown.values("src")]
    assert (kinds.count("data:image/jpeg"), kinds.count("data:image/png;")) == (2 * 4, 2)
    assert "Pictures stand beside the first 4 rows. The first 2 heat maps are shown." in shown.text


def test_a_span_of_a_long_text_is_looked_for_in_its_window() -> None:
    class Windowed(Looking):
        @property
        def traits(self) -> Traits:
            return Traits(pictures=SIZE, window=8)

        @property
        def tokeniser(self) -> WordTokeniser:  # type: ignore[override]
            return WordTokeniser()

        def attention(self, product: Product, span: Span | None) -> Grid | None:
            assert span is not None
            words.append(product.sources[0].text[span.start : span.end])
            return [[1.0]]

    words: list[str] = []
    text = " ".join(f"word{at:03}" for at in range(100))
    product = Product("p", None, (Source("title", text),), (Picture("a"),))
    at = text.index("word057")
    assert attend(Windowed(), product, Span("title", at, at + 7)) == [[1.0]]
    assert words == ["word057"]
    assert attend(Windowed(), product, Span("title", 5000, 5007)) is None
    assert attend(Windowed(), product, Span("bullets", 0, 7)) is None
    assert attend(MeanColour(), product, None) is None
