"""What a pretrained encoder makes of attributes' names, once and for all."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from attrex.core import Product, Source
from attrex.models.inputs import lay_out
from attrex.models.pictured_text import WithVision
from attrex.models.text_encoders import MadeText
from attrex.text.reading import read


@torch.no_grad()
def attribute_words(text: MadeText, names: Sequence[str]) -> Tensor:
    """The mean state of each name's tokens, ``(A, D)``; nought for a name without any."""
    words = text.encoder.words if isinstance(text.encoder, WithVision) else text.encoder
    products = [Product("", sources=(Source("name", name),)) for name in names]
    made = torch.zeros(len(names), text.width)
    training = words.training
    words.eval()
    for at, reading in enumerate(read(products, text.tokeniser, category=False)):
        if len(reading):
            inputs = lay_out([reading], text.tokeniser)
            made[at] = inputs.text_states(words(inputs.ids_NS, inputs.mask_NS))[0].mean(0)
    words.train(training)
    return made
