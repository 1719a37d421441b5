"""What makes MAVEQA the model it is: sources and attribute as global tokens, and tags on the text's."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from attrex.core import Attribute, Product, Source
from attrex.errors import ConfigError
from attrex.models.maveqa import build_maveqa, inputs_of, places
from attrex.models.questions import questions
from attrex.nn.etc import EVERYWHERE
from attrex.text.reading import read
from attrex.text.windows import cut
from tests.conformance.base import make_base
from tests.conformance.ten import COLOUR, MATERIAL, PRODUCTS, pool, product


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    torch.manual_seed(0)
    base = make_base(tmp_path_factory.mktemp("bases") / "tiny")
    made: Any = build_maveqa(base=str(base), window=100, radius=4)
    made.begin(pool())
    made.network.eval()
    return made


def laid_out(model: Any, given: Product, attribute: Attribute = COLOUR) -> dict[str, torch.Tensor]:
    tokeniser = model.tokeniser
    batch: dict[str, torch.Tensor] = model.mechanism.task.lay_out(
        read([given], tokeniser), questions([attribute], tokeniser), tokeniser
    )
    return {name.removeprefix("etc "): tensor[0] for name, tensor in batch.items()}


def test_the_attribute_and_one_token_a_source_are_global(model: Any) -> None:
    given = product("1", "Hats", "red cotton hat", {}, bullets="wool", description="")
    batch, tokeniser = laid_out(model, given), model.tokeniser
    (asked,) = questions([COLOUR], tokeniser)
    (hats,) = tokeniser.encode(["Hats"])
    shared = [*tokeniser.opening, *asked, *hats.ids, tokeniser.separator]
    names = [tokens.ids[0] for tokens in tokeniser.encode(["title", "bullets", "description"])]
    assert batch["global_ids_NG"].tolist() == [*shared, *names]
    assert batch["global_source_NG"].tolist() == [*[EVERYWHERE] * len(shared), 0, 1, 2]
    assert batch["ids_NT"].tolist() == read([given], tokeniser)[0].ids
    assert batch["source_NT"].tolist() == [0, 0, 0, EVERYWHERE, 1]


def test_places_restart_in_each_source(model: Any) -> None:
    given = product("1", None, "red cotton hat", {}, bullets="wool cap", description="steel")
    (reading,) = read([given], model.tokeniser)
    assert places(reading) == [0, 1, 2, 3, 0, 1, 2, 0]
    assert laid_out(model, given)["place_NT"].tolist() == places(reading)


def test_the_text_s_tokens_are_tagged_in_sight_of_the_attribute(model: Any) -> None:
    with torch.no_grad():
        chains = []
        for attribute in (COLOUR, MATERIAL):
            asked = questions([attribute] * 2, model.tokeniser)
            readings = read(PRODUCTS[:2], model.tokeniser)
            batch = model.mechanism.task.lay_out(readings, asked, model.tokeniser)
            chains.append(model.network.chain(inputs_of(batch)))
    one, other = chains
    assert one.emissions_NTK.shape == (*one.mask_NT.shape, 4)
    assert (one.emissions_NTK - other.emissions_NTK)[one.mask_NT].abs().amax(1).min() > 1e-5


def test_a_source_s_name_says_which_source_it_is(model: Any) -> None:
    title, bullets = (
        laid_out(model, Product("1", None, (source,)))
        for source in (
            product("1", None, "red hat", {}).sources[0],
            product("1", None, "x", {}, bullets="red hat").sources[1],
        )
    )
    assert title["ids_NT"].tolist() == bullets["ids_NT"].tolist()
    assert title["global_ids_NG"].tolist() != bullets["global_ids_NG"].tolist()
    unnamed = Product("1", None, (Source("", "red"),))
    assert laid_out(model, unnamed)["global_ids_NG"][-1].item() == model.tokeniser.separator


def test_a_text_of_a_hundred_thousand_tokens_is_cut_into_windows(model: Any) -> None:
    long = product("1", "Hats", "red cotton hat " * 33_334, {})
    windows = [w.product for w in cut([long], model.tokeniser, model.traits.window)]
    assert len(windows) > 1_000
    prepared = model.prepare(windows)
    assert max(len(p.reading) for p in prepared) <= 100
    described = model.describe([Attribute("Colour", "of what kind it is " * 300)])
    assert len(described[0].ids) == 65
    answers = model.answer(prepared[:20], described, [(p, 0) for p in range(20)])
    assert all(answer.none_score is not None for answer in answers)


@pytest.mark.parametrize("radius", [0, 2.5])
def test_a_radius_that_is_none_is_refused(radius: Any) -> None:
    with pytest.raises(ConfigError, match=rf"radius: expected a whole number from 1, got {radius}"):
        build_maveqa(radius=radius)
