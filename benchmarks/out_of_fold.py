"""Out-of-fold scores of the default model on AE-110K and OA-Mine (ExtractGPT's training parts).

Five folds grouped by title; each is answered by a model fitted on the other four with no other flag
than the format. With ``--raw`` the raw AE-110K rows are added, without the titles of the fold.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import attrex
from attrex.api.scoring import judge_all
from attrex.core import Product
from attrex.evaluation import Judged, report
from attrex.io.reader import open_reader
from attrex.schema import Schema
from attrex.supervision.splits import folds, title_key
from record import DATA, write

FOLDS = 5


def read(path: Path, format: str) -> tuple[list[Product], Schema | None]:
    """All products of a file, and the schema it implies."""
    reader = open_reader(path, format=format)
    return [row.product for row in reader], reader.schema()


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items() if not k.endswith("_spans")}


def main() -> None:
    """See the module's text."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--sets", nargs="+", default=["ae-110k", "oa-mine"])
    options.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)))
    options.add_argument("--recipe", default="adatag-minilm")
    options.add_argument("--raw", action="store_true", help="add the raw AE-110K rows")
    options.add_argument("--name", default="out_of_fold")
    options.add_argument("--keep", type=Path, help="folder for finished folds, so that a stopped run goes on")
    given = options.parse_args()
    rows: list[list[Any]] = []
    raw: dict[str, Any] = {}
    for name in given.sets:
        products, schema = read(given.data / "extractgpt" / name / "train.jsonl", "extractgpt")
        extra = read(given.data / "ae110k" / "publish_data.train.txt", "ae110k")[0] if given.raw else []
        judged: list[Judged] = []
        lexicon: list[Judged] = []
        seconds: list[float] = []
        for number, held in enumerate(folds(products, FOLDS, 0)):
            if number not in given.folds:
                continue
            kept = given.keep and given.keep / f"{given.name}-{name}-{number}.json"
            if kept and kept.is_file():
                ours, theirs, took = json.loads(kept.read_text("utf-8"))
                judged += [Judged(**fields) for fields in map(_tuples, ours)]
                lexicon += [Judged(**fields) for fields in map(_tuples, theirs)]
                seconds.append(took)
                continue
            outside = set(held)
            rest = [p for at, p in enumerate(products) if at not in outside]
            report_titles = {title_key(products[at]) for at in held}
            rest += [p for p in extra if title_key(p) not in report_titles]
            began = time.monotonic()
            model = attrex.fit(rest, schema=schema, recipe=given.recipe)
            seconds.append(time.monotonic() - began)
            known = attrex.fit(rest, schema=schema, recipe="lexicon")
            ours, theirs = (judge_all(m, [products[at] for at in held]) for m in (model, known))
            judged += ours
            lexicon += theirs
            if kept:
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(
                    json.dumps([[asdict(j) for j in ours], [asdict(j) for j in theirs], seconds[-1]]), "utf-8"
                )
            f1 = report(ours, resamples=0).micro.scores.f1
            print(f"{name}, fold {number}: F1 {f1:.4f}, fitted in {seconds[-1]:.0f} s", flush=True)
        for model_name, all_judged in ((given.recipe, judged), ("lexicon", lexicon)):
            scored = report(all_judged, name=model_name)
            micro, counts = scored.micro.scores, scored.micro.counts
            interval = micro.intervals["f1"] if micro.intervals else None
            rows.append(
                [
                    name,
                    model_name,
                    scored.asks,
                    micro.precision,
                    micro.recall,
                    micro.f1,
                    f"{interval[0]:.3f}–{interval[1]:.3f}" if interval else "–",
                    scored.macro.f1,
                    f"{counts.vc}/{counts.vw}/{counts.vn}/{counts.nv}/{counts.nn}",
                    f"{sum(seconds) / len(seconds):.0f}" if model_name == given.recipe else "–",
                ]
            )
            raw[f"{name}, {model_name}"] = scored.to_json()
    write(
        given.name,
        "Out-of-fold scores" + (", with the raw AE-110K rows" if given.raw else ""),
        ["set", "model", "asks", "P", "R", "micro-F1", "95 %", "macro-F1", "VC/VW/VN/NV/NN", "s a fit"],
        rows,
        [
            f"Folds {', '.join(map(str, given.folds))} of {FOLDS}, grouped by title; thresholds are chosen "
            "inside the other folds.",
            "Counting: one value an ask, VC/VW/VN/NV/NN; intervals by product, 1,000 resamples.",
        ],
        raw,
    )


if __name__ == "__main__":
    main()
