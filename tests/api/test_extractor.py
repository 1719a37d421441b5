from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from attrex.api import Extractor, fit
from attrex.api.hub import is_offline, local_folder
from attrex.api.products import as_product
from attrex.core import Attribute, Picture, Product, Source, Stated, Status
from attrex.errors import ConfigError, InputError, ModelError
from tests.api.shop import shop


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return fit(shop(), recipe="lexicon")


def test_one_method_takes_one_product_or_many(extractor: Extractor) -> None:
    blank = [replace(p, stated={}) for p in shop(5, seed=3)]
    alone = extractor.fill(blank[0])
    assert isinstance(alone, tuple)
    together = extractor.fill(blank)
    assert isinstance(together, list)
    assert together[0] == alone
    assert [e[0].product_id for e in together] == [p.id for p in blank]


def test_stated_cells_are_not_asked_unless_all_are(extractor: Extractor) -> None:
    product = Product(
        "p", None, (Source("title", "Acme lamp red 40 cm"),), stated={"Colour": (Stated("red"),)}
    )
    assert [e.attribute for e in extractor.fill(product)] == ["Brand", "Size"]
    every = [a.name for a in extractor.schema.every]
    assert [e.attribute for e in extractor.fill(product, all=True)] == every
    assert [e.attribute for e in extractor.fill(product, attributes=["Colour"])] == ["Colour"]


def test_an_attribute_that_the_schema_lacks_may_be_asked(extractor: Extractor) -> None:
    shade = Attribute("Shade", values=("linen", "glass"))
    (made,) = extractor.fill({"title": "Lamp with a linen shade"}, attributes=[shade])
    assert (made.attribute, [v.text for v in (*made.values, *made.alternatives)]) == ("Shade", ["linen"])
    with pytest.raises(ConfigError, match='expected a list of names, got the text "Colour"'):
        extractor.fill({"title": "x"}, attributes="Colour")


def test_texts_by_name_are_a_product(extractor: Extractor) -> None:
    made = extractor.fill({"id": 7, "category": "Lamps", "title": "red", "description": None})
    assert made[0].product_id == "7"
    assert extractor.fill([{"title": "red"}, {"title": "blue"}])[1][0].product_id == "row-2"
    with pytest.raises(InputError, match=r'row 1, field "title": expected a text, got 3'):
        extractor.fill({"title": 3})
    with pytest.raises(InputError, match="row 2: expected a product or its texts by name, got int"):
        extractor.fill([{"title": "x"}, 3])  # type: ignore[list-item]


def test_what_a_mapping_states_is_not_asked(extractor: Extractor) -> None:
    title = {"title": "Acme lamp red 40 cm"}
    as_row = extractor.fill({**title, "Colour": "red", "Size": ""})
    assert [e.attribute for e in as_row] == ["Brand", "Size"]
    assert extractor.fill({**title, "attributes": {"Colour": ["red"], "Size": None}}) == as_row
    none = extractor.fill({**title, "attributes": {"Colour": [], "Size": "n/a"}})
    assert [e.attribute for e in none] == ["Brand"]
    # a value that is stated is no text, in which it would be found again
    again = extractor.fill({"title": "lamp", "Colour": "red"}, attributes=["Colour"])
    assert again[0].status is Status.NOT_STATED


def test_rows_of_a_data_frame_are_products(extractor: Extractor) -> None:
    nan = float("nan")
    row = {"id": 0, "title": "Acme lamp red 40 cm", "category": nan, "description": nan, "Colour": nan}
    made = extractor.fill({**row, "pictures": nan})
    assert {e.product_id for e in made} == {"0"}
    assert [e.attribute for e in made] == ["Brand", "Colour", "Size"]
    assert made == extractor.fill({"id": "0", "title": "Acme lamp red 40 cm"})


def test_a_list_of_texts_is_its_lines_and_one_picture_is_one(extractor: Extractor) -> None:
    product = as_product({"bullets": ["a lamp", "red"], "pictures": "a.jpg", "category": "Lamps"}, 4)
    assert product == Product("row-4", "Lamps", (Source("bullets", "a lamp\nred"),), (Picture("a.jpg"),))
    assert as_product({"pictures": ["a.jpg", "b.jpg"]}).pictures == (Picture("a.jpg"), Picture("b.jpg"))
    with pytest.raises(InputError, match=r'field "bullets": expected a text, got \[1, 2\]'):
        as_product({"bullets": [1, 2]})
    with pytest.raises(InputError, match='field "attributes": expected a text, got 5'):
        as_product({"attributes": 5})


def test_mappings_may_be_learnt_from() -> None:
    rows = [
        {"title": f"Acme lamp {c} {i}", "attributes": {"Colour": c}}
        for c in ("red", "blue")
        for i in range(20)
    ]
    assert [e.status for e in fit(rows, recipe="lexicon").fill({"title": "lamp red"})] == [Status.FOUND]
    with pytest.raises(
        InputError, match=r'nothing to learn from. Fix: give a file, or state values: \{"title"'
    ):
        fit([{"title": "Acme lamp", "Colour": "red"}], recipe="lexicon")


@pytest.mark.parametrize("given", [None, 3, "shop.csv", Path("shop.csv")])
def test_what_is_no_product_is_said(extractor: Extractor, given: object) -> None:
    with pytest.raises(InputError, match="expected a product or several, got "):
        extractor.fill(given)  # type: ignore[call-overload]


def test_stream_is_lazy(extractor: Extractor) -> None:
    def endless() -> Iterator[dict[str, str]]:
        while True:
            yield {"title": "Acme lamp red 40 cm"}

    first = list(islice(extractor.stream(endless()), 3))
    assert len(first) == 3


def test_a_saved_extractor_gives_equal_extractions(extractor: Extractor, tmp_path: Path) -> None:
    folder = extractor.save_pretrained(tmp_path / "model")
    again = Extractor.from_pretrained(folder)
    assert again.version == extractor.version
    assert again.schema == extractor.schema
    assert again.policy == extractor.policy
    assert again.card == extractor.card
    assert again.report is None
    probe = [replace(p, stated={}) for p in shop(20, seed=8)]
    assert again.fill(probe) == extractor.fill(probe)


def test_another_aim_needs_no_new_fit(extractor: Extractor) -> None:
    careful = extractor.aimed("precision=0.99")
    assert careful.policy.thresholds.aim == "precision=0.99"
    assert careful.policy.calibration == extractor.policy.calibration
    assert careful.version == extractor.version
    assert extractor.aimed("f1").policy == extractor.policy


def test_the_card_tells_what_is_in_the_folder(extractor: Extractor) -> None:
    card = extractor.card
    assert card.startswith("---\nlibrary_name: attrex\n")
    assert "# lexicon: 3 product attributes" in card
    for attribute in extractor.schema.every:
        assert attribute.name in card
    assert "Recipe lexicon, seed 0, 200 products" in card
    assert "on which the thresholds were chosen" in card


def test_known_names_only(extractor: Extractor) -> None:
    assert [a.name for a in extractor.known(["Size"])] == ["Size"]
    with pytest.raises(ConfigError, match=r'schema has no attribute "Color"; did you mean "Colour"\?'):
        extractor.known(["Color"])


def test_a_missing_folder_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        Extractor.from_pretrained(tmp_path / "nothing")


def test_paths_are_never_looked_for_on_a_hub(tmp_path: Path) -> None:
    for name in ("./model/x", "model/", "/a/b", "a/b/c", "model"):
        assert local_folder(name) == Path(name)
    assert local_folder(Path("a/b")) == Path("a/b")


def test_a_hub_name_needs_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert is_offline()
    with pytest.raises(ModelError, match=r'no folder "someone/some-model" here.*the network is forbidden'):
        Extractor.from_pretrained("someone/some-model")


def test_uploading_offline_says_what_to_do(extractor: Extractor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match='"me/model" cannot be uploaded: the network is forbidden'):
        extractor.push_to_hub("me/model")


def test_uploading_hands_the_model_folder_over(extractor: Extractor, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    class Hub:
        def create_repo(self, name: str, *, private: bool, exist_ok: bool):  # type: ignore[no-untyped-def]
            seen.update(name=name, private=private)
            return type("Url", (str,), {"repo_id": name})(f"https://hub/{name}")

        def upload_folder(self, *, repo_id: str, folder_path: Path) -> None:
            seen.update(files={file.name for file in folder_path.iterdir()})

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    assert extractor.push_to_hub("me/model", private=True) == "https://hub/me/model"
    assert seen["name"] == "me/model"
    assert seen["private"] is True
    assert {"config.json", "schema.yaml", "calibration.json", "README.md"} <= seen["files"]  # type: ignore[operator]


def test_each_status_through_the_library(extractor: Extractor) -> None:
    def status(title: str, *, aim: str | None = None, **more: str) -> Status:
        chosen = extractor.aimed(aim) if aim else extractor
        return chosen.fill({"title": title, **more}, attributes=["Colour"])[0].status

    assert status("Acme lamp red") is Status.FOUND
    assert status("Acme lamp") is Status.NOT_STATED
    assert status("Acme lamp red", description="in black") is Status.CONFLICT
    assert status("") is Status.UNREADABLE
    assert status("Acme lamp red", aim="precision=0.9999") is Status.ABSTAINED


@pytest.mark.parametrize("file", ["calibration.json", "support.json"])
def test_what_cannot_be_understood_of_a_whole_folder_is_named_with_it(
    extractor: Extractor, tmp_path: Path, file: str
) -> None:
    folder = extractor.save_pretrained(tmp_path / "model")
    (folder / file).write_text('{"another": "release"}')
    sums = json.loads((folder / "files.json").read_text("utf-8"))
    sums[file] = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    (folder / "files.json").write_text(json.dumps(sums))
    with pytest.raises(ModelError) as told:
        Extractor.from_pretrained(folder)
    assert str(told.value).startswith(f"{folder}: {file} is damaged (")
    assert str(told.value).endswith("). Fix: fit the model again")
