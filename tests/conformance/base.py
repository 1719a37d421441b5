"""A pretrained encoder's folder, tiny and at random."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import ascii_lowercase, digits

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM

from attrex.core import Product
from attrex.nn.pretrained import build_body
from tests.conformance.ten import PRODUCTS, SCHEMA, UNSEEN

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[unused1]", "[unused2]"]


def make_base(folder: Path, *, seed: int = 0) -> Path:
    """What ``find_base`` wants of a folder: configuration, weights, tokeniser."""
    pieces = _pieces(PRODUCTS)
    config = {
        "model_type": "bert",
        "vocab_size": len(pieces),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 128,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "initializer_range": 0.2,
    }
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    tokeniser = Tokenizer(models.WordPiece({p: at for at, p in enumerate(pieces)}, unk_token="[UNK]"))
    tokeniser.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokeniser.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokeniser.add_special_tokens(_SPECIAL)
    tokeniser.save(str(folder / "tokenizer.json"))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        body = build_body(config)
    save_file({n: t.contiguous() for n, t in body.state_dict().items()}, folder / "model.safetensors")
    return folder


def make_t5_base(folder: Path, *, layers: int = 2, width: int = 32, seed: int = 0) -> Path:
    """The same of T5 v1.1's kind."""
    words = [word for word in _pieces(PRODUCTS) if word not in _SPECIAL and not word.startswith("##")]
    pieces = [
        "<pad>",
        "</s>",
        "<unk>",
        "\u2581",
        *(f"\u2581{word}" for word in words),
        *ascii_lowercase,
        *digits,
    ]
    config = {
        "model_type": "t5",
        "vocab_size": len(pieces) + 5,  # T5's has more rows than its tokeniser has ids
        "d_model": width,
        "d_kv": 8,
        "d_ff": 64,
        "num_layers": layers,
        "num_heads": 4,
        "feed_forward_proj": "gated-gelu",
        "dropout_rate": 0.0,
        "tie_word_embeddings": False,
    }
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    scores = [(piece, -float(len(piece) < 3)) for piece in pieces]
    tokeniser = Tokenizer(models.Unigram(scores, unk_id=2))
    tokeniser.normalizer = normalizers.Lowercase()
    tokeniser.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()]
    )
    tokeniser.add_special_tokens(["<pad>", "</s>", "<unk>"])
    tokeniser.save(str(folder / "tokenizer.json"))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        body = build_body(config)
    save_file({n: p.detach().contiguous() for n, p in body.named_parameters()}, folder / "model.safetensors")
    return folder


def make_decoder_base(folder: Path, *, kind: str = "llama", width: int = 32, seed: int = 0) -> Path:
    """What ``find_decoder`` wants of a folder: a decoder of LLaMA's kind, at random, with a tokeniser."""
    words = [word for word in _pieces(PRODUCTS) if word not in _SPECIAL and not word.startswith("##")]
    words += ["Question", "Answer", "What", "is", "the", "of", "this", "product"]
    pieces = ["<unk>", "<s>", "</s>", "<0x0A>", "\u2581", *(f"\u2581{w}" for w in dict.fromkeys(words))]
    pieces += [*ascii_lowercase, *digits, *"?:;.,-"]
    config = {
        "model_type": kind,
        "vocab_size": len(pieces),
        "hidden_size": width,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 48,
        "max_position_embeddings": 512,
        "initializer_range": 0.2,
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    folder.mkdir(parents=True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        lm = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config))
    lm.save_pretrained(str(folder))
    (folder / "config.json").write_text(json.dumps(config))
    scores = [(piece, -float(len(piece) < 3)) for piece in dict.fromkeys(pieces)]
    tokeniser = Tokenizer(models.Unigram(scores, unk_id=0))
    tokeniser.normalizer = normalizers.Lowercase()
    tokeniser.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()]
    )
    tokeniser.decoder = decoders.Metaspace()
    tokeniser.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokeniser.save(str(folder / "tokenizer.json"))
    return folder


def _pieces(products: list[Product]) -> list[str]:
    """Every word of the products and attributes, and letters for all others."""
    texts = [source.text for each in products for source in each.sources]
    texts += [f"{a.name} {a.description}" for a in (*SCHEMA.every, UNSEEN)]
    words = sorted({word for text in texts for word in re.findall(r"[a-z]+|\d+", text.lower())})
    letters = [*ascii_lowercase, *digits, *"-.,:"]
    return list(dict.fromkeys([*_SPECIAL, *words, *letters, *(f"##{letter}" for letter in letters)]))
