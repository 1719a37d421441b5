"""Text encoders: token ids to contextual states.

Legend: B sequences, T tokens, D hidden.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from attrex.errors import ConfigError
from attrex.nn.precision import mixed


def padded(sequences: Sequence[Sequence[int]], padding: int) -> tuple[Tensor, Tensor]:
    """Ids ``(B, T)`` filled up with ``padding``, and the mask of the real ones."""
    width = max(1, max((len(s) for s in sequences), default=0))
    ids_BT = torch.full((len(sequences), width), padding, dtype=torch.long)
    mask_BT = torch.zeros((len(sequences), width), dtype=torch.bool)
    for at, sequence in enumerate(sequences):
        ids_BT[at, : len(sequence)] = torch.tensor(sequence, dtype=torch.long)
        mask_BT[at, : len(sequence)] = True
    return ids_BT, mask_BT


class PretrainedEncoder(nn.Module):
    """A Hugging Face encoder. With ``frozen_embeddings`` the word table is left as it was pretrained:
    the words that a small catalogue lacks keep their place beside those it has (and a dense gradient of
    30,000 rows a step is saved: 0.81 s instead of 1.00 s forward and backward, loaded AVX2 machine).
    ``layers``: the states are the mean of the last so many layers'. Dropout is the body's own."""

    def __init__(self, body: nn.Module, *, frozen_embeddings: bool, layers: int = 1) -> None:
        super().__init__()
        most = int(body.config.num_hidden_layers)  # type: ignore[union-attr,arg-type]  # any HF body has it
        if not 1 <= layers <= most:
            raise ConfigError(f"layers is {layers}; the encoder has {most}, and at least one is read")
        self.body, self.layers = body, layers
        self.frozen_embeddings = frozen_embeddings
        if frozen_embeddings:
            _embeddings(body).requires_grad_(False)

    @property
    def width(self) -> int:
        """D."""
        return int(self.body.config.hidden_size)  # type: ignore[union-attr,arg-type]  # any HF body

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """States ``(B, T, D)`` in float32."""
        return self.encode(self.embed(ids_BT), mask_BT)

    def embed(self, ids_BT: Tensor) -> Tensor:
        """Word vectors ``(B, T, D)``; positions are added by ``encode``."""
        table = self.body.get_input_embeddings()  # type: ignore[operator]  # any HF body has it
        vectors: Tensor = table(ids_BT)
        return vectors

    def encode(self, vectors_BTD: Tensor, mask_BT: Tensor, place_BT: Tensor | None = None) -> Tensor:
        """States ``(B, T, D)`` in float32 from word vectors. ``place_BT``: their positions, for an encoder
        that has some; None: one after another."""
        with mixed(vectors_BTD.device):
            read = self.body(
                inputs_embeds=vectors_BTD,
                attention_mask=mask_BT.long(),
                output_hidden_states=self.layers > 1,
                **({} if place_BT is None else {"position_ids": place_BT}),
            )
        if self.layers == 1:
            last_BTD: Tensor = read.last_hidden_state.float()
            return last_BTD
        return torch.stack([layer_BTD.float() for layer_BTD in read.hidden_states[-self.layers :]]).mean(0)


def _embeddings(body: nn.Module) -> nn.Module:
    """BERT's kind has words, places and a norm in one module; T5's has words alone."""
    named = dict(body.named_children()).get("embeddings")
    table: nn.Module = body.get_input_embeddings()  # type: ignore[operator]  # any HF body has it
    return table if named is None else named


class ShapedEncoder(nn.Module):
    """A pretrained encoder that also reads the shapes in the ids of ``text.shapes``: each bit has a vector,
    nought at first, that is added to the word's."""

    def __init__(self, encoder: PretrainedEncoder, *, pieces: int, bits: int) -> None:
        super().__init__()
        self.encoder, self.width, self.pieces = encoder, encoder.width, pieces
        self.bits = nn.Linear(bits, encoder.width, bias=False)
        nn.init.zeros_(self.bits.weight)
        self.register_buffer("powers", 2 ** torch.arange(bits), persistent=False)

    powers: Tensor

    @property
    def body(self) -> nn.Module:
        """The Hugging Face encoder."""
        return self.encoder.body

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """States ``(B, T, D)``."""
        return self.encode(self.embed(ids_BT), mask_BT)

    def encode(self, vectors_BTD: Tensor, mask_BT: Tensor, place_BT: Tensor | None = None) -> Tensor:
        """States ``(B, T, D)`` from word vectors; see ``PretrainedEncoder``."""
        return self.encoder.encode(vectors_BTD, mask_BT, place_BT)

    def embed(self, ids_BT: Tensor) -> Tensor:
        """Word vectors ``(B, T, D)``, their shapes' added."""
        shapes_BT1 = torch.div(ids_BT, self.pieces, rounding_mode="floor").unsqueeze(2)
        bits_BTX = torch.bitwise_and(shapes_BT1, self.powers).ne(0).float()
        vectors_BTD: Tensor = self.encoder.embed(ids_BT % self.pieces) + self.bits(bits_BTX)
        return vectors_BTD


class RecurrentEncoder(nn.Module):
    """Word embeddings and a bidirectional LSTM (AdaTag Eq. 1); ``width`` is both directions together.

    ``table`` may be shared between encoders (BiLSTM-CRF-SharedEmb).
    """

    def __init__(self, table: nn.Embedding, *, width: int, dropout: float) -> None:
        super().__init__()
        if width % 2:
            raise ValueError(f"width is {width}; a bidirectional LSTM needs an even one")
        self.width = width
        self.table = table
        self.lstm = nn.LSTM(table.embedding_dim, width // 2, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """States ``(B, T, D)``; zero beyond the mask."""
        return self.encode(self.embed(ids_BT), mask_BT)

    def embed(self, ids_BT: Tensor) -> Tensor:
        """Word vectors ``(B, T, E)``."""
        vectors_BTE: Tensor = self.dropout(self.table(ids_BT))
        return vectors_BTE

    def encode(self, vectors_BTE: Tensor, mask_BT: Tensor) -> Tensor:
        """States ``(B, T, D)`` from word vectors; zero beyond the mask."""
        lengths_B = mask_BT.sum(1).clamp(min=1).cpu()
        packed = pack_padded_sequence(vectors_BTE, lengths_B, batch_first=True, enforce_sorted=False)
        states_BTD, _ = pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=vectors_BTE.shape[1]
        )
        dropped_BTD: Tensor = self.dropout(states_BTD)
        return dropped_BTD


class SelfAttention(nn.Module):
    """OpenTag's attention over an encoder's states: each token's state joined by a weighted sum of all
    others', projected back to D."""

    def __init__(self, encoder: RecurrentEncoder | PretrainedEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.width = encoder.width
        self.query = nn.Linear(self.width, self.width, bias=False)
        self.joined = nn.Linear(2 * self.width, self.width)

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """States ``(B, T, D)``."""
        states_BTD = self.encoder(ids_BT, mask_BT)
        attended_BTD = nn.functional.scaled_dot_product_attention(
            self.query(states_BTD), states_BTD, states_BTD, attn_mask=mask_BT.unsqueeze(1)
        )
        return torch.tanh(self.joined(torch.cat([states_BTD, attended_BTD], dim=2)))
