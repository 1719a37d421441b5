"""Pictures of products: found, fetched where that is allowed, decoded, and handed out as arrays.

Needs Pillow, which the extra ``attrex[pictures]`` brings; nothing is imported before a picture is read.
"""

from attrex.io.pictures.access import PictureAccess
from attrex.io.pictures.decoding import Limits, decode, need_pillow
from attrex.io.pictures.gathering import gather
from attrex.io.pictures.preparation import IMAGENET, Preparation
from attrex.io.pictures.reader import PictureReader, Pictures
from attrex.io.pictures.web import Web, is_public

__all__ = [
    "IMAGENET",
    "Limits",
    "PictureAccess",
    "PictureReader",
    "Pictures",
    "Preparation",
    "Web",
    "decode",
    "gather",
    "is_public",
    "need_pillow",
]
