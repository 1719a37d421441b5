"""What every test may ask for."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure.
settings.register_profile("attrex", deadline=None)
settings.load_profile("attrex")

# A shell's background jobs ignore Ctrl-C, and what they start inherits that: tests that send it would wait.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of public data sets: ``ATTREX_DATA``, or ``../shared/data`` beside the repository."""
    default = Path(__file__).parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("ATTREX_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"the public data sets are not at {folder}; say where by ATTREX_DATA")
    return folder


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests compare to the fourth digit; bfloat16, where the hardware has it, keeps two. How far the two lie
    apart is tested with the encoders."""
    monkeypatch.setattr("attrex.nn.precision.has_bfloat16", lambda device: False)
