"""JAVE and M-JAVE (Zhu et al. 2020): values are tagged in sight of the attributes that are predicted.

Legend: B products, T tokens, P patches, A attributes, K tags, D the encoder's width, H features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from attrex.nn.attribute_range import RangeHead
from attrex.nn.text_guided import GuidedAttention
from attrex.nn.unified import Seen

_SURE = 1e-4
"""Tags' probabilities are kept so far from nought and one."""


class VisualGates(nn.Module):
    """What M-JAVE adds: words attend to the patches, a *global* gate says how much the picture matters for a
    word, a *regional* one which patches matter for the attributes that are predicted."""

    def __init__(self, states: int, *, attributes: int) -> None:
        super().__init__()
        self.patches = GuidedAttention(states, states, "softmax")
        self.word, self.picture = nn.Linear(states, 1), nn.Linear(states, 1, bias=False)
        self.asked, self.patch = nn.Linear(attributes, states), nn.Linear(states, states, bias=False)
        self.region = nn.Linear(states, 1)

    def whole(self, seen: Seen) -> Tensor:
        """The global gate, ``(B, T, 1)``."""
        return torch.sigmoid(self.word(seen.states_BTD) + self.picture(seen.picture_BD).unsqueeze(1))

    def regions(self, seen: Seen, likely_BA: Tensor) -> Tensor:
        """The regional gate, ``(B, P)``."""
        told_BPD = torch.tanh(self.asked(likely_BA).unsqueeze(1) + self.patch(seen.patches_BPD))
        gate_BP: Tensor = torch.sigmoid(self.region(told_BPD)).squeeze(2)
        return gate_BP

    def fused(self, seen: Seen) -> Tensor:
        """What words find in the picture, as far as it matters for them; ``(B, T, D)``."""
        found_BTD: Tensor = self.patches(seen.states_BTD, seen.patches_BPD, seen.mask_BP)
        return self.whole(seen) * found_BTD

    def found(self, seen: Seen, likely_BA: Tensor) -> Tensor:
        """What words find in the patches that matter for the attributes; ``(B, T, D)``."""
        weights_BTP = self.patches.weights(seen.states_BTD, seen.patches_BPD, seen.mask_BP)
        gated_BTP = weights_BTP * self.regions(seen, likely_BA).unsqueeze(1)
        found_BTD: Tensor = gated_BTP @ self.patches.value(seen.patches_BPD)
        return found_BTD


class AttributeConditioned(nn.Module):
    """JAVE's ``nn.slots``: the range from the pooled text, and tags from each word's state, from what it
    attends to, and from the range's probabilities; M-JAVE's with ``pictures``."""

    def __init__(self, states: int, *, attributes: int, pictures: VisualGates | None) -> None:
        super().__init__()
        self.words = GuidedAttention(states, states, "softmax")
        self.range = RangeHead(2 * states, attributes)
        self.condition = nn.Linear(attributes, states)
        self.pictures = pictures
        self.width = (3 if pictures is None else 4) * states

    def forward(self, seen: Seen) -> tuple[Tensor, Tensor]:
        states_BTD, mask_BT1 = seen.states_BTD, seen.mask_BT.unsqueeze(2)
        attended_BTD = self.words(states_BTD, states_BTD, seen.mask_BT)
        if self.pictures is not None:
            attended_BTD = attended_BTD + self.pictures.fused(seen)
        mean_BD = (attended_BTD * mask_BT1).sum(1) / mask_BT1.sum(1).clamp(min=1)
        range_BA: Tensor = self.range(torch.cat([seen.pooled_BD, mean_BD], 1))
        likely_BA = range_BA.sigmoid()
        told_BTD = self.condition(likely_BA).unsqueeze(1).expand_as(states_BTD)
        features = [states_BTD, attended_BTD, told_BTD]
        if self.pictures is not None:
            features.append(self.pictures.found(seen, likely_BA))
        return torch.cat(features, 2), range_BA


def consistency(scores_BTK: Tensor, mask_BT: Tensor, range_BA: Tensor) -> Tensor:
    """JAVE's KL term: how far the range is from what the tags say of it, ``(B,)``. Tags say an attribute's
    probability by their own at the word where each is surest, averaged over the attribute's tags (B and I).
    Summed over attributes, each by itself: a product may have several. K = 1 + A x tags an attribute."""
    B, A = range_BA.shape
    likely_BTK = scores_BTK.softmax(2).masked_fill(~mask_BT.unsqueeze(2), 0)
    tagged_BA = likely_BTK[:, :, 1:].amax(1).view(B, A, -1).mean(2).clamp(_SURE, 1 - _SURE)
    range_BA = range_BA.clamp(-9, 9)
    has_BA = range_BA.sigmoid()
    with_BA = has_BA * (logsigmoid(range_BA) - tagged_BA.log())
    without_BA = (1 - has_BA) * (logsigmoid(-range_BA) - (1 - tagged_BA).log())
    apart_B: Tensor = (with_BA + without_BA).sum(1)
    return apart_B
