"""The command line: thin verbs over ``attrex.api``."""

from attrex.cli.main import app, main

__all__ = ["app", "main"]
