"""From what the decoder wrote to answers with their places.

Legend: A asks, T text tokens, D hidden, X sequences that are looked at again, L pieces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from attrex.core import Answer
from attrex.models.smartave_inputs import text_places
from attrex.models.smartave_network import ApartNetwork, Asked, SeenNetwork
from attrex.models.smartave_values import Standing, answer, said, standing
from attrex.models.trained import Learnt
from attrex.models.writing import Grounding, Key
from attrex.nn.encoders import padded
from attrex.text.reading import Reading

Pointed = Mapping[tuple[Key, int], float]
"""How likely, in logarithms, a value is to be copied from the tokens that begin there."""


def decided(
    learnt: Learnt[Any],
    network: SeenNetwork | ApartNetwork,
    asked: Asked,
    readings: Sequence[Reading],
    names: Sequence[str],
    *,
    beams: int,
) -> list[Answer]:
    """One answer per ask."""
    extraction, words = network.extraction, network.reader.words
    script = extraction.script
    grounding = Grounding(script, {}, extraction.spellings, learnt.trims)
    written, nones = extraction.write(words, asked.told_AD, asked.keys_ATD, asked.pieces_AT2, beams=beams)
    own = {id(reading): script.own_pieces(reading) for reading in readings}
    values = [
        standing(said(found, script), grounding, own[id(reading)])
        for found, reading in zip(written, readings, strict=True)
    ]
    sequences = [[ids for ids, _ in own] for own in written]
    pointed = _pointed(network, asked, sequences, values, readings)
    return [
        answer(name, ours, none, reading, grounding, where)
        for name, ours, none, reading, where in zip(names, values, nones, readings, pointed, strict=True)
    ]


def _pointed(
    network: SeenNetwork | ApartNetwork,
    asked: Asked,
    sequences: Sequence[Sequence[list[int]]],
    values: Sequence[Sequence[Standing]],
    readings: Sequence[Reading],
) -> list[Pointed]:
    """Of the values that stand in several places, from which they are copied. Their sequences are run through
    the decoder again, all at once: keeping the pointers of all beams would cost more."""
    unsure = [
        (at, value.said.sequence) for at, own in enumerate(values) for value in own if len(value.starts) > 1
    ]
    rows = {pair: row for row, pair in enumerate(dict.fromkeys(unsure))}
    pointed: list[dict[tuple[Key, int], float]] = [{} for _ in values]
    if not rows:
        return list(pointed)
    extraction, device = network.extraction, asked.told_AD.device
    index_X = torch.tensor([at for at, _ in rows], device=device)
    ids_XL, _ = padded([sequences[at][number] for at, number in rows], extraction.script.end)
    copied_XLT = extraction.pointed(
        network.reader.words,
        asked.told_AD[index_X],
        asked.keys_ATD[index_X],
        asked.pieces_AT2[index_X],
        ids_XL.to(device),
    ).cpu()
    places = {at: text_places(readings[at]) for at, _ in rows}
    for at, own in enumerate(values):
        for value in own:
            if len(value.starts) > 1:
                copied_LT = copied_XLT[rows[at, value.said.sequence]]
                piece_L = torch.arange(len(value.said.pieces))
                for start in value.starts:
                    first = places[at][start]
                    chance = copied_LT[value.said.at + piece_L, first + piece_L].sum().item()
                    pointed[at][value.said.pieces, start] = chance
    return list(pointed)
