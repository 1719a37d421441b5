"""attrex fills in the blanks of a product catalogue, with evidence."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from attrex.core import (
    Attribute,
    Evidence,
    Extraction,
    Picture,
    Product,
    Source,
    Span,
    Stated,
    Status,
    Value,
)
from attrex.errors import AttrexError

if TYPE_CHECKING:
    from attrex.api import Extractor, backtest, evaluate, fit
    from attrex.io.pictures import PictureAccess
    from attrex.schema import Category, Schema

__version__ = "0.1.0"

__all__ = [
    "AttrexError",
    "Attribute",
    "Category",
    "Evidence",
    "Extraction",
    "Extractor",
    "Picture",
    "PictureAccess",
    "Product",
    "Schema",
    "Source",
    "Span",
    "Stated",
    "Status",
    "Value",
    "backtest",
    "evaluate",
    "fit",
]

_LATE = {
    "Category": "attrex.schema",
    "Extractor": "attrex.api",
    "PictureAccess": "attrex.io.pictures",
    "Schema": "attrex.schema",
    "backtest": "attrex.api",
    "evaluate": "attrex.api",
    "fit": "attrex.api",
}
"""Imported when first used, so that ``import attrex`` and ``attrex --help`` are instant."""


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module 'attrex' has no attribute {name!r}")
