"""A LLaMA-type decoder that reads vectors, of words and of pictures, and writes on.

What several sequences begin with is read once, as keys and values of each layer (``read``), and any number of
continuations go on from it (``go_on``), side by side in one row where each sees only its own.

Legend: B rows, S positions read before, Q positions that go on, K = S + Q, D hidden, L layers, H key heads,
X a head's size, V vocabulary.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    BitsAndBytesConfig,
    DynamicCache,
    LlamaConfig,
    LlamaForCausalLM,
)

from attrex.errors import ConfigError, ModelError
from attrex.nn import precision as hardware
from attrex.nn.precision import mixed
from attrex.nn.pretrained import Base, find_base, quietly

KINDS = ("llama", "qwen2")
"""By the ``model_type`` of Hugging Face's configuration."""
Precision = Literal["file", "int8", "int4"]
"""What a frozen decoder's weights are kept in: as its file has them, or 8 or 4 bits (``bitsandbytes``)."""


class CausalDecoder(nn.Module):
    """``lm``: a Hugging Face model of one of ``KINDS`` with its output layer."""

    def __init__(self, lm: nn.Module) -> None:
        super().__init__()
        self.lm: Any = lm
        config: Any = self.lm.config
        self.width = int(config.hidden_size)

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return next(self.parameters()).device

    @property
    def layers(self) -> Iterator[nn.Module]:
        """From the first to the last."""
        return iter(cast(nn.ModuleList, self.lm.model.layers))

    def words(self, ids_BT: Tensor) -> Tensor:
        """Word vectors ``(B, T, D)``."""
        vectors_BTD: Tensor = self.lm.model.embed_tokens(ids_BT)
        return vectors_BTD

    def states(self, vectors_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """Last states ``(B, T, D)``, each of what stands before it; ``mask_BT``: the real positions, which
        begin at the left."""
        with mixed(vectors_BTD.device):
            made = self.lm.model(inputs_embeds=vectors_BTD, attention_mask=mask_BT.long(), use_cache=False)
        return cast(Tensor, made.last_hidden_state)

    def read(self, vectors_BSD: Tensor, mask_BS: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values ``(B, L, H, S, X)``."""
        cache = DynamicCache()
        with mixed(vectors_BSD.device):
            self.lm.model(
                inputs_embeds=vectors_BSD,
                attention_mask=mask_BS.long(),
                past_key_values=cache,
                use_cache=True,
            )
        keys = torch.stack([layer.keys for layer in cache.layers], 1)
        values = torch.stack([layer.values for layer in cache.layers], 1)
        return keys, values

    def go_on(
        self, cache: DynamicCache, vectors_BQD: Tensor, position_BQ: Tensor, sees_BQK: Tensor
    ) -> Tensor:
        """Last states ``(B, Q, D)`` of what goes on from the cache, which takes it in. ``sees_BQK``: which
        positions each attends to, of those before and of these."""
        with mixed(vectors_BQD.device):
            made = self.lm.model(
                inputs_embeds=vectors_BQD,
                attention_mask=_barred(sees_BQK, vectors_BQD),
                position_ids=position_BQ,
                past_key_values=cache,
                use_cache=True,
            )
        return cast(Tensor, made.last_hidden_state)

    def logits(self, states_XD: Tensor) -> Tensor:
        """``(..., V)`` in float32."""
        with mixed(states_XD.device):
            logits_XV: Tensor = self.lm.lm_head(states_XD)
        return logits_XV.float()

    def logits_of(self, states_ED: Tensor, ids_E: Tensor) -> Tensor:
        """Of one piece each, ``(E,)`` in float32."""
        head: Any = self.lm.lm_head
        logits_E = (states_ED.float() * head.weight[ids_E].float()).sum(1)
        if head.bias is not None:
            logits_E = logits_E + head.bias[ids_E].float()
        return cast(Tensor, logits_E)


def _barred(sees_BQK: Tensor, vectors_BQD: Tensor) -> Tensor:
    """As attention adds it; rows that see nothing, which are padding, see everything alike."""
    dtype = torch.get_autocast_dtype(vectors_BQD.device.type) if _casting(vectors_BQD) else vectors_BQD.dtype
    barred_B1QK = torch.zeros(sees_BQK.shape, dtype=dtype, device=sees_BQK.device).unsqueeze(1)
    return barred_B1QK.masked_fill_(~sees_BQK.unsqueeze(1), torch.finfo(dtype).min)


def _casting(vectors: Tensor) -> bool:
    return torch.is_autocast_enabled(vectors.device.type)


def cached(keys_BLHSX: Tensor, values_BLHSX: Tensor) -> DynamicCache:
    """A cache that holds these, ready to go on from."""
    return DynamicCache([(keys_BLHSX[:, at], values_BLHSX[:, at]) for at in range(keys_BLHSX.shape[1])])


def small_decoder(words_VD: Tensor, *, layers: int, heads: int) -> CausalDecoder:
    """A LLaMA with random weights over a word table that is not learnt, and is its output layer too. Raises
    ``ConfigError`` where the heads do not divide the width."""
    V, D = words_VD.shape
    if layers < 1 or heads < 1 or D % (2 * heads):
        raise ConfigError(
            f"layers is {layers} and heads {heads}; at least one layer, and heads that give an even share of "
            f"the width {D}"
        )
    config = LlamaConfig(
        vocab_size=V,
        hidden_size=D,
        intermediate_size=8 * D // 3,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
    )
    decoder = CausalDecoder(LlamaForCausalLM(config))
    with torch.no_grad():
        decoder.lm.model.embed_tokens.weight.copy_(words_VD)
    decoder.lm.model.embed_tokens.requires_grad_(False)
    return decoder


def find_decoder(name: str) -> Base:
    """A pretrained decoder by folder or by its name on the hub. Raises ``BackboneMissing`` where it is not
    there, ``ModelError`` where a file is missing or it is of another architecture."""
    base = find_base(name, what="decoder")
    kind = base.config().get("model_type")
    if kind not in KINDS:
        raise ModelError(
            f'the decoder "{name}" is of the architecture "{kind}". Fix: give one of {", ".join(KINDS)}'
        )
    return base


def load_decoder(base: Base, *, precision: Precision = "file") -> CausalDecoder:
    """With all its weights; nothing of its code is run. Weights of 16 bits stay so where the hardware
    computes in bfloat16, and become float32 elsewhere.

    Raises ``ModelError`` where a weight is missing or has another shape, ``ConfigError`` where 8 or 4 bits
    are asked for and cannot be had.
    """
    settings: dict[str, Any] = {"dtype": _dtype(base.config())}
    if precision != "file":
        settings["quantization_config"] = _quantised(precision)
        settings["device_map"] = {"": 0}
    with quietly():
        try:
            lm, said = AutoModelForCausalLM.from_pretrained(
                str(base.folder),
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                **settings,
            )
        except RuntimeError as problem:
            message = f'the decoder "{base.name}" does not fit its config.json: {problem}'
            raise ModelError(message) from problem
    _check(said, base.name)
    return CausalDecoder(lm.eval())


def _check(said: Mapping[str, Any], name: str) -> None:
    if missing := sorted(said["missing_keys"]):
        raise ModelError(f'the decoder "{name}" lacks weights, {missing[0]} the first of {len(missing)}')
    if said["mismatched_keys"]:
        tensor, given, wanted = sorted(said["mismatched_keys"])[0]
        raise ModelError(f'the decoder "{name}": {tensor} is {tuple(given)}, expected {tuple(wanted)}')


def _dtype(config: Mapping[str, Any]) -> torch.dtype:
    stored = config.get("dtype", config.get("torch_dtype"))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    small = stored in ("float16", "bfloat16") and hardware.has_bfloat16(device)
    return torch.bfloat16 if small else torch.float32


def _quantised(precision: Precision) -> BitsAndBytesConfig:
    lacking = [
        what
        for what, there in (
            ("an NVIDIA GPU", torch.cuda.is_available()),
            ("the package bitsandbytes", importlib.util.find_spec("bitsandbytes") is not None),
        )
        if not there
    ]
    if lacking:
        raise ConfigError(
            f'model.arguments.precision is "{precision}", for which this machine lacks '
            f'{" and ".join(lacking)}. Fix: give "file"'
        )
    if precision == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=torch.bfloat16)


def empty_decoder(config: Mapping[str, Any]) -> CausalDecoder:
    """The architecture without its numbers (on the meta device), to count and to compare."""
    settings = {name: value for name, value in config.items() if name != "model_type"}
    with torch.device("meta"):
        return CausalDecoder(
            AutoModelForCausalLM.from_config(AutoConfig.for_model(config["model_type"], **settings))
        )


def save_decoder(decoder: CausalDecoder, folder: Path) -> None:
    """``config.json`` and ``model.safetensors`` as any program reads them that knows the architecture. What
    was folded into the projections has left biases, which the configuration then names."""
    lm = decoder.lm
    biased = any(cast(Any, layer).self_attn.q_proj.bias is not None for layer in decoder.layers)
    if lm.config.model_type == "llama" and biased and not lm.config.attention_bias:
        lm.config.attention_bias = True
        for layer in decoder.layers:
            output = cast(Any, layer).self_attn.o_proj
            output.bias = nn.Parameter(output.weight.new_zeros(output.out_features), requires_grad=False)
    with quietly():
        lm.save_pretrained(str(folder), safe_serialization=True)
