"""Schemas: which attributes a category has, from where they are read, and how they are checked."""

from attrex.schema.schema import Category, Schema

__all__ = ["Category", "Schema"]
