"""An encoder for long texts of several sources (ETC, Ainslie et al., 2020, as MAVEQA has it).

A few *global* tokens see everything: the attribute's own, and one for each source, which sees its source
alone. A text's tokens see the globals, of the sources' only their own, and each other within a radius. So the
cost grows with the text's length, and not with its square. What stands between two tokens is told by their
relative position: a vector for each distance is added to the key.

Made of a pretrained encoder of BERT's kind, whose layers serve both kinds of tokens; the vectors of relative
positions begin at nought. Its learnt positions stay, for its layers know no other order: they restart in each
source and go round where a source is longer than they are.

Legend: N sequences, G global tokens, T text tokens, S = G + T, D hidden, H heads, E head size, R radius,
K keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

from attrex.errors import ModelError
from attrex.nn.encoders import PretrainedEncoder, ShapedEncoder
from attrex.nn.precision import mixed

EVERYWHERE = -1
"""The source of a global token that sees, and is seen by, all sources; and of a separator between two."""
FARTHEST = 16
"""Distances between global tokens that are told apart."""


@dataclass(frozen=True, slots=True)
class EtcInputs:
    """Ids, sources (an index, or ``EVERYWHERE``) and masks of the global and of the text's tokens, and the
    place of each text token in its source."""

    global_ids_NG: Tensor
    global_source_NG: Tensor
    global_mask_NG: Tensor
    ids_NT: Tensor
    source_NT: Tensor
    place_NT: Tensor
    mask_NT: Tensor


class TextRelations(nn.Module):
    """A layer's vectors for what stands between a text's token and what it sees: ``near`` for another at a
    distance within the radius, ``up`` for a global, of all sources or of its own."""

    def __init__(self, size: int, radius: int) -> None:
        super().__init__()
        self.near = nn.Parameter(torch.zeros(2 * radius + 1, size))
        self.up = nn.Parameter(torch.zeros(2, size))


class GlobalRelations(nn.Module):
    """The same of a global token: ``among`` for another at a distance, ``down`` for a text's token, seen as
    one of all sources or of its own."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.among = nn.Parameter(torch.zeros(2 * FARTHEST + 1, size))
        self.down = nn.Parameter(torch.zeros(2, size))


@dataclass(frozen=True, slots=True)
class Sight:
    """Who sees whom, the same in all layers: which kind of relation (0, 1) a global and a text token have,
    and whether they see each other."""

    kind_NGT: Tensor
    seen_NGT: Tensor
    global_mask_NG: Tensor
    mask_NT: Tensor

    @classmethod
    def of(cls, inputs: EtcInputs) -> Sight:
        """By their sources."""
        apart_NG1 = inputs.global_source_NG.unsqueeze(2)
        own_NGT = apart_NG1 == inputs.source_NT.unsqueeze(1)
        kind_NGT = apart_NG1.expand(own_NGT.shape) != EVERYWHERE
        both_NGT = inputs.global_mask_NG.unsqueeze(2) & inputs.mask_NT.unsqueeze(1)
        return cls(kind_NGT.long(), (own_NGT | ~kind_NGT) & both_NGT, inputs.global_mask_NG, inputs.mask_NT)


class EtcEncoder(nn.Module):
    """``forward``: states of the text's tokens ``(N, T, D)`` in float32. In the last layer the globals are
    seen and see nothing more, for nobody asks what they have become."""

    def __init__(self, encoder: nn.Module, *, radius: int) -> None:
        super().__init__()
        assert isinstance(encoder, PretrainedEncoder | ShapedEncoder)
        self.encoder, self.radius, self.width = encoder, radius, int(encoder.width)
        config: Any = encoder.body.config
        if config.model_type != "bert":
            raise ModelError(
                f"an encoder of the kind {config.model_type} cannot be given local attention. "
                "Fix: name a base of BERT's kind"
            )
        self.heads, self.places = int(config.num_attention_heads), int(config.max_position_embeddings)
        self.dropout = float(config.attention_probs_dropout_prob)
        size = self.width // self.heads
        self.to_texts = nn.ModuleList(TextRelations(size, radius) for _ in self._layers)
        self.to_globals = nn.ModuleList(GlobalRelations(size) for _ in self._layers[:-1])

    @property
    def _layers(self) -> Any:
        return self.encoder.body.get_submodule("encoder").layer

    def forward(self, inputs: EtcInputs) -> Tensor:
        G = inputs.global_ids_NG.shape[1]
        ids_NS = torch.cat([inputs.global_ids_NG, inputs.ids_NT], 1)
        place_1G = torch.arange(G, device=ids_NS.device).expand(len(ids_NS), G)
        place_NS = torch.cat([place_1G, inputs.place_NT], 1) % self.places
        sight = Sight.of(inputs)
        with mixed(ids_NS.device):
            embeddings: Any = self.encoder.body.get_submodule("embeddings")
            states_NSD = embeddings(inputs_embeds=self.encoder.embed(ids_NS), position_ids=place_NS)
            for at, layer in enumerate(self._layers):
                attended_NQD = self._attend(at, layer.attention.self, states_NSD, sight)
                rows = attended_NQD.shape[1]
                joined_NQD = layer.attention.output(attended_NQD, states_NSD[:, -rows:])
                states_NSD = layer.output(layer.intermediate(joined_NQD), joined_NQD)
        made_NTD: Tensor = states_NSD.float()
        return made_NTD

    def _attend(self, at: int, projections: Any, states_NSD: Tensor, sight: Sight) -> Tensor:
        """All tokens', or in the last layer the text's alone."""

        def split(states: Tensor) -> Tensor:
            return states.view(*states.shape[:2], self.heads, -1).transpose(1, 2)

        G = sight.kind_NGT.shape[1]
        key, value = split(projections.key(states_NSD)), split(projections.value(states_NSD))
        if at == len(self.to_globals):
            query_NHTE = split(projections.query(states_NSD[:, G:]))
            made = self.texts(at, query_NHTE, key, value, sight)
        else:
            query = split(projections.query(states_NSD))
            made_NHGE = self.globals(at, query[:, :, :G], key, value, sight)
            made = torch.cat([made_NHGE, self.texts(at, query[:, :, G:], key, value, sight)], 2)
        return made.transpose(1, 2).flatten(2)

    def globals(self, at: int, query_NHGE: Tensor, key: Tensor, value: Tensor, sight: Sight) -> Tensor:
        """What the globals see in a layer, of keys and values of all tokens: each other and the text."""
        relations = self.to_globals[at]
        assert isinstance(relations, GlobalRelations)
        N, G = sight.global_mask_NG.shape
        at_G = torch.arange(G, device=key.device)
        distance_GG = (at_G - at_G.unsqueeze(1)).clamp(-FARTHEST, FARTHEST) + FARTHEST
        among_NHGG = _picked(query_NHGE @ relations.among.T, distance_GG.expand(N, 1, G, G))
        down_NHGT = _picked(query_NHGE @ relations.down.T, sight.kind_NGT.unsqueeze(1))
        seen_NGS = torch.cat([sight.global_mask_NG.unsqueeze(1).expand(N, G, G), sight.seen_NGT], 2)
        bias_NHGS = torch.cat([among_NHGG, down_NHGT], 3)
        return self._read(query_NHGE, key, value, bias_NHGS, seen_NGS.unsqueeze(1))

    def texts(self, at: int, query_NHTE: Tensor, key: Tensor, value: Tensor, sight: Sight) -> Tensor:
        """What the text's tokens see: the globals, and each other within the radius. A text no longer than
        that is one block; a longer one is cut into blocks of the radius, each with its two neighbours."""
        relations = self.to_texts[at]
        assert isinstance(relations, TextRelations)
        N, T = sight.mask_NT.shape
        up_NHTG = _picked(query_NHTE @ relations.up.T, sight.kind_NGT.transpose(1, 2).unsqueeze(1))
        sees_NTG = sight.seen_NGT.transpose(1, 2)
        if self.radius + 1 >= T:
            at_T = torch.arange(T, device=key.device)
            distance_TT = at_T - at_T.unsqueeze(1) + T - 1
            table = relations.near[self.radius - T + 1 : self.radius + T]
            near_NHTT = _picked(query_NHTE @ table.T, distance_TT.expand(N, 1, T, T))
            sees_NTS = torch.cat([sees_NTG, sight.mask_NT.unsqueeze(1).expand(N, T, T)], 2)
            bias_NHTS = torch.cat([up_NHTG, near_NHTT], 3)
            return self._read(query_NHTE, key, value, bias_NHTS, sees_NTS.unsqueeze(1))
        return self._in_blocks(relations, query_NHTE, key, value, up_NHTG, sees_NTG, sight.mask_NT)

    def _in_blocks(
        self,
        relations: TextRelations,
        query_NHTE: Tensor,
        key: Tensor,
        value: Tensor,
        up_NHTG: Tensor,
        sees_NTG: Tensor,
        mask_NT: Tensor,
    ) -> Tensor:
        """Each block's queries against the globals and three blocks of keys; blocks count as sequences."""
        N, H, T, E = query_NHTE.shape
        G, R = sees_NTG.shape[2], self.radius
        count = -(-T // R)
        after = count * R - T

        def blocks(vectors: Tensor) -> Tensor:
            """``(N, H, T, X)`` to ``(N count, H, R, X)``."""
            cut = pad(vectors, (0, 0, 0, after)).view(*vectors.shape[:2], count, R, vectors.shape[3])
            return cut.transpose(1, 2).flatten(0, 1)

        def around(vectors_NHTX: Tensor) -> Tensor:
            """``(N, H, T, X)`` to ``(N count, H, 3 R, X)``."""
            wide = pad(vectors_NHTX, (0, 0, R, after + R)).unfold(2, 3 * R, R)
            return wide.permute(0, 2, 1, 4, 3).flatten(0, 1)

        def with_globals(vectors: Tensor) -> Tensor:
            shared = vectors[:, None, :, :G].expand(N, count, H, G, E).flatten(0, 1)
            return torch.cat([shared, around(vectors[:, :, G:])], 2)

        at_R, at_K = torch.arange(R, device=key.device), torch.arange(3 * R, device=key.device)
        distance_RK = at_K - R - at_R.unsqueeze(1)
        query_MHRE = blocks(query_NHTE)
        M = len(query_MHRE)
        index_RK = distance_RK.clamp(-R, R) + R
        near_MHRK = _picked(query_MHRE @ relations.near.T, index_RK.expand(M, 1, R, 3 * R))
        real_M1K = around(mask_NT[:, None, :, None]).squeeze(3)
        close_MRK = (distance_RK.abs() <= R) & real_M1K
        sees_MRG = blocks(sees_NTG.unsqueeze(1)).squeeze(1)
        made_MHRE = self._read(
            query_MHRE,
            with_globals(key),
            with_globals(value),
            torch.cat([blocks(up_NHTG), near_MHRK], 3),
            torch.cat([sees_MRG, close_MRK], 2).unsqueeze(1),
        )
        return made_MHRE.view(N, count, H, R, E).transpose(1, 2).flatten(2, 3)[:, :, :T]

    def _read(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor, seen: Tensor) -> Tensor:
        """Attention whose scores have a bias, before scaling, and whose unseen keys weigh nothing."""
        scaled = bias * query.shape[3] ** -0.5
        # Not -inf: a token that is padding may see nothing at all.
        barred = torch.where(seen, scaled, torch.full_like(scaled, -1e4))
        return scaled_dot_product_attention(
            query, key, value, attn_mask=barred, dropout_p=self.dropout if self.training else 0.0
        )


def _picked(scores: Tensor, index: Tensor) -> Tensor:
    """Of scores against each vector ``(N, H, Q, X)`` those of the relations ``(N, 1, Q, K)``."""
    return scores.gather(3, index.expand(-1, scores.shape[1], -1, -1))
