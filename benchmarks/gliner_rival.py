"""GLiNER's architecture on a backbone of ours, as a rival: the package's own code, all labels in front of the
text. An extra of the benchmarks: ``pip install --no-deps gliner`` (0.2.29 runs here).

Trained on what the other models are: a window of a product is an example, its filled cells are the spans, and
all that it is asked, filled or "n/a", are the labels. A name and, where there is one, its description are the
label. A value is the best span of its label from ``threshold`` on.
"""

from __future__ import annotations

import importlib.util
import json
import random
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from attrex.api.recipe import Recipe
from attrex.core import Attribute, Product
from attrex.evaluation import Judged, report
from attrex.models.questions import about
from attrex.models.tagging import TaggedWindow, tagged_windows
from attrex.nn.precision import mixed
from attrex.nn.pretrained import find_base
from attrex.schema import Schema
from attrex.supervision.distant import label
from attrex.text.tokeniser import WordPieces
from attrex.text.windows import cut

WINDOW = 224
LABELS = 220
"""Tokens of labels in front of a text at most; more are read with the same text again."""
EPOCHS, BATCH = 8, 8
RATES = {"encoder": 1.5e-4, "rest": 1.0e-3}
"""Those of the other models on MiniLM; not tuned."""
WARMUP = 0.1
TRAINING: Mapping[str, Any] = {"epochs": EPOCHS, "batch": BATCH, "rates": RATES}
"""For the key under which a run is kept."""
Scored = Mapping[str, list[tuple[float, str]]]
"""Values of each attribute with their scores, best first."""
GRID = [at / 20 for at in range(1, 20)]


def installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec("gliner") is not None


def make(config: Mapping[str, Any], *, pretrained: bool) -> Any:
    """The package's model on an encoder of this Hugging Face configuration, behind MiniLM's tokeniser;
    ``pretrained``: with MiniLM's weights, else at random. The head is at random."""
    from gliner import GLiNER, GLiNERConfig

    base = find_base("minilm")
    files = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for file in [*files, "model.safetensors"] if pretrained else files:
            (Path(folder) / file).write_bytes((base.folder / file).read_bytes())
        (Path(folder) / "config.json").write_text(json.dumps(dict(config)))
        width = config.get("hidden_size") or config["d_model"]
        made = GLiNERConfig(
            model_name=folder, hidden_size=width, max_len=100_000, max_types=100, fine_tune=False
        )
        return GLiNER.from_config(made, backbone_from_pretrained=pretrained)


def fitted(recipe: Recipe, schema: Schema, train: Sequence[Product], seed: int) -> GlinerRival:
    """One that has learnt from all of ``train``; of the recipe only the number of epochs is read."""
    made = GlinerRival(seed)
    made.learn(train, schema, epochs=int((recipe.training or TRAINING)["epochs"]))
    return made


class GlinerRival:
    """On MiniLM."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.model = make(find_base("minilm").config(), pretrained=True)
        self.tokeniser = WordPieces.from_file(find_base("minilm").tokeniser)
        self.threshold = 0.5
        self._chance = random.Random(seed)

    # --- training ---

    def learn(self, products: Sequence[Product], schema: Schema, *, epochs: int = EPOCHS) -> None:
        """From all filled and "n/a" cells."""
        windows = tagged_windows(label(products, schema)[0], self.tokeniser, WINDOW)
        examples = [example for window in windows for example in self._examples(window)]
        inner = self.model.model
        encoder = {id(p) for p in inner.token_rep_layer.parameters()}
        groups = [
            {"params": [p for p in inner.parameters() if (id(p) in encoder) == within], "lr": RATES[name]}
            for name, within in (("encoder", True), ("rest", False))
        ]
        optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
        steps = epochs * -(-len(examples) // BATCH)
        rise = max(1, round(WARMUP * steps))
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda at: min((at + 1) / rise, max(0.0, (steps - at) / max(1, steps - rise)))
        )
        collate = self.model.data_collator_class(
            self.model.config, data_processor=self.model.data_processor, prepare_labels=True
        )
        self.model.train()
        for _ in range(epochs):
            self._chance.shuffle(examples)
            for begin in range(0, len(examples), BATCH):
                batch = collate([self._shuffled(each) for each in examples[begin : begin + BATCH]])
                with mixed(torch.device("cpu")):
                    loss = self.model(**batch).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(inner.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                optimiser.zero_grad()
        self.model.eval()

    def _shuffled(self, example: Mapping[str, Any]) -> dict[str, Any]:
        labels = list(example["ner_labels"])
        self._chance.shuffle(labels)
        return {**example, "ner_labels": labels}

    def _examples(self, window: TaggedWindow) -> Iterator[dict[str, Any]]:
        """One for each group of labels that fits. A cell whose value stands nowhere teaches nothing."""
        text, starts = _joined(window.product)
        words = list(self.model.data_processor.words_splitter(text))
        if not words:
            return
        spans: dict[str, list[tuple[int, int]]] = {}
        for ask in window.asks:
            if not ask.unlocated:
                places = [(starts[s.source] + s.start, starts[s.source] + s.end) for s in ask.exact]
                spans[about(ask.attribute)] = [_words(words, *place) for place in places]
        for labels in self._groups(list(spans)):
            found = [[*span, name] for name in labels for span in spans[name]]
            yield {"tokenized_text": [w[0] for w in words], "ner": found, "ner_labels": labels}

    def _groups(self, labels: Sequence[str]) -> list[list[str]]:
        groups: list[list[str]] = []
        room = 0
        for name, tokens in zip(labels, self.tokeniser.encode(list(labels)), strict=True):
            if len(tokens) + 1 > room:
                groups.append([])
                room = LABELS
            groups[-1].append(name)
            room -= len(tokens) + 1
        return groups

    # --- answering ---

    @torch.inference_mode()
    def scored(self, asked: Sequence[tuple[Product, Sequence[Attribute]]]) -> list[Scored]:
        """What is found of each product."""
        found: list[defaultdict[str, list[tuple[float, str]]]] = [defaultdict(list) for _ in asked]
        texts: list[str] = []
        labels: list[list[str]] = []
        owners: list[tuple[int, dict[str, str]]] = []
        for window in cut([product for product, _ in asked], self.tokeniser, WINDOW):
            text, _ = _joined(window.product)
            names = {about(a): a.name for a in asked[window.index][1]}
            for group in self._groups(list(names)) if text.strip() else []:
                texts.append(text)
                labels.append(group)
                owners.append((window.index, names))
        if texts:
            said = self.model.inference(
                texts, labels, flat_ner=False, multi_label=True, threshold=GRID[0], batch_size=16
            )
            for (at, names), entities in zip(owners, said, strict=True):
                for each in entities:
                    found[at][names[each["label"]]].append((float(each["score"]), each["text"]))
        return [{name: sorted(own, reverse=True) for name, own in each.items()} for each in found]

    def judge(self, products: Sequence[Product], schema: Schema) -> list[Judged]:
        """All that the products state."""
        return self._judged(products, schema, self._scores(products, schema), self.threshold)

    def calibrate(self, products: Sequence[Product], schema: Schema) -> None:
        """The threshold of the best F1 on products that were not learnt from."""
        scores = self._scores(products, schema)

        def f1(threshold: float) -> float:
            judged = self._judged(products, schema, scores, threshold)
            return report(judged, resamples=0).micro.scores.f1

        self.threshold = max(GRID, key=f1)

    def _scores(self, products: Sequence[Product], schema: Schema) -> list[Scored]:
        return self.scored([(product, _stated(product, schema)) for product in products])

    def _judged(
        self,
        products: Sequence[Product],
        schema: Schema,
        scores: Sequence[Scored],
        threshold: float,
    ) -> list[Judged]:
        judged = []
        for product, own in zip(products, scores, strict=True):
            for attribute in _stated(product, schema):
                values = [text for score, text in own.get(attribute.name, ()) if score >= threshold]
                chosen = tuple(dict.fromkeys(values if attribute.many else values[:1]))
                gold = tuple(value.text for value in product.stated[attribute.name])
                judged.append(Judged(product.id, product.category, attribute.name, gold, chosen))
        return judged


def _stated(product: Product, schema: Schema) -> list[Attribute]:
    own = {attribute.name: attribute for attribute in schema.of(product.category)}
    return [own[name] for name in product.stated if name in own]


def _joined(product: Product) -> tuple[str, dict[str, int]]:
    """One text of all sources, and where each begins."""
    text, starts = "", {}
    for source in product.sources:
        text += "\n" if text else ""
        starts[source.name] = len(text)
        text += source.text
    return text, starts


def _words(words: Sequence[tuple[str, int, int]], start: int, end: int) -> tuple[int, int]:
    """The first and the last word that a span of characters touches."""
    touched = [at for at, (_, begin, stop) in enumerate(words) if begin < end and start < stop]
    return touched[0], touched[-1]
