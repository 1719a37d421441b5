from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from attrex.core import Attribute, Picture, Product, Source, Stated
from attrex.models.learning_to_see import Seeing, known_values, learn_to_see, moved
from attrex.nn.vision import IMAGENET_MEAN, IMAGENET_STD, SmallResNet
from attrex.schema import Schema
from attrex.supervision.distant import label
from attrex.supervision.pool import Pool

SIDE = 56
INKS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}
SCHEMA = Schema([Attribute("Colour"), Attribute("Size")])


def product(number: int, colour: str, *, pictured: bool = True) -> Product:
    """A plain picture, a little noisy; the name says nothing of the colour."""
    chance = np.random.default_rng(number)
    plain = np.array(INKS[colour]) + chance.integers(-25, 25, (SIDE, SIDE, 3))
    pixels = plain.clip(0, 255).astype(np.uint8)
    return Product(
        id=str(number),
        sources=(Source("title", "a mug"),),
        pictures=(Picture("p", pixels=pixels),) if pictured else (),
        stated={"Colour": (Stated(colour),)},
    )


def pool(products: list[Product]) -> Pool:
    return label(products, SCHEMA)[0]


MUGS = [product(at, list(INKS)[at % 3]) for at in range(24)]


def fresh() -> SmallResNet:
    torch.manual_seed(0)
    return SmallResNet(size=SIDE, widths=[16, 16, 16, 16])


def apart(encoder: SmallResNet) -> float:
    """How far products of two colours lie from each other, measured by how far those of one do."""
    mean_3, std_3 = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    with torch.no_grad():
        pixels = torch.stack([torch.from_numpy(p.pictures[0].pixels) for p in MUGS])
        _, pooled_CF = encoder(((pixels / 255 - mean_3) / std_3).permute(0, 3, 1, 2))
    groups = [pooled_CF[at::3] for at in range(3)]
    between = torch.stack([group.mean(0) for group in groups]).std(0).mean()
    within = torch.stack([group.std(0).mean() for group in groups]).mean()
    return float(between / within)


def test_what_pictures_show_is_told_apart_afterwards() -> None:
    encoder, before = fresh(), apart(fresh())
    said: list[str] = []
    learn_to_see(encoder, pool(MUGS), 12, said.append)
    assert said[::11] == ["pictures alone, epoch 1 of 12", "pictures alone, epoch 12 of 12"]
    assert apart(encoder) > 1.3 * before


def test_a_value_is_learnt_of_the_whole_and_of_the_parts() -> None:
    """Of two pictures, the second with two values; the third attribute is known of neither."""
    learner = Seeing(fresh(), [3, 2, 4])
    pixels = torch.stack([torch.from_numpy(p.pictures[0].pixels) for p in MUGS[:2]])
    known = [(0, 0, 2), (1, 0, 1), (1, 1, 0)]
    with torch.no_grad():
        patches_CPF, pooled_CF = learner.encoder(learner.normalised(pixels))
        expected = 0.0
        for picture, attribute, gold in known:
            whole = learner.classes[attribute](pooled_CF[picture])
            parts = learner.parts[attribute](patches_CPF[picture]).exp().sum(0).log()
            expected -= float(whole.log_softmax(0)[gold] + parts.log_softmax(0)[gold]) / 2
        torch.testing.assert_close(learner(pixels, torch.tensor(known)), torch.tensor(expected))


def test_the_same_seed_sees_the_same() -> None:
    made = []
    for _ in range(2):
        encoder = fresh()
        learn_to_see(encoder, pool(MUGS[:9]), 1, print)
        made.append(encoder.state_dict())
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])
    assert any(not torch.equal(made[0][name], tensor) for name, tensor in fresh().state_dict().items())


@pytest.mark.parametrize(
    ("products", "epochs"), [(MUGS[:6], 0), ([product(1, "red", pictured=False)], 2), ([], 2)]
)
def test_without_epochs_or_pictures_it_stays_as_it_is(products: list[Product], epochs: int) -> None:
    encoder = fresh()
    learn_to_see(encoder, pool(products), epochs, print)
    assert all(torch.equal(fresh().state_dict()[name], t) for name, t in encoder.state_dict().items())


def test_pictures_without_a_value_and_values_without_a_picture_are_left_out() -> None:
    unknown = replace(product(7, "red"), stated={})
    sized = replace(product(8, "green"), stated={"Colour": (Stated("Green"),), "Size": (Stated("L"),)})
    given = [product(1, "red", pictured=False), unknown, sized, product(9, "green"), product(10, "blue")]
    pixels, known, sizes = known_values(pool(given))
    assert [int(p.float().mean(dim=(0, 1)).argmax()) for p in pixels] == [1, 1, 2]
    assert sizes == [3, 1]
    (first, size), (second,), (third,) = known
    assert first == second != third  # but for letter case the same value
    assert size == (1, 0)


def test_a_picture_is_moved_and_turned_about_but_keeps_its_size() -> None:
    picture = torch.arange(SIDE).view(1, SIDE, 1).expand(SIDE, SIDE, 3)
    made = [moved(picture, random.Random(at)) for at in range(40)]
    assert all(one.shape == picture.shape for one in made)
    rising = [bool(one[0, -1, 0] > one[0, 0, 0]) for one in made]
    assert 8 < sum(rising) < 32
    begins = {int(one[0].min()) for one in made}
    assert begins == set(range(5))
