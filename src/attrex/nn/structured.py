"""SMARTAVE's structured attention (Wang et al., 2022, 3.3-3.4, appendix A).

Each source is a *block*: its words, or a picture's patches, are local tokens, and a hyper-token stands for
the whole. Four attentions, each with its own softmax, per head, by its own queries and keys (or the
pretrained ones for all: Table 3's share): hyper to hyper of the product; hyper to the local tokens of its own
block; local to all hyper-tokens of the product; local to local within the block. Their outcomes are summed,
with one matrix of values for hyper-tokens and one for local ones.

Blocks are never padded to the longest: projections and MLPs run on the tokens as they stand one after
another, attention on blocks of like length side by side (``nn.ragged``). No score between two blocks' words
is ever computed, so that the cost grows with the number of blocks and not with its square.

It begins as the pretrained encoder reading each block alone: queries and keys of all four begin as the
pretrained ones, and the hyper-tokens' values small, for two softmaxes are summed where there was one, and
with both at full size every state would be of twice the size that the next layer was trained for. Scores are
scaled by the size of a head, as the pretrained ones are, and not by the model's width as the paper's equation
says.

Legend: M local tokens of all blocks, R blocks and as many hyper-tokens, N products, D hidden, C any width,
K layers, A asks, G hyper-tokens of a product, P products that are asked, Q attributes, L words of one.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from attrex.errors import ModelError
from attrex.nn.encoders import PretrainedEncoder, ShapedEncoder
from attrex.nn.precision import mixed
from attrex.nn.ragged import Group, Ragged, means

Pattern = Literal["hyper-hyper", "hyper-local", "local-hyper", "local-local"]
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)
"""Who attends to whom."""
ATTRIBUTE = 0
"""The modality of attributes."""
SMALL = 0.1
"""The size of the hyper-tokens' values at the start, relative to the pretrained ones."""
ASKED = 0.5
"""The size at the start of what is added of an attribute, relative to a word's vector."""
PIECE = 512
"""Local tokens that attend at once, where nothing is learnt; a block or a product at the least."""


class Blocks:
    """How the blocks of a batch lie: their tokens one after another, a product's blocks together."""

    def __init__(self, lengths: Sequence[int], owners: Sequence[int], device: torch.device) -> None:
        """``lengths`` of the R blocks; ``owners``: the product of each, from 0, in order."""
        self.device = device
        self.own = Ragged(lengths, device)
        counts = [0] * (max(owners, default=-1) + 1)
        totals = [0] * len(counts)
        for length, owner in zip(lengths, owners, strict=True):
            counts[owner] += 1
            totals[owner] += length
        self.products = Ragged(totals, device)
        self.hypers = Ragged(counts, device)
        self.owner_R = torch.tensor(owners, dtype=torch.long, device=device)
        self.hyper_NG, self.hyper_mask_NG = self.hypers.padded(device)
        self.even = len(set(counts)) < 2


@dataclass(frozen=True, slots=True)
class Sent:
    """Queries and keys of each attention that there is, and the values of local and hyper-tokens."""

    asked: dict[Pattern, tuple[Tensor, Tensor]]
    local_MD: Tensor
    hyper_RD: Tensor


def attend(sent: Sent, blocks: Blocks, *, heads: int, dropout: float = 0.0) -> tuple[Tensor, Tensor]:
    """The attention itself, without projections: what local ``(M, D)`` and hyper-tokens ``(R, D)`` get."""
    local: Tensor | None = None
    hyper: list[Tensor] = []
    piece = blocks.own.tokens if torch.is_grad_enabled() else PIECE

    def read(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        return weighed(query, key, value, mask, heads=heads, dropout=dropout)

    def local_to_hyper() -> Iterator[tuple[Group, Tensor]]:
        query_MD, key_RD = sent.asked["local-hyper"]
        for group in blocks.products.parts(piece):
            index_XG = blocks.hyper_NG[group.rows_X]
            mask_XG = None if blocks.even else blocks.hyper_mask_NG[group.rows_X]
            yield group, read(group.of(query_MD), key_RD[index_XG], sent.hyper_RD[index_XG], mask_XG)

    def local_to_local() -> Iterator[tuple[Group, Tensor]]:
        query_MD, key_MD = sent.asked["local-local"]
        for group in blocks.own.parts(piece):
            yield group, read(group.of(query_MD), group.of(key_MD), group.of(sent.local_MD), group.mask_XL)

    if "local-hyper" in sent.asked:
        local = blocks.products.summed(local_to_hyper(), None)
    if "local-local" in sent.asked:
        local = blocks.own.summed(local_to_local(), local)
    if "hyper-local" in sent.asked:
        query_RD, key_MD = sent.asked["hyper-local"]
        parts = []
        for group in blocks.own.groups:
            query_X1D = query_RD[group.rows_X].unsqueeze(1)
            parts.append(read(query_X1D, group.of(key_MD), group.of(sent.local_MD), group.mask_XL).squeeze(1))
        order_R = torch.cat([group.rows_X for group in blocks.own.groups])
        made_RD = torch.cat(parts)[order_R.argsort()]
        hyper.append(made_RD)
    if "hyper-hyper" in sent.asked:
        query_RD, key_RD = sent.asked["hyper-hyper"]
        hyper.append(
            blocks.hypers.joined(
                [
                    read(group.of(query_RD), group.of(key_RD), group.of(sent.hyper_RD), group.mask_XL)
                    for group in blocks.hypers.groups
                ]
            )
        )
    return torch.zeros_like(sent.local_MD) if local is None else local, _sum(hyper, sent.hyper_RD)


def weighed(
    query: Tensor, key: Tensor, value: Tensor, mask_XL: Tensor | None, *, heads: int, dropout: float = 0.0
) -> Tensor:
    """One attention of ``(X, rows, D)`` to ``(X, L, D)``, of which ``mask_XL`` are real, with ``heads``."""

    def split(states: Tensor) -> Tensor:
        return states.view(*states.shape[:2], heads, -1).transpose(1, 2)

    made = scaled_dot_product_attention(
        split(query),
        split(key),
        split(value),
        attn_mask=None if mask_XL is None else mask_XL[:, None, None, :],
        dropout_p=dropout,
    )
    return made.transpose(1, 2).flatten(2)


def _sum(parts: Sequence[Tensor], like: Tensor) -> Tensor:
    """Nought where both attentions are left out."""
    if not parts:
        return torch.zeros_like(like)
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


class Added(nn.Module):
    """What a layer has beside the pretrained one's: the hyper-tokens' values, and where attentions have
    queries and keys of their own, those of all but local to local, for which the pretrained ones serve."""

    def __init__(self, layer: Any, patterns: Collection[Pattern], *, shared: bool) -> None:
        super().__init__()
        own: Any = layer.attention.self
        self.queries, self.keys = nn.ModuleDict(), nn.ModuleDict()
        for pattern in PATTERNS[:3]:
            if pattern in patterns and not shared:
                self.queries[pattern] = copy.deepcopy(own.query)
                # A key's bias is the same for all that are attended to, and changes nothing.
                self.keys[pattern] = key = nn.Linear(own.key.in_features, own.key.out_features, bias=False)
                with torch.no_grad():
                    key.weight.copy_(own.key.weight)
        self.value: nn.Linear | None = None
        if {"hyper-hyper", "local-hyper"} & set(patterns):
            self.value = copy.deepcopy(own.value)
            with torch.no_grad():
                self.value.weight.mul_(SMALL)
                self.value.bias.zero_()
        self.requires_grad_(True)


@dataclass(frozen=True, slots=True)
class Sources:
    """What attributes that come later need of products: the hyper-tokens in front of each layer, and which
    are real. One tensor, so that it can be kept."""

    hyper_KPGD: Tensor
    mask_PG: Tensor


@dataclass(frozen=True, slots=True)
class Words:
    """What products that come later need of attributes: their words in front of each layer, having seen each
    other alone, and which are real."""

    local_KQLD: Tensor
    mask_QL: Tensor


class StructuredEncoder(nn.Module):
    """``encoder``: of BERT's kind, whose first ``layers`` (None: all) are taken. ``modalities``: kinds of
    blocks that are told apart. ``patterns``: the attentions that there are. ``attribute_added``: the mean of
    an attribute's word vectors, through a matrix, is added to all its product's other local tokens as they
    enter; the paper has them learn what is asked from the hyper-token alone.

    In the paper's form an attribute is a block like any other, and all see its hyper-token: ``forward``. So
    that products need not know what they are asked, ``forward`` reads them without one, ``words`` an
    attribute without a product, and ``ask`` runs the attribute's hyper-token alone through the layers: it
    sees its own words and the product's hyper-tokens, and nothing sees it.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        modalities: int,
        opening: int,
        patterns: Collection[Pattern] = PATTERNS,
        shared: bool = False,
        layers: int | None = None,
        attribute_added: bool = False,
    ) -> None:
        super().__init__()
        assert isinstance(encoder, PretrainedEncoder | ShapedEncoder)
        self.encoder, self.width, self.patterns = encoder, int(encoder.width), frozenset(patterns)
        config: Any = encoder.body.config
        if config.model_type != "bert":
            raise ModelError(
                f"an encoder of the kind {config.model_type} cannot be given structured attention. "
                "Fix: name a base of BERT's kind"
            )
        self.heads, self.places = int(config.num_attention_heads), int(config.max_position_embeddings)
        self.dropout, self.shared = float(config.attention_probs_dropout_prob), shared
        stack: Any = encoder.body.get_submodule("encoder")
        if layers is not None:
            if not 1 <= layers <= len(stack.layer):
                raise ModelError(
                    f"layers is {layers}; the encoder has {len(stack.layer)}, and one is the least"
                )
            stack.layer = stack.layer[:layers]
        for layer in self._layers:
            unused = []
            if "local-local" not in self.patterns and not shared:
                unused += [layer.attention.self.query, layer.attention.self.key]
            if not {"local-local", "hyper-local"} & self.patterns:
                unused.append(layer.attention.self.value)
            for module in unused:
                module.requires_grad_(False)
        self.added = nn.ModuleList(Added(layer, self.patterns, shared=shared) for layer in self._layers)
        # What [CLS] was trained to be: a token that says what its sequence is about.
        with torch.no_grad():
            cls_D = encoder.embed(torch.tensor([[opening]]))[0, 0].detach().clone()
        self.hyper_type = nn.Parameter(cls_D)
        self.hyper = nn.Embedding(modalities, self.width)
        nn.init.normal_(self.hyper.weight, std=0.02)
        self.modality = nn.Embedding(modalities, self.width)
        nn.init.zeros_(self.modality.weight)
        self.asked: nn.Linear | None = None
        if attribute_added:
            self.asked = nn.Linear(self.width, self.width, bias=False)
            with torch.no_grad():
                self.asked.weight.copy_(ASKED * torch.eye(self.width))

    @property
    def _layers(self) -> Any:
        return self.encoder.body.get_submodule("encoder").layer

    @property
    def depth(self) -> int:
        """K."""
        return len(self.added)

    def enter(
        self, vectors_MD: Tensor, place_M: Tensor, modality_R: Tensor, blocks: Blocks
    ) -> tuple[Tensor, Tensor]:
        """The first layer's local and hyper-tokens, of word or patch vectors, their places in their blocks,
        and the blocks' modalities (3.3). To an attribute's hyper-token its words' mean is added: it must say
        what is asked where hyper to local is left out."""
        lengths_R = torch.tensor(blocks.own.lengths, device=blocks.device)
        block_M = torch.arange(len(modality_R), device=blocks.device).repeat_interleave(lengths_R)
        kind_M = modality_R[block_M]
        kinds_MD = self.modality(kind_M)
        hyper_RD = self.hyper_type + self.hyper(modality_R) + self.modality(modality_R)
        named_M = kind_M == ATTRIBUTE
        named_RD = means(vectors_MD[named_M], block_M[named_M], len(hyper_RD))
        hyper_RD = hyper_RD + named_RD
        if self.asked is not None:
            owner_M = blocks.owner_R[block_M]
            asked_ND = means(vectors_MD[named_M], owner_M[named_M], len(blocks.hypers.lengths))
            told_MD = self.asked(asked_ND)[owner_M].masked_fill(named_M.unsqueeze(1), 0.0)
            vectors_MD = vectors_MD + told_MD
        embeddings: Any = self.encoder.body.get_submodule("embeddings")
        with mixed(blocks.device):
            states_1SD = embeddings(
                inputs_embeds=torch.cat([vectors_MD + kinds_MD, hyper_RD]).unsqueeze(0),
                position_ids=torch.cat([place_M, place_M.new_zeros(len(hyper_RD))]).unsqueeze(0),
            )
        return states_1SD[0, : len(vectors_MD)], states_1SD[0, len(vectors_MD) :]

    def forward(
        self, local_MD: Tensor, hyper_RD: Tensor, blocks: Blocks
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Local and hyper-tokens after all layers, in float32, and the hyper-tokens in front of each."""
        M = len(local_MD)
        states_SD, before = torch.cat([local_MD, hyper_RD]), []
        with mixed(blocks.device):
            for at, layer in enumerate(self._layers):
                # A copy: a view would hold the local tokens of every layer.
                before.append(states_SD[M:].clone())
                states_SD = _after(layer, self._attended(at, states_SD, M, blocks), states_SD)
        states_SD = states_SD.float()
        return states_SD[:M], states_SD[M:], before

    def _attended(self, at: int, states_SD: Tensor, count: int, blocks: Blocks) -> Tensor:
        """What all tokens get in layer ``at``; queries and keys are gone before the MLP takes its part."""
        sent = self.project(at, states_SD[:count], states_SD[count:])
        return torch.cat(attend(sent, blocks, heads=self.heads, dropout=self._dropped))

    def project(self, at: int, local_MD: Tensor, hyper_RD: Tensor) -> Sent:
        """Queries, keys and values of layer ``at``."""
        ends = {"local": local_MD, "hyper": hyper_RD}
        asked: dict[Pattern, tuple[Tensor, Tensor]] = {}
        for pattern in PATTERNS:
            if pattern in self.patterns:
                query, key = self._asking(at, pattern)
                who, whom = pattern.split("-")
                asked[pattern] = query(ends[who]), key(ends[whom])
        own: Any = self._layers[at].attention.self
        value: Any = self.added[at].value
        local_value = own.value(local_MD) if {"local-local", "hyper-local"} & self.patterns else local_MD
        return Sent(asked, local_value, hyper_RD if value is None else value(hyper_RD))

    def words(self, local_MD: Tensor, blocks: Blocks) -> list[Tensor]:
        """Local tokens in front of each layer, where there is nothing but blocks: local to local alone."""
        states_MD, before = local_MD, []
        with mixed(blocks.device):
            for at, layer in enumerate(self._layers):
                before.append(states_MD)
                if at == self.depth - 1:
                    break
                attended_MD = torch.zeros_like(states_MD)
                if "local-local" in self.patterns:
                    own: Any = layer.attention.self
                    sent = {"local-local": (own.query(states_MD), own.key(states_MD))}
                    attended_MD, _ = attend(
                        Sent(sent, own.value(states_MD), states_MD),  # type: ignore[arg-type]
                        blocks,
                        heads=self.heads,
                        dropout=self._dropped,
                    )
                states_MD = _after(layer, attended_MD, states_MD)
        return before

    def ask(
        self, hyper_AD: Tensor, sources: Sources, product_A: Tensor, words: Words, attribute_A: Tensor
    ) -> Tensor:
        """Attributes' hyper-tokens ``(A, D)`` after all layers, in float32. ``hyper_AD``: as they enter;
        ``product_A``, ``attribute_A``: whom each asks, and which it is."""
        mask_PG, A = sources.mask_PG, len(hyper_AD)
        seen_AG = torch.cat([mask_PG[product_A], mask_PG.new_ones(A, 1)], 1)
        states_AD = hyper_AD
        with mixed(hyper_AD.device):
            for at, layer in enumerate(self._layers):
                parts: list[Tensor] = []
                own, value = layer.attention.self, self.added[at].value
                if "hyper-hyper" in self.patterns:
                    query, key = self._asking(at, "hyper-hyper")
                    hyper_PGD = sources.hyper_KPGD[at]
                    assert isinstance(value, nn.Linear)
                    keys_AGD, values_AGD = (
                        torch.cat([made(hyper_PGD)[product_A], made(states_AD).unsqueeze(1)], 1)
                        for made in (key, value)
                    )
                    parts.append(self._one(query(states_AD), keys_AGD, values_AGD, seen_AG))
                if "hyper-local" in self.patterns:
                    query, key = self._asking(at, "hyper-local")
                    words_QLD = words.local_KQLD[at]
                    keys_ALD, values_ALD = (made(words_QLD)[attribute_A] for made in (key, own.value))
                    parts.append(
                        self._one(query(states_AD), keys_ALD, values_ALD, words.mask_QL[attribute_A])
                    )
                states_AD = _after(layer, _sum(parts, states_AD), states_AD)
        return states_AD.float()

    def _one(self, query_AD: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        return weighed(
            query_AD.unsqueeze(1), key, value, mask, heads=self.heads, dropout=self._dropped
        ).squeeze(1)

    def _asking(self, at: int, pattern: Pattern) -> tuple[nn.Module, nn.Module]:
        own, added = self._layers[at].attention.self, self.added[at]
        assert isinstance(added, Added)
        if self.shared or pattern == "local-local":
            return own.query, own.key
        return added.queries[pattern], added.keys[pattern]

    @property
    def _dropped(self) -> float:
        return self.dropout if self.training else 0.0


def _after(layer: Any, attended: Tensor, states: Tensor) -> Tensor:
    """The pretrained layer from its attention on; it reads states of any number of tokens."""
    joined = layer.attention.output(attended, states)
    made: Tensor = layer.output(layer.intermediate(joined), joined)
    return made
