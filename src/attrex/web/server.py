"""A server that answers JSON with JSON: asked again where it fails, given up where it is gone.

What fails is told apart by whose fault it is. The server's (no connection, no answer in time, 429, 5xx): it
is asked again, later each time. The answer's (cut short, of another form): asked again at once, a few times.
The request's (400, 413, 422): this one has failed, and the others go on; unless nothing was ever answered,
for then the settings are wrong. The settings' (401, 403, 404, a redirect): all of it ends.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import random
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, Generic, TypeVar, cast
from urllib.parse import urlsplit

from attrex.errors import ConfigError, EndpointError
from attrex.web.pace import Limits, Pace
from attrex.web.timed import Timed, connected

_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
_REQUEST = frozenset({400, 413, 422})
_PORTS = {"http": 80, "https": 443}
_CHUNK = 1 << 16
MOST = 8 << 20
"""Bytes of one answer that are read."""
UNUSABLE = 4
"""Answers to one request that may be of no use: each costs as much as a good one."""
PATIENCE = 900.0
"""Seconds that a server may ask to wait; after more of them one might as well begin again."""
_SHOWN = 200
T = TypeVar("T")


class Unusable(Exception):
    """An answer came, but it is not what was asked for."""


class Failed(Exception):
    """This request is given up; the server goes on with others."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[T]):
    """``body`` is what is sent; ``read`` makes something of the answer, or raises ``Unusable``."""

    body: Mapping[str, Any]
    read: Callable[[Any], T]


@dataclass(slots=True)
class Account:
    """What was asked in all: requests sent, how many of them again (by reason), answers that were of use, and
    tokens as the server counts them."""

    requests: int = 0
    answers: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    answer_tokens: int = 0


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    retry_after: float | None
    body: bytes


class Server:
    """``address``: what requests are posted to; ``key`` goes along as a bearer token and is in no message;
    ``key_name`` is what messages call it. ``now`` and ``sleep`` are for tests.

    No proxy is used and no redirect followed, so that the key goes nowhere else. Raises ``ConfigError`` for
    an address that is none.
    """

    def __init__(
        self,
        address: str,
        limits: Limits,
        *,
        key: str | None = None,
        key_name: str | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.address, self.limits, self.account = address, limits, Account()
        self._parts = checked(address)
        self._key, self._key_name = key, key_name
        self._pace = Pace(limits, now)
        self._lock = Lock()
        self._over = Event()
        self._sleep = self._over.wait if sleep is None else sleep
        # What is drawn only keeps the waiting apart.
        self._draw = random.Random(0)  # noqa: S311

    def ask_all(self, asked: Sequence[Asked[T]], done: Callable[[int, T], None]) -> dict[int, Failed]:
        """Asks all, several at once. ``done`` gets each answer with its place as soon as it is there, in any
        thread; what has failed is returned by its place.

        Raises ``EndpointError`` where the server is gone or refuses everything; what was answered until then
        was handed to ``done``.
        """
        failed: dict[int, Failed] = {}

        def one(at: int) -> None:
            try:
                done(at, self._ask(asked[at]))
            except Failed as problem:
                failed[at] = problem
            except EndpointError:
                self._over.set()  # who waits need not wait any longer
                raise

        self._over.clear()
        with ThreadPoolExecutor(min(self.limits.concurrency, max(1, len(asked))), "attrex-asking") as pool:
            waiting = [pool.submit(one, at) for at in range(len(asked))]
            ended, others = wait(waiting, return_when=FIRST_EXCEPTION)
            for each in others:
                each.cancel()
        for each in ended:
            each.result()
        return failed

    def _ask(self, asked: Asked[T]) -> T:
        unusable = 0
        reason = ""
        for attempt in range(self.limits.tries):
            self._wait()
            with self._lock:
                self.account.requests += 1
            found = self._try(asked)
            if not isinstance(found, _Failure):
                with self._lock:
                    self.account.answers += 1
                return found
            reason = found.reason
            unusable += found.unusable
            if unusable >= UNUSABLE or (found.unusable and attempt + 1 == self.limits.tries):
                raise Failed(reason)
            if found.retry_after is not None and found.retry_after > PATIENCE:
                raise EndpointError(
                    f"{self.address} asks to come back in {found.retry_after:,.0f} seconds ({reason}). What "
                    "is done is kept. Fix: run the same command again then: it goes on from here"
                )
            if attempt + 1 < self.limits.tries:
                with self._lock:
                    self.account.retries[found.kind] += 1
                if not found.unusable:
                    self._back_off(attempt, found.retry_after)
        self._stop_if_over()
        if self._is_there(asked.body):
            raise Failed(reason)
        tries = "once" if self.limits.tries == 1 else f"{self.limits.tries} times"
        raise EndpointError(
            f"{self.address} does not answer ({reason}; asked {tries}). What is done is "
            "kept. Fix: see to the server, then run the same command again: it goes on from here"
        )

    def _try(self, asked: Asked[T]) -> T | _Failure:
        try:
            reply = self._post(asked.body)
        except TimeoutError:
            return _Failure("no answer in time", f"no answer within {self.limits.seconds:g} s")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return _Failure("no connection", self._hidden(str(error) or type(error).__name__))
        if reply.status in _AGAIN:
            said = f"it answers {reply.status}: {self._said(reply)}"
            return _Failure(str(reply.status), said, retry_after=reply.retry_after)
        if reply.status != 200:
            self._refused(reply)
        try:
            content = json.loads(reply.body)
        except (ValueError, RecursionError):
            return _Failure("no JSON", "its answer is no JSON, or was cut short")
        self._count(content)
        try:
            return asked.read(content)
        except Unusable as problem:
            return _Failure("unusable answer", str(problem), unusable=True)

    # --- waiting ---

    def _wait(self) -> None:
        while (seconds := self._pace.delay()) > 0:
            self._sleep(seconds)
            self._stop_if_over()
        self._stop_if_over()

    def _back_off(self, attempt: int, retry_after: float | None) -> None:
        if retry_after is not None:
            self._pace.close(retry_after)
        most = min(self.limits.longest_wait, self.limits.wait * 2**attempt)
        seconds = max(most * (0.5 + 0.5 * self._draw.random()), retry_after or 0.0)
        if seconds > 0:
            self._sleep(seconds)
        self._stop_if_over()

    def _stop_if_over(self) -> None:
        if self._over.is_set():
            raise Failed("the others found the server gone")

    def _is_there(self, body: Mapping[str, Any]) -> bool:
        """Whether the server answers anything at all: the shortest request there is."""
        shortest = {"model": body.get("model"), "messages": [{"role": "user", "content": "Say OK."}]}
        try:
            reply = self._post({**shortest, "max_tokens": 1})
        except (OSError, http.client.HTTPException, ValueError):
            return False
        return reply.status == 200 or reply.status in _REQUEST

    # --- asking ---

    def _post(self, body: Mapping[str, Any]) -> _Reply:
        parts = self._parts
        host, port = cast(str, parts.hostname), parts.port or _PORTS[parts.scheme]
        deadline = time.monotonic() + self.limits.seconds
        connection = http.client.HTTPConnection(host, port)
        stream = connected([host], port, deadline)
        try:
            if parts.scheme == "https":
                stream = ssl.create_default_context().wrap_socket(stream, server_hostname=host)
            connection.sock = cast(Any, Timed(stream, deadline))
            headers = {"Host": parts.netloc, "User-Agent": "attrex", "Content-Type": "application/json"}
            if self._key is not None:
                headers["Authorization"] = f"Bearer {self._key}"
            connection.request("POST", parts.path, json.dumps(body).encode(), headers)
            response = connection.getresponse()
            return _Reply(response.status, _seconds(response.getheader("Retry-After")), _read(response))
        finally:
            connection.close()
            stream.close()

    def _count(self, content: Any) -> None:
        usage = content.get("usage") if isinstance(content, dict) else None
        if isinstance(usage, dict):
            prompt, answer = (_whole(usage.get(name)) for name in ("prompt_tokens", "completion_tokens"))
            with self._lock:
                self.account.prompt_tokens += prompt
                self.account.answer_tokens += answer
            self._pace.spend(prompt + answer)

    # --- what it says ---

    def _refused(self, reply: _Reply) -> None:
        said = f"{reply.status}: {self._said(reply)}"
        if reply.status in (401, 403):
            fix = f"check the environment variable {self._key_name}" if self._key_name else "give it a key"
            raise EndpointError(f"{self.address} does not let us in ({said}). Fix: {fix}")
        if 300 <= reply.status < 400:
            raise EndpointError(f"{self.address} has moved ({said}). Fix: give the address where it is now")
        if reply.status in _REQUEST and self.account.answers:
            raise Failed(said)
        raise EndpointError(
            f"{self.address} refuses what it is asked ({said}). Fix: check address, model and request"
        )

    def _said(self, reply: _Reply) -> str:
        """The server's own words, one line of them, without the key."""
        text = reply.body.decode("utf-8", "replace")
        try:
            content = json.loads(text)
            error = content.get("error", content) if isinstance(content, dict) else content
            text = str(error.get("message", error)) if isinstance(error, dict) else str(error)
        except (ValueError, RecursionError):
            pass
        return self._hidden(text) or "no word why"

    def _hidden(self, text: str) -> str:
        if self._key:
            text = text.replace(self._key, "***")
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return line if len(line) <= _SHOWN else line[:_SHOWN] + "..."


@dataclass(frozen=True, slots=True)
class _Failure:
    """``kind`` is what it is counted as."""

    kind: str
    reason: str
    unusable: bool = False
    retry_after: float | None = None


def checked(address: str) -> Any:
    """The address in parts. Raises ``ConfigError`` for one that is none, or that has a password in it."""
    try:
        parts = urlsplit(address)
        good = parts.scheme in _PORTS and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or "@" in address:
        # Not repeated: it may hold a password.
        raise ConfigError(
            "address: expected one like http://localhost:8000/v1, without user and password; a key goes into "
            "an environment variable, whose name is the setting key"
        )
    return parts


def _read(response: http.client.HTTPResponse) -> bytes:
    parts: Iterable[bytes] = iter(lambda: response.read1(_CHUNK), b"")
    found, size = [], 0
    for part in parts:
        size += len(part)
        if size > MOST:
            raise ValueError(f"its answer is longer than {MOST / 1e6:.0f} MB")
        found.append(part)
    if response.length:
        raise ConnectionError("the connection ended before the answer did")
    return b"".join(found)


def _seconds(said: str | None) -> float | None:
    """``Retry-After``: seconds, or a date."""
    if said is None:
        return None
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        then = email.utils.parsedate_to_datetime(said)
    except (TypeError, ValueError):
        return None
    return max(0.0, then.timestamp() - time.time())


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
