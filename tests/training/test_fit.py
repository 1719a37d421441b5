from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from attrex.core import Attribute
from attrex.errors import ConfigError, InputError, Interrupted, OutputError
from attrex.nn.threads import one_thread
from attrex.supervision.pool import Pool
from attrex.training import Settings, TrainingReport, fit, forget, warming
from attrex.training.fit import checkpoints_of
from attrex.training.trainer import Average
from attrex.training.warming import WARMED
from tests.training.line import Line, pool

RATES = {"default": 1e-2}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


def settings(**given: Any) -> Settings:
    return Settings(**{"epochs": 6, "batch": 4, "rates": RATES, "weight_decay": 0.0, **given})


def weights(model: Line) -> dict[str, Tensor]:
    return {n: t.detach().clone() for n, t in model.network.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


class Scores:
    """Scores in a given order, and the weights that were scored; a KeyboardInterrupt where one is listed."""

    def __init__(self, model: Line, *values: float) -> None:
        self.model, self.values, self.scored = model, values, [dict[str, Tensor]()] * 0

    def __call__(self) -> float:
        assert not self.model.network.training
        self.scored.append(weights(self.model))
        return self.values[len(self.scored) - 1]


# --- the best epoch ---


def test_the_best_epoch_is_kept() -> None:
    model = Line()
    score = Scores(model, 0.1, 0.5, 0.3, 0.5, 0.4, 0.2)
    lines: list[str] = []
    report = fit(model, pool(), score, settings(), lines.append)
    assert len(score.scored) == 6
    assert same(weights(model), score.scored[1])  # the first of two equal ones
    assert (report.epochs, report.score) == (6, 0.5)
    assert report.parameters == 8 * 8 + 8 + 8 + 1
    assert report.seconds > 0
    assert lines[1] == "epoch 2 of 6, F1 on the tune part 0.500"
    assert not model.network.training


def test_training_stops_early() -> None:
    model = Line()
    score = Scores(model, 0.4, 0.6, 0.5, 0.55, 0.9)
    report = fit(model, pool(), score, settings(patience=2))
    assert (report.epochs, report.score, len(score.scored)) == (4, 0.6, 4)
    assert same(weights(model), score.scored[1])


def test_a_new_best_score_restores_patience() -> None:
    model = Line()
    score = Scores(model, 0.4, 0.3, 0.5, 0.4, 0.6, 0.5)
    assert fit(model, pool(), score, settings(patience=2)).epochs == 6


def test_nobody_waits_for_what_has_not_begun() -> None:
    model = Line()
    score = Scores(model, 0.0, 0.0, 0.0, 0.2, 0.1, 0.0)
    report = fit(model, pool(), score, settings(patience=2))
    assert (report.epochs, report.score) == (6, 0.2)
    assert same(weights(model), score.scored[3])


def test_where_nothing_is_ever_found_the_last_weights_are_kept() -> None:
    model = Line()
    score = Scores(model, *[0.0] * 6)
    assert fit(model, pool(), score, settings(patience=2)).epochs == 6
    assert same(weights(model), score.scored[5])


def test_without_a_score_the_last_weights_are_kept() -> None:
    model, lines = Line(), list[str]()
    report = fit(model, pool(), None, settings(patience=1), lines.append)
    assert (report.epochs, report.score) == (6, None)
    assert report.loss > 0
    assert lines[-1] == "epoch 6 of 6"


def test_only_what_is_trainable_changes() -> None:
    model = Line()
    began: dict[str, Tensor] = {}

    def remember(line: str) -> None:
        began.update(began or weights(model))

    fit(model, pool(), None, settings(rates={"default": 1e-2, "head": 0.0}), remember)
    changed = {n for n, t in weights(model).items() if not torch.equal(t, began[n])}
    assert changed == {"encoder.weight", "encoder.bias"}


def test_large_data_gets_fewer_epochs() -> None:
    lines: list[str] = []
    assert fit(Line(), pool(), None, settings(examples=30), lines.append).epochs == 3
    assert lines == ["epoch 1 of 3", "epoch 2 of 3", "epoch 3 of 3"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="sums in one order are for the CPU")
def test_sums_have_one_order_while_training_and_not_after() -> None:
    seen: list[bool] = []

    def score() -> float:
        seen.append(torch.are_deterministic_algorithms_enabled())
        return 0.0

    fit(Line(), pool(), score, settings())
    assert seen
    assert all(seen)
    assert not torch.are_deterministic_algorithms_enabled()


def test_nothing_to_learn_from() -> None:
    with pytest.raises(InputError, match=r"no value to learn from stands in a text.*--dry-run"):
        fit(Line(), pool([]), None, settings())


def test_nothing_to_learn_from_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        fit(Line(), pool([]), None, settings(folder=tmp_path / "model"))
    assert list(tmp_path.iterdir()) == []


def test_each_epoch_has_its_own_examples_in_its_own_order() -> None:
    model = Line()
    fit(model, pool(), None, settings(epochs=3))
    flat = [at for batch in model.seen for at in batch]
    epochs = [flat[at : at + 10] for at in range(0, 30, 10)]
    assert [sorted(each) for each in epochs] == [list(range(10 * e, 10 * e + 10)) for e in range(3)]
    assert [at % 10 for at in epochs[0]] != [at % 10 for at in epochs[1]]


# --- seeds ---


def test_the_same_seed_gives_the_same_weights() -> None:
    trained = []
    for seed in (3, 3, 4):
        model = Line()
        torch.manual_seed(len(trained))  # whatever was drawn before
        fit(model, pool(), None, settings(seed=seed, averaging=0.9))
        trained.append(weights(model))
    assert same(trained[0], trained[1])
    assert not same(trained[0], trained[2])


# --- averages ---


def test_averaged_weights_follow_the_network_s() -> None:
    """Against the definition: decay min(d, t / (9 + t)), started at the first weights."""
    network = torch.nn.Linear(3, 2)
    average = Average(network, 0.4)
    expected = network.weight.detach().clone()
    for step in range(1, 12):
        with torch.no_grad():
            network.weight.add_(torch.randn(2, 3))
        average.update()
        keep = min(0.4, step / (9 + step))
        expected = keep * expected + (1 - keep) * network.weight.detach()
    torch.testing.assert_close(average.weights["weight"], expected)
    own = network.weight.detach().clone()
    with average.applied():
        assert torch.equal(network.weight, average.weights["weight"])
    assert torch.equal(network.weight, own)


def test_the_average_is_put_back_where_scoring_fails() -> None:
    network = torch.nn.Linear(3, 2)
    average = Average(network, 0.4)
    own = network.weight.detach().clone()
    average.weights["weight"] += 1
    with pytest.raises(RuntimeError), average.applied():
        raise RuntimeError
    assert torch.equal(network.weight, own)


def test_the_average_is_what_is_scored_and_kept() -> None:
    plain, averaged = Line(), Line()
    fit(plain, pool(), None, settings())
    fit(averaged, pool(), None, settings(averaging=0.8))
    assert not same(weights(plain), weights(averaged))
    scored = Line()
    score = Scores(scored, *[0.1 * epoch for epoch in range(1, 7)])
    fit(scored, pool(), score, settings(averaging=0.8))
    assert same(score.scored[-1], weights(averaged))
    assert same(weights(scored), weights(averaged))


# --- going on after a stop ---


def stop_at(line: str) -> Callable[[str], None]:
    def say(told: str) -> None:
        if told.startswith(line):
            raise KeyboardInterrupt

    return say


SCORES = (0.1, 0.4, 0.3, 0.6, 0.2, 0.5)
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "averaged": {"averaging": 0.9},
    "scored": {"score": True},
    "all": {"averaging": 0.9, "score": True, "patience": 3, "warmup": 0.3},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stops", [(2,), (6,), (2, 3, 5)])
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(
    kind: str, stops: tuple[int, ...], tmp_path: Path
) -> None:
    given = dict(KINDS[kind])
    scored = given.pop("score", False)
    chosen = settings(folder=tmp_path / "model", **given)

    def run(say: Callable[[str], None]) -> tuple[Line, TrainingReport]:
        model = Line()
        # The score is a function of the epoch here, so the epochs that were done are passed over.
        done = [*checkpoints_of(tmp_path / "model").glob("checkpoint-*")]
        epochs = int(done[0].name.removeprefix("checkpoint-")) // 3 if done else 0
        score = Scores(model, *SCORES[epochs:]) if scored else None
        return model, fit(model, pool(), score, chosen, say)

    undisturbed, report = run(lambda line: None)
    forget(tmp_path / "model")
    for stop in stops:
        with pytest.raises(Interrupted, match="what was finished is kept; the same command goes on"):
            run(stop_at(f"epoch {stop} "))
    lines: list[str] = []
    resumed, again = run(lines.append)
    assert lines[0] == f"going on from checkpoint-{3 * (stops[-1] - 1)} of a run that was stopped"
    assert lines[1].startswith(f"epoch {stops[-1]} of 6")
    assert (resumed.warmed, undisturbed.warmed) == (0, 1)
    assert same(weights(resumed), weights(undisturbed))
    assert (again.epochs, again.score, again.loss) == (report.epochs, report.score, report.loss)
    assert resumed.seen == undisturbed.seen[3 * (stops[-1] - 1) :]
    forget(tmp_path / "model")
    assert not checkpoints_of(tmp_path / "model").exists()


@pytest.mark.parametrize("patience", [None, 2])
def test_a_run_killed_after_training_is_only_finished(patience: int | None, tmp_path: Path) -> None:
    """The last checkpoint is written, the model is not: also after an early stop."""
    chosen = settings(folder=tmp_path / "model", patience=patience)
    values = (0.1, 0.4, 0.3, 0.2, 0.9, 0.1)
    undisturbed = Line()
    report = fit(undisturbed, pool(), Scores(undisturbed, *values), chosen)
    resumed = Line()
    again = fit(resumed, pool(), Scores(resumed), chosen)
    assert resumed.seen == []
    assert (resumed.warmed, undisturbed.warmed) == (0, 1)
    assert same(weights(resumed), weights(undisturbed))
    assert (again.epochs, again.score) == (report.epochs, report.score)


def test_a_stop_without_a_folder_keeps_nothing() -> None:
    with pytest.raises(Interrupted, match="stopped; nothing was kept"):
        fit(Line(), pool(), None, settings(), stop_at("epoch 3"))


def test_a_stop_in_the_first_epoch_goes_on_behind_what_a_part_had_learnt(tmp_path: Path) -> None:
    chosen, lines = settings(folder=tmp_path / "model"), list[str]()
    undisturbed, resumed = Line(), Line()
    fit(undisturbed, pool(), None, chosen)
    forget(tmp_path / "model")
    with pytest.raises(Interrupted, match="what was finished is kept"):
        fit(Line(), pool(), None, chosen, stop_at("epoch 1"))
    fit(resumed, pool(), None, chosen, lines.append)
    assert lines[:2] == [
        "going on behind what a part had learnt by itself in a run that was stopped",
        "epoch 1 of 6",
    ]
    assert resumed.warmed == 0
    assert same(weights(resumed), weights(undisturbed))


def test_what_a_part_had_learnt_is_learnt_again_where_the_file_is_cut(tmp_path: Path) -> None:
    chosen = settings(folder=tmp_path / "model")
    with pytest.raises(Interrupted):
        fit(Line(), pool(), None, chosen, stop_at("epoch 1"))
    kept = checkpoints_of(tmp_path / "model") / WARMED
    kept.write_bytes(kept.read_bytes()[:-4])
    resumed = Line()
    fit(resumed, pool(), None, chosen)
    assert resumed.warmed == 1


def test_a_model_of_which_no_part_has_learnt_by_itself_keeps_nothing_of_it(tmp_path: Path) -> None:
    class Cold(Line):
        def warm_up(self, pool: Pool, say: Callable[[str], None]) -> bool:
            return False

    nothing = "stopped; no epoch was finished, so nothing is kept; the same command begins anew"
    with pytest.raises(Interrupted, match=nothing):
        fit(Cold(), pool(), None, settings(folder=tmp_path / "model"), stop_at("epoch 1"))
    assert not (checkpoints_of(tmp_path / "model") / WARMED).exists()


def test_no_room_for_what_a_part_has_learnt_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(tensors: Any, place: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(warming, "save_file", full)
    with pytest.raises(OutputError) as told:
        fit(Line(), pool(), None, settings(folder=tmp_path / "model"))
    assert str(told.value) == (
        f"{checkpoints_of(tmp_path / 'model')}: no checkpoints can be written "
        "([Errno 28] No space left on device). Fix: make room, or give another place"
    )


OTHERS: dict[str, tuple[Line, Any, dict[str, Any]]] = {
    "settings": (Line(), pool(), {"weight_decay": 0.1}),
    "seed": (Line(), pool(), {"seed": 1}),
    "texts": (Line(), pool("abcdefghik"), {}),
    "attribute": (Line(), pool(attribute=Attribute("Colour", "what the eye sees")), {}),
    "model": (Line(setting=1), pool(), {}),
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_job_s_checkpoints_are_not_gone_on_from(other: str, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        fit(Line(), pool(), None, settings(folder=tmp_path / "model"), stop_at("epoch 4"))
    model, data, given = OTHERS[other]
    lines: list[str] = []
    fit(model, data, None, settings(folder=tmp_path / "model", **given), lines.append)
    assert lines[0] == "epoch 1 of 6"


def test_the_working_folder_may_be_the_model_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path / "model")
    assert checkpoints_of(Path()) == checkpoints_of(tmp_path / "model")


def test_checkpoints_stand_beside_the_model_s_folder(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        fit(Line(), pool(), None, settings(folder=tmp_path / "model"), stop_at("epoch 3"))
    assert [p.name for p in tmp_path.iterdir()] == ["model.attrex-checkpoints"]
    # one checkpoint, of what is trained only
    (checkpoint,) = checkpoints_of(tmp_path / "model").glob("checkpoint-*")
    from safetensors.torch import load_file

    assert set(load_file(checkpoint / "model.safetensors")) == {
        "encoder.weight",
        "encoder.bias",
        "head.weight",
        "head.bias",
    }


def test_a_rate_of_a_group_that_there_is_not() -> None:
    with pytest.raises(ConfigError) as error:
        fit(Line(), pool(), None, settings(rates={"default": 1e-2, "heads": 0.0}))
    assert str(error.value) == ("training.rates.heads: this model has no such group; it has encoder, head")
