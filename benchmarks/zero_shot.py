"""Attributes that were never learnt: models trained without a fifth of them, and asked for those by name, or
by name and description.

Of the attributes, ordered by their cells, one of each five is drawn and left out of schema and cells; another
seed draws others. The same model's F1 on the other four fifths stands beside, and with ``--bound`` that of a
model that has learnt the left-out ones too. Descriptions are those of WDC-PAVE; the other sets have none.
GLiNER stands beside where its package is installed (see ``gliner_rival``).
"""

from __future__ import annotations

import argparse
import csv
import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gliner_rival
from attrex.api.extractor import Extractor
from attrex.api.scoring import judge_results
from attrex.core import Attribute, Product
from attrex.evaluation import Judged
from attrex.extract import Request
from attrex.schema import Schema
from eave_analysis import AVEQA, DEFAULT, Row
from fixed_set import SETS, Fit, FixedSet, Kept, filled, fitted, fixed_set, micro
from record import DATA, write

FIFTH = 5
FEWEST = 5
"""Cells below which an attribute is not left out: it would say nothing."""
MODELS = {
    "eave": DEFAULT,
    "aveqa": AVEQA,
    "adatag": Row("AdaTag", recipe="adatag-minilm-quick", training=None),
}
if gliner_rival.installed():
    MODELS["gliner"] = Row("GLiNER", recipe="lexicon", training=gliner_rival.TRAINING)
HELD, OTHERS, BEST = "left out", "the others", "left out, best proposals"
Describing = Mapping[tuple[str, str], str]


def descriptions(data: Path) -> Describing:
    """WDC-PAVE's, by category and attribute."""
    path = data / "wdc_pave" / "descriptions.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {
            (row["Category"], row["Attribute"]): row["Human_Description"]
            for row in csv.DictReader(file, delimiter=";")
        }


def described(schema: Schema, texts: Describing) -> Schema:
    """With descriptions, where there are any."""
    return Schema(
        schema.attributes,
        [
            replace(
                category,
                attributes=tuple(
                    replace(a, description=texts.get((category.name, a.name), ""))
                    for a in category.attributes
                ),
            )
            for category in schema.categories.values()
        ],
    )


def drawn(products: Sequence[Product], seed: int) -> frozenset[str]:
    """One attribute of each five of about the same number of cells."""
    chance = random.Random(seed)
    names = [name for name, cells in filled(products).most_common() if cells >= FEWEST]
    return frozenset(chance.choice(names[at : at + FIFTH]) for at in range(0, len(names) - FIFTH + 1, FIFTH))


def without(schema: Schema, names: frozenset[str]) -> Schema:
    """The schema that has never heard of them."""

    def left(attributes: Sequence[Attribute]) -> tuple[Attribute, ...]:
        return tuple(a for a in attributes if a.name not in names)

    return Schema(
        left(schema.attributes),
        [replace(c, attributes=left(c.attributes)) for c in schema.categories.values()],
    )


def only(products: Sequence[Product], names: frozenset[str], *, among: bool) -> list[Product]:
    """The products with these attributes' cells, or with the others'."""
    return [replace(p, stated={n: v for n, v in p.stated.items() if (n in names) == among}) for p in products]


def judged(model: Any, products: Sequence[Product], schema: Schema, *, best: bool = False) -> list[Judged]:
    """All that the products state, asked as ``schema`` has it; with ``best`` answered by the model's best
    proposal, however improbable."""
    if not isinstance(model, Extractor):
        return list(model.judge(products, schema))
    requests = []
    for product in products:
        own = {a.name: a for a in schema.of(product.category)}
        requests.append(Request(product, tuple(own[name] for name in product.stated if name in own)))
    results = list(model.run(requests))
    answered = judge_results(results)
    if not best:
        return answered
    firsts = [e.alternatives[:1] for result in results for e in result.extractions]
    return [
        one if one.predicted else replace(one, predicted=tuple(value.text for value in first))
        for one, first in zip(answered, firsts, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Bench:
    """One set; ``schema`` says of its attributes what is to be said."""

    set: FixedSet
    schema: Schema
    kept: Kept

    def scores(self, row: Row, seed: int, *, bound: bool) -> list[float]:
        """F1 on the others and on what was left out, the share of that whose best proposal is right, and
        (``bound``) F1 on it where it was learnt."""
        held = drawn([*self.set.train, *self.set.report], seed)
        report = {
            HELD: only(self.set.report, held, among=True),
            OTHERS: only(self.set.report, held, among=False),
        }
        asks = {name: (lambda model, p=own: judged(model, p, self.schema)) for name, own in report.items()}
        asks[BEST] = lambda model: judged(model, report[HELD], self.schema, best=True)
        recipe, what = row.made({}), f"{self.set.name}, {row.label}"
        fit: Fit = gliner_rival.fitted if row.label == "GLiNER" else fitted
        train = only(self.set.train, held, among=False)
        run = self.kept.run(what, recipe, without(self.schema, held), train, asks, (), seed, fit)
        found = [micro(run.judged[OTHERS])[2], micro(run.judged[HELD])[2], micro(run.judged[BEST])[1]]
        if bound:
            run = self.kept.run(f"{what}, all", recipe, self.schema, self.set.train, asks, (), seed, fit)
            found.append(micro(run.judged[HELD])[2])
        return found


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--sets", nargs="+", default=["oa-mine", "wdc-pave"], choices=list(SETS))
    options.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--bound", action="store_true", help="fit models that have learnt all, too")
    options.add_argument("--keep", type=Path, default=Path("benchmarks/kept"))
    options.add_argument("--quick", action="store_true", help="a twentieth, nothing written")
    given = options.parse_args()
    rows: list[list[Any]] = []
    raw: dict[str, Any] = {}
    for name in given.sets:
        own = fixed_set(given.data, name, quick=given.quick)
        schemas = {"name": own.schema}
        if name == "wdc-pave":
            schemas["name and description"] = described(own.schema, descriptions(given.data))
        for text, schema in schemas.items():
            bench = Bench(own, schema, Kept(given.keep, "zero"))
            for model in given.models:
                scores = [bench.scores(MODELS[model], seed, bound=given.bound) for seed in given.seeds]
                means = [statistics.mean(part) for part in zip(*scores, strict=True)]
                spread = statistics.stdev(s[1] for s in scores) if len(scores) > 1 else "–"
                rows.append([name, text, MODELS[model].label, *means[:3], spread, *means[3:]])
                raw[f"{name}, {text}, {model}"] = dict(zip(given.seeds, scores, strict=True))
        raw[f"{name}, left out"] = {
            seed: sorted(drawn([*own.train, *own.report], seed)) for seed in given.seeds
        }
    heads = [
        "set",
        "asked by",
        "model",
        "F1, learnt",
        "F1, never learnt",
        "best proposal right",
        "s.d. of F1",
    ]
    if given.bound:
        heads.append("F1 of those, where learnt")
    notes = [
        f"800 titles learnt from (WDC-PAVE 666), 400 report titles; seeds {', '.join(map(str, given.seeds))},"
        " each of which leaves other attributes out. Micro averages of exact matches over what is stated.",
        "Short fits, nothing calibrated: a value counts from a score of one half on. Best proposal right: "
        "the share of the asks about what was never learnt, all of which have a value, whose most probable "
        "value is right, however improbable the model finds it.",
    ]
    if given.quick:
        print(heads, *rows, sep="\n")
    else:
        write("zero_shot", "Attributes that were never learnt", heads, rows, notes, raw)


if __name__ == "__main__":
    main()
