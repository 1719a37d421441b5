"""Whether a fit was worth it: what to say of a model that hardly finds anything."""

from __future__ import annotations

from attrex.evaluation import Report
from attrex.resolve import WORTHLESS, Aim


def doubts(scores: Report | None, aim: Aim) -> list[str]:
    """What to note of the scores on the known cells kept apart, if anything: that there are none, an F1 so
    small that values are hardly ever written, or a precision that no threshold reaches."""
    from attrex.report.numbers import counted  # not at the top, for it brings rich

    if scores is None:
        return [
            "no known cell was kept apart to try the model on, so that probabilities are its own and "
            "thresholds are not learnt. Fix: give more rows"
        ]
    counts, micro = scores.micro.counts, scores.micro.scores
    if not counts.vc + counts.vw + counts.vn:
        return []  # nothing was to be found
    cells = counted(scores.asks, "known cell")
    if aim.precision is not None:
        if counts.vc + counts.vw + counts.nv:
            return []
        return [
            f"nothing proposed for the {cells} kept apart is sure enough for a precision of "
            f"{aim.precision:g}, so that fill will leave nearly all cells empty. Fix: ask for a lower "
            "precision, give more filled cells, or another recipe"
        ]
    if micro.f1 >= WORTHLESS:
        return []
    return [
        f"F1 is {micro.f1:.3f} on the {cells} kept apart: this model is hardly of any use here, and fill "
        "will leave nearly all cells empty. Fix: check the columns with --dry-run, give more filled cells, "
        "or another recipe"
    ]
