"""EAVE: a heavy encoder reads context and attribute apart, a light one reads them together and meets the
heavy states in its layers (Yang et al., 2024).

``prepare`` is the heavy encoder over the context, once a window; ``describe`` over the attribute, once a
catalogue; both are adapted to the light encoder's width, and only the mapped layers are kept. ``answer`` is
the light encoder over ``context attribute``. The context stands in front, as in Equation 3: so its places,
and all that the light encoder makes of it before it meets the attribute, are the same for all attributes.

Legend: N asks, M kept layers of the heavy encoder, S tokens of a context, Q of an attribute, D the light
encoder's width, T tokens of a text, K tags.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from attrex.core import Answer, Attribute, Product
from attrex.core.tags import SCHEMES, TagScheme
from attrex.errors import ConfigError
from attrex.models.arguments import one_of
from attrex.models.attribute_parts import AttributeTable, ListedAttributes
from attrex.models.eave_cost import EaveCost
from attrex.models.eave_frozen import HEAVY_TOKENS, FrozenStates
from attrex.models.eave_network import EaveNetwork, Reader
from attrex.models.eave_text import TwoEncoders, TwoTexts, chosen_layers
from attrex.models.inputs import in_batches, lay_out, positions
from attrex.models.interface import Cost
from attrex.models.questions import LONGEST, questions, tell_long
from attrex.models.sequence_tagger import Decoding, one_decoder_chain, own_decoders
from attrex.models.tagging import TaggedWindow, answers, ask_tensors
from attrex.models.text_encoders import MadeText, PretrainedText, ShapedText, Shapes, pretrained_text
from attrex.models.trained import Learnt, TrainedModel
from attrex.nn.encoders import padded
from attrex.nn.fusion import CrossAttentionFusion, FixedFusion, Fusion, LearnedFusion, Mapping, map_layers
from attrex.nn.layered import PLACES, LayeredEncoder, Place
from attrex.nn.pairs import Pairs
from attrex.text.batches import by_length
from attrex.text.reading import LONGEST_PREFIX, Reading, read
from attrex.text.tokeniser import Tokeniser

CONTEXT_TOKENS = 8192
"""Tokens of contexts that are made ready for the light encoder at once; all their asks follow."""
MET_TOKENS = 4096
"""Padded tokens of contexts and attributes in the light encoder at once: what bounds the memory of
thousands of asks."""
CHAIN_TOKENS = 65_536
"""Tokens x asks decoded at once: the CRF's cost is its steps, so many chains go through together."""
ASKS = 16
"""Asks of a window in one example of training: what bounds the memory of a step."""
Fusing = Literal["fixed", "learned", "cross_attention"]
FUSIONS: tuple[Fusing, ...] = ("fixed", "learned", "cross_attention")


@dataclass(frozen=True, slots=True)
class PreparedContext:
    """A window and its adapted heavy states ``(M, S, D)``, specials and category included."""

    reading: Reading
    heavy_MSD: Tensor


@dataclass(frozen=True, slots=True)
class DescribedQuestion:
    """An attribute, its tokens with the specials around, and its adapted heavy states ``(M, Q, D)``."""

    name: str
    ids: list[int]
    heavy_MQD: Tensor


MakeFusion = Callable[[LayeredEncoder], Fusion]
"""For a light encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """How the two encoders meet; all but ``fusion`` as the builder's arguments of the same names."""

    light_layers: int | Sequence[int] | None
    mapping: Mapping | Sequence[int]
    place: Place
    fusion: MakeFusion
    frozen: bool


class Eave:
    """The mechanism; see the module's text. ``question``: tokens of an attribute that are read at most."""

    record_types = (PreparedContext, DescribedQuestion)

    def __init__(
        self,
        meeting: Meeting,
        scheme: TagScheme,
        decoding: Decoding,
        *,
        question: int,
        window: int,
        dropout: float,
    ) -> None:
        self._meeting, self._scheme, self._decoding = meeting, scheme, decoding
        self._question, self._window, self._dropout = question, window, dropout
        self._frozen = FrozenStates()

    def assemble(self, text: MadeText, table: AttributeTable) -> EaveNetwork:
        encoders, meeting = text.encoder, self._meeting
        assert isinstance(encoders, TwoEncoders)
        heavy, light = (_depth(each.body) for each in (encoders.heavy, encoders.light))
        chosen = chosen_layers(meeting.light_layers, light)
        mapping = map_layers(meeting.mapping, heavy=heavy, light=len(chosen))
        reader = Reader(encoders.light, chosen)
        network = EaveNetwork(
            encoders.heavy,
            reader,
            mapping=mapping,
            place=meeting.place,
            frozen=meeting.frozen,
            fusion=meeting.fusion(reader.layers),
            decoder=own_decoders(self._decoding, attributes=1, tags=len(self._scheme.tags), width=text.width),
            dropout=self._dropout,
        )
        self._check_positions(network, len(text.tokeniser.opening) + 1)
        self._frozen = FrozenStates()
        return network

    def _check_positions(self, network: EaveNetwork, specials: int) -> None:
        context = self._window + LONGEST_PREFIX + 1 + specials
        for reader, which, what, tokens in (
            (network.heavy.reader, "heavy", "its category", context),
            (network.light, "light", "category and attribute", context + self._question + specials),
        ):
            longest = reader.layers.longest
            if longest is not None and tokens > longest:
                raise ConfigError(
                    f"model.arguments.window is {self._window}; with {what} that is {tokens} tokens, "
                    f"and the {which} encoder has {longest} positions"
                )

    # --- before the other side is known ---

    def prepare(self, learnt: Learnt[EaveNetwork], products: Sequence[Product]) -> list[PreparedContext]:
        """The heavy encoder over the context, adapted, once a window."""
        readings = read(products, learnt.tokeniser)

        def heavy(batch: list[int]) -> list[Tensor]:
            inputs = lay_out([readings[at] for at in batch], learnt.tokeniser).to(learnt.device)
            return _own(learnt.network.adapted(inputs.ids_NS, inputs.mask_NS), inputs.mask_NS)

        lengths = [positions(reading, learnt.tokeniser) for reading in readings]
        states = in_batches(lengths, HEAVY_TOKENS, heavy)
        return [PreparedContext(r, own_MSD) for r, own_MSD in zip(readings, states, strict=True)]

    def describe(
        self, learnt: Learnt[EaveNetwork], attributes: Sequence[Attribute]
    ) -> list[DescribedQuestion]:
        """The heavy encoder over the attribute's words, adapted; an attribute that was never seen is read
        like any other."""
        tell_long(attributes, learnt.tokeniser, self._question)
        words = self._words(attributes, learnt.tokeniser)

        def heavy(batch: list[int]) -> list[Tensor]:
            ids_AQ, mask_AQ = padded([words[at] for at in batch], learnt.tokeniser.padding)
            mask_AQ = mask_AQ.to(learnt.device)
            return _own(learnt.network.adapted(ids_AQ.to(learnt.device), mask_AQ), mask_AQ)

        states = in_batches([len(ids) for ids in words], HEAVY_TOKENS, heavy)
        return [
            DescribedQuestion(attribute.name, ids, own_MQD)
            for attribute, ids, own_MQD in zip(attributes, words, states, strict=True)
        ]

    def _words(self, attributes: Sequence[Attribute], tokeniser: Tokeniser) -> list[list[int]]:
        """The attributes' tokens, opening and separator around; of a long one the beginning."""
        return [
            [*tokeniser.opening, *ids[:-1][: self._question], ids[-1]]
            for ids in questions(attributes, tokeniser)
        ]

    # --- both ---

    def answer(
        self,
        learnt: Learnt[EaveNetwork],
        asked: Sequence[tuple[PreparedContext, DescribedQuestion]],
    ) -> list[Answer]:
        """The light encoder over each pair. What it makes of a context before that meets an attribute is
        made once a context. All chains are decoded together."""
        windows = {id(window): window for window, _ in asked}
        asks: defaultdict[int, list[int]] = defaultdict(list)
        for at, (window, _) in enumerate(asked):
            asks[id(window)].append(at)
        keys = list(windows)
        emissions: dict[int, Tensor] = {}
        for group in by_length([windows[key].heavy_MSD.shape[1] for key in keys], CONTEXT_TOKENS):
            chosen = [keys[at] for at in group]
            pairs = [(row, at) for row, key in enumerate(chosen) for at in asks[key]]
            made = self._emissions(
                learnt, [windows[key] for key in chosen], [(row, asked[at][1]) for row, at in pairs]
            )
            emissions.update(zip((at for _, at in pairs), made, strict=True))

        def decode(batch: list[int]) -> list[Answer]:
            readings = [asked[at][0].reading for at in batch]
            own = [emissions[at] for at in batch]
            emissions_NTK = pad_sequence(own, batch_first=True)
            lengths_N1 = torch.tensor([[len(each)] for each in own], device=emissions_NTK.device)
            mask_NT = torch.arange(emissions_NTK.shape[1], device=emissions_NTK.device) < lengths_N1
            chain = one_decoder_chain(learnt.network.tagger(), emissions_NTK, mask_NT)
            names = [asked[at][1].name for at in batch]
            return answers(chain, readings, names, self._scheme, learnt.trims)

        return in_batches([len(window.reading) for window, _ in asked], CHAIN_TOKENS, decode)

    def _emissions(
        self,
        learnt: Learnt[EaveNetwork],
        windows: Sequence[PreparedContext],
        asks: Sequence[tuple[int, DescribedQuestion]],
    ) -> list[Tensor]:
        """Tag scores ``(T, K)`` of asks, each of one of the windows."""
        network, device = learnt.network, learnt.device
        inputs = lay_out([window.reading for window in windows], learnt.tokeniser).to(device)
        context = network.tokens(
            inputs.ids_NS[inputs.mask_NS],
            torch.arange(inputs.ids_NS.shape[1], device=device).expand(inputs.ids_NS.shape)[inputs.mask_NS],
            torch.cat([window.heavy_MSD.to(device) for window in windows], dim=1),
        )
        lengths_B = torch.tensor([window.heavy_MSD.shape[1] for window in windows])

        def light(batch: list[int]) -> list[Tensor]:
            own = [asks[at][1] for at in batch]
            rows_N = torch.tensor([asks[at][0] for at in batch])
            lengths_N = torch.tensor([len(each.ids) for each in own])
            pairs = Pairs.of(lengths_B, lengths_N, rows_N, torch.arange(len(batch))).to(device)
            attribute = network.tokens(
                torch.tensor([id for each in own for id in each.ids], device=device),
                pairs.place_Y,
                torch.cat([each.heavy_MQD.to(device) for each in own], dim=1),
            )
            asked = inputs.rows(rows_N.to(device))
            made_NCK = network.emissions(pairs, context, attribute, int(lengths_B[rows_N].max()))
            texts = [len(windows[asks[at][0]].reading) for at in batch]
            # Not views: the scores of all asks wait for each other.
            return [
                own_CK[place_T[:length]]
                for own_CK, place_T, length in zip(made_NCK, asked.position_NT, texts, strict=True)
            ]

        return in_batches([int(lengths_B[row]) + len(own.ids) for row, own in asks], MET_TOKENS, light)

    def cost(
        self,
        learnt: Learnt[EaveNetwork],
        readings: Sequence[Reading],
        attributes: Sequence[Attribute],
        asks: Sequence[tuple[int, int]],
    ) -> Cost:
        """See ``EaveCost``."""
        contexts = [positions(reading, learnt.tokeniser) for reading in readings]
        words = [len(ids) for ids in self._words(attributes, learnt.tokeniser)]
        return EaveCost(learnt.network, len(self._scheme.tags)).of(contexts, words, asks)

    # --- training ---

    def examples(self, windows: Sequence[TaggedWindow], epoch: int) -> Sequence[TaggedWindow]:
        """The windows, those with many asks several times with some of them."""
        return [
            replace(window, asks=window.asks[at : at + ASKS])
            for window in windows
            for at in range(0, len(window.asks), ASKS)
        ]

    def collate(self, learnt: Learnt[EaveNetwork], examples: Sequence[TaggedWindow]) -> dict[str, Tensor]:
        attributes = list(dict.fromkeys(ask.attribute for each in examples for ask in each.asks))
        place = {attribute: at for at, attribute in enumerate(attributes)}
        words = self._words(attributes, learnt.tokeniser)
        ids_AQ, mask_AQ = padded(words, learnt.tokeniser.padding)
        asks = ask_tensors(examples, learnt.tokeniser, learnt.table.places, self._scheme)
        # Not by name: two categories may say different things of attributes of one name.
        attribute_N = torch.tensor([place[ask.attribute] for each in examples for ask in each.asks])
        contexts_B = asks["mask_NS"].sum(1)
        pairs = Pairs.of(contexts_B, mask_AQ.sum(1), asks["product_N"], attribute_N)
        batch = {
            **asks,
            **pairs.tensors(),
            "attribute_N": attribute_N,
            "question_AQ": ids_AQ,
            "question_mask_AQ": mask_AQ,
        }
        if learnt.network.heavy.frozen:
            contexts = [
                ids_S[own_S].tolist() for ids_S, own_S in zip(asks["ids_NS"], asks["mask_NS"], strict=True)
            ]
            heavy, padding = learnt.network.heavy, learnt.tokeniser.padding
            batch["heavy_context_MXD"] = self._frozen.of(heavy, contexts, padding)
            batch["heavy_attribute_MZD"] = self._frozen.of(heavy, words, padding)
        return batch


def _depth(body: Any) -> int:
    return int(body.config.num_hidden_layers)


def _own(states_MBSD: Tensor, mask_BS: Tensor) -> list[Tensor]:
    """Each sequence's own states ``(M, S, D)``; not views, or a record would keep its whole batch alive."""
    return [states_MBSD[:, at, mask_S] for at, mask_S in enumerate(mask_BS)]


def _fusion(fusion: Fusing, alpha: float) -> MakeFusion:
    if one_of("fusion", fusion, FUSIONS) == "fixed":
        fixed = FixedFusion(alpha)
        return lambda light: fixed
    if fusion == "learned":
        return lambda light: LearnedFusion(light.depth)
    return lambda light: CrossAttentionFusion(light.depth, width=light.width, heads=light.heads)


def build_eave(
    *,
    base: str = "minilm",
    heavy: Literal["trained", "frozen"] = "trained",
    light: str | None = None,
    light_layers: int | Sequence[int] | None = 2,
    mapping: Mapping | Sequence[int] = "even_2",
    place: Place = "after_attention_and_skip",
    fusion: Fusing = "fixed",
    alpha: float = 0.5,
    frozen_embeddings: bool = True,
    shapes: Shapes = "ignored",
    dropout: float = 0.1,
    decoding: Decoding = "crf",
    scheme: Literal["BIO", "BIOE"] = "BIOE",
    question: int = 32,
    window: int = 224,
    replacement: float = 0.0,
) -> TrainedModel[EaveNetwork]:
    """``base``: the heavy encoder. ``heavy``: "frozen" is beta = 0 of §6.3: it learns nothing, and its states
    are kept during training; else beta is the rate of the group "heavy" over that of "encoder".
    ``light``: the light encoder's base; None: the heavy one's. ``light_layers``: which of its layers it has,
    counted from 0, or how many from the first on; None: all.

    ``mapping``: a name of ``nn.fusion.map_layers``, or for each light layer the heavy one (§6.5). ``place``:
    where in a layer heavy states are taken and fused (§6.6). ``fusion`` (§6.2): "fixed" with ``alpha``
    (Eq. 3), "learned" or "cross_attention" (Eq. 4). ``question``: tokens of an attribute's name,
    description and examples that are read. ``replacement`` as in AdaTag.
    """
    arguments = dict(locals())
    for name in ("light_layers", "mapping"):
        if not isinstance(arguments[name], int | str | None):
            arguments[name] = list(arguments[name])
    if not 1 <= question <= LONGEST:
        raise ConfigError(f"model.arguments.question is {question}; it must lie in [1, {LONGEST}]")
    one_of("heavy", heavy, ("trained", "frozen"))
    one_of("decoding", decoding, ("crf", "softmax"))
    one_of("place", place, PLACES)

    def text(name: str) -> PretrainedText | ShapedText:
        return pretrained_text(name, frozen_embeddings=frozen_embeddings, shapes=shapes)

    return TrainedModel(
        "eave",
        arguments,
        text=TwoTexts(text(base), text(light or base)),
        attributes=ListedAttributes("open"),
        mechanism=Eave(
            Meeting(
                light_layers=light_layers,
                mapping=mapping,
                place=place,
                fusion=_fusion(fusion, alpha),
                frozen=heavy == "frozen",
            ),
            SCHEMES[one_of("scheme", scheme, SCHEMES)],
            decoding,
            question=question,
            window=window,
            dropout=dropout,
        ),
        window=window,
        replacement=replacement,
    )
