"""The writer: written step by step as in one go, and able to copy what it cannot generate."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from attrex.nn.pretrained import build_body
from attrex.nn.writer import (
    FOLLOW,
    NO_COPY,
    CopyWriter,
    CrossAttending,
    Writing,
    decoder_like,
    in_front,
    with_fronts,
)

D, WORDS = 16, 20
PIECES = [2, 3, 5, 7, 11]
CONFIG = {
    "model_type": "bert",
    "vocab_size": WORDS,
    "hidden_size": D,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 32,
    "initializer_range": 0.5,
}
COPIES_NS = torch.tensor([[NO_COPY, 13, 5, 13, NO_COPY], [NO_COPY, 17, 21, 11, 5]])
COPIES_NS2 = with_fronts(COPIES_NS)
MASK_NS = torch.tensor([[True] * 4 + [False], [True] * 5])


@pytest.fixture
def words() -> nn.Embedding:
    torch.manual_seed(0)
    return nn.Embedding(WORDS + 5, D)


@pytest.fixture
def writer(words: nn.Embedding) -> CopyWriter:
    decoder = decoder_like(build_body(CONFIG), layers=2)
    rows_VD = words(torch.tensor(PIECES)).detach()
    made = CopyWriter(decoder, pieces=PIECES, rows_VD=rows_VD, vocabulary=WORDS)
    nn.init.normal_(made.own.weight)
    return made.eval()


def memory() -> Tensor:
    return torch.randn(2, 5, D, generator=torch.Generator().manual_seed(1))


def begun(writer: CopyWriter, words: nn.Embedding) -> Writing:
    past = CrossAttending(writer.decoder, memory(), MASK_NS)
    return Writing(writer, words, past, writer.key(memory()), COPIES_NS2)


def test_it_is_written_step_by_step_as_it_is_learnt(writer: CopyWriter, words: nn.Embedding) -> None:
    targets_NL = torch.tensor([[13, 5, 7, 3], [21, 11, 2, 17]])
    before_NL = torch.tensor([[2, 13, 5, 7], [2, 21, 11, 2]])
    with torch.no_grad():
        whole_NL = writer.log_likelihood(
            writer.read_back(words(before_NL), before_NL), targets_NL, memory(), MASK_NS, COPIES_NS2
        )
        writing = begun(writer, words)
        # Rows are followed twice and change places within an item, and one item is done early.
        rows = [torch.tensor(r) for r in ([0, 0, 1, 1], [1, 0, 3, 2], [3, 2])]
        items = torch.tensor([0, 1])
        symbols = {item: [writing.ids(item, range(10)).index(t) for t in targets_NL[item]] for item in (0, 1)}
        last_M = torch.tensor([writing.symbol(2)] * 2)
        for at in range(4):
            log_MW = writing.step(last_M)
            for row, item in enumerate(items.tolist()):
                written = log_MW[row, symbols[item][at]].item()
                assert written == pytest.approx(whole_NL[item, at].item(), abs=1e-4)
            last_M = torch.tensor([symbols[item][at] for item in items.tolist()])
            if at < 3:
                writing.choose(rows[at])
                items, last_M = items[rows[at]], last_M[rows[at]]


def test_one_piece_is_one_symbol_wherever_it_stands(writer: CopyWriter, words: nn.Embedding) -> None:
    writing = begun(writer, words)
    with torch.no_grad():
        log_NW = writing.step(torch.tensor([writing.symbol(2)] * 2))
    torch.testing.assert_close(log_NW.exp().sum(1), torch.ones(2))
    likely = {(item, symbol) for item, symbol in (log_NW > -torch.inf).nonzero().tolist() if symbol >= 5}
    # Of the first text piece 13 by its first position; 5 and 11 can be generated and are those symbols.
    assert likely == {(0, 6), (1, 6), (1, 7)}
    assert writing.ids(0, [6]) == [13]
    assert writing.ids(1, [6, 7, 0]) == [17, 21, 2]


def test_what_cannot_be_generated_is_copied_or_impossible(writer: CopyWriter, words: nn.Embedding) -> None:
    targets_NL = torch.tensor([[13, 19], [13, 17]])
    inputs_NLD = words(torch.zeros(2, 2, dtype=torch.long))

    def likely(copies_NS: Tensor) -> list[list[float]]:
        with torch.no_grad():
            log_NL = writer.log_likelihood(inputs_NLD, targets_NL, memory(), MASK_NS, with_fronts(copies_NS))
        made: list[list[float]] = log_NL.tolist()
        return made

    (copied, neither), (elsewhere, known) = likely(COPIES_NS)
    assert copied > -10
    assert known > -10
    assert neither < -20
    assert elsewhere < -20
    barred = COPIES_NS.masked_fill(COPIES_NS == 13, NO_COPY)
    assert likely(barred)[0][0] < -20


def test_a_text_is_copied_on(writer: CopyWriter) -> None:
    nn.init.zeros_(writer.key.weight)  # all places alike but for what stands in front of them
    written_NL = torch.tensor([[13, 5, 13], [21, 11, 5]])
    with torch.no_grad():
        before_NL = in_front(written_NL)
        assert before_NL.tolist() == [[NO_COPY, 13, 5], [NO_COPY, 21, 11]]
        _, _, copied_NLS = writer.chances(
            torch.zeros(2, 3, D), before_NL, writer.key(memory()), COPIES_NS2, None
        )
    e = math.exp(FOLLOW)
    third, on = 1 / 3, [1 / (e + 2), e / (e + 2)]
    expected = [
        [[0, third, third, third, 0], [0, on[0], on[1], on[0], 0], [0, on[0], on[0], on[1], 0]],
        [
            [0, *[1 / 4] * 4],
            [0, 1 / (e + 3), 1 / (e + 3), e / (e + 3), 1 / (e + 3)],
            [0, 1 / (e + 3), 1 / (e + 3), 1 / (e + 3), e / (e + 3)],
        ],
    ]
    torch.testing.assert_close(copied_NLS, torch.tensor(expected))


def test_the_decoder_begins_as_the_base_s_first_layers() -> None:
    body = build_body(CONFIG)
    decoder = decoder_like(body, layers=2)
    own, base = decoder.state_dict(), body.state_dict()
    new = {n for n in own if ".crossattention." in n}
    assert new
    assert {n.split(".")[2] for n in new} == {"0", "1"}
    for name in own.keys() - new:
        assert torch.equal(own[name], base[name]), name
    assert not [n for n in own if "word_embeddings" in n]


def test_what_is_pointed_at_decides_whether_it_is_copied(words: nn.Embedding) -> None:
    """With ``found`` the gate and what is generated follow what stands where the step points; without it
    they are the decoder's alone."""
    decoder = decoder_like(build_body(CONFIG), layers=2)
    rows_VD = words(torch.tensor(PIECES)).detach()
    states_NLD = torch.randn(2, 1, D, generator=torch.Generator().manual_seed(2))
    before_NL = torch.full((2, 1), NO_COPY)
    keys_NSD = memory()
    for found in (None, nn.Identity()):
        writer = CopyWriter(decoder, pieces=PIECES, rows_VD=rows_VD, vocabulary=WORDS, found=found)
        with torch.no_grad():
            gate, generated, copied = writer.chances(states_NLD, before_NL, keys_NSD, COPIES_NS2)
            met_NLD = states_NLD if found is None else states_NLD + copied @ keys_NSD
            torch.testing.assert_close(gate, torch.sigmoid(writer.gate(met_NLD)))
            torch.testing.assert_close(generated, torch.softmax(writer.generate(met_NLD), 2))
            assert (copied[COPIES_NS.unsqueeze(1) == NO_COPY] == 0).all()
            # A text without a piece points at nothing.
            nothing = torch.full_like(COPIES_NS2, NO_COPY)
            gate, _, copied = writer.chances(states_NLD, before_NL, keys_NSD, nothing)
            torch.testing.assert_close(gate, torch.sigmoid(writer.gate(states_NLD)))
            assert not copied.any()
