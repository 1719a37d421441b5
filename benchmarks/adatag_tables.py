"""AdaTag's Tables 4 to 7 and Figure 3 on AE-110K titles and on WDC-PAVE's titles with descriptions.

One fixed set: 400 report titles, 1,000 others (of which a recipe takes a tenth to stop early by and a
tenth for thresholds), the attributes with the most filled cells, three seeds. Scores are the paper's: per
attribute by exact match, then averaged over attributes (macro). Every run is kept in ``--keep``, so that a
stopped benchmark goes on, and a table takes the runs that another has made. ``--attributes`` and ``--others``
make the set smaller, for rows that fit a model an attribute.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import attrex
from attrex.api.recipe import load_recipe
from attrex.api.scoring import judge_all
from attrex.core import Attribute, Product, content_hash
from attrex.evaluation import Judged, report
from attrex.io.reader import open_reader
from attrex.schema import Schema
from attrex.supervision.splits import split
from record import DATA, write

REPORT, OTHERS, ATTRIBUTES, HIGH = 400, 1000, 32, 100
COUNTS = (12, 17, 22, 27, 32)


@dataclass(frozen=True, slots=True)
class Run:
    """A row: the paper's name, a recipe, and what differs from it."""

    label: str
    recipe: str
    arguments: Mapping[str, Any]
    attributes: int = ATTRIBUTES


TABLE_4 = [
    Run("BiLSTM (N tag sets)", "bilstm-tag-sets", {}),
    Run("BiLSTM-CRF (N tag sets)", "bilstm-crf-tag-sets", {}),
    Run("BERT (N tag sets)", "bert-tag-sets", {}),
    Run("BERT-CRF (N tag sets)", "bert-crf-tag-sets", {}),
    Run("BiLSTM (N models)", "bilstm-models", {}),
    Run("BiLSTM-CRF (N models)", "bilstm-crf-models", {}),
    Run("BERT (N models)", "bert-models", {}),
    Run("BERT-CRF (N models)", "bert-crf-models", {}),
    Run("OpenTag (N models)", "opentag", {}),
    Run("BiLSTM-CRF-SharedEmb", "bilstm-crf-shared-emb", {}),
    Run("BiLSTM-MultiCRF", "bilstm-multi-crf", {}),
    Run("AdaTag (Random AttEmb)", "adatag", {"attributes": "random"}),
    Run("AdaTag", "adatag", {}),
    Run("AdaTag on MiniLM (the default)", "adatag-minilm", {}),
]
TABLE_5 = [run for run in TABLE_4 if run.label in ("BiLSTM-CRF (N models)", "BiLSTM-MultiCRF", "AdaTag")]
TABLE_6 = [
    Run("Random, 100", "adatag", {"attributes": "random", "attribute_size": 100}),
    Run("Static name+value", "adatag", {"attributes": "static", "attributes_tuned": True}),
    Run("Static name+value (freeze)", "adatag", {"attributes": "static"}),
    Run("Random, 384", "adatag", {"attributes": "random", "attribute_size": 384}),
    Run("Contextual name", "adatag", {"attribute_parts": ["name"], "attributes_tuned": True}),
    Run("Contextual name (freeze)", "adatag", {"attribute_parts": ["name"]}),
    Run("Contextual value", "adatag", {"attribute_parts": ["value"], "attributes_tuned": True}),
    Run("Contextual value (freeze)", "adatag", {"attribute_parts": ["value"]}),
    Run("Random, 768", "adatag", {"attributes": "random"}),
    Run("Contextual name+value", "adatag", {"attributes_tuned": True}),
    Run("Contextual name+value (freeze)", "adatag", {}),
]
TABLE_7 = [
    Run(f"{linear}, {transitions}", "adatag", {"linear": linear, "transitions": transitions})
    for linear in ("mixture", "hypernetwork")
    for transitions in ("mixture", "hypernetwork")
]
FIGURE_3 = [
    replace(run, label=f"{run.label}, {count} attributes", attributes=count)
    for run in TABLE_4
    if run.label in ("BiLSTM-CRF (N tag sets)", "BiLSTM-CRF (N models)", "BiLSTM-MultiCRF", "AdaTag")
    for count in COUNTS
]
TABLES = {"4": TABLE_4, "5": TABLE_5, "6": TABLE_6, "7": TABLE_7, "figure3": FIGURE_3}


class Bench:
    """The fixed set, and its runs."""

    def __init__(self, data: Path, name: str, keep: Path, *, attributes: int, others: int) -> None:
        self.name, self.keep = name, keep
        self.size = () if others == OTHERS else (others,)
        path, format = {
            "ae-110k": ("extractgpt/ae-110k/train.jsonl", "extractgpt"),
            "wdc-pave": ("wdc_pave/wdc_with_all_attributes/train_large.jsonl", "wdc-pave"),
        }[name]
        products = [row.product for row in open_reader(data / path, format=format)]
        share = REPORT / len(products)
        parts = split(products, {"report": share, "others": 1 - share}, 0)
        self.report = [products[at] for at in parts["report"]]
        self.others = [products[at] for at in parts["others"]][:others]
        filled = Counter(n for p in self.others for n, values in p.stated.items() if values)
        self.names = [name for name, _ in filled.most_common(attributes)]
        self.filled = filled
        self.asked = self.names[: COUNTS[0]]

    def judged(self, run: Run, seed: int) -> list[Judged]:
        """The run's answers on the report titles, for the attributes that every run is asked."""
        names = self.names[: run.attributes]
        what = content_hash([self.name, run.recipe, dict(run.arguments), len(names), seed, *self.size])
        kept = self.keep / f"adatag-{what}.json"
        if kept.is_file():
            return [Judged(**_tuples(fields)) for fields in json.loads(kept.read_text("utf-8"))]
        schema = Schema([Attribute(name) for name in names])
        recipe = load_recipe(run.recipe)
        recipe = replace(recipe, arguments={**recipe.arguments, **run.arguments})
        began = time.monotonic()
        model = attrex.fit(_only(self.others, names), schema=schema, recipe=recipe, seed=seed)
        judged = judge_all(model, _only(self.report, names))
        seconds = time.monotonic() - began
        print(f"{self.name}, {run.label}, seed {seed}: {_macro(judged)[2]:.4f}, {seconds:.0f} s", flush=True)
        self.keep.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps([asdict(one) for one in judged]), "utf-8")
        return judged


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items() if not k.endswith("_spans")}


def _only(products: Sequence[Product], names: Sequence[str]) -> list[Product]:
    return [replace(p, stated={n: v for n, v in p.stated.items() if n in names}) for p in products]


def _macro(judged: Sequence[Judged]) -> tuple[float, float, float]:
    macro = report(judged, resamples=0).macro
    return macro.precision, macro.recall, macro.f1


def _of(judged: Sequence[Judged], wanted: Callable[[str], bool]) -> list[Judged]:
    return [one for one in judged if wanted(one.attribute)]


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--set", default="ae-110k", choices=["ae-110k", "wdc-pave"])
    options.add_argument("--tables", nargs="+", default=list(TABLES), choices=list(TABLES))
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--without", nargs="+", default=[], help="labels of rows to leave out")
    options.add_argument("--attributes", type=int, default=ATTRIBUTES, help="the commonest")
    options.add_argument("--others", type=int, default=OTHERS, help="titles besides the report's")
    options.add_argument("--keep", type=Path, default=Path("benchmarks/kept"))
    given = options.parse_args()
    bench = Bench(given.data, given.set, given.keep, attributes=given.attributes, others=given.others)
    part = "" if given.attributes == ATTRIBUTES else f"_{given.attributes}"
    for table in given.tables:
        rows: list[list[Any]] = []
        for run in TABLES[table]:
            if run.label in given.without:
                continue
            runs = [bench.judged(run, seed) for seed in given.seeds]
            if table == "5":
                sides = [lambda n: bench.filled[n] >= HIGH, lambda n: bench.filled[n] < HIGH]
                scores = [[_macro(_of(judged, side)) for judged in runs] for side in sides]
            elif table == "figure3":
                scores = [[_macro(_of(judged, lambda n: n in bench.asked)) for judged in runs]]
            else:
                scores = [[_macro(judged) for judged in runs]]
            row: list[Any] = [run.label]
            for own in scores:
                row += [statistics.mean(part) for part in zip(*own, strict=True)]
                row.append(statistics.stdev(s[2] for s in own) if len(own) > 1 else "–")
            rows.append(row)
        columns = ["P", "R", "F1", "s.d. of F1"]
        heads = [f"{c}, ≥ {HIGH} rows" for c in columns] + [f"{c}, fewer" for c in columns]
        write(
            f"adatag_{table}_{given.set}{part}",
            f"AdaTag, {'Figure 3' if table == 'figure3' else 'Table ' + table}, {given.set}",
            ["model", *(heads if table == "5" else columns)],
            rows,
            [
                f"{len(bench.report)} report and {len(bench.others)} other products; {len(bench.names)} "
                f"attributes; seeds {', '.join(map(str, given.seeds))}; macro averages over attributes.",
                *([f"Left out: {', '.join(given.without)}."] if given.without and table == "4" else []),
            ],
            {"names": bench.names, "filled": dict(bench.filled)},
        )


if __name__ == "__main__":
    main()
