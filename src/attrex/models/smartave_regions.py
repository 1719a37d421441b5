"""By which region of a picture SMARTAVE knows a value that stands nowhere in the text.

It cannot be read off an attention. The decoder attends to one vector, the attribute's hyper-token
(``nn.copying``); what hyper-tokens attend to is the same whatever is written; and a patch's features know of
the whole picture. So the network is asked about pixels, and about the value itself:

1. Where could it be seen? To the first order, the value's odds would lose the gradient at a pixel times its
   distance from the picture's mean colour, were the pixel of that colour. What speaks for the value is shared
   out among all pictures; the region is the one whose share exceeds ``STANDS_OUT`` times that of its size by
   most. So it never is a whole picture.
2. Is it seen there? The region is painted over in the colour that is around it, and the product read again:
   the value's odds must have been ``GAIN`` times as high. What the text alone says, too, is not told by the
   picture.

A tiny model that had learnt the colours of squares somewhere on a noisy ground (a tenth of it) named a region
for a quarter to a third of its values; the middle of .93 (the other form: all) lay in the square. Of the
strongest patches by the gradient at their features .23 (.60) touched it, by chance .18. The two borders were
looked at on the same sixty pictures, so that other pictures will be told somewhat worse.

Legend: C pictures of an ask, S pixels a side, P regions of a picture, Y boxes, V cells a side, A asks, L
pieces.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from attrex.core import Answer, Evidence, Picture, Product, Region
from attrex.models.inputs import in_batches
from attrex.models.picture_regions import Regions, Shown, seen_pictures
from attrex.models.smartave_network import Asked
from attrex.models.trained import Learnt
from attrex.models.writing import Key
from attrex.nn.boxes import within
from attrex.nn.encoders import padded

LIKELY = 0.1
"""A candidate less probable than this is not looked into: hardly one of them is ever written."""
GAIN = 2.0
STANDS_OUT = 1.5
CELLS = 28
"""V: pixels are told apart so finely."""
AT_ONCE, PICTURE = 8192, 1024
"""Characters that are read again at once, with all that a gradient needs, and what a picture counts as: some
300 MB of text in MiniLM, or 100 MB of each picture in a ResNet-101."""

ReadAgain = Callable[[Sequence[int], Sequence[Shown]], Asked]
"""Asks by number, read anew of products whose pictures show this."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A candidate, by its ask and its place among the answer's; its pieces, what could tell it, and what
    reading it again costs."""

    ask: int
    candidate: int
    pieces: Key
    pictures: Sequence[Picture]
    size: int


def with_regions(
    learnt: Learnt[Any], products: Sequence[Product], answers: Sequence[Answer], read_again: ReadAgain
) -> list[Answer]:
    """The answers to asks of these products, whose inferred candidates have the region that tells them, if
    one does."""
    made = list(answers)
    if learnt.network.reader.pictures is None:
        return made
    wanted = _wanted(learnt, products, answers)

    def regions(chosen: list[int]) -> Sequence[Region | None]:
        return _regions(learnt, [wanted[at] for at in chosen], read_again)

    sizes = [each.size for each in wanted]
    for each, region in zip(wanted, in_batches(sizes, AT_ONCE, regions), strict=True):
        if region is not None:
            candidates = list(made[each.ask].candidates)
            told = Evidence("region", region=region)
            candidates[each.candidate] = replace(candidates[each.candidate], evidence=told)
            made[each.ask] = replace(made[each.ask], candidates=tuple(candidates))
    return made


def _wanted(learnt: Learnt[Any], products: Sequence[Product], answers: Sequence[Answer]) -> list[_Wanted]:
    """Those that stand nowhere, and could be told by a picture."""
    script = learnt.network.extraction.script
    found = [
        (ask, at, candidate.text, pictures, _size(product, pictures))
        for ask, (product, answer) in enumerate(zip(products, answers, strict=True))
        if (pictures := seen_pictures(product))
        for at, candidate in enumerate(answer.candidates)
        if candidate.evidence.kind == "inferred" and candidate.score >= LIKELY
    ]
    keys = script.keys([text for _, _, text, _, _ in found])
    return [
        _Wanted(ask, at, key, pictures, size)
        for (ask, at, _, pictures, size), key in zip(found, keys, strict=True)
        if key and script.unknown not in key
    ]


def _size(product: Product, pictures: Sequence[Picture]) -> int:
    return sum(len(source.text) for source in product.sources) + PICTURE * len(pictures)


def _regions(learnt: Learnt[Any], wanted: Sequence[_Wanted], read_again: ReadAgain) -> list[Region | None]:
    regions: Regions = learnt.network.reader.pictures
    boxes = [regions.find(each.pictures) for each in wanted]
    pixels = [
        torch.stack([torch.from_numpy(picture.pixels) for picture in each.pictures]).float().to(learnt.device)
        for each in wanted
    ]

    def odds(chosen: Sequence[int], pixels: Sequence[Tensor]) -> Tensor:
        """In logarithms, of each chosen value as the first that is written."""
        shown = [
            Shown(
                regions.show(own_CSS3, boxes[at]),
                torch.cat(boxes[at]).to(learnt.device),
                tuple([len(box_P4) for box_P4 in boxes[at]]),
            )
            for at, own_CSS3 in zip(chosen, pixels, strict=True)
        ]
        return _odds(
            learnt, read_again([wanted[at].ask for at in chosen], shown), [wanted[at] for at in chosen]
        )

    every = range(len(wanted))
    with torch.enable_grad():
        for own_CSS3 in pixels:
            own_CSS3.requires_grad_()
        seen_A = odds(every, pixels)
        slopes = torch.autograd.grad(seen_A.sum(), pixels, materialize_grads=True)
    found = [
        strongest(_gains(own_CSS3.detach(), slope_CSS3), [regions.parts(box_P4) for box_P4 in own])
        for own_CSS3, slope_CSS3, own in zip(pixels, slopes, boxes, strict=True)
    ]
    live = [at for at, region in enumerate(found) if region is not None]
    if live:
        with torch.no_grad():
            hidden = [painted_over(pixels[at], region) for at in live if (region := found[at]) is not None]
            unseen = odds(live, hidden).tolist()
        for at, without in zip(live, unseen, strict=True):
            if seen_A[at].item() - without < math.log(GAIN):
                found[at] = None
    return found


def _odds(learnt: Learnt[Any], asked: Asked, wanted: Sequence[_Wanted]) -> Tensor:
    """``(A,)``."""
    network, device = learnt.network, learnt.device
    written_AL, real_AL = padded([each.pieces for each in wanted], network.extraction.script.end)
    likely_AL = network.extraction.likely(network.reader.words, asked, written_AL.to(device))
    log_A = (likely_AL * real_AL.to(device)).sum(1).clamp(max=-1e-6)
    odds_A: Tensor = log_A - torch.log(-torch.expm1(log_A))
    return odds_A


def _gains(pixels_CSS3: Tensor, slope_CSS3: Tensor) -> Tensor:
    """``(C, V, V)``: what the value would lose if a cell were of its picture's mean colour."""
    apart_CSS3 = pixels_CSS3 - pixels_CSS3.mean((1, 2), keepdim=True)
    return torch.nn.functional.adaptive_avg_pool2d((slope_CSS3 * apart_CSS3).sum(3), CELLS)


def strongest(gain_CVV: Tensor, parts: Sequence[Tensor]) -> Region | None:
    """Of the boxes ``(Y, 4)`` of each picture that which stands out most, if one does."""
    gain_CVV = gain_CVV.clamp(min=0).cpu()
    share_CVV = gain_CVV / gain_CVV.sum().clamp(min=1e-30)
    best, found = 0.0, None
    for picture, (share_VV, box_Y4) in enumerate(zip(share_CVV, parts, strict=True)):
        if len(box_Y4):
            size_Y = (box_Y4[:, 2] - box_Y4[:, 0]) * (box_Y4[:, 3] - box_Y4[:, 1]) / len(parts)
            above_Y = within(share_VV, box_Y4) - STANDS_OUT * size_Y
            at = int(above_Y.argmax())
            if above_Y[at] > best:
                left, top, right, bottom = box_Y4[at].clamp(0, 1).tolist()
                best, found = float(above_Y[at]), Region(picture, (left, top, right, bottom))
    return found


def painted_over(pixels_CSS3: Tensor, region: Region) -> Tensor:
    """The pictures, the region in the mean colour of what is around it."""
    made_CSS3 = pixels_CSS3.detach().clone()
    side = made_CSS3.shape[1]
    left, top = (math.floor(edge * side) for edge in region.box[:2])
    right, bottom = (math.ceil(edge * side) for edge in region.box[2:])
    around_SS = torch.ones(side, side, dtype=torch.bool, device=made_CSS3.device)
    around_SS[top:bottom, left:right] = False
    own_SS3 = made_CSS3[region.picture]
    colour_3 = own_SS3[around_SS].mean(0) if around_SS.any() else own_SS3.mean((0, 1))
    own_SS3[~around_SS] = colour_3
    return made_CSS3
