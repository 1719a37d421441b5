"""``attrex fit``."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attrex.cli import options as o
from attrex.cli.terminal import clock, counted, quiet, say, show, show_json, show_line, telling
from attrex.errors import ConfigError
from attrex.nn import processes

if TYPE_CHECKING:
    from attrex.api import Extractor


@o.reads_data
def fit(
    data: o.DataOptions,
    picture: o.PictureOptions,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The model folder to write.")] = None,
    schema: o.SchemaFile = None,
    recipe: o.RecipeName = None,
    min_precision: o.MinPrecision = None,
    complete: o.Complete = False,
    gate: o.Gate = None,
    labels_per_value: Annotated[
        int | None,
        typer.Option(
            "--labels-per-value", help="Know so many labels of each value at most, drawn by the seed."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be learnt from, and how long it would take.")
    ] = False,
    seed: o.Seed = 0,
    as_json: o.Json = False,
    silent: o.Quiet = False,
) -> None:
    """Learn from the filled cells of a catalogue."""
    if out is None and not dry_run:
        raise ConfigError("--out: where shall the model go? Give -o model/, or --dry-run to only look")
    if data.path == "-" and processes.count() > 1:
        raise ConfigError("FILE: standard input can be read by one process only; give torchrun's a file")
    aim = o.aim_of(min_precision)
    reader, pictures = o.opened(data, picture)
    from attrex.api import fit as learn
    from attrex.api import load_recipe
    from attrex.api.preview import preview, preview_terminal
    from attrex.api.recipe import DEFAULT

    settled = load_recipe(recipe or DEFAULT)
    if gate is not None:
        settled = replace(settled, gate=replace(settled.gate, kind=gate.value))
    if labels_per_value is not None:
        settled = replace(settled, labels_per_value=labels_per_value)
    if dry_run:
        with telling(reader):
            seen = preview(
                reader, schema=schema, recipe=settled, complete=complete, pictures=pictures, seed=seed
            )
        show_json(seen.to_json()) if as_json else show(preview_terminal(seen))
        return
    begun = time.monotonic()
    with telling(reader):
        extractor = learn(
            reader,
            schema=schema,
            recipe=settled,
            aim=aim,
            complete=complete,
            pictures=pictures,
            seed=seed,
            out=out,
            progress=quiet if silent else say,
        )
    seconds = time.monotonic() - begun
    if as_json:
        show_json(_summary(extractor, out, seconds))
    else:
        _print(extractor, out, seconds)


def _summary(extractor: Extractor, out: Path | None, seconds: float) -> dict[str, Any]:
    report = extractor.report
    assert report is not None
    return {
        "model": str(out),
        "version": extractor.version,
        "recipe": report.recipe,
        "seed": report.seed,
        "products": report.products,
        "parts": dict(report.parts),
        "attributes": report.labels.rows(),
        "notes": list(report.notes),
        "thresholds": extractor.policy.thresholds.to_json(),
        "gate": None if report.gate is None else report.gate.to_json(),
        "scores": None if report.scores is None else report.scores.to_json(),
        "seconds": round(seconds, 2),
    }


def _print(extractor: Extractor, out: Path | None, seconds: float) -> None:
    report = extractor.report
    assert report is not None
    for note in report.notes:
        say(f"note: {note}")
    attributes = counted(len(extractor.schema.every), "attribute")
    show_line(f"{out}: {extractor.name}, {attributes}, fitted in {clock(seconds)}")
    if report.scores is not None:
        s = report.scores.micro.scores
        show_line(
            f"On {counted(report.scores.asks, 'known cell')} kept apart: precision {s.precision:.3f}, "
            f"recall {s.recall:.3f}, F1 {s.f1:.3f} (thresholds were chosen on them)"
        )
