"""Records in, numbers out: matching, scores, intervals, comparisons and backtests. No torch."""

from attrex.evaluation.backtest import Backtest, Disagreement, MaskedCell, Side, backtest
from attrex.evaluation.compare import Comparison, Difference, compare
from attrex.evaluation.confusion import Confusion, confusion
from attrex.evaluation.counts import Counts, Scores, SetCounts
from attrex.evaluation.curves import Bin, CurvePoint, best_cut, curve, reliability
from attrex.evaluation.judged import Form, Judged, judge
from attrex.evaluation.outcome import Matching, Outcome
from attrex.evaluation.report import Report, report
from attrex.evaluation.support import Support

__all__ = [
    "Backtest",
    "Bin",
    "Comparison",
    "Confusion",
    "Counts",
    "CurvePoint",
    "Difference",
    "Disagreement",
    "Form",
    "Judged",
    "MaskedCell",
    "Matching",
    "Outcome",
    "Report",
    "Scores",
    "SetCounts",
    "Side",
    "Support",
    "backtest",
    "best_cut",
    "compare",
    "confusion",
    "curve",
    "judge",
    "reliability",
    "report",
]
