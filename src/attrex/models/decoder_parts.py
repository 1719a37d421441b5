"""Where a language model's decoder and its tokeniser come from: pretrained and adapted, or learnt from
nothing.

A pretrained decoder is frozen, unless it is tuned as a whole. A model folder holds what was trained and says
by name and hash what the rest is, which is looked for where it was: on the hub, or in its folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from tokenizers import Tokenizer
from torch import Tensor, nn

from attrex.errors import ConfigError, ModelError
from attrex.models.arguments import one_of
from attrex.models.picture_parts import FeaturesPart
from attrex.models.text_encoders import TOKENISER, MadeText
from attrex.models.weights import PretrainedGroup
from attrex.nn.adapters import LinearMLPAdapter, MLPAdapter, RepAdapter, insert
from attrex.nn.causal import CausalDecoder, Precision, find_decoder, load_decoder, small_decoder
from attrex.nn.lora import add_lora
from attrex.nn.pretrained import Base, find_base, lasting_name, same_base
from attrex.supervision.pool import Pool
from attrex.text.causal_pieces import CausalPieces, Marks

DECODER = "decoder.json"
SMALL = "small"
Tuning = Literal["full", "repadapter", "mlp", "mlp-linear", "lora"]
ADAPTERS: Mapping[str, Callable[..., nn.Module]] = {
    "repadapter": RepAdapter,
    "mlp": MLPAdapter,
    "mlp-linear": LinearMLPAdapter,
}


class WholeDecoder(PretrainedGroup):
    """A pretrained decoder that is tuned as a whole, at a rate of its own."""

    group = "encoder"

    def __init__(self, decoder: CausalDecoder) -> None:
        super().__init__()
        self.decoder = decoder


class WithFeatures(nn.Module):
    """A decoder, and what makes tokens of pictures; None where it sees none."""

    def __init__(self, decoder: CausalDecoder | WholeDecoder, features: nn.Module | None) -> None:
        super().__init__()
        self.decoder, self.features = decoder, features


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderArguments:
    """``base``: a folder, a name on the hub, or "small", a LLaMA of ``layers`` and ``heads`` that learns from
    nothing over the frozen word table and with the tokeniser of ``words``. ``tuning``: what of it learns:
    all, or adapters of ``adapter_size``."""

    base: str
    words: str
    layers: int
    heads: int
    tuning: Tuning
    adapter_size: int
    precision: Precision

    @classmethod
    def among(cls, arguments: Mapping[str, Any]) -> DecoderArguments:
        """Those among a builder's arguments. Raises ``ConfigError`` where one says nothing known."""
        made = cls(**{f.name: arguments[f.name] for f in fields(cls)})
        one_of("tuning", made.tuning, ("full", *ADAPTERS, "lora"))
        one_of("precision", made.precision, ("file", "int8", "int4"))
        if made.adapter_size < 1:
            raise ConfigError(f"model.arguments.adapter_size is {made.adapter_size}; it must be at least 1")
        if made.base == SMALL and (made.tuning != "full" or made.precision != "file"):
            raise ConfigError(
                'model.arguments: the base "small" knows nothing, so all of it must learn. Fix: give tuning '
                '"full" and precision "file", or a base that was trained'
            )
        if made.tuning == "full" and made.precision != "file":
            raise ConfigError(
                f'model.arguments.precision is "{made.precision}", and weights of 8 or 4 bits cannot be '
                'tuned as a whole. Fix: give "file", or adapters as tuning'
            )
        return made


class DecoderText:
    """The decoder with its tokeniser and the pictures' encoder; implements ``TextPart``."""

    def __init__(self, arguments: DecoderArguments, features: FeaturesPart) -> None:
        self._arguments, self._features = arguments, features

    def make(self, pool: Pool) -> MadeText:
        features, files = self._features.make()
        arguments = self._arguments
        if arguments.base == SMALL:
            base = find_base(arguments.words)
            tokeniser = _tokeniser(base, base.tokeniser.read_text("utf-8"))
            decoder: CausalDecoder | WholeDecoder = self._small(_words_of(base))
        else:
            base = find_decoder(arguments.base)
            tokeniser = _tokeniser(base, base.tokeniser.read_text("utf-8"))
            decoder = self._tuned(load_decoder(base, precision=arguments.precision))
        about = {"base": lasting_name(base), "sha256": base.sha256(), "marks": tokeniser.marks.to_json()}
        own = {TOKENISER: tokeniser.to_json(), DECODER: json.dumps(about), **files}
        return _made(tokeniser, decoder, features, own)

    def remake(self, files: Mapping[str, str]) -> MadeText:
        about = json.loads(files[DECODER])
        tokeniser = CausalPieces(Tokenizer.from_str(files[TOKENISER]), Marks.from_json(about["marks"]))
        if self._arguments.base == SMALL:
            base = find_base(about["base"])
            same_base(base, about, "encoder")
            decoder: CausalDecoder | WholeDecoder = self._small(_words_of(base))
        else:
            base = find_decoder(about["base"])
            same_base(base, about, "decoder")
            decoder = self._tuned(load_decoder(base, precision=self._arguments.precision))
        return _made(tokeniser, decoder, self._features.remake(files), dict(files))

    def _small(self, words_VD: Tensor) -> CausalDecoder:
        return small_decoder(words_VD, layers=self._arguments.layers, heads=self._arguments.heads)

    def _tuned(self, decoder: CausalDecoder) -> CausalDecoder | WholeDecoder:
        tuning, size = self._arguments.tuning, self._arguments.adapter_size
        if tuning == "full":
            return WholeDecoder(decoder.float())
        decoder.requires_grad_(False)
        if tuning == "lora":
            add_lora(decoder, size=size)
        else:
            insert(decoder.layers, lambda: ADAPTERS[tuning](decoder.width, size=size))
        return decoder


def _tokeniser(base: Base, content: str) -> CausalPieces:
    tokeniser = Tokenizer.from_str(content)
    try:
        return CausalPieces(tokeniser, Marks.of(tokeniser, base.config()))
    except ValueError as problem:
        raise ModelError(f'the decoder "{base.name}": {problem}') from problem


def _words_of(base: Base) -> Tensor:
    """A pretrained encoder's word table ``(V, D)``."""
    for name, tensor in base.tensors().items():
        if name.endswith("word_embeddings.weight"):
            return tensor.float()
    raise ModelError(
        f'the encoder "{base.name}" has no word_embeddings.weight. Fix: give one of BERT\'s kind'
    )


def _made(
    tokeniser: CausalPieces,
    decoder: CausalDecoder | WholeDecoder,
    features: nn.Module | None,
    files: dict[str, str],
) -> MadeText:
    inner = decoder.decoder if isinstance(decoder, WholeDecoder) else decoder
    return MadeText(tokeniser, WithFeatures(decoder, features), inner.width, files, portable=True)
