"""The words on products' pictures, read by an engine on this machine and added as a source of text.

Needs RapidOCR, which the extra ``attrex[ocr]`` brings with its models; nothing is imported before a picture
is read.
"""

from attrex.io.ocr.engine import Engine, Line, RapidOcr, need_engine
from attrex.io.ocr.reader import OcrReader
from attrex.io.ocr.words import SOURCE, Words

__all__ = ["SOURCE", "Engine", "Line", "OcrReader", "RapidOcr", "Words", "need_engine"]
