"""A catalogue whose pictures decide: shirts, bags and mugs drawn with Pillow, before cluttered backgrounds.

``python -m attrex.sample.drawn OUT --products N`` writes it. In half of the products the title names two
values of an attribute and the picture shows which is true (a tagger can answer), in the other half it names
none (a value head can). Pairs of colour and pattern are held out from training.
"""

from attrex.sample.drawn.catalogue import DrawnProduct, read_regions, write_catalogue
from attrex.sample.drawn.words import CATEGORIES, HELD_OUT, VALUES

__all__ = ["CATEGORIES", "HELD_OUT", "VALUES", "DrawnProduct", "read_regions", "write_catalogue"]
