from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from attrex.nn.pairs import Pairs

lengths = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@given(lengths, lengths, st.data())
def test_a_row_is_a_context_an_attribute_and_padding(
    contexts: list[int], attributes: list[int], data: st.DataObject
) -> None:
    ask = st.tuples(st.integers(0, len(contexts) - 1), st.integers(0, len(attributes) - 1))
    asks = data.draw(st.lists(ask, min_size=1, max_size=6))
    context_N, attribute_N = (torch.tensor(side) for side in zip(*asks, strict=True))
    pairs = Pairs.of(torch.tensor(contexts), torch.tensor(attributes), context_N, attribute_N)

    each_context = [torch.arange(n) + 100 * at for at, n in enumerate(contexts, 1)]
    each_attribute = [torch.arange(n) + 1000 * at for at, n in enumerate(attributes, 1)]
    flat = torch.cat(each_attribute)[pairs.token_Y].unsqueeze(1)
    joined_NS = pairs.join(torch.cat(each_context).unsqueeze(1), flat).squeeze(2)

    longest = max(contexts[c] + attributes[a] for c, a in asks)
    assert joined_NS.shape == (len(asks), longest)
    mask_NS = torch.ones_like(joined_NS, dtype=torch.bool) if pairs.mask_NS is None else pairs.mask_NS
    assert (pairs.mask_NS is None) == (min(contexts[c] + attributes[a] for c, a in asks) == longest)
    for row_S, real_S, (c, a) in zip(joined_NS, mask_NS, asks, strict=True):
        assert row_S[real_S].tolist() == [*each_context[c].tolist(), *each_attribute[a].tolist()]
        assert real_S.int().tolist() == sorted(real_S.int().tolist(), reverse=True)
    assert pairs.place_Y.tolist() == [contexts[c] + at for c, a in asks for at in range(attributes[a])]
    assert pairs.ask_Y.tolist() == [n for n, (_, a) in enumerate(asks) for _ in range(attributes[a])]


def test_pairs_travel_in_a_batch() -> None:
    for asked in ([0, 1], [0, 0]):
        one = Pairs.of(torch.tensor([3, 2]), torch.tensor([1]), torch.tensor(asked), torch.tensor([0, 0]))
        batch = one.tensors()
        assert ("pair_mask_NS" in batch) == (one.mask_NS is not None) == (asked == [0, 1])
        again = Pairs.from_tensors(batch).to(torch.device("cpu"))
        assert all(torch.equal(tensor, batch[name]) for name, tensor in again.tensors().items())
