"""Surface value -> canonical value."""

from attrex.normalise.normaliser import Normaliser, surfaces

__all__ = ["Normaliser", "surfaces"]
