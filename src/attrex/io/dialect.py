"""How a delimited text file is written, so that it can be given back the same way."""

from __future__ import annotations

from dataclasses import dataclass

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Dialect:
    """Delimiter, end of line, and whether the file begins with a byte order mark (Excel asks for one)."""

    delimiter: str = ","
    end: str = "\n"
    mark: bool = False


def sniff(head: str, *, tabs: bool, mark: bool) -> Dialect:
    """The dialect of a file beginning with ``head``: the delimiter that stands most often in the header.

    ``tabs``: the file's name says that it is tab-separated.
    """
    counts = dict.fromkeys(DELIMITERS, 0)
    quoted = False
    end = "\n"
    for at, character in enumerate(head):
        if character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character in "\r\n":
            end = "\r\n" if head[at : at + 2] == "\r\n" else character
            break
        elif character in counts:
            counts[character] += 1
    delimiter = "\t" if tabs else max(DELIMITERS, key=lambda d: counts[d])
    return Dialect(delimiter=delimiter, end=end, mark=mark)
