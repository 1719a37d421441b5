"""Models of each attribute's own, trained side by side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from attrex.core import Attribute, Product, Source, Stated
from attrex.models.bilstm_crf import build_separate
from attrex.models.separate_tagger import SeparateNetwork, copies
from attrex.models.trained import TrainedModel
from attrex.nn.encoders import RecurrentEncoder
from attrex.schema import Schema
from attrex.supervision.distant import label
from attrex.training import Settings, fit

COLOUR, MATERIAL = Attribute("Colour"), Attribute("Material")
STATED = [
    ("Red cotton hat", "Red", "cotton"),
    ("Wool cap, blue", "blue", "Wool"),
    ("Steel mug", None, "Steel"),
]


def trained(
    attributes: Sequence[Attribute], *, clip: float, words: str = "own"
) -> TrainedModel[SeparateNetwork]:
    products = [
        Product(
            title,
            None,
            (Source("title", title),),
            (),
            {"Colour": (Stated(colour),) if colour else (), "Material": (Stated(material),)},
        )
        for title, colour, material in STATED
    ]
    model = build_separate(embedding=6, width=6, dropout=0.0, words=words)  # type: ignore[arg-type]
    settings = Settings(epochs=5, batch=2, rates={"default": 1e-2}, weight_decay=0.0, clip=clip)
    fit(model, label(products, Schema(attributes))[0], None, settings)
    return model


def first(model: TrainedModel[SeparateNetwork]) -> dict[str, torch.Tensor]:
    return {n: t for n, t in model.tensors().items() if n.startswith("taggers.0.")}


def test_beside_each_other_models_learn_what_they_learn_alone() -> None:
    together, alone = trained([COLOUR, MATERIAL], clip=0), trained([COLOUR], clip=0)
    for name, tensor in first(alone).items():
        torch.testing.assert_close(first(together)[name], tensor, msg=name)


def test_clipped_together_they_do_not() -> None:
    together, alone = trained([COLOUR, MATERIAL], clip=0.1), trained([COLOUR], clip=0.1)
    assert any((first(together)[n] - t).abs().max() > 1e-4 for n, t in first(alone).items())


def test_with_shared_words_they_do_not() -> None:
    together = trained([COLOUR, MATERIAL], clip=0, words="shared")
    alone = trained([COLOUR], clip=0, words="shared")
    assert any((first(together)[n] - t).abs().max() > 1e-4 for n, t in first(alone).items())


def test_copies_share_what_is_frozen_and_the_words_if_asked() -> None:
    encoder = RecurrentEncoder(nn.Embedding(5, 4), width=4, dropout=0.0)
    one, other = copies(encoder, 2, "own")
    assert not {id(p) for p in one.parameters()} & {id(p) for p in other.parameters()}
    one, other = copies(encoder, 2, "shared")
    assert one.table is other.table
    assert one.lstm is not other.lstm
    encoder.table.requires_grad_(False)
    one, other = copies(encoder, 2, "own")
    assert one.table.weight is other.table.weight
    assert one.lstm.weight_hh_l0 is not other.lstm.weight_hh_l0
