"""Numbers and extractions shown to people: tables for the terminal, self-contained pages."""

from attrex.report.confusions import confusion_html, confusion_terminal
from attrex.report.inspect import inspect_html, inspect_json, inspect_terminal
from attrex.report.restored import backtest_html, backtest_terminal
from attrex.report.scores import comparison_terminal, report_html, report_terminal

__all__ = [
    "backtest_html",
    "backtest_terminal",
    "comparison_terminal",
    "confusion_html",
    "confusion_terminal",
    "inspect_html",
    "inspect_json",
    "inspect_terminal",
    "report_html",
    "report_terminal",
]
