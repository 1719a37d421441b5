from __future__ import annotations

import http.server
import socket
from collections.abc import Iterator
from threading import Event

import pytest

from attrex.errors import ConfigError, InputError
from attrex.io.pictures import Web, is_public
from attrex.io.pictures.web import addresses_of
from tests.io.pictures.serving import Served, gives, moves, serving


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as made:
        yield made


def why_not(web: Web, url: str) -> str:
    with pytest.raises(InputError) as caught:
        web.fetch(url)
    return str(caught.value)


def test_a_host_that_is_allowed_is_asked(served: Served) -> None:
    served.answers["/a%20b%C3%A9.jpg?w=1&h=%20"] = gives(b"picture")
    assert served.web().fetch(served.url("/a bé.jpg?w=1&h= ")) == b"picture"
    assert served.asked == [("/a%20b%C3%A9.jpg?w=1&h=%20", f"shop.test:{served.port}")]


def test_a_name_of_other_letters_is_compared_in_its_ascii_form(served: Served) -> None:
    served.answers["/a.jpg"] = gives(b"picture")
    web = served.web(names={"xn--bcher-kva.test": ["127.0.0.1"], "bücher.test": ["127.0.0.1"]})
    assert web.fetch(served.url("/a.jpg", "BÜCHER.test")) == b"picture"
    assert served.asked == [("/a.jpg", f"xn--bcher-kva.test:{served.port}")]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://evil.test/a.jpg", 'the host "evil.test" is not allowed. Fix: allow it by --picture-host'),
        ("http://shop.test/a.jpg", 'the host "shop.test" is not allowed'),
        ("http://shop.test.evil.test/", 'the host "shop.test.evil.test" is not allowed'),
        ("http://127.0.0.1/a.jpg", 'the host "127.0.0.1" is not allowed'),
        ("ftp://shop.test/a.jpg", "this is no plain web address. Fix: write https://host/path"),
        ("file:///etc/passwd", "this is no plain web address"),
        ("http:///a.jpg", "this is no plain web address"),
        ("http://user:secret@shop.test/a.jpg", "this is no plain web address"),
        ("http://shop.test:99999/a.jpg", "this is no web address"),
        ("http://[::1/a.jpg", "this is no web address"),
    ],
)  # fmt: skip
def test_nothing_else_is_asked(served: Served, url: str, message: str) -> None:
    assert why_not(served.web(), url).startswith(message)
    assert served.asked == []


def test_without_hosts_there_is_no_network() -> None:
    assert why_not(Web(()), "https://images.example.com/a.jpg") == (
        'the host "images.example.com" is not allowed. Fix: allow it by --picture-host images.example.com'
    )


@pytest.mark.parametrize("host", ["https://a.example", "a.example/pictures", "me@a.example", "", ".", "a..b"])
def test_a_host_that_is_none(host: str) -> None:
    with pytest.raises(ConfigError, match=r"^--picture-host: "):
        Web([host])


def test_every_address_of_a_name_must_be_allowed(served: Served) -> None:
    web = served.web(names={"both.test": ["127.0.0.1", "10.0.0.1"], "none.test": []})
    assert why_not(web, served.url("/a.jpg", "both.test")) == (
        'the host "both.test" leads to 10.0.0.1, which is not of the public network. '
        "Fix: give pictures of that network as files"
    )
    assert why_not(web, served.url("/a.jpg", "none.test")).startswith(
        'the host "none.test" leads to no address'
    )
    assert served.asked == []


def test_loopback_is_refused_by_default(served: Served) -> None:
    hosts = [f"127.0.0.1:{served.port}", f"localhost:{served.port}"]
    for host in ("127.0.0.1", "localhost"):
        message = why_not(Web(hosts), served.url("/a.jpg", host))
        assert message.startswith(f'the host "{host}" leads to ')
        assert "which is not of the public network" in message
    assert served.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_to_a_host_that_is_allowed(served: Served, status: int) -> None:
    served.answers |= {
        "/a": moves("/b", status),
        "/b": moves(served.url("/c", "other.test"), status),
        "/c": gives(b"c"),
    }
    assert served.web().fetch(served.url("/a")) == b"c"
    assert [host for _, host in served.asked] == [
        f"{n}.test:{served.port}" for n in ("shop", "shop", "other")
    ]


def test_a_redirect_to_a_private_address_is_refused(served: Served) -> None:
    web = served.web(names={"inner.test": ["192.168.0.1"]})
    served.answers |= {
        "/a": moves(served.url("/secret", "inner.test")),
        "/b": moves(served.url("/secret", "169.254.169.254")),
        "/c": moves("file:///etc/passwd"),
    }
    assert why_not(web, served.url("/a")).startswith(
        'the host "inner.test" leads to 192.168.0.1, which is not'
    )
    assert why_not(web, served.url("/b")).startswith(
        f'the host "169.254.169.254:{served.port}" is not allowed'
    )
    assert why_not(web, served.url("/c")).startswith("this is no plain web address")
    assert [path for path, _ in served.asked] == ["/a", "/b", "/c"]


def test_redirects_end(served: Served) -> None:
    served.answers["/a"] = moves("/a")
    assert why_not(served.web(), served.url("/a")) == (
        "it is redirected more than 3 times. Fix: give the last address"
    )
    assert len(served.asked) == 4


def test_the_connection_goes_to_the_address_that_was_checked(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.answers["/a.jpg"] = gives(b"picture")
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])  # a name that leads elsewhere when it is asked again
    web = Web(
        [f"shop.test:{served.port}"],
        resolve=lambda host, port: next(answers),
        allowed=lambda a: a == "127.0.0.1",
    )
    connected: list[str] = []
    real = socket.create_connection

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(address[0])
        return real(address, timeout)

    monkeypatch.setattr(socket, "create_connection", connect)
    assert web.fetch(served.url("/a.jpg")) == b"picture"
    assert connected == ["127.0.0.1"]


def test_what_is_too_large_is_not_read(served: Served) -> None:
    served.answers |= {
        "/said": gives(b"x", length=10_000_000),
        "/unsaid": gives(b"x" * 3_000_000, length=0),
        "/fits": gives(b"x" * 2_000_000, length=0),
    }
    web = served.web(most=2_000_000)
    for path in ("/said", "/unsaid"):
        assert why_not(web, served.url(path)) == "it is larger than 2.0 MB. Fix: save it smaller"
    assert len(web.fetch(served.url("/fits"))) == 2_000_000


def test_what_the_host_does_wrong(served: Served) -> None:
    served.answers |= {
        "/404": gives(b"not here", status=404),
        "/short": gives(b"abc", length=10),
        "/odd": lambda handler: handler.wfile.write(b"no HTTP\r\n\r\n") and None,
    }
    web = served.web()
    assert why_not(web, served.url("/404")) == "the host answers 404. Fix: check the address"
    assert why_not(web, served.url("/short")).startswith(
        ("the connection ended before the picture did", "it cannot be fetched (IncompleteRead")
    )
    assert why_not(web, served.url("/odd")).startswith("it cannot be fetched (no HTTP")
    secret = Web(
        [f"shop.test:{served.port}"], resolve=lambda host, port: ["127.0.0.1"], allowed=lambda a: True
    )
    assert "SSL" in why_not(secret, served.url("/404").replace("http:", "https:"))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    nobody = Web([f"127.0.0.1:{port}"], allowed=lambda address: True)
    assert why_not(nobody, f"http://127.0.0.1:{port}/").startswith("it cannot be fetched (")


def test_a_host_that_dribbles_runs_out_of_time_too(served: Served) -> None:
    end = Event()

    def dribble(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not end.wait(0.02):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    served.answers["/slow"] = dribble
    try:
        message = why_not(served.web(seconds=0.2), served.url("/slow"))
    finally:
        end.set()
    assert message == "it did not come within 0.2 seconds. Fix: try again later"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
        "192.0.0.8", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1",
        "2002:7f00:1::", "2001:0:7f00:1::", "::7f00:1", "2001:db8::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "93.184.216.34",
        "2606:2800:220:1::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::",
    ],
)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


def test_the_system_s_resolver_knows_loopback() -> None:
    assert "127.0.0.1" in addresses_of("127.0.0.1", 80)
    assert addresses_of("2130706433", 80) == [
        "127.0.0.1"
    ]  # which is why names are checked after they are resolved
