"""From a prefix that was read and a question to an answer: all that is allowed scored, or something written.

Legend: Q positions of the questions of one text.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from attrex.core import Answer, Candidate, Evidence, Problem
from attrex.errors import ConfigError
from attrex.models.arguments import one_of
from attrex.models.inputs import in_batches
from attrex.models.located import located
from attrex.models.prompts import Prompts
from attrex.models.spelled_values import SpelledTable
from attrex.models.tagging import FLOOR, PROPOSALS
from attrex.nn.beams import Steps, Written, search
from attrex.nn.causal import CausalDecoder
from attrex.nn.choices import Choices, Prefix, Segment, choose
from attrex.nn.continuing import Allowed, Continuing, EndFirst, sample
from attrex.text.causal_pieces import CausalPieces
from attrex.text.folding import fold_text
from attrex.text.reading import Reading
from attrex.text.tokeniser import Tokeniser

Decoding = Literal["greedy", "beam", "sampled"]
LONGEST = 32
"""Pieces of an answer at most, its end included."""
TEMPERATURE, TOP_P = 0.1, 0.75
"""EIVEN 4.1."""
ROW = 768
"""Positions behind one text at most: each is compared with all of them."""
WIDEST = 512
"""Pieces of a trie that is scored whole; a larger one is searched."""
POSITIONS = 4096
"""Padded positions, those read before included, that are computed with at once."""


@dataclass(frozen=True, slots=True)
class PreparedPrefix:
    """A window, and what was ``kept`` of it: keys and values; None where there is nothing to read. ``seen``:
    tokens of its picture."""

    reading: Reading
    kept: Prefix | None
    seen: int


@dataclass(frozen=True, slots=True)
class DescribedQuestion:
    """An attribute as it is asked, and what may be answered."""

    name: str
    question: tuple[int, ...]
    values: tuple[str, ...]
    choices: Choices


Asked = Sequence[tuple[PreparedPrefix, DescribedQuestion]]


class Answering:
    """``answers``, ``decoding`` and ``beams`` as the builder's."""

    def __init__(self, *, answers: Literal["allowed", "free"], decoding: Decoding, beams: int) -> None:
        one_of("answers", answers, ("allowed", "free"))
        one_of("decoding", decoding, get_args(Decoding))
        if isinstance(beams, bool) or not isinstance(beams, int) or beams < 1:
            raise ConfigError(f"model.arguments.beams: expected a whole number from 1, got {beams!r}")
        self._only_allowed, self._sampled = answers == "allowed", decoding == "sampled"
        self._beams = beams if decoding == "beam" else 1

    def answers(
        self,
        decoder: CausalDecoder,
        prompts: Prompts,
        tokeniser: Tokeniser,
        table: SpelledTable,
        asked: Asked,
    ) -> list[Answer]:
        """One each; a prefix that several asks share is the same object in all."""
        assert isinstance(tokeniser, CausalPieces)
        end = tokeniser.marks.end
        bound = [at for at, (_, each) in enumerate(asked) if self._only_allowed and each.values]
        scored = [at for at in bound if len(asked[at][1].choices) <= WIDEST]
        answers = dict(zip(scored, _scored(decoder, prompts, end, [asked[at] for at in scored]), strict=True))
        for within in (True, False):
            left = [at for at in range(len(asked)) if at not in answers and (at in bound) == within]
            found = self._written(decoder, prompts, end, [asked[at] for at in left], within=within)
            for at, (sequences, none) in zip(left, found, strict=True):
                answers[at] = _answer(tokeniser, table, *asked[at], sequences, none)
        return [answers[at] for at in range(len(asked))]

    def _written(
        self, decoder: CausalDecoder, prompts: Prompts, end: int, asked: Asked, *, within: bool
    ) -> list[tuple[list[Written], float]]:
        """What was written to each, ``within`` what is allowed or not, with the probability of nothing."""
        tails = [prompts.own([prefix.reading], each.question) for prefix, each in asked]

        def make(batch: list[int]) -> list[tuple[list[Written], float]]:
            prefixes = [_kept(asked[at][0]) for at in batch]
            steps: Steps = Continuing(decoder, prefixes, [tails[at] for at in batch])
            if within:
                steps = Allowed(steps, [asked[at][1].choices for at in batch], end)
            first = EndFirst(steps, end)
            device = decoder.device
            if self._sampled:
                draws = [_draws(*asked[at]) for at in batch]
                found = sample(
                    first,
                    draws,
                    end=end,
                    temperature=TEMPERATURE,
                    top_p=TOP_P,
                    longest=LONGEST,
                    device=device,
                )
            else:
                found = search(
                    first, len(batch), start=end, end=end, beams=self._beams, longest=LONGEST, device=device
                )
            return list(zip(found, first.ended, strict=True))

        lengths = [len(_kept(prefix)) + len(tail) for (prefix, _), tail in zip(asked, tails, strict=True)]
        return in_batches(lengths, POSITIONS // self._beams, make)


def _kept(prefix: PreparedPrefix) -> Prefix:
    assert prefix.kept is not None, "a window without anything to read is not asked"
    return prefix.kept


def _draws(prefix: PreparedPrefix, asked: DescribedQuestion) -> Callable[[], float]:
    """Numbers that hang on the ask alone: the same ask draws the same answer, whatever is asked beside it."""
    content = repr((prefix.reading.prefix, prefix.reading.ids, asked.question)).encode()
    seed = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
    return random.Random(seed).random  # noqa: S311 - a reproducible draw, no secret


def _scored(decoder: CausalDecoder, prompts: Prompts, end: int, asked: Asked) -> list[Answer]:
    """Every allowed value with its probability, all asks of a text in as few rows as they fit."""
    by_text: dict[int, list[int]] = {}
    for at, (prefix, _) in enumerate(asked):
        by_text.setdefault(id(prefix), []).append(at)
    segments = [Segment(prompts.own([prefix.reading], each.question), each.choices) for prefix, each in asked]
    rows: list[list[int]] = []
    for places in by_text.values():
        row: list[int] = []
        for at in places:
            if row and sum(len(segments[each]) for each in row) + len(segments[at]) > ROW:
                rows.append(row)
                row = []
            row.append(at)
        rows.append(row)

    def make(batch: list[int]) -> list[list[list[float]]]:
        prefixes = [_kept(asked[rows[row][0]][0]) for row in batch]
        return choose(decoder, prefixes, [[segments[at] for at in rows[row]] for row in batch], end)

    lengths = [len(_kept(asked[row[0]][0])) + sum(len(segments[at]) for at in row) for row in rows]
    answers: dict[int, Answer] = {}
    for row, made in zip(rows, in_batches(lengths, POSITIONS, make), strict=True):
        for at, (none, *chances) in zip(row, made, strict=True):
            prefix, each = asked[at]
            answers[at] = Answer(
                _candidates(dict(zip(each.values, chances, strict=True)), prefix.reading), none
            )
    return [answers[at] for at in range(len(asked))]


def _answer(
    tokeniser: CausalPieces,
    table: SpelledTable,
    prefix: PreparedPrefix,
    asked: DescribedQuestion,
    sequences: Sequence[Written],
    none: float,
) -> Answer:
    if not sequences:
        return _failed(f'the answer for "{asked.name}" did not end within {LONGEST} pieces')
    allowed = {fold_text(value): value for value in asked.values}
    chances: dict[str, float] = {}
    invented: str | None = None
    for written in sequences:
        if not written.symbols:
            continue
        text = tokeniser.text_of(written.symbols)
        value = allowed.get(fold_text(text)) if allowed else table.spelled(text)
        if value:
            chances[value] = chances.get(value, 0.0) + math.exp(written.score)
        elif invented is None and not chances:
            invented = text
    if invented is not None and not chances and sequences[0].symbols:
        return _failed(f'the model wrote "{invented}", which is no allowed value of "{asked.name}"')
    return Answer(_candidates(chances, prefix.reading), none)


def _failed(message: str) -> Answer:
    return Answer((), None, None, Problem("failed", message))


def _candidates(chances: Mapping[str, float], reading: Reading) -> tuple[Candidate, ...]:
    """The most probable values, each where the text says it in other letters at most; else inferred."""
    best = sorted(chances.items(), key=lambda item: -item[1])[:PROPOSALS]
    made: list[Candidate] = []
    for value, chance in best:
        if chance < FLOOR:
            break
        places = [each for each in located(value, reading) if fold_text(each[0]) == fold_text(value)]
        for text, evidence in places[:PROPOSALS] or [(value, Evidence("inferred"))]:
            made.append(Candidate(text, min(1.0, chance), evidence))
    return tuple(made)
