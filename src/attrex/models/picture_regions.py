"""Pictures as regions, which are the local tokens of a picture (SMARTAVE 3.3): the patches of a grid, or the
objects that a detector finds. The picture as a whole always is one, the first.

Legend: C pictures, S pixels a side, V those that the vision encoder wants, P regions of a picture, X of all
pictures, F features, D hidden.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from attrex.core import Picture, Product
from attrex.models.vision_encoders import MadeVision
from attrex.nn.boxes import SIZED, WHOLE, crop, grid, rectangles, sized
from attrex.nn.detector import Detector
from attrex.nn.pixels import Normalised

CROPS = 32
"""Regions that go through the vision encoder at once."""
KEPT = 100_000
"""Pictures whose boxes are kept: 30 MB."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Regions, picture after picture: what they show ``(X, F)``, where they lie ``(X, 4)`` as ``nn.boxes``
    has it, and how many each picture has."""

    features_XF: Tensor
    boxes_X4: Tensor
    counts: tuple[int, ...]

    def chosen(self, pictures: Sequence[int]) -> Shown:
        """Of these of the pictures, each as often as it is named."""
        sizes = list(self.counts)
        features, boxes = (torch.split(each, sizes) for each in (self.features_XF, self.boxes_X4))
        return Shown(
            torch.cat([self.features_XF[:0], *(features[at] for at in pictures)]),
            torch.cat([self.boxes_X4[:0], *(boxes[at] for at in pictures)]),
            tuple([self.counts[at] for at in pictures]),
        )

    def to(self, device: torch.device) -> Shown:
        """The same there."""
        return Shown(self.features_XF.to(device), self.boxes_X4.to(device), self.counts)


NOTHING = Shown(torch.zeros(0, 1), torch.zeros(0, 4), ())
"""Of no picture."""


def joined(every: Sequence[Shown]) -> Shown | None:
    """One after another; None where none has a picture."""
    real = [each for each in every if each.counts]
    if not real:
        return None
    return Shown(
        torch.cat([each.features_XF for each in real]),
        torch.cat([each.boxes_X4 for each in real]),
        tuple([count for each in real for count in each.counts]),
    )


class Regions(Protocol):
    """How pictures become local tokens. ``most``: of one picture at most."""

    most: int

    def find(self, pictures: Sequence[Picture]) -> list[Tensor]:
        """The boxes ``(P, 4)`` of each picture's regions, on the CPU; nothing is learnt of it."""
        ...

    def show(self, pixels_CSS3: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        """``(X, F)``: what the boxes that were found show. Pixels are red, green and blue in 0 to 255."""
        ...

    def parts(self, box_P4: Tensor) -> Tensor:
        """Of a picture with these boxes, those of its parts ``(Y, 4)`` that something can be said to stand
        in."""
        ...

    def __call__(self, shown: Shown) -> Tensor:
        """Tokens ``(X, D)``."""
        ...


class Patches(nn.Module):
    """A vision encoder's own patches: a projection, and where in the picture each is."""

    def __init__(self, made: MadeVision, width: int) -> None:
        super().__init__()
        self.vision, self.most = made.encoder, made.patches + 1
        self.project = nn.Linear(made.width, width)
        self.places_PD = nn.Parameter(torch.zeros(self.most, width))
        self._boxes_P4 = torch.cat([torch.tensor([WHOLE]), grid(math.isqrt(made.patches))])
        self.normalised = Normalised(made.mean, made.std)

    def find(self, pictures: Sequence[Picture]) -> list[Tensor]:
        """See ``Regions``: the same of all."""
        return [self._boxes_P4] * len(pictures)

    def show(self, pixels_CSS3: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        """See ``Regions``."""
        patches_CPF, pooled_CF = self.vision(self.normalised(pixels_CSS3))
        return torch.cat([pooled_CF.unsqueeze(1), patches_CPF], 1).flatten(0, 1)

    def parts(self, box_P4: Tensor) -> Tensor:
        """See ``Regions``: any rectangle of cells."""
        return rectangles(math.isqrt(len(box_P4) - 1))

    def forward(self, shown: Shown) -> Tensor:
        """See ``Regions``."""
        tokens_XD: Tensor = self.project(shown.features_XF) + self.places_PD.repeat(len(shown.counts), 1)
        return tokens_XD


class Objects(nn.Module):
    """What a detector finds, each cut out and seen by the vision encoder on its own, as the paper's regions
    are: a projection, and one of the box. What was found in a picture is kept."""

    def __init__(self, made: MadeVision, detector: Detector, width: int, *, side: int) -> None:
        """``side``: V."""
        super().__init__()
        self.vision, self.detector, self.most = made.encoder, detector, detector.most + 1
        self.project = nn.Linear(made.width, width)
        self.place = nn.Linear(SIZED, width, bias=False)
        nn.init.zeros_(self.place.weight)
        self._side = side
        self._known: dict[str, Tensor] = {}
        self.normalised = Normalised(made.mean, made.std)

    def find(self, pictures: Sequence[Picture]) -> list[Tensor]:
        """See ``Regions``."""
        return [torch.cat([torch.tensor([WHOLE]), self._found(picture)]) for picture in pictures]

    def _found(self, picture: Picture) -> Tensor:
        """One at a time: of several at once the last digits depend on which they are."""
        key = picture.content
        box_P4 = self._known.get(key)
        if box_P4 is None:
            pixels_1SS3 = torch.from_numpy(picture.pixels).unsqueeze(0).to(self.normalised.mean_3.device)
            box_P4 = self.detector(pixels_1SS3)[0].cpu()
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[key] = box_P4
        return box_P4

    def show(self, pixels_CSS3: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        """See ``Regions``. For learning, what the vision encoder made on its way is made again when it is
        needed: a picture's regions are many times the picture."""
        crops = []
        for scaled_3SS, box_P4 in zip(self.normalised(pixels_CSS3), boxes, strict=True):
            crops += [crop(scaled_3SS, box, self._side) for box in box_P4.tolist()]
        parts = torch.split(torch.stack(crops), CROPS)
        return torch.cat([checkpoint(self._pooled, part, use_reentrant=False) for part in parts])

    def parts(self, box_P4: Tensor) -> Tensor:
        """See ``Regions``: what was found."""
        return box_P4[1:]

    def _pooled(self, crops_X3VV: Tensor) -> Tensor:
        pooled_XF: Tensor = self.vision(crops_X3VV)[1]
        return pooled_XF

    def forward(self, shown: Shown) -> Tensor:
        """See ``Regions``."""
        tokens_XD: Tensor = self.project(shown.features_XF) + self.place(sized(shown.boxes_X4))
        return tokens_XD


def regions_of(made: MadeVision, width: int) -> Patches | Objects:
    """As the vision part wants it, for tokens of that width."""
    if made.detector is None:
        return Patches(made, width)
    return Objects(made, made.detector, width, side=made.side)


# --- of products ---


def seen_pictures(product: Product) -> list[Picture]:
    """Those that could be read."""
    return [picture for picture in product.pictures if picture.pixels is not None]


def shown_of(regions: Regions, given: Sequence[Sequence[Picture]], device: torch.device) -> list[Shown]:
    """Of each product's pictures; each picture is looked at once."""
    once = {id(picture.pixels): picture for own in given for picture in own}
    if not once:
        return [NOTHING] * len(given)
    boxes = regions.find(list(once.values()))
    pixels_CSS3 = torch.stack([torch.from_numpy(picture.pixels) for picture in once.values()])
    features_XF = regions.show(pixels_CSS3.to(device), boxes)
    every = Shown(features_XF, torch.cat(boxes).to(device), tuple([len(own) for own in boxes]))
    place = {key: at for at, key in enumerate(once)}
    return [every.chosen([place[id(picture.pixels)] for picture in own]) if own else NOTHING for own in given]


def picture_batch(regions: Regions | None, given: Sequence[Sequence[Picture]]) -> dict[str, Tensor]:
    """The same as part of a batch of training: ``pixels_CSS3`` of all pictures, each once, ``box_X4`` and
    ``regions_C``, the boxes of their regions and how many each has, and ``picture_B``, which of them is
    shown, product by product."""
    if regions is None:
        return {}
    once = {id(picture.pixels): picture for own in given for picture in own}
    place = {key: at for at, key in enumerate(once)}
    boxes = regions.find(list(once.values()))
    pixels = [torch.from_numpy(picture.pixels) for picture in once.values()]
    return {
        "pixels_CSS3": torch.stack(pixels) if pixels else torch.zeros(0, 1, 1, 3, dtype=torch.uint8),
        "box_X4": torch.cat([torch.zeros(0, 4), *boxes]),
        "regions_C": torch.tensor([len(own) for own in boxes], dtype=torch.long),
        "picture_B": torch.tensor([place[id(p.pixels)] for own in given for p in own], dtype=torch.long),
    }


def shown_in(regions: Regions | None, batch: dict[str, Tensor]) -> Shown | None:
    """What ``picture_batch`` gave, seen; None where there is nothing to see."""
    if regions is None or not len(batch["picture_B"]):
        return None
    counts = batch["regions_C"].tolist()
    boxes_X4 = batch["box_X4"]
    features_XF = regions.show(batch["pixels_CSS3"], torch.split(boxes_X4, counts))
    return Shown(features_XF, boxes_X4, tuple(counts)).chosen(batch["picture_B"].tolist())
