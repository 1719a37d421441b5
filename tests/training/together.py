"""What one of several processes does in ``test_together``: ``python -m tests.training.together FOLDER``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor, nn

from attrex.nn import processes
from attrex.supervision.pool import Pool
from attrex.training import Settings, TrainingReport, fit
from tests.training.line import Line, Network, pool

SCORES = (0.1, 0.5, 0.3, 0.4, 0.2, 0.9)
SETTINGS = {"epochs": 6, "batch": 4, "rates": {"default": 1e-2}, "weight_decay": 0.0, "averaging": 0.8}


class WithRarePart(Network):
    """A part that few examples need, as an attribute's own decoder; the loss is a mean over examples."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.rare = nn.Linear(4, 1)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        loss = super().forward(batch)["loss"]
        asked = batch["inputs"][batch["inputs"][:, 2] > 0.75]
        if len(asked):
            loss = loss + self.rare(asked).square().sum() / len(batch["inputs"])
        return {"loss": loss}


class Shared(Line):
    """The line with a rare part."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.rate = dropout

    def begin(self, pool: Pool) -> None:
        self.network = WithRarePart(self.rate)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        return {**super().parameter_groups(), "rare": list(self.network.get_submodule("rare").parameters())}


def train(
    folder: Path | None, dropout: float = 0.0, **settings: int
) -> tuple[Shared, TrainingReport, list[str], int]:
    """The trained model, the report, what was said, and how often this process scored."""
    model, lines, scored = Shared(dropout), list[str](), list[float]()

    def score() -> float:
        scored.append(SCORES[len(scored)])
        return scored[-1]

    given = Settings(**SETTINGS, patience=3, folder=folder, **settings)
    return model, fit(model, pool(), score, given, lines.append), lines, len(scored)


def main(folder: Path) -> None:
    me = processes.rank()
    model, report, lines, scored = train(folder / "model")
    save_file(dict(model.network.state_dict()), folder / f"weights-{me}.safetensors")
    masked, _, _, _ = train(None, dropout=0.5)
    save_file(dict(masked.network.state_dict()), folder / f"masked-{me}.safetensors")
    parted, _, _, _ = train(None, max_tokens=1)
    save_file(dict(parted.network.state_dict()), folder / f"parted-{me}.safetensors")
    told = {
        "seen": model.seen,
        "parts": parted.seen,
        "lines": lines,
        "scored": scored,
        "epochs": report.epochs,
        "score": report.score,
        "loss": report.loss,
        "from first": processes.from_first(lambda: {"rank": me, "text": "é"}),
    }
    (folder / f"told-{me}.json").write_text(json.dumps(told))
    processes.wait()
    processes.part()
    threads = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    (folder / f"threads-{me}.json").write_text(json.dumps(threads))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
