"""Where in a schema file something stands, for messages that can be acted upon."""

from __future__ import annotations

from dataclasses import dataclass, replace

from attrex.errors import SchemaError


@dataclass(frozen=True, slots=True)
class Place:
    """A file (None: data handed over in Python) and a path in it, such as ``categories.Shoes.parent``."""

    file: str | None = None
    path: str = ""

    def at(self, key: object) -> Place:
        """The place one step further in: a key, or the number of a list's entry."""
        step = f"[{key}]" if isinstance(key, int) else str(key)
        if not self.path:
            return replace(self, path=step)
        return replace(self, path=f"{self.path}{step}" if isinstance(key, int) else f"{self.path}.{step}")

    def error(self, message: str) -> SchemaError:
        """The error to raise, with the place in front of the message."""
        return SchemaError(": ".join(part for part in (self.file, self.path, message) if part))


def shown(value: object) -> str:
    """A wrong value, short enough to stand in a message."""
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}..."'
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "a mapping"
    return str(value) if isinstance(value, int | float) else f"a {type(value).__name__}"
