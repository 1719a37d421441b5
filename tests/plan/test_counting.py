"""The counter sees what PyTorch's own passes over on a CPU."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from attrex.plan.counting import counted


def test_attention_on_a_cpu_is_counted() -> None:
    query_BHTD, key_BHSD = torch.zeros(2, 4, 20, 16), torch.zeros(2, 4, 30, 16)
    mask = torch.ones(2, 1, 20, 30, dtype=torch.bool)
    for attend in (
        lambda: scaled_dot_product_attention(query_BHTD, key_BHSD, key_BHSD),
        lambda: scaled_dot_product_attention(query_BHTD, key_BHSD, key_BHSD, attn_mask=mask),
    ):
        for context in (torch.no_grad, torch.inference_mode):
            with context():
                assert counted(attend) == 2 * 2 * 2 * 4 * 20 * 30 * 16


def test_an_lstm_on_a_cpu_is_counted() -> None:
    lstm, inputs = nn.LSTM(16, 8, bidirectional=True, batch_first=True), torch.zeros(3, 20, 16)
    with torch.inference_mode():
        assert counted(lambda: lstm(inputs)) == 2 * 2 * 3 * 20 * (16 + 8) * 4 * 8


def test_a_linear_layer_is_counted_and_what_is_no_torch_is_not() -> None:
    with torch.inference_mode():
        assert counted(lambda: nn.Linear(8, 9)(torch.zeros(3, 8))) == 2 * 3 * 8 * 9
    assert counted(lambda: sum(range(100))) == 0


def test_pytorch_s_fused_transformer_layer_is_counted() -> None:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, activation="gelu")
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    inputs = torch.zeros(3, 5, 16)
    each = 2 * 3 * (5 * 4 * 16 * 16 + 2 * 5 * 5 * 16 + 5 * 2 * 16 * 32)
    with torch.inference_mode():
        assert counted(lambda: encoder(inputs)) == 2 * each
        assert counted(lambda: encoder(inputs, src_key_padding_mask=inputs[..., 0].bool())) == 2 * each
