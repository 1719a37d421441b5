"""The verbs, and the one place where an error becomes a message and an exit code.

Nothing heavy is imported before a verb runs: ``attrex --help`` is instant.

Exit codes: 0 done; 1 any other error; 2 a wrong option or setting; 3 the input; 4 the output;
5 the schema; 6 the model; 130 stopped by the user.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from attrex import __version__
from attrex.cli import backtest, evaluate, fill, fit, inspect, plan, schema
from attrex.errors import AttrexError

STOPPED = 130

app = typer.Typer(
    help="Fills in the blanks of a product catalogue, with evidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("fit")(fit.fit)
app.command("fill")(fill.fill)
app.command("backtest")(backtest.backtest)
app.command("evaluate")(evaluate.evaluate)
app.command("inspect")(inspect.inspect)
app.command("plan")(plan.plan)
app.add_typer(schema.app, name="schema")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"attrex {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Fills in the blanks of a product catalogue, with evidence."""


def main(arguments: list[str] | None = None) -> None:
    """Runs a command and exits with its code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Runs a command and returns its exit code; what goes wrong is one message on standard error."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        app(arguments, prog_name="attrex")
    except SystemExit as end:
        if end.code == STOPPED:
            print("attrex: stopped", file=sys.stderr)
        return end.code if isinstance(end.code, int) else 0
    except AttrexError as error:
        print(f"attrex: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _terminated(number: int, frame: FrameType | None) -> None:
    """A polite request to end is the user's Ctrl-C: what is done is kept."""
    raise KeyboardInterrupt
