"""A vision encoder that learns from nothing first learns to see: the values of products, from their pictures
alone.

Beside a text encoder that was pretrained it would learn little: what the text tells is learnt first, and few
wrong answers are left to learn from. A pass costs the vision encoder alone.

Legend: C pictures, S pixels a side, M known values of pictures, A attributes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from attrex.core import Product
from attrex.nn.pixels import Normalised
from attrex.nn.vision import SmallResNet
from attrex.supervision.pool import Pool
from attrex.text.folding import fold_text

BATCH = 32
RATE = 3e-3
DECAY = 0.02
SHIFT = 14
"""A picture is moved by at most its side through this."""


class Seeing(nn.Module):
    """The encoder, and of each known value of each attribute a class of the picture as a whole and one of its
    patches, of which the surest count most: so a patch comes to tell what is to be seen there."""

    def __init__(self, encoder: SmallResNet, sizes: Sequence[int]) -> None:
        super().__init__()
        self.encoder = encoder
        self.classes, self.parts = (
            nn.ModuleList(nn.Linear(encoder.width, size) for size in sizes) for _ in range(2)
        )
        self.normalised = Normalised(encoder.mean, encoder.std)

    def forward(self, pixels_CSS3: Tensor, known_M3: Tensor) -> Tensor:
        """Both cross-entropies a picture; ``known_M3``: picture, attribute and class."""
        patches_CPF, pooled_CF = self.encoder(self.normalised(pixels_CSS3))
        loss = pooled_CF.new_zeros(())
        for attribute, (classes, parts) in enumerate(zip(self.classes, self.parts, strict=True)):
            own_M3 = known_M3[known_M3[:, 1] == attribute]
            if len(own_M3):
                picture_M, gold_M = own_M3[:, 0], own_M3[:, 2]
                for scores_MW in (classes(pooled_CF[picture_M]), parts(patches_CPF[picture_M]).logsumexp(1)):
                    loss = loss + nn.functional.cross_entropy(scores_MW, gold_M, reduction="sum")
        mean: Tensor = loss / len(pixels_CSS3)
        return mean


def learn_to_see(encoder: SmallResNet, pool: Pool, epochs: int, say: Callable[[str], None]) -> bool:
    """Trains the encoder in place, on the device on which it is. Pictures are turned about and moved a
    little. Nothing happens, and False is given, where no picture has a known value. ``say`` is told of each
    epoch."""
    pixels, known, sizes = known_values(pool)
    if not epochs or not pixels:
        return False
    device = next(encoder.parameters()).device
    learner = Seeing(encoder, sizes).to(device).train()
    chance = random.Random(f"seeing/{torch.initial_seed()}")  # noqa: S311 - no secret depends on it
    steps = epochs * -(-len(pixels) // BATCH)
    optimiser = torch.optim.AdamW(learner.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.15)
    order = list(range(len(pixels)))
    for epoch in range(1, epochs + 1):
        chance.shuffle(order)
        for begin in range(0, len(order), BATCH):
            batch = order[begin : begin + BATCH]
            known_M3 = [(at, *value) for at, picture in enumerate(batch) for value in known[picture]]
            loss = learner(
                torch.stack([moved(pixels[at], chance) for at in batch]).to(device),
                torch.tensor(known_M3, dtype=torch.long, device=device),
            )
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
            optimiser.step()
            schedule.step()
        say(f"pictures alone, epoch {epoch} of {epochs}")
    return True


def known_values(pool: Pool) -> tuple[list[Tensor], list[list[tuple[int, int]]], list[int]]:
    """Of each product with a picture its pixels ``(S, S, 3)`` and its values' attributes and classes; and how
    many classes each attribute has."""
    known: dict[int, list[tuple[int, int]]] = {}
    classes: dict[str, dict[str, int]] = {}
    for label in pool.labels:
        own = classes.setdefault(label.attribute.name, {})
        for value in label.values:
            place = own.setdefault(fold_text(value), len(own))
            known.setdefault(label.product, []).append((list(classes).index(label.attribute.name), place))
    seen = [(at, first_seen(product)) for at, product in enumerate(pool.products)]
    told = [
        (torch.from_numpy(pixels), known[at]) for at, pixels in seen if pixels is not None and at in known
    ]
    return [p for p, _ in told], [values for _, values in told], [len(own) for own in classes.values()]


def first_seen(product: Product) -> Any | None:
    """The pixels of the first picture that was read."""
    return next((picture.pixels for picture in product.pictures if picture.pixels is not None), None)


def moved(pixels_SS3: Tensor, chance: random.Random) -> Tensor:
    """Turned about half the time, and moved a little; what is laid bare repeats the border."""
    side = len(pixels_SS3)
    most = side // SHIFT
    down, right = (chance.randint(-most, most) for _ in range(2))
    rows, columns = ((torch.arange(side) + by).clamp(0, side - 1) for by in (down, right))
    made_SS3 = pixels_SS3[rows][:, columns]
    return made_SS3.flip(1) if chance.random() < 0.5 else made_SS3
