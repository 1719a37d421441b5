"""The sample catalogue that the project ships: made up, CC0, described in the README beside it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from attrex.errors import InputError

SAMPLES = ("catalog.csv", "labelled.jsonl", "schema.yaml")

__all__ = ["SAMPLES", "sample_path"]


def sample_path(name: str) -> Path:
    """Where the sample file of that name lies on disk.

    Raises ``InputError`` for a name that is not in ``SAMPLES``.
    """
    if name not in SAMPLES:
        raise InputError(f'there is no sample "{name}"', fix=f"take one of {', '.join(SAMPLES)}")
    return Path(str(files(__package__).joinpath(name)))
