"""One subclass of Hugging Face's Trainer: dict batches, rates by group, averaged weights, scores by
the real extraction path, and checkpoints that hold only what is trained."""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_callback import PrinterCallback

from attrex.errors import OutputError
from attrex.models.interface import Example, Learner
from attrex.nn import processes
from attrex.supervision.pool import Pool
from attrex.training.sampler import LengthGrouped, parts
from attrex.training.settings import Settings

WEIGHTS, AVERAGE, BEST = "model.safetensors", "average.safetensors", "best.safetensors"
_NO_ROOM = ("inline_container", "iostream", "PytorchStreamWriter")
"""One of these stands in the ``RuntimeError`` of a ``torch.save`` that finds no room."""
Score = Callable[[], float]
"""Extraction F1 on the tune part with the network as it now is; None where there is no such part."""

Part = tuple[float, dict[str, Tensor]]
"""Of a batch: its share of the examples, and the examples as tensors."""


class Epochs(Dataset[Example]):
    """The learner's examples of one epoch after another."""

    def __init__(self, learner: Learner, pool: Pool) -> None:
        self._learner, self._pool = learner, pool
        self.examples: Sequence[Example] = list(learner.examples(pool, 0))

    def set_epoch(self, epoch: int) -> None:
        """Makes the epoch's own examples; there must be as many in every epoch."""
        self.examples = list(self._learner.examples(self._pool, epoch))

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, at: int) -> Example:
        return self.examples[at]


class Average:
    """An exponential moving average of the trainable weights.

    Its decay rises from 0.1 to ``decay``, so that the first steps, far from any solution, fade.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self._parameters = {n: p for n, p in network.named_parameters() if p.requires_grad}
        self.weights = {n: p.detach().clone() for n, p in self._parameters.items()}

    @torch.no_grad()
    def update(self) -> None:
        """After each optimiser step."""
        self.steps += 1
        keep = min(self.decay, self.steps / (9 + self.steps))
        torch._foreach_lerp_(
            list(self.weights.values()), [p.detach() for p in self._parameters.values()], 1 - keep
        )

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """The network with the averaged weights for the time of the block."""
        own = {n: p.detach().clone() for n, p in self._parameters.items()}
        self.apply(self.weights)
        try:
            yield
        finally:
            self.apply(own)

    @torch.no_grad()
    def restore(self, weights: dict[str, Tensor]) -> None:
        """The averages as they were; a file keeps neither their order nor their place."""
        for name, weight in self.weights.items():
            weight.copy_(weights[name])

    @torch.no_grad()
    def apply(self, weights: dict[str, Tensor]) -> None:
        """Writes weights into the network."""
        for name, parameter in self._parameters.items():
            parameter.copy_(weights[name])


class AttrexTrainer(Trainer):  # type: ignore[misc]
    """``fit`` in ``attrex.training`` makes and runs it."""

    def __init__(
        self,
        learner: Learner,
        pool: Pool,
        settings: Settings,
        *,
        score: Score | None,
        checkpoints: Path | None,
        say: Callable[[str], None],
    ) -> None:
        self.learner, self.settings, self.score = learner, settings, score
        self.epochs = Epochs(learner, pool)
        many = processes.count()
        self.sampler = LengthGrouped(
            self._lengths(), settings.batch, settings.seed, processes=many, rank=processes.rank()
        )
        self.epoch_count = settings.epochs_over(len(self.epochs))
        self.best: dict[str, Tensor] | None = None
        self.best_score = -math.inf
        self.stale = 0
        arguments = TrainingArguments(
            output_dir=str(checkpoints) if checkpoints else ".",
            num_train_epochs=self.epoch_count,
            per_device_train_batch_size=-(-settings.batch // many),
            max_grad_norm=settings.clip,
            lr_scheduler_type="linear",
            warmup_steps=math.ceil(settings.warmup * self.epoch_count * len(self.sampler)),
            save_strategy="epoch" if checkpoints else "no",
            save_total_limit=1,
            logging_strategy="epoch",
            disable_tqdm=True,
            report_to="none",
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            seed=settings.seed,
            use_cpu=not torch.cuda.is_available(),
            ddp_find_unused_parameters=True,  # those of attributes that a step's batch does not ask
        )
        # One process, one device: the trainer would cut a batch by its first dimension for all it sees.
        arguments._n_gpu = min(arguments.n_gpu, 1)
        super().__init__(
            model=learner.network,
            args=arguments,
            data_collator=self._collate,
            train_dataset=self.epochs,
            callbacks=[_EachEpoch(self, say)],
        )
        # Only now is the network where it will be trained.
        self.average = Average(learner.network, settings.averaging)
        self.remove_callback(PrinterCallback)

    def _lengths(self) -> list[int]:
        return [self.learner.length(example) for example in self.epochs.examples]

    def get_train_dataloader(self) -> DataLoader[Example]:
        # Not prepared by accelerate: the sampler itself deals the batches to the processes.
        return DataLoader(self.epochs, batch_sampler=self.sampler, collate_fn=self._collate)

    def _collate(self, examples: Sequence[Example]) -> list[Part]:
        lengths = [self.learner.length(example) for example in examples]
        return [
            (len(examples[part]) / len(examples), self.learner.collate(examples[part]))
            for part in parts(lengths, self.settings.max_tokens)
        ]

    def start_epoch(self, epoch: int) -> None:
        """New examples, and a new order."""
        self.epochs.set_epoch(epoch)
        self.sampler.lengths = self._lengths()
        self.sampler.set_epoch(epoch)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        rates = self.settings.rates
        groups = [
            {"params": parameters, "lr": rates.get(name, rates["default"])}
            for name, parameters in self.learner.parameter_groups().items()
            if parameters and rates.get(name, rates["default"]) > 0
        ]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=self.settings.weight_decay, fused=True)
        return self.optimizer

    def training_step(
        self, model: nn.Module, inputs: list[Part], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        losses = []
        for at, part in enumerate(inputs, 1):
            # Processes may have different numbers of parts, so they meet at the last.
            alone = at < len(inputs)
            with self.accelerator.no_sync(model) if alone else contextlib.nullcontext():
                losses.append(super().training_step(model, part, num_items_in_batch))
        return torch.stack(losses).sum()

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Part,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        share, part = inputs
        outputs = model(part)
        loss = share * outputs["loss"]
        return (loss, outputs) if return_outputs else loss

    def end_epoch(self) -> float | None:
        """Scores the (averaged) network, in the first process for all, and remembers the best. None where
        nothing is scored."""
        if self.score is None:
            return None
        self.learner.network.eval()
        with self.average.applied() if self.settings.averaging else contextlib.nullcontext():
            value = float(processes.from_first(self.score))
            # So long as nothing is found the newest weights are the best, and nobody's patience runs out.
            if value > self.best_score or self.best_score <= 0:
                self.best_score, self.stale = value, 0
                self.best = {n: p.detach().clone() for n, p in self._trained()}
            else:
                self.stale += 1
        self.learner.network.train()
        return value

    @property
    def patience_is_over(self) -> bool:
        """Whether the score has not risen for as many epochs as are waited for."""
        return self.settings.patience is not None and self.stale >= self.settings.patience

    def had_stopped(self, checkpoint: Path) -> bool:
        """Whether the run that wrote the checkpoint had stopped early. If so, all is as it was then."""
        self._load_from_checkpoint(str(checkpoint))
        self.state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
        return self.patience_is_over

    def finish(self) -> None:
        """Leaves the network with the best weights that were scored, or the last (averaged) ones."""
        if self.best is not None:
            self.average.apply(self.best)
        elif self.settings.averaging:
            self.average.apply(self.average.weights)
        self.learner.network.eval()

    def _trained(self) -> list[tuple[str, nn.Parameter]]:
        return [(n, p) for n, p in self.learner.network.named_parameters() if p.requires_grad]

    # --- checkpoints ---

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        try:
            super()._save_checkpoint(model, trial)
        except (OSError, SafetensorError, RuntimeError) as problem:
            if isinstance(problem, RuntimeError) and not any(mark in str(problem) for mark in _NO_ROOM):
                raise
            folder = Path(self.args.output_dir)
            # Half of one is of no use, and takes room; the one before it is whole.
            shutil.rmtree(folder / f"checkpoint-{self.state.global_step}", ignore_errors=True)
            said = str(problem.strerror if isinstance(problem, OSError) else problem)
            if isinstance(problem, RuntimeError):
                said = "not all of it was taken"  # torch speaks of positions
            raise OutputError(
                f"the checkpoint of epoch {round(self.state.epoch or 0)} cannot be written ({said})",
                file=str(folder),
                fix="make room, and give the same command again: it goes on from the epoch before",
            ) from problem

    def _save_rng_state(self, output_dir: str) -> None:
        # Each process has its own. Only then the trainer's state, by which a checkpoint is known to be whole.
        super()._save_rng_state(output_dir)
        processes.wait()

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_file({n: p.detach().cpu().contiguous() for n, p in self._trained()}, folder / WEIGHTS)
        counts = torch.tensor([self.average.steps, self.stale], dtype=torch.float64)
        scored = torch.tensor([self.best_score], dtype=torch.float64)
        save_file({"steps, stale": counts, "best score": scored, **self.average.weights}, folder / AVERAGE)
        if self.best is not None:
            save_file(self.best, folder / BEST)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        folder = Path(resume_from_checkpoint)
        self.average.apply(load_file(folder / WEIGHTS))
        kept = load_file(folder / AVERAGE)
        steps, stale = kept.pop("steps, stale").tolist()
        self.average.steps, self.stale = int(steps), int(stale)
        self.best_score = kept.pop("best score").item()
        self.average.restore(kept)
        if (folder / BEST).is_file():
            self.best = load_file(folder / BEST)


class _EachEpoch(TrainerCallback):  # type: ignore[misc]
    """Examples, averages, scores and words at the right moments."""

    def __init__(self, trainer: AttrexTrainer, say: Callable[[str], None]) -> None:
        self.trainer, self.say = trainer, say
        self._loss = math.nan

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.trainer.start_epoch(round(state.epoch or 0))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self.trainer.settings.averaging:
            self.trainer.average.update()

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        self._loss = rest.get("logs", {}).get("loss", self._loss)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        value = self.trainer.end_epoch()
        scored = "" if value is None else f", F1 on the tune part {value:.3f}"
        self.say(f"epoch {round(state.epoch or 0)} of {self.trainer.epoch_count}{scored}")
        if self.trainer.patience_is_over:
            control.should_training_stop = True
        return control
