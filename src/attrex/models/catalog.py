"""Every model there is, by name. A new one is one line here, one file, one row in the conformance table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrex.models.adatag import build_adatag
from attrex.models.folder import StorableModel
from attrex.models.lexicon import build_lexicon

CATALOG: Mapping[str, Callable[..., StorableModel]] = {
    "adatag": build_adatag,
    "lexicon": build_lexicon,
}
