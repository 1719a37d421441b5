"""Known data sets that are product tables: their column mappings."""

from __future__ import annotations

from attrex.io.mapping import ColumnMapping

PRESETS: dict[str, ColumnMapping] = {
    "videoave": ColumnMapping(
        id="product_id",
        sources={"title": "parent_title"},
        attributes={},
        packed=("aspects",),
        # The video's title is mostly that of a review of something else: of 9,872 brands it states 138 more.
        ignore=("video_title", "video_url", "content_url"),
    ),
    "flipkart": ColumnMapping(
        id="uniq_id",
        category="product_category_tree",
        sources={"title": "product_name", "description": "description"},
        pictures=("image",),
        attributes={},
        packed=("product_specifications",),
        category_depth=1,
        picture_folder="images",
    ),
    "fashion": ColumnMapping(
        id="id",
        category="articleType",
        sources={"title": "productDisplayName"},
        pictures=("image",),
        attributes={"gender": "gender", "baseColour": "baseColour", "season": "season", "usage": "usage"},
    ),
}
"""Format name to mapping. A mapping of the user's goes over it."""
