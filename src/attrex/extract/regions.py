"""Where on its pictures a product shows a value, in the pictures' own names and pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from attrex.core import Answer, Evidence, Picture


def on_pictures(answer: Answer, pictures: Sequence[Picture]) -> Answer:
    """The answer whose regions have picture and box. ``pictures``: those that the model has seen; of one
    whose own size is not known, the pixels are those that it has seen."""
    if all(c.evidence.region is None for c in answer.candidates):
        return answer
    candidates = tuple(replace(c, evidence=_placed(c.evidence, pictures)) for c in answer.candidates)
    return replace(answer, candidates=candidates)


def _placed(evidence: Evidence, pictures: Sequence[Picture]) -> Evidence:
    if evidence.region is None:
        return evidence
    picture = pictures[evidence.region.picture]
    high, wide = picture.pixels.shape[:2]
    wide, high = picture.size or (wide, high)
    left, top, right, bottom = evidence.region.box
    box = (round(left * wide, 1), round(top * high, 1), round(right * wide, 1), round(bottom * high, 1))
    return replace(evidence, picture=picture.location, box=box)
