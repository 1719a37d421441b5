"""The pipeline: products in, extractions out, by stages that are plain functions over batches."""

from attrex.extract.pipeline import Pipeline, input_hash
from attrex.extract.request import Request, Result, blanks, everything, named
from attrex.extract.trials import known, trials

__all__ = ["Pipeline", "Request", "Result", "blanks", "everything", "input_hash", "known", "named", "trials"]
