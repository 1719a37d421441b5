"""Short content hashes, the same on every machine and in every run."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def content_hash(content: Any) -> str:
    """Twelve hex digits of BLAKE2b over the canonical JSON of ``content`` (JSON-able values only)."""
    data = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(data.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
