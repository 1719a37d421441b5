"""SMARTAVE (Wang et al., 2022): all of a product's sources, structured, long, with pictures; values that are
copied from the text or generated.

The answer is the decoder's: it writes values piece by piece, from the text (whose place is then the evidence)
or from the vocabulary of the training values (found in the text if they stand there after all, else told by a
region of a picture, ``smartave_regions``, or inferred). In the paper's form a product is read anew for each
attribute; the other form reads it once (``smartave_network``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from attrex.models.pictured_text import PicturedText
from attrex.models.smartave_forms import Apart, Seen
from attrex.models.smartave_parts import Form, Queries, Shape
from attrex.models.smartave_values import ReadAttributes
from attrex.models.text_encoders import Shapes, TextPart, pretrained_text
from attrex.models.trained import Mechanism, TrainedModel
from attrex.models.vision_encoders import RegionArguments, VisionArguments, VisionPart
from attrex.nn.structured import PATTERNS, Pattern

FORMS: Mapping[Form, Callable[[Shape], Mechanism[Any]]] = {"seen": Seen, "apart": Apart}


def build_smartave_text(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    shapes: Shapes = "ignored",
    attribute: Form = "seen",
    attribute_added: bool = False,
    attentions: Sequence[Pattern] = PATTERNS,
    queries: Queries = "own",
    layers: int | None = None,
    block: int = 256,
    decoder_layers: int = 4,
    longest: int = 10,
    beams: int = 5,
    alpha: float = 0.6,
    replacement: float = 0.0,
    window: int = 1024,
) -> TrainedModel[Any]:
    """SMARTAVE-text: words alone. ``base``, of BERT's kind, from which encoder and decoder come.

    ``attribute``: "seen", the paper's form, in which all states depend on it, or "apart", in which only its
    hyper-token, the decoder and the tags know both sides. ``attribute_added``, not in the paper and for
    "seen" alone: its words' mean, through a matrix, is added to all other tokens as they enter.
    ``attentions``: those that there are (Figure 4); ``queries``: each attention's own, or "shared" (Table 3).
    ``layers``: of the base, its first; None: all. ``block``: tokens of a source beyond which it is read in
    several blocks. ``longest``: pieces of a value at most; ``beams``: sequences that are followed at once.
    ``alpha``: what the tags weigh beside the decoder (Figure 6). ``window``: tokens of all sources beyond
    which a product is read in windows (Figure 5); ``replacement`` as in AdaTag.
    """
    arguments: dict[str, Any] = dict(locals())
    return _built("smartave-text", arguments, None)


def build_smartave(
    *,
    base: str = "minilm",
    frozen_embeddings: bool = True,
    shapes: Shapes = "ignored",
    attribute: Form = "seen",
    attribute_added: bool = False,
    attentions: Sequence[Pattern] = PATTERNS,
    queries: Queries = "own",
    layers: int | None = None,
    block: int = 256,
    decoder_layers: int = 4,
    longest: int = 10,
    beams: int = 5,
    alpha: float = 0.6,
    replacement: float = 0.0,
    window: int = 1024,
    vision: Literal["pretrained", "small"] = "small",
    vision_base: str = "microsoft/resnet-101",
    vision_frozen: bool = False,
    vision_size: int = 112,
    vision_widths: Sequence[int] = (32, 64, 128, 256),
    regions: Literal["grid", "detector"] = "grid",
    detector: str = "hustvl/yolos-tiny",
    detector_size: int = 448,
    objects: int = 16,
    objects_from: float = 0.5,
) -> TrainedModel[Any]:
    """With pictures: each is a source of its own, the picture as a whole and its ``regions``, by a vision
    encoder (``VisionArguments``). The others as in ``build_smartave_text``.

    ``regions``: "grid", the encoder's own patches, or "detector", the objects that a ``detector`` of DETR's
    kind (a folder, or a name on the hub) finds in pictures of ``detector_size`` pixels: the ``objects``
    surest at most, each at least as sure as ``objects_from``. The encoder sees each of them on its own.
    """
    arguments: dict[str, Any] = dict(locals())
    part = RegionArguments.among(arguments).part(VisionArguments.among(arguments).part())
    return _built("smartave", arguments, part)


def _built(builder: str, given: dict[str, Any], vision: VisionPart | None) -> TrainedModel[Any]:
    arguments: dict[str, Any] = {n: list(v) if isinstance(v, tuple) else v for n, v in given.items()}
    text: TextPart = pretrained_text(
        arguments["base"], frozen_embeddings=arguments["frozen_embeddings"], shapes=arguments["shapes"]
    )
    shape = Shape.among(arguments)
    return TrainedModel[Any](
        builder,
        arguments,
        text=text if vision is None else PicturedText(text, vision),
        attributes=ReadAttributes(),
        mechanism=FORMS[shape.attribute](shape),
        window=arguments["window"],
        replacement=arguments["replacement"],
        pictures=None if vision is None else vision.size,
    )
