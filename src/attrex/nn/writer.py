"""A Transformer decoder that writes pieces: generated from a small vocabulary, or copied from the text.

A piece's probability is ``g p(generated) + (1 - g) p(copied)``, the pointer-generator's (See et al., 2017):
a value that no training text had can be copied, and one that does not stand in the text generated.

Legend: N texts, B rows of each that are written, M = N x B, S positions of the text's encoding, L pieces
written, D hidden, V pieces that can be generated, W = V + S symbols: a piece by its place among the V, or
position s by V + s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import DynamicCache, EncoderDecoderCache, T5Config, T5ForConditionalGeneration

from attrex.nn.precision import mixed
from attrex.nn.pretrained import build_body, load_weights

NO_COPY = -1
"""The piece of a position that must not be copied."""
FOLLOW = 5.0
"""By how much a position's score is raised, at first, where the piece in front of it was written last."""
_TINY = 1e-12


def decoder_like(body: nn.Module, *, layers: int) -> nn.Module:
    """A decoder of BERT's kind with cross attention: self attention, MLP and positions begin as those of the
    body's first layers, the cross attention at random. It has no word table: it reads word vectors."""
    config = body.config.to_dict()  # type: ignore[operator,union-attr]  # any HF body
    settings = {"num_hidden_layers": layers, "is_decoder": True, "add_cross_attention": True}
    decoder = build_body({**config, **settings})
    decoder.load_state_dict(body.state_dict(), strict=False)
    table = decoder.get_submodule("embeddings")
    del table.word_embeddings
    table.register_module("word_embeddings", None)
    return decoder


def t5_decoder(config: Mapping[str, Any], *, layers: int | None) -> nn.Module:
    """T5's own decoder with random weights, or its first ``layers``; without a word table too."""
    settings = {name: value for name, value in config.items() if name != "model_type"}
    if layers is not None:
        settings["num_decoder_layers"] = layers
    whole: Any = T5ForConditionalGeneration(T5Config(**settings))
    decoder: nn.Module = whole.decoder
    del decoder.embed_tokens
    decoder.register_module("embed_tokens", None)
    return decoder


def load_t5_decoder(
    decoder: nn.Module, config: Mapping[str, Any], tensors: Mapping[str, Tensor], *, where: str
) -> Tensor:
    """Fills in the pretrained weights; gives the rows ``(X, D)`` of the pretrained output layer, which T5
    v1.0 shares with its words. Raises ``ModelError`` where any is missing."""
    own = {n.removeprefix("decoder."): t for n, t in tensors.items() if n.startswith("decoder.")}
    load_weights(decoder, own, where=where)
    words_XD = tensors["shared.weight"]
    if config.get("tie_word_embeddings", True):
        scale: float = words_XD.shape[1] ** -0.5
        return words_XD * scale
    return tensors.get("lm_head.weight", words_XD)


class CopyWriter(nn.Module):
    """``decoder``: a Hugging Face stack with cross attention; ``pieces``: ids of the V that can be generated;
    ``rows_VD``: their word vectors, from which the output layer begins; ``vocabulary``: how many ids there
    are. Ids beyond can be copied only: words without a piece of their own, told apart by their position.

    What is read back, the pieces' word vectors, is given by the caller; ``own`` is added to it for the V.
    ``found``: what is made of the keys that a step points at, on average, and added to its state before it is
    decided whether to copy and what to generate, as in See et al.; None for a decoder that reads the text
    itself.
    """

    place_X: Tensor
    pieces_V: Tensor

    def __init__(
        self,
        decoder: nn.Module,
        *,
        pieces: Sequence[int],
        rows_VD: Tensor,
        vocabulary: int,
        found: nn.Module | None = None,
    ) -> None:
        super().__init__()
        V, D = rows_VD.shape
        self.decoder, self.found = decoder, found
        self.generate = nn.Linear(D, V)
        self.own = nn.Embedding(V + 1, D, padding_idx=V)
        self.query, self.key = nn.Linear(D, D), nn.Linear(D, D, bias=False)
        self.gate = nn.Linear(D, 1)
        self.follow = nn.Parameter(torch.tensor(FOLLOW))
        with torch.no_grad():
            self.generate.weight.copy_(rows_VD)
            self.generate.bias.zero_()
            self.own.weight.zero_()
        pieces_V = torch.tensor(list(pieces), dtype=torch.long)
        place_X = torch.full((vocabulary + 1,), V, dtype=torch.long)
        place_X[pieces_V] = torch.arange(V)
        self.register_buffer("pieces_V", pieces_V, persistent=False)
        self.register_buffer("place_X", place_X, persistent=False)

    def place(self, ids: Tensor) -> Tensor:
        """Among the V; V for what can only be copied."""
        return self.place_X[ids.clamp(0, len(self.place_X) - 1)]

    def read_back(self, vectors_NLD: Tensor, ids_NL: Tensor) -> Tensor:
        """The decoder's input of pieces whose word vectors these are."""
        own_NLD: Tensor = self.own(self.place(ids_NL))
        return vectors_NLD + own_NLD

    def log_likelihood(
        self,
        inputs_NLD: Tensor,
        targets_NL: Tensor,
        memory_NSD: Tensor,
        mask_NS: Tensor,
        copies_NS2: Tensor,
        barred_NV: Tensor | None = None,
    ) -> Tensor:
        """log p of each target given those before it, ``(N, L)``; the inputs are ``read_back`` of the start
        and of the targets but the last. ``copies_NS2``: as ``with_fronts`` gives it;
        ``barred_NV``: pieces that must not be generated for a text, None for none."""
        with mixed(inputs_NLD.device):
            states_NLD = self.decoder(
                inputs_embeds=inputs_NLD,
                encoder_hidden_states=memory_NSD,
                encoder_attention_mask=mask_NS.long(),
                use_cache=False,
            ).last_hidden_state
        return self.likelihood(states_NLD.float(), targets_NL, self.key(memory_NSD), copies_NS2, barred_NV)

    def likelihood(
        self,
        states_NLD: Tensor,
        targets_NL: Tensor,
        keys_NSD: Tensor,
        copies_NS2: Tensor,
        barred_NV: Tensor | None = None,
    ) -> Tensor:
        """log p of each target after a decoder's states, ``(N, L)``; ``keys_NSD``: ``key`` of what may be
        copied."""
        gate_NL1, generated_NLV, copied_NLS = self.chances(
            states_NLD, in_front(targets_NL), keys_NSD, copies_NS2, barred_NV
        )
        place_NL1 = self.place(targets_NL).unsqueeze(2)
        V = generated_NLV.shape[2]
        known_NL1 = place_NL1 < V
        generated_NL1 = generated_NLV.gather(2, place_NL1.clamp(max=V - 1)) * known_NL1
        same_NLS = copies_NS2[:, :, 0].unsqueeze(1) == targets_NL.unsqueeze(2)
        copied_NL1 = (copied_NLS * same_NLS).sum(2, keepdim=True)
        either_NL1 = gate_NL1 * generated_NL1 + (1 - gate_NL1) * copied_NL1
        return either_NL1.squeeze(2).clamp(min=_TINY).log()

    def chances(
        self,
        states_NLD: Tensor,
        before_NL: Tensor,
        keys_NSD: Tensor,
        copies_NS2: Tensor,
        barred_NV: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """g, p(generated) and p(position copied) after the states, which have read the pieces ``before_NL``
        last."""
        scores_NLS = self.query(states_NLD) @ keys_NSD.transpose(1, 2) * keys_NSD.shape[2] ** -0.5
        # A text is copied on: where the decoder would first have to learn what follows what, a value of
        # several pieces is seldom written to its end.
        copies_NS, front_NS = copies_NS2.unbind(2)
        follows_NLS = (front_NS.unsqueeze(1) == before_NL.unsqueeze(2)) & (front_NS != NO_COPY).unsqueeze(1)
        scores_NLS = scores_NLS + self.follow * follows_NLS
        barred_N1S = (copies_NS == NO_COPY).unsqueeze(1)
        copied_NLS = torch.softmax(scores_NLS.masked_fill(barred_N1S, -1e9), 2)
        # Of a text without a piece nothing is copied, and not everything alike.
        copied_NLS = copied_NLS.masked_fill(barred_N1S, 0.0)
        if self.found is not None:
            states_NLD = states_NLD + self.found(copied_NLS @ keys_NSD)
        gate_NL1 = torch.sigmoid(self.gate(states_NLD))
        logits_NLV = self.generate(states_NLD)
        if barred_NV is not None:
            logits_NLV = logits_NLV.masked_fill(barred_NV.unsqueeze(1), -torch.inf)
        return gate_NL1, torch.softmax(logits_NLV, 2), copied_NLS


def in_front(ids_NL: Tensor) -> Tensor:
    """The piece in front of each, ``NO_COPY`` where there is none."""
    return nn.functional.pad(ids_NL[:, :-1], (1, 0), value=NO_COPY)


def with_fronts(copies_NS: Tensor) -> Tensor:
    """What can be copied ``(N, S, 2)``: at each position its piece, or ``NO_COPY``, and the one in front."""
    return torch.stack([copies_NS, in_front(copies_NS)], 2)


class Past(Protocol):
    """A decoder that has written rows so far, with what it keeps of them."""

    def step(self, vectors_M1D: Tensor) -> Tensor:
        """The state ``(M, 1, D)`` after one more input a row."""
        ...

    def choose(self, rows_M: Tensor) -> None:
        """Goes on with these rows."""
        ...


class CrossAttending:
    """A Hugging Face decoder that attends to a text's encoding ``(N, S, D)``. What was written before is kept
    as keys and values of each layer, so that a step costs one piece."""

    def __init__(self, decoder: nn.Module, memory_NSD: Tensor, mask_NS: Tensor) -> None:
        self._decoder, self._memory_MSD, self._mask_MS = decoder, memory_NSD, mask_NS.long()
        self._cache = EncoderDecoderCache(DynamicCache(), DynamicCache())

    def step(self, vectors_M1D: Tensor) -> Tensor:
        made: Tensor = self._decoder(
            inputs_embeds=vectors_M1D,
            encoder_hidden_states=self._memory_MSD,
            encoder_attention_mask=self._mask_MS,
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state
        return made

    def choose(self, rows_M: Tensor) -> None:
        self._memory_MSD, self._mask_MS = self._memory_MSD[rows_M], self._mask_MS[rows_M]
        self._cache.reorder_cache(rows_M)


class Writing:
    """Texts that are being written, piece by piece; implements ``nn.beams.Steps``. ``keys_NSD``: the writer's
    ``key`` of what may be copied; ``barred_NV`` as ``CopyWriter.log_likelihood``'s. An item's rows stand
    together, as many of each: what is copied from is held once an item, and not once a beam.
    """

    def __init__(
        self,
        writer: CopyWriter,
        words: Any,
        past: Past,
        keys_NSD: Tensor,
        copies_NS2: Tensor,
        barred_NV: Tensor | None = None,
    ) -> None:
        self._writer, self._words, self._past = writer, words, past
        self._copies_NS2, self._keys_NSD, self._barred_NV = copies_NS2, keys_NSD, barred_NV
        copies_NS = copies_NS2[:, :, 0]
        self._symbols_NS = self._symbols_of(copies_NS)
        V = len(writer.pieces_V)
        self._ids_NW = torch.cat([writer.pieces_V.expand(len(copies_NS), V), copies_NS.clamp(min=0)], 1)
        self._all_ids_NW = self._ids_NW
        self._beams = 1

    def _symbols_of(self, copies_NS: Tensor) -> Tensor:
        """The symbol that stands for each position: its piece's place among the V, or its first position."""
        V, S = len(self._writer.pieces_V), copies_NS.shape[1]
        place_NS = self._writer.place(copies_NS)
        # Positions sorted by piece: the first of each run of equal ones is the piece's first position.
        sorted_NS, order_NS = copies_NS.sort(dim=1, stable=True)
        at_S = torch.arange(S, device=copies_NS.device).expand_as(copies_NS)
        new_NS = torch.ones_like(copies_NS, dtype=torch.bool)
        new_NS[:, 1:] = sorted_NS[:, 1:] != sorted_NS[:, :-1]
        run_NS = at_S.masked_fill(~new_NS, 0).cummax(1).values
        first_NS = torch.empty_like(copies_NS).scatter(1, order_NS, order_NS.gather(1, run_NS))
        return torch.where(place_NS < V, place_NS, V + first_NS).clamp(max=V + S - 1)

    def symbol(self, piece: int) -> int:
        """Of a piece that can be generated."""
        return int(self._writer.place_X[piece])

    def ids(self, item: int, symbols: Sequence[int]) -> list[int]:
        """The piece ids of the symbols of one of the N texts."""
        row_W = self._all_ids_NW[item]
        return [int(row_W[symbol]) for symbol in symbols]

    def step(self, symbols_M: Tensor) -> Tensor:
        """Log probabilities ``(M, W)`` of what comes after these symbols."""
        writer, B = self._writer, self._beams
        N, S, _ = self._copies_NS2.shape
        ids_M1 = self._ids_NW.gather(1, symbols_M.view(N, B)).view(-1, 1)
        with mixed(ids_M1.device):
            states_M1D = self._past.step(writer.read_back(self._words(ids_M1), ids_M1))
        gate_NB1, generated_NBV, copied_NBS = writer.chances(
            states_M1D.float().view(N, B, -1),
            ids_M1.view(N, B),
            self._keys_NSD,
            self._copies_NS2,
            self._barred_NV,
        )
        chance_NBW = nn.functional.pad(gate_NB1 * generated_NBV, (0, S))
        chance_NBW.scatter_add_(2, self._symbols_NS.unsqueeze(1).expand(N, B, S), (1 - gate_NB1) * copied_NBS)
        return chance_NBW.flatten(0, 1).log()

    def choose(self, rows_M: Tensor) -> None:
        """Goes on with these rows."""
        self._past.choose(rows_M)
        item_N, counts_N = torch.unique_consecutive(
            torch.div(rows_M, self._beams, rounding_mode="floor"), return_counts=True
        )
        self._beams = int(counts_N[0])
        if len(item_N) < len(self._copies_NS2):
            self._copies_NS2, self._keys_NSD = self._copies_NS2[item_N], self._keys_NSD[item_N]
            self._symbols_NS, self._ids_NW = self._symbols_NS[item_N], self._ids_NW[item_N]
            if self._barred_NV is not None:
                self._barred_NV = self._barred_NV[item_N]
