"""Prepared and described records, kept in memory or on disk, so that nothing is made twice."""

from attrex.cache.disk import GIGABYTE, DiskCache
from attrex.cache.keys import attribute_key, product_key
from attrex.cache.memory import MemoryCache
from attrex.cache.records import Precision
from attrex.cache.store import Cache, Kind

__all__ = [
    "GIGABYTE",
    "Cache",
    "DiskCache",
    "Kind",
    "MemoryCache",
    "Precision",
    "attribute_key",
    "product_key",
]
