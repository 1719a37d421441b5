"""How EAVE is trained: what runs how often, at which rate, and what is kept."""

from __future__ import annotations

import pytest
import torch

from attrex.models import eave
from attrex.training.settings import Settings
from attrex.training.trainer import AttrexTrainer
from tests.conformance.base import make_base
from tests.conformance.ten import pool
from tests.models.small_eave import begun, counted


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_base(tmp_path_factory.mktemp("bases") / "tiny"))


def test_in_training_a_window_is_heavily_encoded_once_for_all_its_asks(base: str) -> None:
    model = begun(base)
    examples = list(model.examples(pool(), 0))
    batch = model.collate(examples)
    assert len(batch["product_N"]) > len(examples)
    with counted(model.network.heavy) as heavy:
        model.network(batch)
    assert heavy == [len(examples), 3]


def test_a_step_has_a_bounded_number_of_asks(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = begun(base)
    whole = list(model.examples(pool(), 0))
    assert max(len(example.asks) for example in whole) == 3
    monkeypatch.setattr(eave, "ASKS", 2)
    parts = list(model.examples(pool(), 0))
    assert max(len(example.asks) for example in parts) == 2
    assert [ask for each in parts for ask in each.asks] == [ask for each in whole for ask in each.asks]


def test_beta_is_the_rate_of_a_group_of_its_own(base: str) -> None:
    model = begun(base)
    groups = {name: {id(p) for p in group} for name, group in model.parameter_groups().items()}
    heavy = {id(p) for p in model.network.heavy.parameters() if p.requires_grad}
    light = {id(p) for p in model.network.light.parameters() if p.requires_grad}
    light.add(id(model.network.adaptor.weight))  # an identity, as wide as both
    assert (groups["heavy"], groups["encoder"]) == (heavy, light)
    rates = {"default": 1e-2, "encoder": 1e-3, "heavy": 7e-4}
    trainer = AttrexTrainer(model, pool(), Settings(rates=rates), score=None, checkpoints=None, say=print)
    found = {
        group["lr"]: {id(p) for p in group["params"]} for group in trainer.create_optimizer().param_groups
    }
    assert (found[7e-4], found[1e-3]) == (heavy, light)


def test_beta_nought_is_frozen(base: str) -> None:
    """No gradient, no state of the optimiser, and no second pass over a window in all of training."""
    model = begun(base, heavy="frozen")
    assert model.parameter_groups()["heavy"] == []
    before = {name: tensor.clone() for name, tensor in model.network.heavy.state_dict().items()}
    trainer = AttrexTrainer(
        model,
        pool(),
        Settings(epochs=3, batch=4, rates={"default": 1e-2}),
        score=None,
        checkpoints=None,
        say=lambda line: None,
    )
    windows = {tuple(example.reading.ids) for example in trainer.epochs.examples}
    with counted(model.network.heavy) as heavy:
        trainer.train()
    assert sum(heavy) == len(windows) + 3
    assert all(parameter.grad is None for parameter in model.network.heavy.parameters())
    trained = {id(p) for p in trainer.optimizer.state}
    assert trained.isdisjoint(id(p) for p in model.network.heavy.parameters())
    after = model.network.heavy.state_dict()
    assert [name for name, tensor in before.items() if not torch.equal(tensor, after[name])] == []


def test_kept_states_are_those_that_would_be_computed(base: str) -> None:
    frozen, trained = begun(base, heavy="frozen"), begun(base)
    trained.network.load_state_dict(frozen.network.state_dict())
    examples = list(frozen.examples(pool(), 0))
    for batch in (examples, examples[:3], examples[2:7]):
        one, other = (model.network(model.collate(batch))["loss"] for model in (frozen, trained))
        torch.testing.assert_close(one, other)


def test_frozen_states_keep_to_their_limit(base: str) -> None:
    model = begun(base, heavy="frozen")
    kept = model.mechanism._frozen
    sequences = [[2, 5, 6, 3], [2, 7, 3], [2, 5, 6, 3]]
    kept.limit = 600
    with counted(model.network.heavy) as heavy:
        first = kept.of(model.network.heavy, sequences, 0)
        again = kept.of(model.network.heavy, sequences, 0)
    assert heavy == [2, 1]  # both, and then the one for which there was no room
    torch.testing.assert_close(first, again)
    assert first.shape == (1, 11, 32)


def test_learned_fusion_lets_the_heavy_encoder_in_step_by_step(base: str) -> None:
    model = begun(base, fusion="learned")
    batch = model.collate(list(model.examples(pool(), 0)))

    def heavy_gradient() -> float:
        model.network.zero_grad()
        model.network(batch)["loss"].backward()
        return sum(float(p.grad.abs().sum()) for p in model.network.heavy.parameters() if p.grad is not None)

    assert heavy_gradient() == 0
    assert (model.network.fusion.alpha_L.grad != 0).all()
    with torch.no_grad():
        model.network.fusion.alpha_L -= 0.1 * model.network.fusion.alpha_L.grad.sign()
    assert heavy_gradient() > 0
