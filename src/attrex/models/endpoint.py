"""Any language model behind an OpenAI-compatible address, as one model among others.

It is asked with the schema and held to it: the answer is JSON, keys that were not asked are not looked at,
values that the schema does not allow are dropped, and what is left is found again in the text (exact,
normalised, fuzzy) or marked as inferred. So a product's text, whatever it says to the model, can bring
nothing into the catalogue that the schema does not have room for.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from attrex.core import Answer, Attribute, Problem, Product, Source
from attrex.errors import ConfigError, ModelError
from attrex.models.endpoint_answers import Grounding, Said, read
from attrex.models.endpoint_pictures import addresses, with_pictures
from attrex.models.endpoint_prompts import Message, property_of, response_format, schema_of, shown
from attrex.models.endpoint_settings import Settings, settings_of
from attrex.models.endpoint_shots import Shot, Shots, chosen
from attrex.models.endpoint_store import Store, key_of
from attrex.models.interface import Traits
from attrex.normalise import Normaliser
from attrex.supervision.pool import Pool
from attrex.text.folding import fold_text
from attrex.text.tokeniser import WORDS, Tokeniser, Vocabulary
from attrex.web.server import Account, Asked, Server

if TYPE_CHECKING:
    from torch import Tensor

SHOTS, EXAMPLES = "demonstrations.json", "examples.json"
BATCH = 4
"""Products a batch, for each request that runs at once: a stopped run waits for one batch."""
SHOWN_VALUES = 10
"""Example values of an attribute, the commonest of the training data, as ExtractGPT shows."""
_SECRET = re.compile(r"[!-~]+\Z")
_OPERATION = ("limits", "price", "answers", "key")
"""Settings that change no answer."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A window's texts, as they are shown, the demonstrations that suit it, and its pictures as addresses
    that hold them."""

    sources: tuple[Source, ...]
    shown: Mapping[str, str]
    ranked: Sequence[Shot]
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Described:
    """An attribute and its part of the JSON schema."""

    attribute: Attribute
    property: Mapping[str, Any]


@dataclass(slots=True)
class _Request:
    """What is sent, for which asks (positions in the batch) of one product."""

    key: str
    body: Mapping[str, Any]
    attributes: tuple[Attribute, ...]


@dataclass(slots=True)
class _Tally:
    """What was not asked for it was known, and what failed."""

    kept: int = 0
    failed: Counter[str] = field(default_factory=Counter)


class Endpoint:
    """Implements ``Model``. Made by ``build_endpoint``."""

    def __init__(self, settings: Settings, arguments: Mapping[str, Any]) -> None:
        self.settings = settings
        self._arguments = dict(arguments)
        self._shots = Shots()
        self._examples: dict[str, list[str]] = {}
        self._grounding = Grounding(settings.ungrounded, Normaliser())
        self._words = Vocabulary((), cut=WORDS)
        self._server: Server | None = None
        self._store: Store | None = None
        self._tally = _Tally()
        self._opening = Lock()

    @property
    def traits(self) -> Traits:
        return Traits(
            attributes="open",
            cacheable="memory",
            joint=self.settings.prompt.by == "product",
            pictures=self.settings.pictures,
            window=self.settings.window,
            batch=BATCH * self.settings.limits.concurrency,
        )

    @property
    def tokeniser(self) -> Tokeniser | None:
        """Words and signs: how the server counts is not known, and windows need no more."""
        return self._words

    @property
    def server(self) -> Server:
        """Opened at the first question, so that a model can be looked at without its key."""
        with self._opening:
            if self._server is None:
                address = self.settings.address.rstrip("/") + "/chat/completions"
                key = _key(self.settings.key)
                self._server = Server(address, self.settings.limits, key=key, key_name=self.settings.key)
            return self._server

    @property
    def store(self) -> Store:
        """Opened at the first question."""
        with self._opening:
            if self._store is None:
                path = self.settings.answers
                self._store = Store(None if path is None else Path(path))
            return self._store

    # --- learning ---

    def learn(self, pool: Pool) -> None:
        """Takes over the pool's products as demonstrations and its commonest values as examples. What was
        learnt before is forgotten."""
        self._shots = Shots.of(pool) if self.settings.shots else Shots()
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for label in pool.labels:
            counts[label.attribute.name].update(label.values)
        self._examples = {}
        for name, own in counts.items():
            spelt: dict[str, str] = {}
            for value, _ in sorted(own.items(), key=lambda item: (-item[1], item[0])):
                spelt.setdefault(fold_text(value), value)
            self._examples[name] = list(spelt.values())[:SHOWN_VALUES]

    # --- the contract ---

    def prepare(self, products: Sequence[Product]) -> list[_Prepared]:
        return [
            _Prepared(
                product.sources,
                shown(product),
                self._shots.ranked(product),
                () if self.settings.pictures is None else addresses(product),
            )
            for product in products
        ]

    def describe(self, attributes: Sequence[Attribute]) -> list[_Described]:
        return [
            _Described(a, property_of(a, a.examples or self._examples.get(a.name, ()))) for a in attributes
        ]

    def answer(
        self,
        prepared: Sequence[_Prepared],
        described: Sequence[_Described],
        asks: Sequence[tuple[int, int]],
    ) -> list[Answer]:
        """Raises ``EndpointError`` where the server is gone, or refuses; what it answered until then is kept
        (``answers``), and not asked again."""
        requests = self._requests(prepared, described, asks)
        said, failed = self._said({r.key: r for r in requests.values()})
        found: list[Answer] = []
        for product, at in asks:
            request = requests.get((product, at))
            if request is None:  # nothing to read or see
                found.append(Answer((), 1.0))
            elif request.key in failed:
                found.append(Answer(problem=Problem("failed", failed[request.key])))
            else:
                attribute, sources = described[at].attribute, prepared[product].sources
                found.append(self._grounding.answer(said[request.key], attribute, sources))
        return found

    def _requests(
        self,
        prepared: Sequence[_Prepared],
        described: Sequence[_Described],
        asks: Sequence[tuple[int, int]],
    ) -> dict[tuple[int, int], _Request]:
        """By ask: one of a product's attributes together, or one each."""
        groups: defaultdict[tuple[int, int], dict[int, None]] = defaultdict(dict)
        for product, at in asks:
            if prepared[product].pictures or any(s.text.strip() for s in prepared[product].sources):
                groups[product, -1 if self.settings.prompt.by == "product" else at][at] = None
        made: dict[tuple[int, int], _Request] = {}
        for (product, _), own in groups.items():
            request = self._request(prepared[product], [described[at] for at in own])
            made.update({(product, at): request for at in own})
        return made

    def _request(self, product: _Prepared, asked: Sequence[_Described]) -> _Request:
        attributes = tuple(each.attribute for each in asked)
        schema = schema_of({each.attribute.name: each.property for each in asked})
        many = {a.name: a.many for a in attributes}
        names = list(many)
        shots = chosen(product.ranked, names, self.settings.shots) if self.settings.shots else []
        messages: list[Message] = self.settings.prompt.messages(
            product.shown, schema, [(shot.product, shot.answer(names, many)) for shot in shots]
        )
        messages[-1] = with_pictures(messages[-1], product.pictures)
        body: dict[str, Any] = {
            "model": self.settings.model,
            "messages": messages,
            "temperature": 0,
            "max_tokens": self.settings.limits.answer_tokens,
            **response_format(self.settings.output, schema),
        }
        body = {
            name: value for name, value in (body | dict(self.settings.request)).items() if value is not None
        }
        return _Request(key_of(self.settings.address, body), body, attributes)

    def _said(self, requests: Mapping[str, _Request]) -> tuple[dict[str, Said], dict[str, str]]:
        """What was said, and what failed and why, by the hash of the request."""
        store = self.store
        said: dict[str, Said] = {}
        for key in requests:
            known = store.get(key)
            if known is not None:
                said[key] = known
        self._tally.kept += len(said)
        keys = [key for key in requests if key not in said]
        if not keys:
            return said, {}

        def done(at: int, answered: Said) -> None:
            store.keep(keys[at], answered)
            said[keys[at]] = answered

        asked = [Asked(requests[key].body, _reader(requests[key].attributes)) for key in keys]
        failed = self.server.ask_all(asked, done)
        self._tally.failed.update(str(problem) for problem in failed.values())
        return said, {keys[at]: str(problem) for at, problem in failed.items()}

    # --- what it took ---

    def usage(self) -> dict[str, Any]:
        """What this process has asked: requests, how many of them again and why, answers kept from before,
        tokens, and what they cost by the setting ``price`` (None without one)."""
        account = Account() if self._server is None else self._server.account
        price = self.settings.price
        cost = None
        if price:
            cost = account.prompt_tokens * price.get("prompt", 0) + account.answer_tokens * price.get(
                "answer", 0
            )
            cost /= 1e6
        return {
            "requests": account.requests,
            "answers": account.answers,
            "kept_answers": self._tally.kept,
            "retries": dict(account.retries.most_common()),
            "failed": dict(self._tally.failed.most_common()),
            "prompt_tokens": account.prompt_tokens,
            "answer_tokens": account.answer_tokens,
            "cost": cost,
        }

    # --- the model folder ---

    def config(self) -> dict[str, Any]:
        return {"builder": "endpoint", "arguments": self._arguments}

    def identity(self) -> dict[str, Any]:
        """The configuration without what changes no answer, so that a run may go on at another pace."""
        return {name: value for name, value in self._arguments.items() if name not in _OPERATION}

    def tensors(self) -> dict[str, Tensor]:
        return {}

    def files(self) -> dict[str, str]:
        return {
            SHOTS: self._shots.to_json(),
            EXAMPLES: json.dumps(self._examples, ensure_ascii=True, sort_keys=True),
        }

    def restore(self, tensors: Mapping[str, Tensor], files: Mapping[str, str]) -> None:
        """Takes over what ``files`` gave. Raises ``ModelError`` where that is missing or damaged."""
        for name in (SHOTS, EXAMPLES):
            if name not in files:
                raise ModelError(f"{name} is missing from the model folder")
        self._shots = Shots.from_json(files[SHOTS])
        try:
            self._examples = {str(n): list(map(str, own)) for n, own in json.loads(files[EXAMPLES]).items()}
        except (ValueError, TypeError, AttributeError) as problem:
            raise ModelError(f"{EXAMPLES} is damaged: {problem}") from problem


def _reader(attributes: Sequence[Attribute]) -> Any:
    return lambda content: read(content, attributes)


def _key(name: str | None) -> str | None:
    """The key itself, out of the environment. Raises ``ConfigError`` where there is none."""
    if name is None:
        return None
    key = os.environ.get(name, "").strip()
    if not _SECRET.match(key):
        state = "holds no key that can be sent" if key else "is not set"
        raise ConfigError(f"key: the environment variable {name} {state}. Fix: export {name}=...")
    return key


def build_endpoint(
    *,
    address: str,
    model: str,
    prompt: str | Mapping[str, Any] = "extractgpt",
    key: str | None = None,
    shots: int = 0,
    ungrounded: str = "mark",
    output: str = "json_schema",
    request: Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
    price: Mapping[str, float] | None = None,
    answers: str | None = None,
    pictures: int | None = None,
    window: int = 3000,
) -> Endpoint:
    """``model`` at ``address`` ("http://localhost:8000/v1", to which "/chat/completions" is added).

    ``prompt``: "extractgpt" (a product's attributes at once) or "eave" (one at a time), or texts of one's
    own (see ``endpoint_prompts.Prompt``). ``key``: the *name* of the environment variable that holds the key.
    ``shots``: demonstrations, the most similar of the training data. ``ungrounded``: values that stand
    nowhere in the text are marked as inferred ("mark"), or dropped ("drop"). ``output``: how the server is
    held to JSON: "json_schema", "json_object" or, for one that knows neither, "text". ``request``: more
    fields of each request, such as ``{logprobs: true}``, by which values get the model's own probabilities;
    null takes one of ours away. ``limits``: see ``web.pace.Limits``. ``price``: of a million tokens,
    ``{prompt: , answer: }``. ``answers``: a file that keeps answers for the next run. ``pictures``: so many
    pixels a side go along, for a model that sees; None: none do. ``window``: words and signs that are asked
    at once.
    """
    arguments: dict[str, Any] = dict(locals())
    return Endpoint(settings_of(arguments), arguments)
