"""The verbs, and the one place where an error becomes a message and an exit code.

Nothing heavy is imported before a verb runs: ``attrex --help`` is instant.

Exit codes: 0 done; 1 any other error; 2 a wrong option or setting; 3 the input; 4 the output;
5 the schema; 6 the model; 130 stopped by the user; 141 standard output was closed by its reader.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from attrex import __version__
from attrex.cli import backtest, data, evaluate, fill, fit, inspect, plan, schema
from attrex.cli.terminal import complain, say, show_line
from attrex.errors import STOPPED, AttrexError, ConfigError, OutputError, PipeClosed
from attrex.io.standard_output import put
from attrex.nn import processes

_NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)

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
app.add_typer(data.app, name="data")
app.add_typer(schema.app, name="schema")


def _version(wanted: bool) -> None:
    if wanted:
        show_line(f"attrex {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Fills in the blanks of a product catalogue, with evidence."""
    if processes.count() > 1 and context.invoked_subcommand != "fit":
        raise ConfigError(
            f"torchrun: attrex {context.invoked_subcommand} is done by one process, not by "
            f"{processes.count()}; only fit is shared. Leave torchrun out"
        )


def main(arguments: list[str] | None = None) -> None:
    """Runs a command and exits with its code."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        # either is None where it was closed before the start (">&-")
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
        if not processes.is_first():
            sys.stdout = nowhere
        if processes.count() > 1:
            # Or DDP warns, in each, of a step that needed all parameters. Read when torch is imported.
            os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        code = run(sys.argv[1:] if arguments is None else arguments)
        try:
            put("")  # what is still buffered; the interpreter's own last flush would fail with a traceback
        except OutputError as error:
            code = code or error.exit_code
        sys.exit(code)


def run(arguments: list[str]) -> int:
    """Runs a command and returns its exit code; what goes wrong is one message on standard error."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        return _run(arguments)
    except PipeClosed as end:
        return end.exit_code
    except AttrexError as error:
        complain(error)
        return error.exit_code


def _run(arguments: list[str]) -> int:
    try:
        app(arguments, prog_name="attrex")
    except SystemExit as end:
        if end.code == STOPPED:
            say("attrex: stopped")
        return end.code if isinstance(end.code, int) else 0
    except OSError as error:
        said, file = error.strerror or str(error), error.filename
        where = file if isinstance(file, str) else None
        if error.errno in _NO_ROOM:
            raise OutputError(said, file=where, fix="make room, then run the same command again") from None
        raise AttrexError(f"{where}: {said}" if where else said) from None
    return 0


def _terminated(number: int, frame: FrameType | None) -> None:
    """A polite request to end is the user's Ctrl-C: what is done is kept."""
    raise KeyboardInterrupt
