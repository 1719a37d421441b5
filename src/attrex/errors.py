"""Everything attrex raises on purpose.

    AttrexError
    ├── InputError        the product data: file, row, field, and how to mend it
    │   └── OutputError   the place to write to: full, read-only, already there
    │       └── PipeClosed   nobody reads standard output any more; ends without a message
    ├── SchemaError       the schema: unknown parent, cycle, duplicate name
    ├── ConfigError       a setting, with its path: ``training.learning_rate: expected ...``
    ├── ModelError        a model folder: missing, truncated, newer, other architecture
    │   ├── BackboneMissing   pretrained weights that are not installed, and how to get them
    │   └── EndpointError     a server that is gone, or refuses; what was answered is kept
    └── Interrupted       stopped by the user; what is done is kept

The command line turns each into one message and an exit code (``exit_code``).
"""

from __future__ import annotations

STOPPED = 130
"""The exit code where somebody pressed Ctrl-C."""


class AttrexError(Exception):
    """The root. ``exit_code`` is what the command line exits with."""

    exit_code = 1


class InputError(AttrexError):
    """Something in the user's data. Says where (file, row, field) and what to do (fix)."""

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        row: int | None = None,
        field: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.message, self.file, self.row, self.field, self.fix = message, file, row, field, fix
        super().__init__(str(self))

    def __str__(self) -> str:
        where = ", ".join(
            part
            for part in (
                self.file,
                f"row {self.row}" if self.row is not None else None,
                f'field "{self.field}"' if self.field is not None else None,
            )
            if part
        )
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}. Fix: {self.fix}" if self.fix else text


class OutputError(InputError):
    """The output cannot be written."""

    exit_code = 4


class PipeClosed(OutputError):
    """Whoever read standard output has seen enough; the exit code is that of the signal for it."""

    exit_code = 141


class SchemaError(AttrexError):
    """The schema contradicts itself or cannot be read."""

    exit_code = 5


class ConfigError(AttrexError):
    """A setting is wrong; the message begins with its path."""

    exit_code = 2


class ModelError(AttrexError):
    """A model folder cannot be used."""

    exit_code = 6


class BackboneMissing(ModelError):
    """Pretrained weights are not installed; the message says how to get them."""


class EndpointError(ModelError):
    """A model behind an address does not answer, or refuses; what it has answered is kept."""


class Interrupted(AttrexError):
    """The user stopped the run; the message says how to resume."""

    exit_code = 130
