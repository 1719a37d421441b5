"""A plan with real models, tiny and at random, through the real path."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrex.api import Extractor, caching, fit
from attrex.api.caching import open_cache
from attrex.api.planning import plan
from attrex.cache import DiskCache
from attrex.errors import ConfigError, InputError
from attrex.io.reader import open_reader
from attrex.models.folder import save_model
from attrex.resolve import Policy
from tests.api.shop import shop, write_csv
from tests.conformance.base import make_base
from tests.conformance.conftest import begun
from tests.conformance.table import TABLE
from tests.conformance.ten import PRODUCTS, SCHEMA


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders by the rows' names."""
    folder = tmp_path_factory.mktemp("models")
    base = make_base(folder / "tiny")
    made = {}
    for name in ("adatag, pretrained", "cross-encoder", "EAVE"):
        model = begun(next(row for row in TABLE if row.name == name), base)
        made[name.split(",")[0]] = save_model(
            model,
            folder / name.split(",")[0],
            schema=SCHEMA,
            calibration=Policy().to_json(),
            card="# A card\n",
        )
    made["lexicon"] = fit(PRODUCTS * 5, schema=SCHEMA, recipe="lexicon").save_pretrained(folder / "lexicon")
    return made


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    products = shop(40, blank=0.5)
    return write_csv(tmp_path / "shop.csv", products)


def test_models_are_planned_side_by_side(models: dict[str, Path], catalogue: Path) -> None:
    said: list[str] = []
    chosen = [models[name] for name in ("adatag", "cross-encoder", "lexicon")]
    planned = plan(open_reader(str(catalogue)), chosen, seconds=0.05, progress=said.append)
    assert (planned.products, planned.sample) == (40, 40)
    assert [m.name for m in planned.models] == ["adatag", "cross-encoder", "lexicon"]
    late, cross, lexicon = planned.models
    filled = [len(e) for e in Extractor.from_pretrained(models["adatag"]).fill(shop(40, blank=0.5))]
    assert late.asks == cross.asks == sum(filled)
    assert late.flops.prepare > late.flops.answer > 0
    assert cross.flops.prepare == cross.flops.describe == 0 < cross.flops.answer
    assert (lexicon.flops.total, lexicon.flops_by, lexicon.tokens) == (0, "counter", None)
    assert late.tokens == cross.tokens
    assert all(m.seconds.total > 0 and m.measured >= 1 for m in planned.models)
    assert [m.cache.cacheable for m in planned.models] == ["disk", "memory", "memory"]
    assert len(said) == 3
    assert said[0] == "adatag: measuring for about 0.05 s"


def test_one_attribute_and_filled_cells(models: dict[str, Path], catalogue: Path) -> None:
    name = SCHEMA.every[0].name

    def asks(**more: object) -> int:
        reader = open_reader(str(catalogue))
        (made,) = plan(reader, [models["lexicon"]], seconds=0.01, **more).models  # type: ignore[arg-type]
        return made.asks

    assert asks(attributes=[name]) == 40
    assert asks(all=True) == 40 * len(SCHEMA.attributes) > asks()


def test_mistakes_are_told(models: dict[str, Path], catalogue: Path, tmp_path: Path) -> None:
    reader = open_reader(str(catalogue))
    with pytest.raises(ConfigError, match="--model: with which model"):
        plan(reader, [])
    with pytest.raises(ConfigError, match="--seconds is 0; it must be above 0"):
        plan(reader, [models["lexicon"]], seconds=0)
    with pytest.raises(ConfigError, match='has no attribute "Colr"'):
        plan(reader, [models["lexicon"]], attributes=["Colr"])
    empty = write_csv(tmp_path / "empty.csv", [])
    with pytest.raises(InputError, match="there is no product"):
        plan(open_reader(str(empty)), [models["lexicon"]])


def test_models_of_one_name_are_told_apart(models: dict[str, Path], catalogue: Path) -> None:
    twice = [models["lexicon"], models["lexicon"]]
    planned = plan(open_reader(str(catalogue)), twice, seconds=0.01)
    assert [m.name for m in planned.models] == [str(models["lexicon"])] * 2


# --- the disk cache of a real model ---


@pytest.mark.parametrize("which", ["adatag", "EAVE"])
def test_filling_again_with_one_more_attribute_prepares_nothing(
    which: str, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [a.name for a in SCHEMA.every[:2]]
    products = shop(30)
    first = Extractor.from_pretrained(models[which]).fill(products, attributes=names[:1], cache=tmp_path)
    extractor = Extractor.from_pretrained(models[which])
    mechanism = extractor.model.mechanism  # type: ignore[attr-defined]
    described: list[str] = []
    before = mechanism.describe

    def prepare(*given: object) -> None:
        raise AssertionError("prepared again")

    def describe(learnt, attributes):  # type: ignore[no-untyped-def]
        described.extend(a.name for a in attributes)
        return before(learnt, attributes)

    monkeypatch.setattr(mechanism, "prepare", prepare)
    monkeypatch.setattr(mechanism, "describe", describe)
    second = extractor.fill(products, attributes=names, cache=tmp_path)
    assert described == names[1:]
    for one, other in zip(first, second, strict=True):  # the last digit depends on the shape of a batch
        assert (other[0].status, other[0].values == ()) == (one[0].status, one[0].values == ())
        assert other[0].probability == pytest.approx(one[0].probability, abs=1e-4)
    assert all(len(e) == 2 for e in second)
    pipeline = extractor.cached(tmp_path)
    assert extractor.cached(str(tmp_path)) is pipeline
    assert extractor.pipeline is not pipeline


def test_another_release_of_attrex_takes_nothing_of_it(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its code may make other records of the same text."""
    extractor = Extractor.from_pretrained(models["adatag"])
    extractor.fill(shop(5), cache=tmp_path)
    same = open_cache(extractor.model, extractor.version, tmp_path)
    monkeypatch.setattr(caching, "__version__", "9.9")
    other = open_cache(extractor.model, extractor.version, tmp_path)
    assert same._index.files
    assert not other._index.files


def test_another_model_in_the_same_folder_takes_nothing_of_it(
    models: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    extractor = Extractor.from_pretrained(models["adatag"])
    extractor.fill(shop(5), cache=tmp_path)
    other = DiskCache(tmp_path, model="another", types=extractor.model.record_types)  # type: ignore[attr-defined]
    assert other._index.files == {}
    assert "holds records of another model too" in caplog.text
