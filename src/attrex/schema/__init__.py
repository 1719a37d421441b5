"""Schemas: which attributes a category has, from where they are read, and how they are checked."""

from attrex.schema.cells import join_cell, split_cell
from attrex.schema.diff import Change, Diff, diff
from attrex.schema.dump import dump_schema, schema_document
from attrex.schema.infer import infer_schema
from attrex.schema.json_schema import from_pydantic
from attrex.schema.lint import Finding, grouped, lint
from attrex.schema.parse import parse_schema, read_schema
from attrex.schema.schema import Category, Schema
from attrex.schema.shopify import from_shopify

__all__ = [
    "Category",
    "Change",
    "Diff",
    "Finding",
    "Schema",
    "diff",
    "dump_schema",
    "from_pydantic",
    "from_shopify",
    "grouped",
    "infer_schema",
    "join_cell",
    "lint",
    "parse_schema",
    "read_schema",
    "schema_document",
    "split_cell",
]
