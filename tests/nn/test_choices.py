"""Answers that share what was read, against decoders that read all of it anew for each."""

from __future__ import annotations

import itertools
import random

import pytest
import torch

from attrex.nn.beams import search
from attrex.nn.causal import CausalDecoder, small_decoder
from attrex.nn.choices import Choices, Prefix, Segment, choose
from attrex.nn.continuing import Allowed, Continuing, sample

V, END = 23, 1


@pytest.fixture(scope="module")
def decoder() -> CausalDecoder:
    torch.manual_seed(3)
    made = small_decoder(torch.randn(V, 24), layers=2, heads=2).eval()
    for name, parameter in made.named_parameters():
        if "layers" in name and parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return made


def read(decoder: CausalDecoder, texts: list[list[int]]) -> list[Prefix]:
    made = []
    for text in texts:
        ids_1S = torch.tensor([text])
        with torch.inference_mode():
            keys, values = decoder.read(decoder.words(ids_1S), torch.ones_like(ids_1S).bool())
        made.append(Prefix(keys[0], values[0]))
    return made


def log_next(decoder: CausalDecoder, ids: list[int]) -> torch.Tensor:
    """By reading everything from the start: the oracle."""
    ids_1T = torch.tensor([ids])
    with torch.inference_mode():
        states_1TD = decoder.states(decoder.words(ids_1T), torch.ones_like(ids_1T).bool())
        return decoder.logits(states_1TD[0, -1])


def by_hand(
    decoder: CausalDecoder, before: list[int], answers: list[tuple[int, ...]]
) -> dict[tuple[int, ...], float]:
    """Each answer's probability, the next piece being one that an answer has there, or its end."""
    whole = [(), *answers]
    made = {}
    for answer in whole:
        log = 0.0
        for at in range(len(answer) + 1):
            begun = answer[:at]
            ways = {(*each, END)[at] for each in whole if each[:at] == begun}
            logits = log_next(decoder, [*before, *begun])
            chosen = logits[torch.tensor(sorted(ways))].log_softmax(0)
            log += chosen[sorted(ways).index((*answer, END)[at])].item()
        made[answer] = float(torch.tensor(log).exp())
    return made


ANSWERS = [(5, 6), (5, 6, 7), (5, 8), (9,), (10, 11, 12)]
OTHERS = [(5,), (13, 14)]


def test_answers_that_share_a_prefix_are_as_probable_as_each_alone(decoder: CausalDecoder) -> None:
    texts = [[2, 3, 4, 15], [2, 16, 17, 18, 19, 20, 21]]
    questions = {(3, 4): ANSWERS, (20, 21, 22): OTHERS, (3,): OTHERS}
    rows = [
        [Segment(q, Choices.of(a)) for q, a in questions.items()],
        [Segment((20, 21, 22), Choices.of(OTHERS))],
    ]
    made = choose(decoder, read(decoder, texts), rows, END)
    for text, row, own in zip(texts, rows, made, strict=True):
        for segment, scores in zip(row, own, strict=True):
            answers = questions[tuple(segment.pieces)]  # type: ignore[index]
            expected = by_hand(decoder, [*text, *segment.pieces], answers)
            assert scores == pytest.approx([expected[()], *(expected[a] for a in answers)], abs=1e-5)
            assert sum(scores) == pytest.approx(1, abs=1e-5)


def test_random_tries_too(decoder: CausalDecoder) -> None:
    chance = random.Random(0)
    for _ in range(6):
        answers = list({tuple(chance.choices(range(4, 9), k=chance.randint(1, 3))) for _ in range(7)})
        text, question = chance.choices(range(2, V), k=5), chance.choices(range(2, V), k=3)
        ((scores,),) = choose(decoder, read(decoder, [text]), [[Segment(question, Choices.of(answers))]], END)
        expected = by_hand(decoder, [*text, *question], answers)
        assert scores == pytest.approx([expected[()], *(expected[a] for a in answers)], abs=1e-5)


def test_a_trie_shares_what_answers_begin_with() -> None:
    choices = Choices.of(ANSWERS)
    assert len(choices) == 8
    assert choices.pieces == (5, 6, 7, 8, 9, 10, 11, 12)
    assert choices.ends == (-1, 0, 1, 2, 3, -1, -1, 4)


def test_of_answers_with_the_same_pieces_the_first_is_given_and_an_empty_one_never(
    decoder: CausalDecoder,
) -> None:
    choices = Choices.of([(5, 6), (), (5, 6)])
    assert choices.ends == (-1, 0)
    ((scores,),) = choose(decoder, read(decoder, [[2, 3]]), [[Segment((4,), choices)]], END)
    assert scores[2:] == [0, 0]
    assert sum(scores) == pytest.approx(1, abs=1e-5)


def test_without_choices_only_the_empty_answer_is_left(decoder: CausalDecoder) -> None:
    ((scores,),) = choose(decoder, read(decoder, [[2, 3]]), [[Segment((4,), Choices.of([]))]], END)
    assert scores == pytest.approx([1.0])


def test_writing_on_is_as_probable_as_reading_everything(decoder: CausalDecoder) -> None:
    texts, questions = [[2, 3, 4, 15], [2, 16]], [[3, 4], [20, 21, 22]]
    steps = Continuing(decoder, read(decoder, texts), questions)
    asked = [[*t, *q] for t, q in zip(texts, questions, strict=True)]
    written = [END, END]
    for symbols in ([7, 8], [9, 10], [11, 12]):
        with torch.inference_mode():
            log_MV = steps.step(torch.tensor(written))
        for own, row_V in zip(asked, log_MV, strict=True):
            assert torch.allclose(row_V, log_next(decoder, own).log_softmax(0), atol=1e-5)
        written = symbols
        for own, symbol in zip(asked, symbols, strict=True):
            own.append(symbol)


def test_beams_within_what_is_allowed_find_the_best_answers(decoder: CausalDecoder) -> None:
    text, question = [2, 3, 4, 15], [3, 4]
    expected = by_hand(decoder, [*text, *question], ANSWERS)
    steps = Allowed(Continuing(decoder, read(decoder, [text]), [question]), [Choices.of(ANSWERS)], END)
    (found,) = search(steps, 1, start=END, end=END, beams=6, longest=8, device=torch.device("cpu"))
    assert {w.symbols: pytest.approx(torch.tensor(w.score).exp().item(), abs=1e-5) for w in found} == expected


def test_free_beams_would_have_invented_something(decoder: CausalDecoder) -> None:
    steps = Continuing(decoder, read(decoder, [[2, 3, 4, 15]]), [[3, 4]])
    (found,) = search(steps, 1, start=END, end=END, beams=6, longest=8, device=torch.device("cpu"))
    assert {w.symbols for w in found} - {(), *ANSWERS}


class Fixed:
    """The same distribution at every step."""

    def __init__(self, chances: list[float], rows: int) -> None:
        self.log_MV = torch.tensor([chances] * rows).log()

    def step(self, symbols_M: torch.Tensor) -> torch.Tensor:
        return self.log_MV[: len(symbols_M)]

    def choose(self, rows_M: torch.Tensor) -> None:
        pass


def ends(number: float, chances: list[float], end: int, temperature: float, top_p: float) -> bool:
    """Whether the draw of that number is the end."""
    found = sample(
        Fixed(chances, 1),
        [lambda: number],
        end=end,
        temperature=temperature,
        top_p=top_p,
        longest=1,
        device=torch.device("cpu"),
    )
    return bool(found[0])


def test_sampling_cuts_to_the_most_probable() -> None:
    """0.5 and 0.3 reach 0.75; what comes behind is never drawn, and they share its part."""
    numbers = [n / 100 for n in range(100)]
    assert not any(ends(n, [0.5, 0.3, 0.2], 2, 1.0, 0.75) for n in numbers)
    assert sum(ends(n, [0.5, 0.3, 0.2], 0, 1.0, 0.75) for n in numbers) == 63  # 0.5 of 0.8
    assert sum(ends(n, [0.5, 0.3, 0.2], 2, 1.0, 1.0) for n in numbers) == 20


def test_a_low_temperature_all_but_always_draws_the_best() -> None:
    numbers = [n / 100 for n in range(100)]
    assert sum(ends(n, [0.4, 0.35, 0.25], 0, 1.0, 1.0) for n in numbers) == 40
    assert sum(ends(n, [0.4, 0.35, 0.25], 0, 0.1, 1.0) for n in numbers) > 75


def test_a_draw_s_probability_is_the_model_s_own_and_it_hangs_on_no_other_row() -> None:
    chances = [0.25, 0.75]
    alone = sample(
        Fixed(chances, 1), [_numbers(5)], end=0, temperature=0.5, top_p=1.0, longest=50,
        device=torch.device("cpu"),
    )  # fmt: skip
    beside = sample(
        Fixed(chances, 3), [_numbers(n) for n in (4, 5, 6)], end=0, temperature=0.5, top_p=1.0, longest=50,
        device=torch.device("cpu"),
    )  # fmt: skip
    assert alone[0] == beside[1]
    (written,) = alone[0]
    expected = torch.tensor([0.75] * len(written.symbols) + [0.25]).log().sum().item()
    assert written.score == pytest.approx(expected, abs=1e-5)


def _numbers(seed: int):  # type: ignore[no-untyped-def]
    chance = random.Random(seed)
    return chance.random


def test_an_endless_answer_is_no_answer() -> None:
    found = sample(
        Fixed([0.0, 1.0], 1), [itertools.repeat(0.5).__next__], end=0, temperature=0.1, top_p=0.75,
        longest=20, device=torch.device("cpu"),
    )  # fmt: skip
    assert found == [[]]
