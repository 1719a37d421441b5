"""What went wrong while reading, within bounds."""

from __future__ import annotations

from typing import Literal

from attrex.errors import InputError

OnError = Literal["fail", "skip"]
LISTED = 1000
"""So many skipped rows and so many warnings are kept word for word; all are counted."""


class Problems:
    """Bad rows and warnings of one pass over a file.

    ``bad`` raises under "fail" and counts under "skip"; ``warn`` never raises.
    """

    def __init__(self, on_error: OnError = "fail") -> None:
        self.on_error = on_error
        self.clear()

    def clear(self) -> None:
        """Forgets everything: a new pass begins."""
        self.skipped = 0
        self.warned = 0
        self.skipped_rows: list[InputError] = []
        self.warnings: list[InputError] = []

    def bad(self, error: InputError) -> None:
        """A row that cannot be used."""
        if self.on_error == "fail":
            raise error
        self.skipped += 1
        if len(self.skipped_rows) < LISTED:
            self.skipped_rows.append(error)

    def warn(self, error: InputError) -> None:
        """Something the user should know of; the row is used."""
        self.warned += 1
        if len(self.warnings) < LISTED:
            self.warnings.append(error)

    @property
    def listed(self) -> list[InputError]:
        """Skipped rows first, then warnings; at most ``LISTED`` of each."""
        return [*self.skipped_rows, *self.warnings]
