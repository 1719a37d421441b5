"""EAVE's FLOPs by hand formula: C_h of contexts and attributes apart, C_l of both together (§3.5).

Heavy layers behind the last that is kept are not run, the adaptor is applied before the states are kept, what
the light encoder makes of a context before it meets an attribute is made once a context, and in its last
layer only the context goes on. So a little less is counted than by ``plan.published``.

Legend: T tokens of a context, Q of an attribute, specials included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from attrex.models.eave_network import EaveNetwork, Reader
from attrex.models.interface import Cost
from attrex.nn import flops
from attrex.nn.encoders import ShapedEncoder
from attrex.nn.flops import EncoderShape
from attrex.nn.layered import PLACES


class EaveCost:
    """Of one network, with ``tags`` K."""

    def __init__(self, network: EaveNetwork, tags: int) -> None:
        self._heavy, self._light = _shape(network.heavy.reader), _shape(network.light)
        self._bits = [_bits(reader) for reader in (network.heavy.reader, network.light)]
        self._kept, self._depth = network.heavy.kept, network.light.layers.depth
        self._place, self._tags = PLACES.index(network.heavy.place), tags
        self._shares, self._attends = network.shares, not network.fusion.by_token

    def of(self, contexts: Sequence[int], attributes: Sequence[int], asks: Sequence[tuple[int, int]]) -> Cost:
        """Of contexts of T tokens, attributes of Q, and asks as indices into the two."""
        met = {context for context, _ in asks}
        pairs = Counter((contexts[context], attributes[attribute]) for context, attribute in asks)
        return Cost(
            prepare=sum(self._apart(tokens) for tokens in contexts),
            describe=sum(self._apart(tokens) for tokens in attributes),
            answer=sum(self._once(contexts[context]) for context in met)
            + sum(number * self._pair(*lengths) for lengths, number in pairs.items()),
        )

    def _apart(self, tokens: int) -> int:
        """The heavy encoder over one side, adapted: all layers in front of the last that is kept, and of
        that what leads to the place."""
        heavy, last = self._heavy, 0
        if self._place > PLACES.index("before_attention"):
            last += flops.projection(heavy, tokens, tokens) + flops.attention(heavy, tokens, tokens)
        if self._place > PLACES.index("before_mlp"):
            last += flops.mlp(heavy, tokens)
        whole = flops.projection(heavy, tokens, tokens) + flops.attention(heavy, tokens, tokens)
        whole += flops.mlp(heavy, tokens)
        adapted = len(self._kept) * flops.linear(tokens, heavy.width, self._light.width)
        return flops.linear(tokens, *self._bits[0]) + max(self._kept) * whole + last + adapted

    def _once(self, tokens: int) -> int:
        """What the light encoder makes of one side before it meets the other."""
        first = flops.projection(self._light, tokens, tokens) if self._shares else 0
        return flops.linear(tokens, *self._bits[1]) + first

    def _pair(self, context: int, attribute: int) -> int:
        """The light encoder over both, but for what is made once a context."""
        light, both = self._light, context + attribute
        total = self._once(attribute)
        for at in range(self._depth):
            rows = context if at == self._depth - 1 else both
            if at or not self._shares:
                total += flops.projection(light, both, rows)
            total += flops.attention(light, both, rows) + flops.mlp(light, rows)
            if self._attends:
                total += self._attending(both, rows if self._place else both)
        return total + flops.linear(context, light.width, self._tags)

    def _attending(self, tokens: int, rows: int) -> int:
        """Eq. 4: queries and output of the rows, keys and values of all."""
        width = self._light.width
        return flops.linear(2 * rows + 2 * tokens, width, width) + 4 * rows * tokens * width


def _shape(reader: Reader) -> EncoderShape:
    return flops.shape_of(reader.encoder)


def _bits(reader: Reader) -> tuple[int, int]:
    """Sizes of the linear map that reads shapes; nothing where they are ignored."""
    encoder = reader.encoder
    return (encoder.bits.in_features, encoder.width) if isinstance(encoder, ShapedEncoder) else (0, 0)
