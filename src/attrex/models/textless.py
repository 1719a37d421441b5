"""Products whose text is left out in training, so that the picture is learnt of, too (modality dropout).

Where the text tells nearly all, what the picture would tell is hardly learnt: the text explains it away.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from attrex.models.known_values import values_of
from attrex.models.tagging import TaggedAsk, TaggedWindow, is_pictured
from attrex.text.reading import Reading


def textless(windows: Sequence[TaggedWindow], epoch: int, share: float) -> Sequence[TaggedWindow]:
    """The windows, of which a ``share`` of those with a picture, drawn anew each epoch, have no text: what
    stood there stands nowhere."""
    if not share:
        return windows
    chance = random.Random(f"textless/{epoch}")  # noqa: S311 - no secret depends on it
    return [_bare(w) if chance.random() < share and is_pictured(w.product) else w for w in windows]


def _bare(window: TaggedWindow) -> TaggedWindow:
    def asked(ask: TaggedAsk) -> TaggedAsk:
        return replace(ask, spans=(), exact=(), unlocated=tuple(values_of(ask, window)))

    nothing = Reading((), (), window.reading.prefix, [], [], [], [])
    return replace(window, reading=nothing, asks=tuple(asked(ask) for ask in window.asks))
