"""The model card: what is in a model folder, for people and for the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from attrex.evaluation import Support
from attrex.resolve import Policy
from attrex.schema import Schema

if TYPE_CHECKING:
    from attrex.api.fitting import FitReport

_LISTED = 50


def model_card(
    name: str, schema: Schema, policy: Policy, report: FitReport | None, support: Support | None
) -> str:
    """Markdown with front matter; with ``support`` each attribute's training rows."""
    front = yaml.safe_dump(
        {"library_name": "attrex", "tags": ["attribute-value-extraction", "product-catalogue", name]},
        sort_keys=False,
    )
    attributes = schema.every
    lines = [
        f"---\n{front}---",
        f"# {name}: {len(attributes)} product attributes",
        "Fills in the blanks of a product catalogue, with evidence, by attrex.",
        "```\nattrex fill catalog.csv -m . -o filled.csv\n```",
        "## Attributes",
        *([] if support is None else ["In brackets: the rows it was learnt from that state it."]),
        ", ".join(_attribute(a.name, support) for a in attributes[:_LISTED])
        + (f" and {len(attributes) - _LISTED} more" if len(attributes) > _LISTED else ""),
        "## When it is believed",
        f"Thresholds aim at {policy.thresholds.aim}; the common one is {policy.thresholds.common:.3f}. "
        + (
            "Probabilities are calibrated."
            if policy.calibration.fitted
            else "Probabilities are the model's own, not calibrated."
        ),
    ]
    if report is not None and report.gate is not None:
        lines += ["## What is asked", f"{report.gate}. What it denies is not applicable."]
    if report is not None:
        lines += ["## How it was made", *_made(report)]
    return "\n\n".join(lines) + "\n"


def _attribute(name: str, support: Support | None) -> str:
    return name if support is None else f"{name} ({support.attributes.get(name, 0)})"


def _made(report: FitReport) -> list[str]:
    parts = ", ".join(f"{number} to {name}" for name, number in report.parts.items())
    total = report.labels.total()
    lines = [
        f"Recipe {report.recipe}, seed {report.seed}, {report.products} products ({parts}).",
        f"Of {total.values} values in filled cells {total.values - total.unlocated} were found in the texts.",
    ]
    if report.scores is not None:
        s = report.scores.micro.scores
        lines.append(
            f"On the known cells of the calibrate part, on which the thresholds were chosen: precision "
            f"{s.precision:.3f}, recall {s.recall:.3f}, F1 {s.f1:.3f} "
            f"({report.scores.asks} asks). Empty cells may be harder."
        )
    return [*lines, *(f"Note: {note}" for note in report.notes)]
