"""A plan as tables of eighty columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrex.plan.estimate import CataloguePlan, ModelPlan
from attrex.report.numbers import NONE, counted, whole

if TYPE_CHECKING:
    from rich.console import RenderableType

ABREAST = 3
"""Models in one table."""

_Row = tuple[str, Callable[[ModelPlan], str]]


def flops(number: float) -> str:
    """12.3 GFLOP."""
    return _scaled(number, 1000, ("FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP"))


def size(number: float | None) -> str:
    """12.3 MB."""
    return NONE if number is None else _scaled(number, 1000, ("B", "kB", "MB", "GB", "TB", "PB"))


def duration(seconds: float | None) -> str:
    """0.12 s, 12 s, 3 min 20 s, 5 h 12 min."""
    if seconds is None:
        return NONE
    if seconds < 10:
        return f"{seconds:.2g} s" if seconds >= 0.001 else "0 s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 100:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def _scaled(number: float, step: int, units: Sequence[str]) -> str:
    place = 0
    while number >= step and place < len(units) - 1:
        number, place = number / step, place + 1
    return f"{number:.3g} {units[place]}" if number < step else f"{number:,.0f} {units[place]}"


def _by(plan: ModelPlan) -> str:
    return "formula" if plan.flops_by == "formula" else "PyTorch"


def _pays(plan: ModelPlan) -> str:
    cache = plan.cache
    if cache.pays is None:
        return "not kept there"
    return "yes" if cache.pays else "no"


def _rate(plan: ModelPlan) -> str:
    return f"{plan.asks / plan.seconds.total:,.0f}" if plan.seconds.total else NONE


_ROWS: Sequence[_Row | None] = (
    ("model", lambda p: p.builder),
    ("cells to fill", lambda p: whole(p.asks)),
    ("spared by the gate", lambda p: NONE if p.spared is None else whole(p.spared)),
    ("windows", lambda p: whole(round(p.windows))),
    ("tokens", lambda p: NONE if p.tokens is None else whole(round(p.tokens))),
    None,
    ("FLOPs to prepare", lambda p: flops(p.flops.prepare)),
    ("to describe", lambda p: flops(p.flops.describe)),
    ("to answer", lambda p: flops(p.flops.answer)),
    ("in all", lambda p: flops(p.flops.total)),
    ("FLOPs told by", _by),
    None,
    ("time to prepare", lambda p: duration(p.seconds.prepare)),
    ("to describe", lambda p: duration(p.seconds.describe)),
    ("to answer", lambda p: duration(p.seconds.answer)),
    ("for the rest", lambda p: duration(p.seconds.rest)),
    ("in all", lambda p: duration(p.seconds.total)),
    ("cells a second", _rate),
    ("peak memory", lambda p: size(p.memory)),
    None,
    ("cache in memory", lambda p: size(p.cache.memory) if p.cache.cacheable != "no" else NONE),
    ("on disk", lambda p: size(p.cache.disk)),
    ("read from there", lambda p: duration(p.cache.read)),
    ("prepared anew", lambda p: duration(p.cache.make)),
    ("does it pay?", _pays),
)


def plan_terminal(plan: CataloguePlan) -> RenderableType:
    """Models beside one another, and what to make of it."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [
        Text(f"{plan.file}: {counted(plan.products, 'product')}", style="bold"),
        *(_table(plan.models[at : at + ABREAST]) for at in range(0, len(plan.models), ABREAST)),
        *(Text(line) for line in notes(plan)),
    ]
    return Group(*parts)


def _table(models: Sequence[ModelPlan]) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for model in models:
        table.add_column(Text(model.name), justify="right", overflow="fold")
    for at, row in enumerate(_ROWS):
        if row is not None:
            last = at + 1 < len(_ROWS) and _ROWS[at + 1] is None
            table.add_row(row[0], *(Text(row[1](model)) for model in models), end_section=last)
    return table


def notes(plan: CataloguePlan) -> list[str]:
    """What the numbers are, and which model and cache they speak for."""
    tried = sorted({model.measured for model in plan.models})
    span = (
        counted(tried[0], "product") if len(tried) == 1 else f"{tried[0]} to {counted(tried[-1], 'product')}"
    )
    lines = [
        f"Tokens are counted on {counted(plan.sample, 'product')} drawn at random, seconds measured on {span}"
        " of them with this machine's threads, and both scaled.",
        "FLOPs are products, a multiply-add counting two. An embedding look-up counts nothing; in the EAVE "
        "paper's GFLOPS it does.",
    ]
    ranked = sorted(plan.models, key=lambda model: model.seconds.total)
    first = ranked[0]
    for other in ranked[1:]:
        if first.seconds.total:
            ratio = other.seconds.total / first.seconds.total
            lines.append(f"{other.name} takes {ratio:.3g} times as long as {first.name}.")
    lines += [_saved(model) for model in plan.models if model.spared]
    for model in plan.models:
        line = _advice(model)
        if line is not None:
            lines.append(line)
    return lines


def _saved(model: ModelPlan) -> str:
    """What the gate spares; answering costs by the cell, and preparing does not."""
    before = model.asks + (model.spared or 0)
    line = f"{model.name}: the gate asks {whole(model.asks)} cells instead of {whole(before)}"
    if not model.asks:
        return line + "."
    more = (model.spared or 0) / model.asks
    seconds, products = model.seconds.answer * more, model.flops.answer * more
    spared = f"{duration(seconds)} of answering"
    return f"{line}, and saves {spared}" + (f" ({flops(products)})." if products else ".")


def _advice(model: ModelPlan) -> str | None:
    cache = model.cache
    if cache.pays is None or cache.read is None or cache.write is None:
        return None
    if not cache.pays:
        return f"{model.name}: a disk cache does not pay; its records are read no faster than made."
    saved = cache.make - cache.read
    return (
        f"{model.name}: with --cache the next run, or the next attribute, is {duration(saved)} shorter; the "
        f"first takes {duration(cache.write)} more to write {size(cache.disk)}."
    )
