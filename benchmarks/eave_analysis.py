"""The EAVE paper's analysis (Yang et al., 2024, §6, A.5, A.7) on the fixed ablation set, with MiniLM.

Figures 3 to 5 and Tables 2 to 5, 12 and 13: one table each, beside what the paper has. ``ae-110k`` are
titles, as in the paper's AE-110K; ``wdc-pave`` titles with descriptions, the nearest there is here to its
MAVE. Every fit is kept in ``--keep``, so that a stopped benchmark goes on and a table takes what another has
fitted.

Fits are short (``TRAINING``), so that one of 800 titles takes about a minute on one core; what that costs is
the table of the part ``training``. Where a shape does not come out, ``--with`` fits all runs of EAVE with
other arguments: ``--with '{heavy: frozen}' --name frozen``.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from attrex.api.gating import GateSettings
from attrex.api.recipe import Recipe, load_recipe
from attrex.core import Product
from attrex.evaluation import Judged
from attrex.supervision.noise import noisy, values_by_category
from attrex.text.reading import read
from attrex.text.tokeniser import WordPieces
from fixed_set import SETS, FixedSet, Kept, Run, asked, fixed_set, micro
from record import DATA, write

RATE = 1.5e-4
TRAINING: Mapping[str, Any] = {
    "epochs": 3,
    "examples": None,
    "batch": 8,
    "rates": {"heavy": RATE, "encoder": RATE, "default": 2.0e-3},
    "averaging": 0.98,
}
"""In place of the recipe's 8 epochs; rates and batch are its own."""
PAIRS: Mapping[str, Any] = {**TRAINING, "batch": 16, "rates": {"encoder": 2.0e-4, "default": 2.0e-3}}
"""The same for AVEQA, whose examples are pairs."""
NOISE = (0.0, 0.1, 0.2, 0.4)
TRAINED_NOISE = 0.2
CLEAN = "as they are"


@dataclass(frozen=True, slots=True)
class Row:
    """A setting. ``training`` None: the recipe's own. ``published``: the paper's F1 on AE-110K and on MAVE,
    where it has one."""

    label: str
    recipe: str = "eave"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] | None = field(default_factory=lambda: TRAINING)
    noise: float = 0.0
    published: tuple[float, ...] = ()

    def made(self, extra: Mapping[str, Any]) -> Recipe:
        """The recipe; ``extra`` arguments are EAVE's."""
        recipe = load_recipe(self.recipe)
        arguments = {**recipe.arguments, **(extra if self.recipe == "eave" else {}), **self.arguments}
        return replace(
            recipe,
            arguments=arguments,
            training=recipe.training
            if self.training is None
            else {**(recipe.training or {}), **self.training},
            noise=self.noise,
            split={"train": 1.0},
            gate=GateSettings("none"),
        )


def rated(beta: float) -> dict[str, Any]:
    """Training with so much of the rate for the heavy encoder."""
    return {**TRAINING, "rates": {**TRAINING["rates"], "heavy": beta * RATE}}


def alpha(value: float, label: str | None = None) -> Row:
    # With none of its states the heavy encoder learns nothing, and need not run in each epoch.
    more = {"heavy": "frozen"} if value == 0 else {}
    return Row(label or f"{value:g}", arguments={"alpha": value, **more})


def mapped(label: str, layers: Sequence[int], *published: float, light: int = 2) -> Row:
    arguments: dict[str, Any] = {"mapping": list(layers)}
    if light != 2:
        arguments["light_layers"] = light
    return Row(label, arguments=arguments, published=published)


def placed(place: str, *published: float) -> Row:
    own = {} if place == "after_attention_and_skip" else {"place": place}
    return Row(place.replace("_", " "), arguments=own, published=published)


DEFAULT = Row("EAVE")
AVEQA = Row("AVEQA", recipe="aveqa", training=PAIRS)
LIGHT = alpha(0, "light encoder alone")
PLAIN: dict[str, tuple[str, list[Row]]] = {
    "training": (
        "What short fits cost",
        [DEFAULT, Row("EAVE, the recipe's own training", training=None)],
    ),
    "figure3": (
        "Figure 3: the fusion's weight",
        [*map(alpha, (0, 0.05, 0.1, 0.3)), replace(DEFAULT, label="0.5"), *map(alpha, (0.7, 0.9, 1))],
    ),
    "table2": (
        "Table 2: fusions",
        [
            replace(DEFAULT, label="fixed alpha (0.5)", published=(84.62, 97.98)),
            Row("learned alpha", arguments={"fusion": "learned"}, published=(84.27, 97.05)),
            Row("cross-attention", arguments={"fusion": "cross_attention"}, published=(78.50, 96.30)),
        ],
    ),
    "table3": (
        "Table 3: layer mappings (the paper's are of 24 layers to 8)",
        [
            mapped("even_0: 0, 3", [0, 3], 84.62, 97.76),
            mapped("even_1: 1, 4", [1, 4], 84.47, 97.86),
            replace(DEFAULT, label="even_2: 2, 5", published=(84.44, 97.90)),
            mapped("last: 5, 5", [5, 5], 84.10, 98.07),
            mapped("last_n: 4, 5", [4, 5], 84.36, 98.02),
            mapped("first_n: 0, 1", [0, 1], 84.57, 96.54),
        ],
    ),
    "table4": (
        "Table 4: places",
        [
            placed("before_attention", 84.23, 98.16),
            placed("after_attention", 84.40, 97.98),
            placed("after_attention_and_skip", 84.58, 97.92),
            placed("before_mlp", 84.74, 97.85),
            placed("after_mlp", 84.48, 97.72),
            placed("after_mlp_and_skip", 84.25, 97.83),
        ],
    ),
    "table5": (
        "Table 5: sizes (the paper's: B-S 84.48 and 96.99, L-S 84.50 and 97.98, XL-S 84.43 and 98.40)",
        [
            LIGHT,
            mapped("heavy of 2 layers, light of 2", [0, 1]),
            mapped("heavy of 4, light of 2", [1, 3]),
            mapped("heavy of 6, light of 1", [5], light=1),
            replace(DEFAULT, label="heavy of 6, light of 2"),
            mapped("heavy of 6, light of 3", [1, 3, 5], light=3),
            mapped("heavy of 6, light of 4", [1, 2, 4, 5], light=4),
            mapped("heavy of 6, light of 6", [0, 1, 2, 3, 4, 5], light=6),
        ],
    ),
    "figure4": (
        "Figure 4: the heavy encoder's rate",
        [
            Row("0: frozen", arguments={"heavy": "frozen"}),
            Row("0.1", training=rated(0.1)),
            Row("0.3", training=rated(0.3)),
            replace(DEFAULT, label="1"),
            Row("3", training=rated(3)),
        ],
    ),
}


class Bench:
    """Runs on the fixed set, and the tables."""

    def __init__(self, bench: FixedSet, given: argparse.Namespace) -> None:
        self.set, self.seeds, self.quick = bench, given.seeds, given.quick
        self.extra: Mapping[str, Any] = yaml.safe_load(given.extra) or {}
        self.suffix = f"_{given.name}" if given.name else ""
        self.kept = Kept(given.keep, "eave")

    def runs(self, row: Row, reports: Mapping[str, Sequence[Product]] | None = None) -> list[Run]:
        """One a seed; ``reports``: the report titles otherwise than they are, by name."""
        recipe = row.made(self.extra)
        if self.quick:
            recipe = replace(recipe, training={**(recipe.training or {}), "epochs": 1})
        asks = {name: asked(products) for name, products in (reports or {CLEAN: self.set.report}).items()}
        what, own = f"{self.set.name}, {row.label}", self.set
        return [
            self.kept.run(what, recipe, own.schema, own.train, asks, own.report, seed) for seed in self.seeds
        ]

    def write(self, part: str, title: str, columns: list[str], rows: list[list[Any]], *notes: str) -> None:
        told = [
            f"{self.set.told}; seeds {', '.join(map(str, self.seeds))}. Micro averages of exact matches; s.d."
            " over seeds.",
            f"Training: {TRAINING['epochs']} epochs, batches of {TRAINING['batch']}, nothing calibrated.",
            *([f"All runs of EAVE with {dict(self.extra)}."] if self.extra else []),
            *notes,
        ]
        if self.quick:
            print(title, columns, *rows, *told, sep="\n")
        else:
            name = f"eave_{part}_{self.set.name}{self.suffix}"
            write(name, f"EAVE, {title}, {self.set.name}", columns, rows, told, {"training": dict(TRAINING)})

    # --- tables ---

    def plain(self, part: str) -> None:
        """A row a setting."""
        title, settings = PLAIN[part]
        titles = self.set.name == "ae-110k"
        rows: list[list[Any]] = []
        for row in settings:
            runs = self.runs(row)
            own = [row.label, *averaged([micro(run.judged[CLEAN]) for run in runs])]
            own.append(statistics.mean(run.reachable for run in runs))
            own += [f"{runs[0].gflops:.3f}", f"{statistics.mean(run.seconds for run in runs):.0f}"]
            rows.append(own + [each / 100 for each in row.published[0 if titles else 1 :][:1]])
        heads = ["setting", *SCORES, "F1 at its best threshold", "GFLOPs an ask", "s a fit"]
        if settings[0].published:
            heads.append(f"F1 in the paper, {'AE-110K' if titles else 'MAVE'}")
        self.write(part, title, heads, rows, COST, BEST)

    def lengths(self) -> None:
        """Figure 5: by how much EAVE lies below AVEQA, by the context's length."""
        tokens = self._tokens()
        ordered = sorted(tokens.values())
        edges = [0, *(ordered[len(ordered) * at // 4] for at in (1, 2, 3)), ordered[-1] + 1]
        both = [self.runs(DEFAULT), self.runs(AVEQA)]
        rows = []
        for low, high in pairwise(edges):
            ids = {id for id, number in tokens.items() if low <= number < high}
            scores = [[micro(_of(run.judged[CLEAN], ids)) for run in runs] for runs in both]
            gaps = [tuple(a - b for a, b in zip(*each, strict=True)) for each in zip(*scores, strict=True)]
            rows.append([f"{low} to {high - 1}", len(ids), *averaged(gaps), averaged(scores[1])[2]])
        heads = ["tokens", "titles", *(f"EAVE - AVEQA, {s}" for s in SCORES[:3]), "s.d.", "F1 of AVEQA"]
        self.write("figure5", "Figure 5: context lengths", heads, rows, "Lengths: quarters of the titles.")

    def _tokens(self) -> dict[str, int]:
        from attrex.nn.pretrained import find_base

        tokeniser = WordPieces.from_file(find_base("minilm").tokeniser)
        readings = read(self.set.report, tokeniser)
        return {p.id: len(reading) for p, reading in zip(self.set.report, readings, strict=True)}

    def categories(self) -> None:
        """Table 12: cost and F1 by category, at the number of its attributes."""
        models = {row.label: self.runs(row) for row in (LIGHT, AVEQA, DEFAULT)}
        rows = []
        for category in self._largest():
            ids = {p.id for p in self.set.report if p.category == category}
            number = len(self.set.schema.of(category))
            for label, runs in models.items():
                asks, prepare, answer = runs[0].flops[category]
                # The light encoder alone prepares nothing.
                spent = answer if label == LIGHT.label else prepare + answer
                scores = averaged([micro(_of(run.judged[CLEAN], ids)) for run in runs])
                rows.append([category, number, label, *scores, f"{spent / asks / 1e9:.3f}"])
        heads = ["category", "N", "model", *SCORES, "GFLOPs an ask"]
        self.write("table12", "Table 12: categories at their own N", heads, rows, COST)

    def _largest(self) -> list[str]:
        names = [p.category for p in self.set.report if p.category is not None]
        return sorted(set(names), key=lambda name: -names.count(name))[:8]

    def noises(self) -> None:
        """Table 13: answers on texts with other products' values in them."""
        every = [*self.set.train, *self.set.report]
        values = values_by_category(every)
        reports: dict[str, Sequence[Product]] = {CLEAN: self.set.report}
        for p in NOISE[1:]:
            reports[f"p = {p:g}"] = noisy(self.set.report, values, probability=p, seed=1)
        rows = []
        for label, noise in ((f"trained on noisy texts, p = {TRAINED_NOISE:g}", TRAINED_NOISE), ("clean", 0)):
            runs = self.runs(replace(DEFAULT, label=f"{label}", noise=float(noise)), reports)
            own = [averaged([micro(run.judged[name]) for run in runs]) for name in reports]
            rows.append([label, *(cell for score in own for cell in score[2:])])
        heads = ["model", *(f"{c}, p = {p:g}" for p in NOISE for c in SCORES[2:])]
        paper = "The paper's, on MAVE: noisy 96.96, 97.10, 96.99, 97.25; clean 97.27, 95.36, 93.57, 90.39."
        self.write("table13", "Table 13: noise", heads, rows, paper)


SCORES = ["P", "R", "F1", "s.d. of F1"]
COST = (
    "GFLOPs: by formula, all of a category's attributes asked, the context's share included; a look-up is no"
    " product."
)


BEST = (
    "Best threshold: chosen on the report titles themselves, values compared but for their writing; it tells"
    " settings that are wrong from those that after so short a training are not sure yet."
)


def averaged(scores: Sequence[Sequence[float]]) -> list[Any]:
    """Means over seeds, and the deviation of the last."""
    means: list[Any] = [statistics.mean(part) for part in zip(*scores, strict=True)]
    return [*means, statistics.stdev(s[2] for s in scores) if len(scores) > 1 else "–"]


def _of(judged: Sequence[Judged], ids: set[str]) -> list[Judged]:
    return [one for one in judged if one.product_id in ids]


def main() -> None:
    """See the module's text."""
    special: dict[str, Callable[[Bench], None]] = {
        # First: it asks most of the default's run, which the others take as it then is.
        "table13": Bench.noises,
        "figure5": Bench.lengths,
        "table12": Bench.categories,
    }
    parts = [*special, *PLAIN]
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--set", default="ae-110k", choices=list(SETS))
    options.add_argument(
        "--parts", nargs="+", default=parts, choices=parts, metavar="PART", help=", ".join(parts)
    )
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--with", dest="extra", default="{}", help="arguments of all runs of EAVE, as YAML")
    options.add_argument("--name", default="", help="behind the tables' names")
    options.add_argument("--keep", type=Path, default=Path("benchmarks/kept"))
    options.add_argument("--quick", action="store_true", help="a twentieth, one epoch, nothing written")
    given = options.parse_args()
    bench = Bench(fixed_set(given.data, given.set, quick=given.quick), given)
    for part in parts:
        if part in given.parts:
            special[part](bench) if part in special else bench.plain(part)


if __name__ == "__main__":
    main()
