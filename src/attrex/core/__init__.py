"""The records and words every other part speaks; standard library only."""

from attrex.core.answer import Alignment, Answer, Candidate, Evidence, EvidenceKind, Problem
from attrex.core.attribute import Attribute
from attrex.core.extraction import Extraction, InputRead, Provenance, Status, Value
from attrex.core.hashing import content_hash
from attrex.core.product import Picture, Printed, Product, Source, Stated
from attrex.core.region import Region
from attrex.core.span import Span

__all__ = [
    "Alignment",
    "Answer",
    "Attribute",
    "Candidate",
    "Evidence",
    "EvidenceKind",
    "Extraction",
    "InputRead",
    "Picture",
    "Printed",
    "Problem",
    "Product",
    "Provenance",
    "Region",
    "Source",
    "Span",
    "Stated",
    "Status",
    "Value",
    "content_hash",
]
