"""What a user holds: a model, the schema it answers, and when it is believed."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, overload

from attrex.api.caching import open_cache
from attrex.api.card import model_card
from attrex.api.products import Given, as_product
from attrex.cache import Cache
from attrex.core import Attribute, Extraction, Product
from attrex.errors import ConfigError, InputError, ModelError
from attrex.evaluation import Support
from attrex.extract import Pipeline, Request, Result, blanks, everything, named
from attrex.extract.gating import excluded, narrowed
from attrex.extract.seeing import look
from attrex.io.pictures import PictureAccess, PictureReader
from attrex.io.pictures.reader import KEPT
from attrex.io.rows import Reader
from attrex.models.folder import CONFIG, StorableModel, load_model, model_version, save_model
from attrex.models.gate import FittedGate
from attrex.normalise import Normaliser
from attrex.resolve import Aim, Policy, Resolver
from attrex.schema import Schema

if TYPE_CHECKING:
    from attrex.api.fitting import FitReport


BASELINE = "baseline"
"""The folder of the baseline within the model's."""
Kept = Cache | str | Path
"""A cache, or the folder of one."""


class Extractor:
    """Fills in the blanks of products. Made by ``attrex.fit`` or ``from_pretrained``.

    ``policy`` holds calibration and thresholds; ``report`` what happened during fitting (None after
    loading), ``card`` the model card's text, ``baseline`` the lexicon that was fitted on the same data,
    to be set beside the model wherever it is scored (None where the model is one), ``support`` how often the
    training data state each attribute and value, by which scores are sliced (None where nobody counted),
    ``gate`` what decides which attributes are asked (None: all that the schema gives the category),
    ``pictures`` which pictures may be read (None: those of the working folder, or of a file's own).
    """

    def __init__(
        self,
        model: StorableModel,
        schema: Schema,
        policy: Policy | None = None,
        *,
        card: str | None = None,
        report: FitReport | None = None,
        baseline: Extractor | None = None,
        support: Support | None = None,
        gate: FittedGate | None = None,
        pictures: PictureAccess | None = None,
    ) -> None:
        self.model, self.schema, self.policy = model, schema, policy or Policy()
        self.report, self.baseline, self.support, self.gate = report, baseline, support, gate
        self.pictures = pictures
        self.version = model_version(model)
        self.card = card if card is not None else model_card(self.name, schema, self.policy, report, support)
        self._pipelines: dict[Cache | Path | None, Pipeline] = {}

    @property
    def name(self) -> str:
        """The builder's name in the models' catalogue."""
        return str(self.model.config()["builder"])

    @property
    def pipeline(self) -> Pipeline:
        """The path from products to extractions, made at first use."""
        return self.cached(None)

    def cached(self, cache: Kept | None) -> Pipeline:
        """The same with a cache: an ``attrex.cache.MemoryCache``, or a folder on a disk (of 4 GB at most;
        ``attrex.cache.DiskCache`` for more). Raises ``ConfigError`` where the model's records are not for
        a disk. The latest is kept open."""
        place = Path(cache) if isinstance(cache, str) else cache
        if place not in self._pipelines:
            self._pipelines = {None: self._pipelines[None]} if None in self._pipelines else {}
            opened = open_cache(self.model, self.version, place) if isinstance(place, Path) else place
            resolver = Resolver(self.policy, Normaliser())
            self._pipelines[place] = Pipeline(
                self.model,
                self.schema,
                resolver,
                stage=self.name,
                version=self.version,
                cache=opened,
                gate=self.gate,
                pictures=self.picture_reader(),
            )
        return self._pipelines[place]

    @property
    def picture_size(self) -> int | None:
        """How many pixels a side pictures are read with; None where neither model nor gate reads any."""
        own = self.model.traits.pictures
        return self.gate.gate.pictures if own is None and self.gate is not None else own

    def picture_reader(self, *, kept: int = KEPT) -> PictureReader | None:
        """Of the pictures that model or gate want; None where they want none. Raises ``ConfigError`` where
        Pillow is not installed."""
        size = self.picture_size
        return None if size is None else (self.pictures or PictureAccess()).reader(size, kept=kept)

    def with_pictures(self, pictures: PictureAccess) -> Extractor:
        """The same model, which reads these pictures."""
        return self._like(self.policy, pictures)

    def beside(self, data: object) -> Extractor:
        """The same model, which reads the pictures of the folder where the data lie, unless it was told
        others."""
        if self.pictures is not None or not isinstance(data, Reader):
            return self
        return self.with_pictures(PictureAccess.beside(data))

    @overload
    def fill(
        self,
        products: Given,
        *,
        attributes: Sequence[str | Attribute] | None = None,
        all: bool = False,
        cache: Kept | None = None,
    ) -> tuple[Extraction, ...]: ...

    @overload
    def fill(
        self,
        products: Iterable[Given],
        *,
        attributes: Sequence[str | Attribute] | None = None,
        all: bool = False,
        cache: Kept | None = None,
    ) -> list[tuple[Extraction, ...]]: ...

    def fill(
        self,
        products: Given | Iterable[Given],
        *,
        attributes: Sequence[str | Attribute] | None = None,
        all: bool = False,
        cache: Kept | None = None,
    ) -> tuple[Extraction, ...] | list[tuple[Extraction, ...]]:
        """One product's extractions, or a list with those of each of many.

        Asked are the attributes of the product's category that no cell states; with ``all`` the stated
        ones too; with ``attributes`` exactly those, by name or as new ones that the schema lacks. What the
        model's gate denies is answered "not applicable"; it denies no filled cell and no new attribute. With
        a ``cache`` (see ``cached``) asking one more attribute costs only its answers. A product may be given
        as a mapping of its texts, in which "attributes", or a key that is an attribute's name, states values.
        """
        if isinstance(products, Product | Mapping):
            return next(self.stream([products], attributes=attributes, all=all, cache=cache))
        return list(self.stream(products, attributes=attributes, all=all, cache=cache))

    def stream(
        self,
        products: Iterable[Given],
        *,
        attributes: Sequence[str | Attribute] | None = None,
        all: bool = False,
        cache: Kept | None = None,
    ) -> Iterator[tuple[Extraction, ...]]:
        """As ``fill``, one product after another, in order and in constant memory."""
        asked = None if attributes is None else self._named(attributes)
        if isinstance(products, str | Path) or not isinstance(products, Iterable):
            raise InputError(
                f"expected a product or several, got {products!r}",
                fix='give {"title": "..."} or a list of such; "attrex fill" reads files',
            )
        known = self.schema.every
        requests = (
            self.request(as_product(given, number, known), asked, all=all)
            for number, given in enumerate(products, start=1)
        )
        for result in self.cached(cache).run(requests):
            yield result.extractions

    def request(self, product: Product, attributes: Sequence[Attribute] | None, *, all: bool) -> Request:
        """What ``fill`` asks of this product, what the gate will deny among it."""
        if attributes is not None:
            return named(product, attributes, self.schema)
        return everything(product, self.schema) if all else blanks(product, self.schema)

    def admitted(self, request: Request) -> Request:
        """The request without what the gate denies."""
        if self.gate is None:
            return request
        reader = self.pipeline.pictures
        seen = [request] if reader is None else look([request], reader)()
        return narrowed([request], excluded(self.gate, seen))[0]

    def run(self, requests: Iterable[Request]) -> Iterator[Result]:
        """The pipeline itself, for those who make their own requests, and compare values: no region of a
        picture is asked for."""
        return self.pipeline.run(requests, pointing=False)

    def _named(self, attributes: Sequence[str | Attribute]) -> list[Attribute]:
        if isinstance(attributes, str):
            raise ConfigError(f'attributes: expected a list of names, got the text "{attributes}"')
        return [self.attribute(a) if isinstance(a, str) else a for a in attributes]

    def attribute(self, name: str) -> Attribute:
        """The schema's attribute of that name, or a new one that is nothing but a name."""
        return next((a for a in self.schema.every if a.name == name), None) or Attribute(name)

    def known(self, names: Sequence[str]) -> list[Attribute]:
        """The schema's attributes of these names. Raises ``ConfigError`` for one that it lacks."""
        known = {a.name: a for a in self.schema.every}
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f'did you mean "{near[0]}"?' if near else f"it has {', '.join(list(known)[:20])}"
                raise ConfigError(f'ask: the model\'s schema has no attribute "{name}"; {hint}')
        return [known[name] for name in names]

    def aimed(self, aim: str) -> Extractor:
        """The same model with thresholds for another aim ("f1", "precision=0.95")."""
        made = self._like(self.policy.aimed(Aim.parse(aim)), self.pictures)
        made.baseline = None if self.baseline is None else self.baseline.aimed(aim)
        return made

    def _like(self, policy: Policy, pictures: PictureAccess | None) -> Extractor:
        """The same model, whose tensors are not hashed anew."""
        made = copy(self)
        made.policy, made.pictures, made._pipelines = policy, pictures, {}
        return made

    def save_pretrained(self, folder: str | Path) -> Path:
        """Writes the model folder and returns its path. Raises ``OutputError`` where it cannot."""
        made = save_model(
            self.model,
            Path(folder),
            schema=self.schema,
            calibration=self.policy.to_json(),
            card=self.card,
            support=None if self.support is None else self.support.to_json(),
            gate=self.gate,
        )
        if self.baseline is not None:
            self.baseline.save_pretrained(made / BASELINE)
        elif (made / BASELINE / CONFIG).is_file():  # of a model that stood here before
            shutil.rmtree(made / BASELINE)
        return made

    @classmethod
    def from_pretrained(cls, name: str | Path, *, local_files_only: bool = False) -> Extractor:
        """From a model folder, by its name on the Hugging Face hub, or from a YAML file that says where a
        language model can be asked (``attrex.api.endpoints``).

        Raises ``ModelError`` where the folder is missing, truncated or from a newer attrex, and
        ``ConfigError`` for a setting of the file that is wrong.
        """
        from attrex.api.endpoints import is_endpoint, read_endpoint
        from attrex.api.hub import local_folder

        if is_endpoint(name):
            return read_endpoint(name)
        folder = local_folder(name, local_files_only=local_files_only)
        stored = load_model(folder)
        baseline = cls.from_pretrained(folder / BASELINE) if (folder / BASELINE).is_dir() else None
        try:
            policy = Policy.from_json(stored.calibration)
            support = None if stored.support is None else Support.from_json(stored.support)
        except ModelError as problem:
            raise ModelError(f"{folder}: {problem}") from problem
        return cls(
            stored.model,
            stored.schema,
            policy,
            card=stored.card,
            baseline=baseline,
            support=support,
            gate=stored.gate,
        )

    def push_to_hub(self, name: str, *, private: bool = False) -> str:
        """Uploads the model folder to the Hugging Face hub and returns its address.

        Raises ``ModelError`` where the hub cannot be reached, or does not let you in.
        """
        from attrex.api.hub import upload

        return upload(self, name, private=private)
