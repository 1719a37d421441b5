"""What seeds may be."""

from __future__ import annotations

LARGEST_SEED = 2**31 - 1
"""A little is added to seeds here and there, and numpy takes 32 bits."""
