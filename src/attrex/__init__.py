"""attrex fills in the blanks of a product catalogue, with evidence."""

__version__ = "0.1.0"
