"""MAVEQA (Yang et al., 2022): AVEQA for long texts of several sources.

An ETC encoder (``nn.etc``) reads the attribute's tokens, the category's and one for each source as global
tokens, and the text with local attention; the text's tokens are tagged.

Legend: N asks, G global tokens, T text tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from itertools import count
from typing import Any, Literal

from torch import Tensor, nn

from attrex.core import Answer
from attrex.core.tags import SCHEMES, TagScheme
from attrex.errors import ConfigError
from attrex.models.arguments import one_of
from attrex.models.attribute_parts import ListedAttributes
from attrex.models.pair_reader import PairReader
from attrex.models.sequence_tagger import chain_of, own_decoders
from attrex.models.tagging import TaggedWindow, answers, gold_tags
from attrex.models.text_encoders import MadeText, Shapes, pretrained_text
from attrex.models.trained import Learnt, TrainedModel
from attrex.nn import crf, flops
from attrex.nn.crf import Chain
from attrex.nn.decoders import DecoderSource
from attrex.nn.encoders import padded
from attrex.nn.etc import EVERYWHERE, FARTHEST, EtcEncoder, EtcInputs
from attrex.text.reading import BETWEEN, Reading
from attrex.text.tokeniser import Tokeniser

assert BETWEEN == EVERYWHERE


class MaveqaNetwork(nn.Module):
    """``forward`` takes what ``PairReader.collate`` gives."""

    def __init__(self, encoder: EtcEncoder, decoder: DecoderSource) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def chain(self, inputs: EtcInputs) -> Chain:
        """The tags of the texts' tokens."""
        return chain_of(self.decoder, self.encoder(inputs), inputs.mask_NT)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """``loss``: the weighted negative log likelihood, averaged over asks."""
        likelihood_N = crf.log_likelihood(self.chain(inputs_of(batch)), batch["tags_NT"])
        return {"loss": -(likelihood_N * batch["weight_N"]).mean()}


class SourcesTask:
    """What MAVEQA makes of attribute and text; see the module's text."""

    def __init__(self, scheme: TagScheme, radius: int) -> None:
        self._scheme, self._radius = scheme, radius

    def assemble(self, text: MadeText) -> MaveqaNetwork:
        tags = len(self._scheme.tags)
        decoder = own_decoders("softmax", attributes=1, tags=tags, width=text.width)
        return MaveqaNetwork(EtcEncoder(text.encoder, radius=self._radius), decoder)

    def lay_out(
        self, readings: Sequence[Reading], asked: Sequence[Sequence[int]], tokeniser: Tokeniser
    ) -> dict[str, Tensor]:
        """Global are the opening, the question, the category and one token a source, the first of its
        name."""
        shared = [[*tokeniser.opening, *q, *r.prefix] for q, r in zip(asked, readings, strict=True)]
        names = {name: _name(name, tokeniser) for reading in readings for name in reading.names}
        ids = [[*own, *(names[n] for n in r.names)] for own, r in zip(shared, readings, strict=True)]
        sources = [
            [*[EVERYWHERE] * len(own), *range(len(r.names))] for own, r in zip(shared, readings, strict=True)
        ]
        global_ids_NG, global_mask_NG = padded(ids, tokeniser.padding)
        ids_NT, mask_NT = padded([reading.ids for reading in readings], tokeniser.padding)
        inputs = EtcInputs(
            global_ids_NG,
            padded(sources, EVERYWHERE)[0],
            global_mask_NG,
            ids_NT,
            padded([reading.sources for reading in readings], EVERYWHERE)[0],
            padded([places(reading) for reading in readings], 0)[0],
            mask_NT,
        )
        return {f"etc {field.name}": getattr(inputs, field.name) for field in fields(inputs)}

    def gold(self, examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        return gold_tags(examples, self._scheme)

    def decide(
        self,
        learnt: Learnt[MaveqaNetwork],
        batch: dict[str, Tensor],
        readings: Sequence[Reading],
        attributes: Sequence[str],
    ) -> list[Answer]:
        chain = learnt.network.chain(inputs_of(batch))
        return answers(chain, readings, attributes, self._scheme, learnt.trims)

    def cost(self, learnt: Learnt[MaveqaNetwork], asks: Sequence[tuple[Reading, int]]) -> int:
        """The products of all layers, attention within the radius alone, and the tags."""
        encoder, total = learnt.network.encoder, 0
        shape = flops.EncoderShape.from_config(encoder.encoder.body.config.to_dict())  # type: ignore[union-attr,operator]  # any HF body
        D, R = shape.width, self._radius
        for reading, question in asks:
            G = len(learnt.tokeniser.opening) + question + len(reading.prefix) + len(reading.names)
            T = len(reading)
            blocks = -(-T // R)
            near, rows = (T, T) if T <= R + 1 else (3 * R, blocks * R)
            distances = 2 * T - 1 if T <= R + 1 else 2 * R + 1
            text = 4 * rows * (G + near) * D + 2 * (2 * T + rows * distances) * D
            upper = 4 * G * (G + T) * D + 2 * G * (2 * FARTHEST + 1 + 2) * D
            for tokens in (*[G + T] * (shape.layers - 1), T):
                total += flops.linear(G + T, D, 2 * D) + text
                total += tokens * (4 * D * D + 4 * D * shape.feed_forward)
            total += (shape.layers - 1) * upper + flops.linear(T, D, len(self._scheme.tags))
        return total


def places(reading: Reading) -> list[int]:
    """Each token's place in its source; a separator stands behind the last one of the source before it."""
    counters = [count() for _ in reading.names]
    at, source = [], 0
    for own in reading.sources:
        source = source if own == BETWEEN else own
        at.append(next(counters[source]))
    return at


def _name(name: str, tokeniser: Tokeniser) -> int:
    (tokens,) = tokeniser.encode([name])
    return tokens.ids[0] if tokens.ids else tokeniser.separator


def inputs_of(batch: dict[str, Tensor]) -> EtcInputs:
    """What ``SourcesTask.lay_out`` gave."""
    return EtcInputs(**{field.name: batch[f"etc {field.name}"] for field in fields(EtcInputs)})


def build_maveqa(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    shapes: Shapes = "ignored",
    radius: int = 64,
    replacement: float = 0.0,
    scheme: Literal["BIO", "BIOE"] = "BIOE",
    window: int = 448,
) -> TrainedModel[MaveqaNetwork]:
    """``base``, of BERT's kind, from which the encoder's layers come; ``radius``: tokens to either side that
    a text's token sees. ``replacement`` as in AdaTag."""
    arguments: dict[str, Any] = dict(locals())
    if isinstance(radius, bool) or not isinstance(radius, int) or radius < 1:
        raise ConfigError(f"model.arguments.radius: expected a whole number from 1, got {radius!r}")
    return TrainedModel(
        "maveqa",
        arguments,
        text=pretrained_text(base, frozen_embeddings=frozen_embeddings, shapes=shapes),
        attributes=ListedAttributes("open"),
        mechanism=PairReader(SourcesTask(SCHEMES[one_of("scheme", scheme, SCHEMES)], radius)),
        window=window,
        replacement=replacement,
    )
