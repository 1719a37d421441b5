"""Hand formulas against PyTorch's own counter, on real modules, and against the EAVE paper's numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertModel, T5Config, T5EncoderModel

from attrex.errors import ModelError
from attrex.nn import flops
from attrex.nn.decoders import HyperLayer, LookUpLayer, MixtureLayer
from attrex.nn.encoders import PretrainedEncoder, RecurrentEncoder, SelfAttention, ShapedEncoder
from attrex.nn.flops import T5_V1_1, EncoderShape, transformer

TINY = {"num_layers": 2, "d_model": 32, "d_kv": 8, "num_heads": 3, "d_ff": 48, "vocab_size": 90}
BERT = {"num_hidden_layers": 3, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 56}
MINILM = {
    "num_hidden_layers": 6,
    "hidden_size": 384,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "vocab_size": 30_522,
}
LARGE = {"num_layers": 24, "d_model": 1024, "d_kv": 64, "num_heads": 16, "d_ff": 2816, "vocab_size": 32_128}
SMALL = {"num_layers": 8, "d_model": 512, "d_kv": 64, "num_heads": 6, "d_ff": 1024, "vocab_size": 32_128}


def counted(module: nn.Module, *inputs: torch.Tensor, **named: torch.Tensor) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*inputs, **named)
    return int(counter.get_total_flops())


@pytest.mark.parametrize(
    "config",
    [
        T5Config(**TINY, feed_forward_proj="gated-gelu", attn_implementation="eager"),
        T5Config(**TINY, feed_forward_proj="relu", attn_implementation="eager"),
        T5Config(**SMALL, feed_forward_proj="gated-gelu", attn_implementation="eager"),
        T5Config(**LARGE, feed_forward_proj="gated-gelu", attn_implementation="eager"),
        BertConfig(**BERT, vocab_size=90, attn_implementation="eager"),
        BertConfig(**MINILM, attn_implementation="eager"),
    ],
    ids=["T5 v1.1 tiny", "T5 1.0 tiny", "T5 v1.1 small", "T5 v1.1 large", "BERT tiny", "MiniLM"],
)
@pytest.mark.parametrize("tokens", [1, 37, 512])
def test_a_transformer_s_formula_is_what_pytorch_counts(config: T5Config | BertConfig, tokens: int) -> None:
    """On the meta device: shapes without numbers."""
    with torch.device("meta"):
        body = T5EncoderModel(config) if isinstance(config, T5Config) else BertModel(config, False)
        ids_1T = torch.zeros(1, tokens, dtype=torch.long)
    shape = EncoderShape.from_config(config.to_dict())
    assert transformer(shape, tokens) == counted(body, input_ids=ids_1T)


def test_a_look_up_counted_as_one_hot_product_is_that_product() -> None:
    shape = EncoderShape.from_config(TINY)
    table_VD, one_hot_TV = torch.zeros(90, 32), torch.zeros(7, 90)
    product = counted(nn.Linear(90, 32, bias=False), one_hot_TV)
    assert product == 2 * 7 * table_VD.numel()
    assert transformer(shape, 7, lookup="one-hot") - transformer(shape, 7) == product


@pytest.mark.parametrize(
    ("size", "tokens", "published"),
    [
        ("small", 512 + 32, 42.46),
        ("base", 512 + 32, 131.10),
        ("large", 512 + 32, 402.47),
        ("small", 64 + 8, 5.20),
        ("base", 64 + 8, 16.11),
    ],
)
def test_the_paper_s_gflops_come_out(size: str, tokens: int, published: float) -> None:
    """EAVE, Tables 1, 10 and 12."""
    assert transformer(T5_V1_1[size], tokens, lookup="one-hot") / 1e9 == pytest.approx(published, rel=0.015)
    assert transformer(T5_V1_1[size], tokens) / 1e9 < 0.95 * published


def body() -> BertModel:
    config = BertConfig(**BERT, vocab_size=90, hidden_dropout_prob=0.0, attn_implementation="eager")
    return BertModel(config, add_pooling_layer=False)


@pytest.mark.parametrize(
    "encoder",
    [
        PretrainedEncoder(body(), frozen_embeddings=True),
        ShapedEncoder(PretrainedEncoder(body(), frozen_embeddings=True), pieces=90, bits=5),
    ],
    ids=["pretrained", "shapes"],
)
def test_a_text_encoder_s_formula_is_what_pytorch_counts(encoder: nn.Module) -> None:
    ids_1T = torch.zeros(1, 23, dtype=torch.long)
    assert flops.text_encoder(encoder, [23]) == counted(encoder, ids_1T, ids_1T == 0)


def test_an_lstm_costs_its_gates() -> None:
    """PyTorch's counter passes over its fused LSTM, so that the cells are counted one by one."""
    encoder = RecurrentEncoder(nn.Embedding(90, 12), width=16, dropout=0.0)
    cell = nn.LSTMCell(12, 8)
    step = counted(cell, torch.zeros(1, 12))
    assert flops.text_encoder(encoder, [23]) == 2 * 23 * step


def test_self_attention_costs_query_scores_sum_and_projection() -> None:
    inner = RecurrentEncoder(nn.Embedding(90, 12), width=16, dropout=0.0)
    attended = SelfAttention(inner)
    states_1TD = torch.zeros(1, 23, 16)
    query = counted(attended.query, states_1TD)
    scores = counted(_Product(), states_1TD, states_1TD.transpose(1, 2))
    weighted = counted(_Product(), torch.zeros(1, 23, 23), states_1TD)
    joined = counted(attended.joined, torch.zeros(1, 23, 32))
    expected = flops.text_encoder(inner, [23]) + query + scores + weighted + joined
    assert flops.text_encoder(attended, [23]) == expected


class _Product(nn.Module):
    def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return torch.bmm(one, other)


@pytest.mark.parametrize(
    "part",
    [HyperLayer(10, (4, 17), scale=0.1), MixtureLayer(10, (5, 5), experts=3, scale=0.1)],
    ids=["hypernetwork", "mixture"],
)
def test_generating_parameters_costs_what_pytorch_counts(part: nn.Module) -> None:
    assert flops.generated(part) == counted(part, torch.zeros(1, 10))
    assert flops.generated(LookUpLayer(3, (4, 17), scale=0.1)) == 0


def test_what_has_no_formula_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="the cost of Linear is unknown"):
        flops.text_encoder(nn.Linear(2, 2), [5])
    with pytest.raises(ModelError, match="names no num_hidden_layers, so its cost cannot be told"):
        EncoderShape.from_config({"model_type": "resnet"})
