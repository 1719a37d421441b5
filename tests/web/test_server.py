"""A server that misbehaves on purpose, and what is made of it."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from attrex.errors import ConfigError, EndpointError
from attrex.web import server as server_module
from attrex.web.pace import Limits
from attrex.web.server import Asked, Failed, Server, Unusable
from tests.web.talking import Talking, completion, cuts_off, fails, hangs_up, says, send, talking

QUICK = {"wait": 0.0, "concurrency": 1}


@pytest.fixture
def served() -> Iterator[Talking]:
    with talking() as there:
        yield there


def text_of(content: Any) -> str:
    text: str = content["choices"][0]["message"]["content"]
    if text == "bad":
        raise Unusable("it says bad")
    return text


def body(number: int = 0) -> dict[str, Any]:
    return {
        "model": "m",
        "messages": [{"role": "user", "content": f"ask\n{json.dumps({'title': str(number)})}"}],
    }


class Waiting:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def ask(
    served: Talking, number: int = 1, *, waiting: Waiting | None = None, **limits: Any
) -> tuple[dict[int, str], dict[int, Failed], Server]:
    clock = {} if waiting is None else {"now": waiting.now, "sleep": waiting.sleep}
    server = Server(f"{served.address}/chat/completions", Limits(**{**QUICK, **limits}), **clock)
    found: dict[int, str] = {}
    failed = server.ask_all([Asked(body(i), text_of) for i in range(number)], found.__setitem__)
    return found, failed, server


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (fails(429), "429"),
        (fails(500), "500"),
        (fails(503), "503"),
        (hangs_up, "no connection"),
        (cuts_off, "no connection"),
        (says("bad"), "unusable answer"),
        (lambda handler, body: send(handler, 200, b'{"choices": [{"mess'), "no JSON"),
    ],
    ids=["429", "500", "503", "hangs up", "cut off", "unusable", "cut JSON"],
)
def test_what_fails_is_asked_again(served: Talking, step: Any, reason: str) -> None:
    served.steps = [step, says("good")]
    found, failed, server = ask(served)
    assert (found, failed) == ({0: "good"}, {})
    assert (server.account.requests, server.account.answers) == (2, 1)
    assert dict(server.account.retries) == {reason: 1}


def test_all_are_answered_and_none_twice(served: Talking) -> None:
    served.steps = [fails(500) if i % 5 == 0 else says(f"a{i}") for i in range(40)]
    found, failed, server = ask(served, 32, concurrency=8)
    assert failed == {}
    assert len(found) == len(set(found.values())) == 32
    assert server.account.answers == 32
    assert server.account.requests == 40 == len(served.asked)


def test_an_answer_that_never_ends_is_given_up(served: Talking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MOST", 10_000)

    def endless(handler: BaseHTTPRequestHandler, body: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" " * 4096)

    served.steps = [endless, says("good")]
    assert ask(served)[0] == {0: "good"}


def test_one_that_trickles_runs_out_of_its_time(served: Talking) -> None:
    over = []

    def trickling(handler: BaseHTTPRequestHandler, body: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not over:
            handler.wfile.write(b" ")
            handler.wfile.flush()

    served.steps = [trickling, says("good")]
    found, _, server = ask(served, seconds=0.2)
    over.append(True)
    assert found == {0: "good"}
    assert dict(server.account.retries) == {"no answer in time": 1}


def test_it_waits_twice_as_long_each_time_and_never_longer_than_that(served: Talking) -> None:
    waiting = Waiting()
    served.steps = [fails(500)] * 5 + [says("good")]
    ask(served, waiting=waiting, tries=6, wait=1.0, longest_wait=4.0)
    assert len(waiting.slept) == 5
    for slept, most in zip(waiting.slept, [1, 2, 4, 4, 4], strict=True):
        assert most / 2 <= slept <= most


def test_it_waits_as_long_as_the_server_says(served: Talking) -> None:
    waiting = Waiting()
    served.steps = [fails(429, Retry_After="90"), says("good")]
    ask(served, waiting=waiting, wait=1.0)
    assert waiting.slept == [90]


def test_a_date_is_understood_and_nonsense_is_not(served: Talking) -> None:
    waiting = Waiting()
    then = email.utils.formatdate(time.time() + 500, usegmt=True)
    served.steps = [fails(503, Retry_After=then), fails(503, Retry_After="soon"), says("good")]
    ask(served, waiting=waiting, wait=1.0)
    assert 490 < waiting.slept[0] <= 500
    assert waiting.slept[1] <= 2


@pytest.mark.parametrize("seconds", ["901", "inf", "1e30"])
def test_it_does_not_wait_for_hours(served: Talking, seconds: str) -> None:
    waiting = Waiting()
    served.steps = [fails(429, "quota", Retry_After=seconds)]
    with pytest.raises(
        EndpointError, match=r"asks to come back in (901|inf|1,0.*) seconds \(it answers 429: quo"
    ):
        ask(served, waiting=waiting)
    assert waiting.slept == []


def test_requests_keep_to_the_pace(served: Talking) -> None:
    waiting = Waiting()
    served.steps = [says("a")] * 3
    ask(served, 3, waiting=waiting, requests_per_minute=60)
    assert waiting.slept == [1, 1]


def test_an_answer_of_no_use_is_given_up_after_a_few_tries(served: Talking) -> None:
    served.steps = [says("bad")] * 4 + [says("good")]
    found, failed, server = ask(served, 2)
    assert found == {1: "good"}
    assert str(failed[0]) == "it says bad"
    assert server.account.requests == 5


def test_a_request_that_fails_alone_stops_nothing(served: Talking) -> None:
    served.steps = [fails(500)] * 3 + [says("OK"), says("good")]
    found, failed, _ = ask(served, 2, tries=3)
    assert found == {1: "good"}
    assert str(failed[0]) == "it answers 500: no luck"
    assert served.asked[3]["messages"] == [{"role": "user", "content": "Say OK."}]


def test_a_server_that_is_gone_ends_it_all_and_says_how_to_go_on() -> None:
    with talking() as served:
        pass
    with pytest.raises(EndpointError) as problem:
        ask(served, 20, tries=2, concurrency=4)
    said = str(problem.value)
    assert said.startswith(f"{served.address}/chat/completions does not answer (")
    assert "refused" in said
    assert "asked 2 times). What is done is kept. Fix: see to the server, then run the same command" in said
    with pytest.raises(EndpointError, match=r"; asked once\)\. What is done is kept"):
        ask(served, 1, tries=1)


def test_what_was_answered_before_it_died_is_kept(served: Talking) -> None:
    served.steps = [says("a"), says("b"), *[fails(500)] * 10]
    server = Server(f"{served.address}/chat/completions", Limits(**QUICK, tries=2))
    found: dict[int, str] = {}
    with pytest.raises(EndpointError):
        server.ask_all([Asked(body(i), text_of) for i in range(4)], found.__setitem__)
    assert found == {0: "a", 1: "b"}
    served.steps = [says("c"), says("d")]
    assert server.ask_all([Asked(body(i), text_of) for i in (2, 3)], found.__setitem__) == {}


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (fails(401, "who are you"), r"does not let us in \(401: who are you\)\. Fix: give it a key"),
        (
            fails(404, "no model m"),
            r"refuses what it is asked \(404: no model m\)\. Fix: check address, model",
        ),
        (fails(400, "no json_schema here"), r"refuses what it is asked \(400: no json_schema here\)"),
        (
            fails(308, Location="http://x"),
            r"has moved \(308: no luck\)\. Fix: give the address where it is now",
        ),
    ],
    ids=["401", "404", "400", "308"],
)
def test_wrong_settings_end_it_at_once(served: Talking, step: Any, message: str) -> None:
    served.steps = [step] * 3
    with pytest.raises(EndpointError, match=message):
        ask(served, 3)
    assert len(served.asked) == 1


def test_after_an_answer_a_refused_request_fails_alone(served: Talking) -> None:
    served.steps = [says("a"), fails(400, "too long"), says("c")]
    found, failed, _ = ask(served, 3)
    assert found == {0: "a", 2: "c"}
    assert str(failed[1]) == "400: too long"


def test_the_key_goes_along_and_stands_in_no_message(served: Talking) -> None:
    served.steps = [fails(401, "the key sk-secret\x1b[31m is wrong")]
    address = f"{served.address}/chat/completions"
    server = Server(address, Limits(**QUICK), key="sk-secret", key_name="MY_KEY")
    with pytest.raises(EndpointError) as problem:
        server.ask_all([Asked(body(), text_of)], lambda at, text: None)
    assert served.headers[0]["Authorization"] == "Bearer sk-secret"
    assert "(401: the key *** [31m is wrong). Fix: check the environment variable MY_KEY" in str(
        problem.value
    )


def test_tokens_are_counted_as_the_server_counts_them(served: Talking) -> None:
    odd = {"choices": completion("a")["choices"], "usage": {"prompt_tokens": None, "completion_tokens": -5}}
    served.steps = [says("a"), lambda handler, body: send(handler, 200, odd), says("bad"), says("c")]
    _, _, server = ask(served, 3)
    assert (server.account.prompt_tokens, server.account.answer_tokens) == (300, 30)


@pytest.mark.parametrize(
    "address", ["localhost:8000", "ftp://a/b", "http://", "http://me:pw@host/v1", "http://[", ""]
)
def test_an_address_that_is_none_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(ConfigError, match="address: expected one like http://localhost:8000/v1") as problem:
        Server(address, Limits())
    assert "pw" not in str(problem.value)
