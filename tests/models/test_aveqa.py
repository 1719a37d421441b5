"""What makes AVEQA the model it is: spans as answers, a no-answer classifier, a memory of the original."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForMaskedLM

from attrex.core import Answer, Attribute, Candidate, Evidence, Span
from attrex.errors import ConfigError, ModelError
from attrex.models.aveqa import build_aveqa, joined
from attrex.models.inputs import Inputs
from attrex.models.pair_reader import TOKENS
from attrex.nn.masked_words import Memory, masked_word_head
from attrex.nn.spans import SpanHead, SpanScores
from tests.conformance.base import make_base, make_t5_base
from tests.conformance.ten import COLOUR, PRODUCTS, pool


def begun(folder: Path, **arguments: Any) -> Any:
    torch.manual_seed(0)
    model: Any = build_aveqa(base=str(folder), window=20, **arguments)
    model.begin(pool())
    return model


@pytest.fixture(scope="module")
def guessing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base with a masked-word head."""
    folder = make_base(tmp_path_factory.mktemp("bases") / "guessing")
    config = json.loads((folder / "config.json").read_text())
    whole = AutoModelForMaskedLM.from_config(AutoConfig.for_model(**{**config, "initializer_range": 0.3}))
    tensors = {f"bert.{name}": tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    tensors |= {n: t.clone() for n, t in whole.state_dict().items() if n.startswith("cls.")}
    tensors.pop("cls.predictions.decoder.weight", None)  # tied to the words' vectors
    save_file({n: t.contiguous() for n, t in tensors.items()}, folder / "model.safetensors")
    return folder


# --- the span ---


def scores() -> SpanScores:
    generator = torch.Generator().manual_seed(0)
    mask_NT = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    edges = torch.randn(2, 5, 2, generator=generator).masked_fill(~mask_NT.unsqueeze(2), -torch.inf)
    begin_NT, end_NT = edges.log_softmax(1).unbind(2)
    return SpanScores(begin_NT, end_NT, torch.randn(2, generator=generator))


def test_a_span_s_probability_is_that_of_an_answer_its_begin_and_its_end() -> None:
    made = scores()
    spans_NTL, none_N = made.log_probabilities(3)
    assert spans_NTL.shape == (2, 5, 3)
    none = torch.sigmoid(made.none_N)
    torch.testing.assert_close(none_N.exp(), none)
    for n in range(2):
        for i in range(5):
            for length in range(3):
                j = i + length
                begin, end = (
                    made.begin_NT[n, i].exp(),
                    made.end_NT[n, j].exp() if j < 5 else torch.tensor(0.0),
                )
                torch.testing.assert_close(spans_NTL[n, i, length].exp(), (1 - none[n]) * begin * end)


def test_any_gold_span_is_right_and_an_ask_without_one_has_no_span_to_learn() -> None:
    made = scores()
    begins_NG, ends_NG = torch.tensor([[0, 3], [1, 0]]), torch.tensor([[1, 3], [2, 0]])
    both = made.extraction_loss(begins_NG, ends_NG, torch.tensor([[True, True], [True, False]]))
    begin, end = made.begin_NT.exp(), made.end_NT.exp()
    expected = [begin[0, 0] * end[0, 1] + begin[0, 3] * end[0, 3], begin[1, 1] * end[1, 2]]
    torch.testing.assert_close(both, -torch.stack(expected).log())
    nothing = torch.zeros(2, 2, dtype=torch.bool)
    assert made.extraction_loss(begins_NG, ends_NG, nothing).tolist() == [0, 0]
    torch.testing.assert_close(made.none_loss(nothing), -torch.sigmoid(made.none_N).log())
    torch.testing.assert_close(made.none_loss(~nothing), -torch.sigmoid(-made.none_N).log())


def test_rows_without_a_span_do_not_spoil_the_gradient() -> None:
    edges = torch.randn(2, 3, requires_grad=True)
    made = SpanScores(edges.log_softmax(1), edges.log_softmax(1), torch.zeros(2))
    zeros = torch.zeros(2, 1, dtype=torch.long)
    made.extraction_loss(zeros, zeros, torch.tensor([[True], [False]])).sum().backward()
    assert edges.grad is not None
    assert edges.grad[0].abs().sum() > 0
    assert edges.grad[1].tolist() == [0, 0, 0]


def test_no_answer_is_read_from_the_opening_token_alone() -> None:
    head = SpanHead(6)
    states_NTD, opening_ND = torch.randn(1, 4, 6), torch.randn(1, 6)
    mask_NT = torch.ones(1, 4, dtype=torch.bool)
    made = head(states_NTD, mask_NT, opening_ND)
    other = head(states_NTD, mask_NT, opening_ND + 1)
    assert torch.equal(made.begin_NT, other.begin_NT)
    assert (made.none_N - other.none_N).abs().item() > 1e-4
    moved = head(states_NTD + torch.randn(1, 4, 6), mask_NT, opening_ND)
    assert torch.equal(moved.none_N, made.none_N)


def test_the_network_s_no_answer_comes_from_its_first_state(base: Path) -> None:
    model = begun(base)
    network = model.network.eval()
    inputs = Inputs.of(model.collate(list(model.examples(pool(), 0))[:3]))

    def disturb(_: nn.Module, __: Any, states_NSD: Tensor) -> Tensor:
        return torch.cat([states_NSD[:, :1] + torch.randn(states_NSD.shape[2]), states_NSD[:, 1:]], 1)

    with torch.no_grad():
        calm = network.read(inputs)
        with network.encoder.register_forward_hook(disturb):
            moved = network.read(inputs)
    torch.testing.assert_close(moved.begin_NT, calm.begin_NT)
    assert (moved.none_N - calm.none_N).abs().min() > 1e-5


def test_the_losses_are_summed(guessing: Path) -> None:
    model = begun(guessing)
    network = model.network.eval()
    batch = model.collate(model.examples(pool(), 0))
    made = network.read(Inputs.of(batch))
    span_N = made.extraction_loss(batch["begins_NG"], batch["ends_NG"], batch["real_NG"])
    none_N = made.none_loss(batch["real_NG"])
    assert span_N.max() > 0.1
    assert none_N.min() > 0.01
    plain = ((span_N + none_N) * batch["weight_N"]).mean()
    torch.testing.assert_close(network(batch)["loss"], plain)
    network.encoder.eval()
    network.training = True
    torch.manual_seed(1)
    remembered = network(batch)["loss"]
    torch.manual_seed(1)
    torch.testing.assert_close(remembered - plain, network.memory(network.encoder, Inputs.of(batch)))
    assert remembered - plain > 0.1


def test_places_of_one_value_share_its_belief() -> None:
    found = [("Red", 0.3, 0), ("blue", 0.4, 4), ("red", 0.25, 9)]
    candidates = tuple(
        Candidate(t, score, Evidence("span", Span("title", at, at + len(t)))) for t, score, at in found
    )
    made = joined(Answer(candidates, 0.05))
    assert [(c.text, pytest.approx(c.score)) for c in made.candidates] == [
        ("Red", 0.55),
        ("red", 0.55),
        ("blue", 0.4),
    ]
    assert made.none_score == 0.05


# --- the memory ---


class Echo(nn.Module):
    """An encoder that is a table."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.table, self.seen = table, [torch.zeros(0)]

    def forward(self, ids_NS: Tensor, mask_NS: Tensor) -> Tensor:
        self.seen.append(ids_NS)
        made: Tensor = self.table(ids_NS)
        return made


def test_masked_words_of_the_text_are_guessed_as_the_original_guesses_them(guessing: Path) -> None:
    model = begun(guessing, masked=0.5)
    memory = model.network.memory.memory
    encoder = model.network.encoder
    inputs = Inputs.of(model.collate(model.examples(pool(), 0)))

    def loss() -> Tensor:
        torch.manual_seed(3)
        made: Tensor = model.network.memory(encoder.eval(), inputs)
        return made

    same = loss()
    # Of all guesses the original's own have the least cross entropy to it: there is no gradient.
    same.backward()
    assert max(float(p.grad.abs().max()) for p in encoder.parameters() if p.grad is not None) < 1e-5
    with torch.no_grad():
        for parameter in encoder.body.encoder.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    assert loss() > same + 0.01
    assert not [n for n, p in memory.named_parameters() if p.requires_grad]


def test_only_the_text_is_masked_and_about_as_much_as_is_asked() -> None:
    table = nn.Embedding(50, 8)
    echo, body = Echo(table), Original(table)
    memory = Memory(body, nn.Linear(8, 50), mask=49, pieces=50, share=0.25)
    ids_NS = torch.randint(0, 49, (20, 40))
    text_NS = torch.zeros(20, 40, dtype=torch.bool)
    text_NS[:, 10:30] = True
    memory(echo, ids_NS, torch.ones_like(text_NS), text_NS)
    masked_NS = echo.seen[-1] == 49
    assert not masked_NS[~text_NS].any()
    assert torch.equal(echo.seen[-1][~masked_NS], ids_NS[~masked_NS])
    assert masked_NS[text_NS].float().mean().item() == pytest.approx(0.25, abs=0.08)
    nothing = memory(echo, ids_NS, torch.ones_like(text_NS), torch.zeros_like(text_NS))
    assert nothing.item() == 0


class Original(nn.Module):
    """A Hugging Face body that is a table."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.table = table

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        return type("Read", (), {"last_hidden_state": self.table(input_ids)})


def test_a_model_folder_holds_no_memory_and_needs_none(guessing: Path) -> None:
    model = begun(guessing)
    assert not [name for name in model.tensors() if "memory" in name]
    again: Any = build_aveqa(base=str(guessing), window=20)
    again.restore(model.tensors(), model.files())
    assert again.network.memory is None


def test_a_base_that_cannot_guess_words_has_no_third_loss(base: Path, guessing: Path) -> None:
    """MiniLM is such a base."""
    assert begun(base).network.memory is None
    assert begun(guessing, masked=0).network.memory is None
    assert begun(guessing).network.memory.memory.share == 0.15
    assert begun(guessing, shapes="read", masked=0.3).network.memory.memory.share == 0.3
    assert masked_word_head({}, {}) is None
    with pytest.raises(ModelError, match=r"has no masked-word head\. Fix: leave out model\.arguments"):
        begun(base, masked=0.15)


def test_half_a_masked_word_head_is_refused(guessing: Path) -> None:
    config = json.loads((guessing / "config.json").read_text())
    tensors = load_file(guessing / "model.safetensors")
    assert masked_word_head(config, tensors) is not None
    tensors.pop("cls.predictions.transform.dense.bias")
    with pytest.raises(
        ModelError, match=r"masked-word head lacks weights, cls\.predictions\.transform\.dense"
    ):
        masked_word_head(config, tensors)


@pytest.mark.parametrize("masked", [-0.1, 1.0])
def test_a_share_that_is_none_is_refused(masked: float) -> None:
    with pytest.raises(
        ConfigError, match=rf"model\.arguments\.masked is {masked:g}; it must lie in \[0, 1\)"
    ):
        build_aveqa(masked=masked)


def test_an_encoder_of_t5_s_kind_answers_too(tmp_path: Path) -> None:
    model = begun(make_t5_base(tmp_path / "t5"))
    assert model.network.memory is None
    model.network.eval()
    answers = model.answer(model.prepare(PRODUCTS), model.describe([COLOUR]), [(p, 0) for p in range(10)])
    assert len({answer.none_score for answer in answers}) > 1


# --- bad input ---


def test_a_window_without_room_in_the_encoder_is_refused(base: Path) -> None:
    model: Any = build_aveqa(base=str(base), window=60)
    with pytest.raises(ConfigError) as error:
        model.begin(pool())
    assert "model.arguments.window is 60; with category and attribute that is 144 tokens, and" in str(
        error.value
    )
    assert "the encoder has 128 positions" in str(error.value)


def test_an_attribute_longer_than_its_window_is_cut(base: Path) -> None:
    model = begun(base)
    model.network.eval()
    long = Attribute("Colour", "what the eye sees first " * 500)
    (described,) = model.describe([long])
    assert len(described.ids) == 65
    (answer,) = model.answer(model.prepare(PRODUCTS[:1]), [described], [(0, 0)])
    assert answer.none_score is not None


def test_thousands_of_attributes_are_read_in_chunks(base: Path) -> None:
    model = begun(base)
    model.network.eval()
    rows: list[int] = []
    hook = model.network.encoder.register_forward_hook(lambda _, given, __: rows.append(given[0].numel()))
    many = [replace(COLOUR, description=str(at % 10)) for at in range(2000)]
    answers = model.answer(model.prepare(PRODUCTS[:1]), model.describe(many), [(0, a) for a in range(2000)])
    hook.remove()
    assert len(answers) == 2000
    assert len(rows) > 5
    assert max(rows) <= TOKENS + 1000
