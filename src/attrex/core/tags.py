"""Tag schemes: spans of tokens as tags, and back.

BIO marks a value B I I; BIOE (AdaTag, Table 1) closes it with E: B I E, and B alone for one word.
Both are here as transition tables. ``decode`` also reads ill-formed sequences, by one rule: *a value
opens at B, or at an I or E that nothing opened; it runs on through I and one closing E; it ends before
any other tag.*
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class TagScheme:
    """``tags`` in the order of their indices; ``follows[i][j]``: may tag j come right after tag i;
    ``starts``/``ends``: may a sequence begin/end with the tag."""

    name: str
    tags: tuple[str, ...]
    follows: tuple[tuple[bool, ...], ...]
    starts: tuple[bool, ...]
    ends: tuple[bool, ...]

    def index(self, tag: str) -> int:
        """The tag's index; ValueError if the scheme has no such tag."""
        return self.tags.index(tag)

    def pattern(self, length: int) -> list[int]:
        """The tags of one value of ``length`` >= 1 tokens."""
        begin, inside = self.index("B"), self.index("I")
        if length == 1:
            return [begin]
        last = self.index("E") if "E" in self.tags else inside
        return [begin, *[inside] * (length - 2), last]

    def encode(self, spans: Iterable[tuple[int, int]], length: int) -> list[int]:
        """Tags of ``length`` tokens for token spans ``[start, end)``.

        Raises ValueError where spans overlap or leave the sequence: one sequence cannot hold both.
        """
        tags = [self.index("O")] * length
        ordered = sorted(spans)
        for (_, end), (start, _) in pairwise(ordered):
            if start < end:
                raise ValueError(f"spans overlap at token {start}")
        for start, end in ordered:
            if not 0 <= start < end <= length:
                raise ValueError(f"span [{start}, {end}) does not lie in {length} tokens")
            tags[start:end] = self.pattern(end - start)
        return tags

    def decode(self, tags: Sequence[int]) -> list[tuple[int, int]]:
        """Token spans ``[start, end)`` of any tag sequence, well-formed or not (the module's rule)."""
        spans: list[tuple[int, int]] = []
        opened: int | None = None
        for at, tag in enumerate(tags):
            name = self.tags[tag]
            if opened is not None and name in "BO":
                spans.append((opened, at))
                opened = None
            if name in "BI" and opened is None:
                opened = at
            elif name == "E":
                spans.append((at if opened is None else opened, at + 1))
                opened = None
        if opened is not None:
            spans.append((opened, len(tags)))
        return spans

    def well_formed(self, tags: Sequence[int]) -> bool:
        """Whether the table allows the sequence."""
        return not tags or (
            self.starts[tags[0]]
            and self.ends[tags[-1]]
            and all(self.follows[a][b] for a, b in pairwise(tags))
        )


BIO = TagScheme(
    "BIO",
    ("B", "I", "O"),
    follows=((True, True, True), (True, True, True), (True, False, True)),
    starts=(True, False, True),
    ends=(True, True, True),
)

BIOE = TagScheme(
    "BIOE",
    ("B", "I", "O", "E"),
    follows=(
        (True, True, True, True),
        (False, True, False, True),
        (True, False, True, False),
        (True, False, True, False),
    ),
    starts=(True, False, True, False),
    ends=(True, False, True, True),
)

SCHEMES = {scheme.name: scheme for scheme in (BIO, BIOE)}
