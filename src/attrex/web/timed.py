"""Connections that keep to a deadline, however slowly the other side speaks."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Sequence
from typing import BinaryIO, cast


def left(deadline: float) -> float:
    """Seconds until then, by ``time.monotonic``. Raises ``TimeoutError`` where there are none."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def connected(addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
    """A connection to the first address that takes one. Raises ``OSError`` where none does."""
    problem: OSError = OSError("no address")
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=left(deadline))
        except TimeoutError:
            raise
        except OSError as error:
            problem = error
    raise problem


class Timed:
    """What an HTTP connection needs of a socket, each step within what is left of the time: a host that sends
    a byte now and then would keep a plain time-out from ever running out."""

    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def sendall(self, data: bytes) -> None:
        self._stream.settimeout(left(self._deadline))
        self._stream.sendall(data)

    def makefile(self, mode: str) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(_Reading(self._stream, self._deadline)))

    def close(self) -> None:
        """The one who opened the socket closes it."""


class _Reading(io.RawIOBase):
    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is wider
        self._stream.settimeout(left(self._deadline))
        return self._stream.recv_into(buffer)
