"""VIRT (Li et al., 2022): two towers that learn the attention which a cross-encoder would have between them.

In training a cross-encoder over ``[CLS] attribute [SEP] category [SEP] text [SEP]`` learns to tag beside the
towers. In every layer the towers' queries and keys give *virtual* maps, of the text's tokens over the
attribute's and of the attribute's over the text's, though the towers never use them; their distance to the
teacher's maps is added to the loss. At the end the text's output tokens attend to the attribute's.

The paper fine-tunes the teacher first; here it learns beside its pupil, so that one training makes both. A
map of the teacher's is its attention among the other side's tokens alone, as the virtual one is.

Legend: N asks, B windows, A attributes, T tokens of a text, Q tokens of an attribute, S positions of both
together, D hidden, H heads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from attrex.core.tags import SCHEMES, TagScheme
from attrex.errors import ConfigError
from attrex.models.inputs import Inputs, lay_out
from attrex.models.late_interaction import LateInteractionNetwork, Met, Taught, Tower, TowerArguments
from attrex.models.questions import LONGEST, questions
from attrex.models.separate_tagger import copies
from attrex.models.sequence_tagger import Decoding, chain_of, own_decoders
from attrex.models.tagging import TaggedWindow
from attrex.models.text_encoders import MadeText, Shapes, TextPart
from attrex.models.trained import TrainedModel
from attrex.models.weights import TrainingOnly
from attrex.nn import crf
from attrex.nn.late_interaction import OutputAttention
from attrex.nn.layered import LayeredEncoder, states_at
from attrex.supervision.pool import Pool
from attrex.text.tokeniser import Tokeniser


def virtual_maps(
    encoder: LayeredEncoder, at: int, text_NTD: Tensor, mask_NT: Tensor, asked_NQD: Tensor, mask_NQ: Tensor
) -> tuple[Tensor, Tensor]:
    """In layer ``at``, from its input states: how the text attends to the attribute ``(N, H, T, Q)``, and
    the attribute to the text ``(N, H, Q, T)``."""
    text_NTD, asked_NQD = (
        states_at(encoder, at, "before_attention", states, None) for states in (text_NTD, asked_NQD)
    )
    return (
        encoder.weights(at, text_NTD, asked_NQD, mask_NQ[:, None, None, :]),
        encoder.weights(at, asked_NQD, text_NTD, mask_NT[:, None, None, :]),
    )


def distance(map_NHTQ: Tensor, other_NHTQ: Tensor, mask_NT: Tensor) -> Tensor:
    """Summed squared difference of the rows, averaged over real rows and heads: ``(N,)``."""
    rows_NT = (map_NHTQ - other_NHTQ).square().sum(3).mean(1)
    return (rows_NT * mask_NT).sum(1) / mask_NT.sum(1)


class CrossTeacher(TrainingOnly):
    """A cross-encoder of the tower's size; ``weight``: what the distance between the maps weighs beside
    the likelihood."""

    def __init__(self, encoder: nn.Module, *, width: int, scheme: TagScheme, weight: float) -> None:
        super().__init__()
        self.tower, self.weight = Tower(encoder), weight
        self.decoder = own_decoders("softmax", attributes=1, tags=len(scheme.tags), width=width)

    def tensors(self, examples: Sequence[TaggedWindow], tokeniser: Tokeniser) -> dict[str, Tensor]:
        """The asks laid out as a cross-encoder reads them, under names that begin with "taught "."""
        asks = [(each.reading, ask.attribute) for each in examples for ask in each.asks]
        words = questions([attribute for _, attribute in asks], tokeniser)
        inputs = lay_out([reading for reading, _ in asks], tokeniser, words)
        return {f"taught {name}": tensor for name, tensor in inputs.tensors().items()}

    def forward(self, batch: Mapping[str, Tensor], met: Met) -> Tensor:
        """The teacher's own negative log likelihood and the weighted distance of the maps, averaged over
        layers and the two directions, summed over asks. No gradient of the distance reaches the teacher."""
        inputs = Inputs.of(
            {n.removeprefix("taught "): t for n, t in batch.items() if n.startswith("taught ")}
        )
        states = self.tower(inputs.ids_NS, inputs.mask_NS)
        chain = chain_of(self.decoder, inputs.text_states(states[-1]), inputs.chain_NT)
        loss = -(crf.log_likelihood(chain, batch["tags_NT"]) * batch["weight_N"]).sum()
        product_N, attribute_N = batch["product_N"], batch["attribute_N"]
        mask_NQ, mask_NT = met.mask_AQ[attribute_N], inputs.chain_NT
        Q = mask_NQ.shape[1]
        for at in range(self.tower.layers.depth):
            with torch.no_grad():
                # The opening and the attribute stand in front, as in the attribute's own tower.
                wanted = virtual_maps(
                    self.tower.layers,
                    at,
                    inputs.text_states(states[at]),
                    mask_NT,
                    states[at][:, :Q],
                    mask_NQ,
                )
            had = virtual_maps(
                met.tower.layers,
                at,
                met.context[at][product_N],
                mask_NT,
                met.attribute[at][attribute_N],
                mask_NQ,
            )
            apart_N = distance(had[0], wanted[0], mask_NT) + distance(had[1], wanted[1], mask_NQ)
            loss = loss + self.weight * apart_N.sum() / (2 * self.tower.layers.depth)
        return loss


class TaughtText:
    """A text encoder that has a teacher while it is trained, and none in a model folder."""

    def __init__(self, text: TextPart, *, scheme: TagScheme, weight: float, window: int) -> None:
        self.text, self.scheme, self.weight, self.window = text, scheme, weight, window

    def make(self, pool: Pool) -> MadeText:
        made = self.text.make(pool)
        (own,) = copies(made.encoder, 1, "own")
        teacher = CrossTeacher(own, width=made.width, scheme=self.scheme, weight=self.weight)
        teacher.tower.check(self.window, LONGEST + 1, made.tokeniser)
        return replace(made, encoder=Taught(made.encoder, teacher))

    def remake(self, files: Mapping[str, str]) -> MadeText:
        return self.text.remake(files)


def build_virt(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    shapes: Shapes = "ignored",
    distillation: float = 1.0,
    width: int = 256,
    heads: int = 4,
    dropout: float = 0.1,
    decoding: Decoding = "crf",
    scheme: Literal["BIO", "BIOE"] = "BIOE",
    replacement: float = 0.0,
    window: int = 224,
) -> TrainedModel[LateInteractionNetwork]:
    """``distillation``: what the distance to the teacher's attention weighs; with 0 there is no teacher.
    ``width``, ``heads`` and ``dropout``: of the attention at the end. ``replacement`` as in AdaTag."""
    arguments = dict(locals())
    if distillation < 0:
        raise ConfigError(f"model.arguments.distillation is {distillation:g}; it must be 0 or more")
    towers = TowerArguments.among(arguments)

    def head(states: int, depth: int) -> OutputAttention:
        return OutputAttention(states, last=depth, width=width, heads=heads, dropout=dropout)

    text = towers.text()
    if distillation:
        text = TaughtText(text, scheme=SCHEMES[scheme], weight=distillation, window=window)
    return towers.model("virt", arguments, head, text)
