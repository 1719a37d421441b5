from __future__ import annotations

from typing import Any

import pytest

from attrex.errors import ConfigError
from attrex.training import Settings


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": 0}, "training.epochs: expected a whole number from 1, got 0"),
        ({"epochs": 2.5}, "training.epochs: expected a whole number from 1, got 2.5"),
        ({"epochs": True}, "training.epochs: expected a whole number from 1, got True"),
        ({"batch": "many"}, "training.batch: expected a whole number from 1, got 'many'"),
        ({"max_tokens": 0}, "training.max_tokens: expected a whole number from 1, got 0"),
        ({"patience": 0}, "training.patience: expected a whole number from 1, got 0"),
        ({"patience": True}, "training.patience: expected a whole number from 1, got True"),
        ({"examples": 1.5}, "training.examples: expected a whole number from 1, got 1.5"),
        ({"weight_decay": -0.1}, "training.weight_decay: expected a number from 0, got -0.1"),
        ({"clip": float("nan")}, "training.clip: expected a number from 0, got nan"),
        ({"clip": "1"}, "training.clip: expected a number from 0, got '1'"),
        ({"warmup": 1}, "training.warmup: expected a number below 1, got 1"),
        ({"warmup": True}, "training.warmup: expected a number from 0, got True"),
        ({"averaging": 1.0}, "training.averaging: expected a number below 1, got 1.0"),
        ({"rates": 0.1}, 'training.rates: expected {"default": a rate, ...} by group, got 0.1'),
        ({"rates": {"encoder": 0.1}}, 'training.rates: expected {"default": a rate, ...} by group, got'),
        (
            {"rates": {"default": 0.1, "encoder": -1}},
            "training.rates.encoder: expected a number from 0, got -1",
        ),
        (
            {"rates": {"default": "1e-3"}},
            "training.rates.default: expected a number from 0, got '1e-3', which YAML takes for text; "
            "write it with a point, as in 1.0e-3",
        ),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        Settings(**given)
    assert message in str(error.value)


def test_the_settings_of_recipes_are_right() -> None:
    settings = Settings(
        epochs=1, batch=1, rates={"default": 0, "encoder": 1}, warmup=0, clip=0, patience=1, averaging=0.999
    )
    assert settings.rates["encoder"] == 1


@pytest.mark.parametrize(
    ("examples", "over", "epochs"),
    [
        (None, 1, 10),
        (None, 10**6, 10),
        (1000, 100, 10),
        (1000, 10, 10),
        (1000, 400, 2),
        (1000, 10**6, 2),
        (5, 0, 5),
    ],
)
def test_large_data_is_gone_through_less_often(examples: int | None, over: int, epochs: int) -> None:
    assert Settings(epochs=10, examples=examples).epochs_over(over) == epochs


def test_one_epoch_stays_one() -> None:
    assert Settings(epochs=1, examples=1000).epochs_over(10**6) == 1
