"""From a catalogue with filled cells to an extractor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from attrex.api.extractor import Extractor
from attrex.api.few_labels import few_labels
from attrex.api.gating import GateReport, GateSettings, Kind, learn_gate, picture_size
from attrex.api.products import Data, path_of, stream_products
from attrex.api.recipe import DEFAULT, Recipe, load_recipe
from attrex.api.scoring import judge_results
from attrex.api.worth import doubts
from attrex.core import Attribute, Product
from attrex.core.seed import LARGEST_SEED
from attrex.errors import ConfigError, InputError
from attrex.evaluation import Report, Support
from attrex.evaluation import report as evaluate
from attrex.extract import Pipeline, Request, known, trials
from attrex.extract.gating import excluded, narrowed
from attrex.extract.pipeline import BATCH, Answers, Denied
from attrex.io.pictures import PictureAccess, gather
from attrex.io.reader import open_reader
from attrex.io.rows import Reader
from attrex.models.arguments import check_arguments
from attrex.models.catalog import CATALOG
from attrex.models.folder import StorableModel, check_folder
from attrex.models.gate import FittedGate
from attrex.nn import processes
from attrex.normalise import Normaliser
from attrex.resolve import Aim, Familiarity, Policy, Resolver, Trial, learn_policy, reachable_f1
from attrex.schema import Schema, infer_schema, parse_schema, read_schema
from attrex.supervision.distant import LabelReport, label
from attrex.supervision.leaks import find_leaks
from attrex.supervision.negatives import with_negatives
from attrex.supervision.noise import with_noise
from attrex.supervision.pool import Pool
from attrex.supervision.splits import split

if TYPE_CHECKING:
    from attrex.training import Settings, Trainable, TrainingReport

Progress = Callable[[str], None]
GivenSchema = Schema | str | Path | Sequence[str | Attribute] | Mapping[str, Any]
_LEAK_SAMPLE = 2_000
LISTED = 20
"""So many names, leaks and problems are told."""
OTHER_DRAW = 7_919
"""Titles go to parts by a hash of title and seed. Backtests and folds with the same seed must draw
otherwise, or what they leave for fitting would be one part's titles only."""


class OnePass(Protocol):
    """A model that learns without gradients."""

    def learn(self, pool: Pool) -> None: ...


@dataclass(frozen=True, slots=True)
class FitReport:
    """What happened: how many products went to which part, what was matched, what is worth knowing
    (``notes``), the scores on the calibrate part (None where there is none), and what the gate spares (None
    without one)."""

    recipe: str
    seed: int
    products: int
    parts: Mapping[str, int]
    labels: LabelReport
    notes: tuple[str, ...]
    training: TrainingReport | None
    scores: Report | None
    gate: GateReport | None = None


def fit(
    data: Data,
    *,
    schema: GivenSchema | None = None,
    recipe: str | Path | Recipe = DEFAULT,
    aim: str = "f1",
    complete: bool = False,
    gate: Kind | None = None,
    labels_per_value: int | None = None,
    pictures: PictureAccess | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> Extractor:
    """Learns from the filled cells of a catalogue.

    ``schema``: a ``Schema``, names, ``{name: description}``, or a file; inferred where it is None. In rows
    that are mappings, keys that it names state values.
    ``aim``: "f1", or "precision=0.95" for the widest coverage at that precision. ``complete``: empty cells
    mean that no value is stated, instead of nothing. ``gate``: what decides which attributes a product is
    asked, "text", "category", "picture" or "none"; "auto" learns one where the schema does not say it and
    where it pays; None: as the recipe has it. ``labels_per_value``: so many of each value are known at most,
    drawn by the ``seed``, the rest of the cells unknown to all that is learnt; None: as the recipe has it.
    ``pictures``: those that model and gate may read (None: of the data's folder, or of the working one).
    ``out``: the model folder, written at the end and, for trained models, with checkpoints on the way, so
    that a run that was stopped goes on. ``progress`` gets a line of text now and then.

    Started by ``torchrun``, all processes call this with the same arguments: they share the training, and
    the first alone calibrates, reports progress and writes. All return the same extractor, but for
    ``scores`` in its report, which the first has.

    Raises ``InputError`` (nothing to learn from), ``ConfigError`` (a setting), ``OutputError`` (``out``).
    """
    from attrex.report.numbers import counted, whole  # not at the top, for it brings rich

    if not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(f"seed is {seed}; it must lie in [0, {LARGEST_SEED}]")
    goal, chosen = Aim.parse(aim), recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    if out is not None:
        check_folder(Path(out))  # before the work, which may take long
    say = progress if progress and processes.is_first() else lambda line: None
    reader = open_reader(data) if isinstance(data, str | Path) else data if isinstance(data, Reader) else None
    products = list(stream_products(data if reader is None else reader, known_of(schema)))
    if not products:
        raise InputError(
            "there is no product to learn from", file=path_of(reader), fix="give at least one row"
        )
    few = chosen.labels_per_value if labels_per_value is None else labels_per_value
    products, drawn = few_labels(products, few, complete=complete, seed=seed)
    settled = settle_schema(schema, reader, products)
    notes = [*drawn, *notes_on(products, settled, reader)]
    if reader is not None and reader is not data:  # who opened the reader has its problems at hand
        notes += [str(problem) for problem in reader.problems[:LISTED]]
    model = build(chosen.builder, chosen.arguments)
    access = pictures or (PictureAccess() if reader is None else PictureAccess.beside(reader))
    asking = chosen.gate if gate is None else GateSettings(gate, chosen.gate.recall)
    size, pictured = picture_size(model, asking), sum(bool(product.pictures) for product in products)
    products, told = see_pictures(products, size, access)
    notes += told
    if size is not None and pictured:
        readable = sum(bool(product.pictures) for product in products)
        say(f"{counted(pictured, 'product')} with a picture; {readable:,} of them have one that can be read")
    parts = parts_of(products, chosen, seed)
    pool, labels = label(parts["train"], settled, complete=complete)
    total = labels.total()
    say(
        f"{counted(len(products), 'product')}, {counted(len(settled.every), 'attribute')}; of "
        f"{counted(total.values, 'value')} to learn from {whole(total.values - total.unlocated)} stand "
        "in the texts"
    )
    if not total.filled and chosen.training is not None:
        raise InputError(
            "there is not one filled cell to learn from",
            file=path_of(reader),
            fix="check the mapping with --dry-run, or use the recipe lexicon with a schema that lists values",
        )
    settings = settings_of(chosen, seed, out)
    tune, calibrate = parts.get("tune", []), parts.get("calibrate", [])
    gated = learn_gate([*parts["train"], *tune], calibrate, settled, asking, complete=complete)
    if gated is not None:
        say(str(gated[1]))
    training = learn(model, pool, tune, chosen, settings, say, complete=complete, seed=seed)
    support = Support.of(parts["train"])
    policy, scores = Policy(), None
    if processes.is_first():
        policy, scores = _calibrate(
            *(model, settled, calibrate, chosen, goal, support),
            complete=complete,
            seed=seed,
            gate=None if gated is None else gated[0],
            familiarity=Familiarity.learn(parts["train"]),
        )
    notes += processes.from_first(partial(doubts, scores, goal))
    if processes.count() > 1:
        policy = Policy.from_json(processes.from_first(policy.to_json))
    if chosen.relearn:
        support = Support.of(products)
        pool, labels = label(products, settled, complete=complete)
        learn(model, pool, [], chosen, settings, say, complete=complete, seed=seed)
    report = FitReport(
        chosen.name,
        seed,
        len(products),
        {name: len(part) for name, part in parts.items()},
        labels,
        tuple(notes),
        training,
        scores,
        None if gated is None else gated[1],
    )
    baseline = None
    if chosen.builder != "lexicon":
        baseline = fit(
            products, schema=settled, recipe="lexicon", aim=aim, complete=complete, gate="none", seed=seed
        )
    extractor = Extractor(
        model,
        settled,
        policy,
        report=report,
        baseline=baseline,
        support=support,
        gate=None if gated is None else gated[0],
        pictures=pictures,
    )
    if out is not None:
        _keep(extractor, Path(out), settings)
    return extractor


def _keep(extractor: Extractor, out: Path, settings: Settings | None) -> None:
    """Writes the model folder; only then the checkpoints go."""
    if processes.is_first():
        extractor.save_pretrained(out)
        if settings is not None:
            from attrex import training

            training.forget(out)
    processes.wait()


def known_of(given: GivenSchema | None) -> Sequence[Attribute]:
    """The attributes that are known before the data are read: those of a given schema."""
    return () if given is None else settle_schema(given, None, ()).every


def settle_schema(given: GivenSchema | None, reader: Reader | None, products: Iterable[Product]) -> Schema:
    """The schema as given, else the data set's own, else inferred from the filled cells.

    Raises ``SchemaError`` where the given one is wrong, ``InputError`` where none can be inferred.
    """
    if isinstance(given, str | Path):
        return read_schema(given)
    if given is not None:
        return parse_schema(given)
    if reader is not None and (own := reader.schema()) is not None:
        return own
    inferred = infer_schema(products, delimiters=None if reader is None else reader.delimiters)
    if not inferred.every:
        raise InputError(
            "no attribute has a filled cell, so there is nothing to learn from",
            file=path_of(reader),
            fix="give a schema, or map the attribute columns"
            if reader is not None
            else 'give a file, or state values: {"title": "...", "attributes": {"Color": "red"}}',
        )
    return inferred


def notes_on(products: Sequence[Product], schema: Schema, reader: Reader | None) -> list[str]:
    """What the user should know of the data."""
    filled = {name for product in products for name, values in product.stated.items() if values}
    names = [a.name for a in schema.every]
    if reader is not None and reader.mapping is not None:
        columns = [c.target for c in reader.mapping.values() if c.role == "attribute"]
        names = list(dict.fromkeys([*names, *columns]))
    notes = []
    if missing := [name for name in names if name not in filled]:
        listed = ", ".join(f'"{name}"' for name in missing[:LISTED])
        more = f" and {len(missing) - LISTED} more" if len(missing) > LISTED else ""
        notes.append(f"without one filled cell, so that nothing is learnt for them: {listed}{more}")
    notes += [str(leak) for leak in find_leaks(products[:_LEAK_SAMPLE], schema)[:LISTED]]
    return notes


def see_pictures(
    products: list[Product], size: int | None, access: PictureAccess
) -> tuple[list[Product], list[str]]:
    """The products with the pixels of their pictures, as far as these can be read, where a model wants them
    of a ``size``; and what to note."""
    if size is None:
        return products, []
    if not any(product.pictures for product in products):
        return products, ["no product has a picture, so that texts alone are learnt from"]
    before = access.problems.warned
    with access.reader(size, kept=0) as reader:
        seen = gather(products, reader)
    notes = [str(problem) for problem in access.problems.warnings[before : before + LISTED]]
    if (more := access.problems.warned - before - len(notes)) > 0:
        notes.append(f"and {more:,} more pictures are left out")
    if not any(product.pictures for product in seen):
        notes.append("not one picture can be read, so that texts alone are learnt from")
    return seen, notes


def parts_of(products: Sequence[Product], recipe: Recipe, seed: int) -> dict[str, list[Product]]:
    """The products by part. Too few to be split, they are all learnt from."""
    parts = split(products, recipe.split, seed + OTHER_DRAW)
    if any(not indices for indices in parts.values()):
        return {"train": list(products)}
    return {name: [products[i] for i in indices] for name, indices in parts.items()}


def build(builder: str, arguments: Mapping[str, Any]) -> StorableModel:
    """A model of the catalogue. Raises ``ConfigError`` for an unknown name or argument, or a wrong one."""
    if builder not in CATALOG:
        raise ConfigError(f'model.builder: there is no model "{builder}"; there are {", ".join(CATALOG)}')
    check_arguments(builder, CATALOG[builder], arguments)
    return CATALOG[builder](**arguments)


def learn(
    model: StorableModel,
    pool: Pool,
    tune: Sequence[Product],
    recipe: Recipe,
    settings: Settings | None,
    say: Progress,
    *,
    complete: bool,
    seed: int,
) -> TrainingReport | None:
    """Teaches the model; without ``settings`` it learns in one pass. The state that is kept is that of
    the best extraction F1 on ``tune``, through the path of every extraction."""
    extra = recipe.negatives
    # Before the negatives, so that a text with its value cut out has it in the noise neither.
    pool = with_noise(pool, probability=recipe.noise, seed=seed)
    pool = with_negatives(pool, other_categories=extra.other_categories, cut_out=extra.cut_out, seed=seed)
    if settings is None:
        cast(OnePass, model).learn(pool)
        return None
    from attrex import training  # torch's trainer takes seconds to import

    def score() -> float:
        return reachable_f1(try_on(model, pool.schema, tune, complete=complete)[0])

    return training.fit(cast("Trainable", model), pool, score if tune else None, settings, say)


def settings_of(recipe: Recipe, seed: int, out: str | Path | None = None) -> Settings | None:
    """The recipe's training settings. Raises ``ConfigError`` for one that does not exist or is wrong."""
    if recipe.training is None:
        return None
    from attrex.training import Settings

    names = [each.name for each in fields(Settings) if each.name not in ("seed", "folder")]
    for name in recipe.training:
        if name not in names:
            raise ConfigError(f"training.{name}: no such setting; there are {', '.join(names)}")
    return Settings(**recipe.training, seed=seed, folder=None if out is None else Path(out))


Tried = tuple[list[Trial], list[Request], list[Answers], list[Denied]]


def try_on(
    model: StorableModel,
    schema: Schema,
    products: Sequence[Product],
    *,
    complete: bool,
    gate: FittedGate | None = None,
    familiarity: Familiarity | None = None,
) -> Tried:
    """The model's trials on products with known values, with what was asked and answered, and what the
    ``gate`` denies: that is not asked, as in every extraction."""
    resolver = Resolver(Policy(familiarity=familiarity or Familiarity()), Normaliser())
    raw = Pipeline(model, schema, resolver, stage="", version="")
    requests = [known(product, raw, complete=complete) for product in products]
    denied: list[Denied] = [{} for _ in requests] if gate is None else excluded(gate, requests)
    asked = narrowed(requests, denied)
    answers = [each for at in range(0, len(asked), BATCH) for each in raw.answers(asked[at : at + BATCH])]
    return list(trials(raw, requests, answers, denied)), requests, answers, denied


def _calibrate(
    model: StorableModel,
    schema: Schema,
    products: Sequence[Product],
    recipe: Recipe,
    aim: Aim,
    support: Support,
    *,
    complete: bool,
    seed: int,
    gate: FittedGate | None,
    familiarity: Familiarity,
) -> tuple[Policy, Report | None]:
    """The policy learnt on products the model has not seen, and the scores with it there, both of what the
    gate lets pass: a value that it denies is one not found."""
    tried, requests, answers, denied = try_on(
        model, schema, products, complete=complete, gate=gate, familiarity=familiarity
    )
    policy = learn_policy(tried, aim, method=recipe.calibration, familiarity=familiarity)
    if not tried:
        return policy, None
    resolver = Resolver(policy, Normaliser())
    decided = Pipeline(model, schema, resolver, stage=recipe.builder, version="", gate=gate)
    judged = judge_results(decided.results(requests, answers, denied))
    # As the thresholds were chosen: "Red" in a text is the cell's "red".
    folded = support.matched("folded")
    scores = evaluate(
        judged, name="calibrate part", matching="folded", support=folded, resamples=0, seed=seed
    )
    return policy, scores
