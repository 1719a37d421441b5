"""EAVE's two encoders, and the one tokeniser that both must have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from torch import nn

from attrex.errors import ConfigError
from attrex.models.text_encoders import ENCODER, TOKENISER, MadeText, PretrainedText, ShapedText
from attrex.nn.encoders import PretrainedEncoder, ShapedEncoder
from attrex.supervision.pool import Pool

LIGHT = "light_encoder.json"
_CUTTING = ("normalizer", "pre_tokenizer", "model")
"""What of a ``tokenizer.json`` decides how words are cut and numbered."""


class TwoEncoders(nn.Module):
    """A heavy and a light encoder, whole."""

    def __init__(self, heavy: nn.Module, light: nn.Module) -> None:
        super().__init__()
        assert isinstance(heavy, PretrainedEncoder | ShapedEncoder)
        assert isinstance(light, PretrainedEncoder | ShapedEncoder)
        self.heavy, self.light = heavy, light


class TwoTexts:
    """A text part of two: ``heavy`` and ``light`` read the same tokens."""

    def __init__(self, heavy: PretrainedText | ShapedText, light: PretrainedText | ShapedText) -> None:
        self.heavy, self.light = heavy, light

    def make(self, pool: Pool) -> MadeText:
        """Raises ``ConfigError`` where the two cut words otherwise: the fusion (Eq. 3) is of the same
        token's states."""
        heavy, light = self.heavy.make(pool), self.light.make(pool)
        one, other = json.loads(heavy.files[TOKENISER]), json.loads(light.files[TOKENISER])
        for part in _CUTTING:
            if one[part] != other[part]:
                raise ConfigError(
                    f'model.arguments.light: "{_name(light)}" cuts words otherwise than "{_name(heavy)}" '
                    f"(the {part} of their tokenisers differs), and token by token their states are fused. "
                    "Fix: take two encoders of one family, or leave light out"
                )
        return _both(heavy, light)

    def remake(self, files: Mapping[str, str]) -> MadeText:
        tokeniser = files[TOKENISER]
        return _both(
            self.heavy.remake({TOKENISER: tokeniser, ENCODER: files[ENCODER]}),
            self.light.remake({TOKENISER: tokeniser, ENCODER: files[LIGHT]}),
        )


def _name(made: MadeText) -> str:
    return str(json.loads(made.files[ENCODER])["base"])


def _both(heavy: MadeText, light: MadeText) -> MadeText:
    return MadeText(
        heavy.tokeniser,
        TwoEncoders(heavy.encoder, light.encoder),
        light.width,
        {**heavy.files, LIGHT: light.files[ENCODER]},
        heavy.portable and light.portable,
    )


def chosen_layers(layers: int | Sequence[int] | None, depth: int) -> Sequence[int]:
    """Which layers the light encoder has. Raises ``ConfigError`` for one that the base lacks."""
    path = "model.arguments.light_layers"
    if layers is None:
        return range(depth)
    if isinstance(layers, int):
        if not 1 <= layers <= depth:
            raise ConfigError(f"{path} is {layers}; the encoder has {depth} layers")
        return range(layers)
    if not layers or len(set(layers)) < len(layers):
        raise ConfigError(f"{path} is {list(layers)}; it must name one layer or more, each once")
    for layer in layers:
        if not 0 <= layer < depth:
            raise ConfigError(f"{path} names layer {layer}; the encoder's layers are 0 to {depth - 1}")
    return layers
