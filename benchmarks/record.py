"""Results as JSON and as a table, with the command, the machine and the date."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

RESULTS = Path(__file__).parent / "results"
DATA = Path(os.environ.get("ATTREX_DATA", Path(__file__).parents[2] / "shared" / "data"))


def machine() -> str:
    """Cores, instruction set, memory and versions."""
    sets = torch.backends.cpu.get_cpu_capability()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores {platform.machine()} ({sets}), {memory:.0f} GiB, "
        f"Python {platform.python_version()}, torch {torch.__version__}, no GPU"
    )


def write(
    name: str,
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    notes: Sequence[str],
    raw: Any,
) -> None:
    """``results/NAME.md`` for people and ``results/NAME.json`` with everything."""
    RESULTS.mkdir(exist_ok=True)
    about: Mapping[str, Any] = {
        "command": _command(),
        "machine": machine(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    lines = [f"# {title}", ""]
    lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(c) for c in row) + " |" for row in rows]
    lines += ["", *[f"- {note}" for note in notes]]
    lines += [
        f"- Command: `{about['command']}`",
        f"- Machine: {about['machine']}",
        f"- Date: {about['date']}",
    ]
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n", "utf-8")
    content = {**about, "columns": list(columns), "rows": [list(r) for r in rows], "raw": raw}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print("\n".join(lines))


def _command() -> str:
    """As given, without the folders of this machine."""
    words = [f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]
    local = {at + step for at, word in enumerate(words) if word in ("--data", "--keep") for step in (0, 1)}
    return "python " + shlex.join(word for at, word in enumerate(words) if at not in local)


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
