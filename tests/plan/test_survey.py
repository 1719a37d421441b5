from __future__ import annotations

from collections import Counter

from attrex.plan import survey
from tests.plan.scripted import A, B, product


def test_all_are_counted_and_few_are_kept() -> None:
    seen = survey((product(n) for n in range(1000)), [lambda p: [A, B], lambda p: [A]], seed=0, size=20)
    assert (seen.products, seen.asks) == (1000, (2000, 1000))
    assert seen.attributes == ((A, B), (A,))
    assert len({p.id for p in seen.sample}) == 20


def test_a_small_catalogue_is_its_own_sample_and_an_empty_one_is_empty() -> None:
    seen = survey([product(n) for n in range(5)], [lambda p: []], seed=0)
    assert sorted(p.id for p in seen.sample) == list("01234")
    assert seen.asks == (0,)
    assert survey([], [], seed=0).products == 0


def test_every_product_has_the_same_chance_of_every_place() -> None:
    drawn: Counter[str] = Counter()
    first: Counter[str] = Counter()
    for seed in range(2000):
        sample = survey([product(n) for n in range(10)], [], seed=seed, size=4).sample
        drawn.update(p.id for p in sample)
        first[sample[0].id] += 1
    assert all(abs(drawn[str(n)] - 800) < 100 for n in range(10))  # 4.5 standard deviations
    assert all(abs(first[str(n)] - 200) < 60 for n in range(10))


def test_the_same_seed_draws_the_same() -> None:
    draws = [survey([product(n) for n in range(50)], [], seed=s, size=5).sample for s in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
