"""Pictures by URL, from hosts that the user allows and from no others."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import cast
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from attrex.errors import ConfigError, InputError
from attrex.web.timed import Timed, connected

Resolve = Callable[[str, int], Sequence[str]]
"""Host and port to numeric addresses."""
_PORTS = {"http": 80, "https": 443}
_MOVED = (301, 302, 303, 307, 308)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SPECIAL = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("64:ff9b:1::/48"))
"""Not all of them are private to every release of Python."""
_CHUNK = 1 << 16


def addresses_of(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says. How long it takes is the system's affair."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the public network: not loopback, private, link-local (where
    clouds answer for their machines' keys), multicast or reserved, nor IPv6 around such an IPv4 address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if ip in _NAT64:
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        wrapped = [each for each in inner if each is not None]
        if wrapped:
            return all(is_public(str(each)) for each in wrapped)
        if ip.is_site_local:
            return False
    special = ip.is_multicast or ip.is_reserved or ip.is_unspecified or any(ip in net for net in _SPECIAL)
    return ip.is_global and not special


class Web:
    """Fetches over HTTP and HTTPS. ``hosts``: "images.example.com", with ":8080" for a port that is not the
    scheme's own. ``seconds`` is for a picture as a whole, redirects included.

    Every address that a host's name stands for must be allowed, and the connection goes to the address that
    was checked, not to the name, which might by then stand for another. A redirect is checked like the
    first address. No proxy is used, no cookie kept, nothing sent but the address asked for.

    ``resolve`` and ``allowed`` are for tests, which have nothing but loopback. Raises ``ConfigError`` where
    a host is none.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        *,
        seconds: float = 20.0,
        most: int = 20 << 20,
        redirects: int = 3,
        resolve: Resolve = addresses_of,
        allowed: Callable[[str], bool] = is_public,
    ) -> None:
        self._hosts = frozenset(map(_host, hosts))
        self._seconds, self._most, self._redirects = seconds, most, redirects
        self._resolve, self._allowed = resolve, allowed

    def fetch(self, url: str) -> bytes:
        """The content. Raises ``InputError``, without a place, where it may not or cannot be had."""
        deadline = time.monotonic() + self._seconds
        asked = url
        for _ in range(self._redirects + 1):
            try:
                found = self._get(self._checked(asked), deadline)
            except TimeoutError:
                raise InputError(
                    f"it did not come within {self._seconds:g} seconds", fix="try again later"
                ) from None
            except (OSError, http.client.HTTPException, ValueError) as error:
                reason = str(error) or type(error).__name__
                raise InputError(f"it cannot be fetched ({reason})", fix="try it in a browser") from None
            if isinstance(found, bytes):
                return found
            asked = urljoin(asked, found)
        raise InputError(f"it is redirected more than {self._redirects} times", fix="give the last address")

    def _checked(self, url: str) -> SplitResult:
        """The address in parts, if its host may be asked."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise InputError("this is no web address", fix="write https://host/path") from None
        if parts.scheme not in _PORTS or not host or parts.username or parts.password:
            raise InputError("this is no plain web address", fix="write https://host/path")
        wanted = _host(host if port in (None, _PORTS[parts.scheme]) else f"{host}:{port}")
        if wanted not in self._hosts:
            raise InputError(
                f'the host "{wanted}" is not allowed', fix=f"allow it by --picture-host {wanted}"
            )
        return parts

    def _get(self, parts: SplitResult, deadline: float) -> bytes | str:
        """The content, or where it has moved to."""
        host, port = cast(str, parts.hostname), parts.port or _PORTS[parts.scheme]
        addresses = self._resolve(host, port)
        wrong = next((each for each in addresses if not self._allowed(each)), None)
        if wrong is not None or not addresses:
            raise InputError(
                f'the host "{host}" leads to {wrong or "no address"}, which is not of the public network',
                fix="give pictures of that network as files",
            )
        connection = http.client.HTTPConnection(host, port)
        stream = connected(addresses, port, deadline)
        try:
            if parts.scheme == "https":
                stream = ssl.create_default_context().wrap_socket(stream, server_hostname=host)
            connection.sock = cast(socket.socket, Timed(stream, deadline))
            named = {"Host": parts.netloc.encode("idna").decode("ascii"), **_HEADERS}
            connection.request("GET", _target(parts), headers=named)
            return self._content(connection.getresponse())
        finally:
            connection.close()
            stream.close()

    def _content(self, response: http.client.HTTPResponse) -> bytes | str:
        if response.status in _MOVED and (place := response.getheader("Location")):
            return place
        if response.status != 200:
            raise InputError(f"the host answers {response.status}", fix="check the address")
        if (length := response.getheader("Content-Length", "")).isdecimal() and int(length) > self._most:
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        while part := response.read1(_CHUNK):
            size += len(part)
            if size > self._most:
                raise self._too_large()
            parts.append(part)
        if response.length:
            raise InputError("the connection ended before the picture did", fix="try again later")
        return b"".join(parts)

    def _too_large(self) -> InputError:
        return InputError(f"it is larger than {self._most / 1e6:.1f} MB", fix="save it smaller")


_HEADERS = {"User-Agent": "attrex", "Accept": "image/*", "Accept-Encoding": "identity"}


def _host(text: str) -> str:
    """A host as it is compared: in lower case, without the dot at the end, names in their ASCII form."""
    if any(sign in text for sign in "/@?#") or not text.strip(". "):
        raise ConfigError(f'--picture-host: expected a host like images.example.com, got "{text}"')
    name, colon, port = text.strip().partition(":") if text.count(":") < 2 else (text, "", "")
    try:
        name = name.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise ConfigError(f'--picture-host: "{text}" is no name of a host') from None
    return name + colon + port


def _target(parts: SplitResult) -> str:
    path, query = (quote(text, safe="/%:=&~+!$,;'@()*?") for text in (parts.path or "/", parts.query))
    return f"{path}?{query}" if query else path
