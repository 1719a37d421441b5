"""What a column is, by its name and, failing that, by the look of its first cells.

The order of the rules (the first that fits decides):
  1. names of ids, categories, texts, pictures, and what no text tells (prices, links, dates, stock);
  2. the look: packed attributes (``{...}``), picture addresses, links, times, prices, yes/no flags named
     ``is_...``, long texts;
  3. everything else is an attribute.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrex.io.cells import packed

ID_NAMES = (
    "id", "product_id", "productid", "item_id", "sku", "variant_sku", "uniq_id", "unique_id", "asin", "uid",
    "product_code", "item_number", "article_number", "product_number", "handle", "pid", "gtin", "ean", "upc",
    "barcode", "variant_barcode", "isbn",
)  # fmt: skip
CATEGORY_NAMES = (
    "category", "product_category", "category_name", "product_type", "article_type", "item_type",
    "category_path", "categories", "product_category_tree", "google_product_category", "sub_category",
    "subcategory", "main_category", "master_category",
)  # fmt: skip
TITLE_NAMES = (
    "title", "product_title", "name", "product_name", "item_name", "product_display_name", "display_name",
    "parent_title", "headline", "short_name",
)  # fmt: skip
TEXT_NAMES = (
    "description", "product_description", "long_description", "short_description", "body", "body_html",
    "text", "texts", "details", "product_details", "summary", "about", "overview", "about_this_item",
    "feature", "features", "key_features", "highlights", "bullet", "bullets", "bullet_point", "bullet_points",
    "specification", "specifications", "product_specifications", "specs", "technical_details", "ocr",
    "ocr_text", "video_title", "caption", "selling_points",
)  # fmt: skip
PICTURE_NAMES = (
    "image", "images", "picture", "pictures", "photo", "photos", "img", "image_url", "image_urls",
    "image_link", "image_src", "image_path", "main_image", "picture_url", "photo_url", "thumbnail",
    "additional_image_link", "variant_image",
)  # fmt: skip
_UNTOLD = (
    (re.compile(r"(^|_)(url|urls|link|links|href|permalink|slug)($|_)"), "a link, by its name"),
    (re.compile(r"(^|_)(price|prices|msrp|rrp|cost|currency|discount|tax)($|_)"), "a price, by its name"),
    (
        re.compile(r"(^|_)(timestamp|date|datetime|created|updated|modified)($|_)|_at$"),
        "a time, by its name",
    ),
    (re.compile(r"(^|_)(ratings?|reviews?|review_count|rank|score|votes)($|_)"), "a rating, by its name"),
    (re.compile(r"(^|_)(stock|inventory|availability|available)($|_)"), "stock, by its name"),
)
_NUMBERED = re.compile(r"_?\d+$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[\W_]+")
_URL = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)
_PICTURE_FILE = re.compile(r"\S.*\.(jpe?g|png|gif|webp|bmp|tiff?|avif)(\?\S*)?", re.IGNORECASE)
_TIME = re.compile(r"\d{4}[-/]\d\d?[-/]\d\d?([ T]\d\d?:\d\d.*)?|\d\d?[./]\d\d?[./]\d{4}")
_PRICE = re.compile(r"([$€£¥₹]|USD|EUR|GBP|Rs\.?)\s*\d[\d.,]*|\d[\d.,]*\s*([$€£¥₹]|USD|EUR|GBP)")
LONG_TEXT = 100
"""A column whose cells have more characters than this on average is a text, not an attribute."""
_MOST = 0.8


def plain(name: str) -> str:
    """A column's name in lower case with underscores: "productDisplayName" is "product_display_name"."""
    return _SEPARATORS.sub("_", _CAMEL.sub("_", name.strip())).strip("_").casefold()


def is_one_of(name: str, names: Sequence[str], *, numbered: bool = False) -> bool:
    """Whether the plain name is in the list; ``numbered``: "bullet_3" counts as "bullet"."""
    return name in names or (numbered and _NUMBERED.sub("", name) in names)


def untold_by_name(name: str) -> str | None:
    """Why no product text would tell this column, by its plain name; None where it might."""
    return next((reason for pattern, reason in _UNTOLD if pattern.search(name)), None)


def look(name: str, cells: Sequence[str]) -> tuple[str, str]:
    """Role and reason by the look of the filled cells of a sample."""
    if not cells:
        return "attribute", "empty in the rows looked at"

    def most(pattern: re.Pattern[str]) -> bool:
        return sum(pattern.fullmatch(c) is not None for c in cells) >= _MOST * len(cells)

    if cells[0][:1] in "{[" and sum(packed(c) is not None for c in cells) >= _MOST * len(cells):
        return "packed", "each cell holds several attributes"
    if most(_PICTURE_FILE):
        return "picture", "looks like pictures"
    if most(_URL):
        return "ignored", "looks like links"
    if most(_TIME):
        return "ignored", "looks like times"
    if most(_PRICE):
        return "ignored", "looks like prices"
    if name.startswith(("is_", "has_")):
        return "ignored", "a yes/no flag, by its name"
    if sum(map(len, cells)) > LONG_TEXT * len(cells):
        return "source", f"texts of {sum(map(len, cells)) // len(cells)} characters on average"
    return "attribute", "no rule makes it anything else"


def delimiter_of(cells: Sequence[str]) -> str | None:
    """ "|" or ";" (with the blanks commonly around it) where at least 5 % of the cells, and two, hold it.

    A comma or a slash is too often part of a value; the user has to name those.
    """
    for mark in ("|", ";"):
        holding = [c for c in cells if mark in c.strip(mark + " ")]
        if len(holding) >= max(2, 0.05 * len(cells)):
            text = " ".join(holding)
            marks = text.count(mark)
            before = " " if 2 * text.count(" " + mark) > marks else ""
            after = " " if 2 * text.count(mark + " ") > marks else ""
            return before + mark + after
    return None
