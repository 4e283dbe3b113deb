"""Analysed documents, made once and kept: both engines get the same tokens.

Blocks of 20,000 items are analysed by one process a core and written as JSON lines. The folder
is named after the catalogue and the analysis code, so a change of either makes a new one.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import contentcenter.text
from bench.size_catalog import Catalogue, load_catalogue
from bench.size_items import Items
from bench.size_vectors import FOLDER, Asked, asked, embedder, real_vectors, say
from contentcenter.search.ports import TextField
from contentcenter.text.analysis import Analyser
from contentcenter.text.build import build_analyser

BLOCK = 20_000
Texts = list[dict[TextField, str]]
_worker: list[Any] = []


def shop_analyser(catalogue: Catalogue) -> Analyser:
    """The analyser with the shop's words, as the product's lexicon learns them."""
    words = {word for book in catalogue.shown for word in (book.title, book.author, *book.tags)}
    return build_analyser(word for word in words if word)


def load_items() -> tuple[Catalogue, Items, Asked]:
    """Everything of the data phase but the tokens; makes what is missing."""
    catalogue = load_catalogue()
    vectors = real_vectors(catalogue, embedder)
    questions = asked(catalogue, vectors, embedder)
    return catalogue, Items(catalogue, vectors, questions.spread), questions


class Tokens:
    """The cached tokens of the first items."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._folder = FOLDER / f"tokens-{catalogue.mark()}-{_code_mark()}"

    def make(self, items: int) -> dict[str, float]:
        """Analyse what is missing; items, processor seconds and the rate of one core."""
        self._folder.mkdir(parents=True, exist_ok=True)
        missing = [b for b in range(-(-items // BLOCK)) if not self._path(b).exists()]
        if missing:
            with multiprocessing.get_context("spawn").Pool(
                os.cpu_count(), _prepare, (str(self._folder),)
            ) as pool:
                for block in pool.imap_unordered(_analyse_block, missing):
                    say(f"analysed block {block}, {len(missing)} in all")
        spent = sum(
            json.loads(path.read_text())["cpu_s"] for path in self._folder.glob("*.time.json")
        )
        analysed = BLOCK * len(list(self._folder.glob("*.jsonl")))
        return {"items": analysed, "cpu_s": round(spent, 1), "items_a_core_s": analysed / spent}

    def read(self, items: int, batch: int) -> Iterator[tuple[int, Texts]]:
        """First place and texts of each batch; batches never cross a block."""
        for block in range(-(-items // BLOCK)):
            with self._path(block).open(encoding="utf-8") as lines:
                texts = [_fields(line) for line in lines]
            start = block * BLOCK
            texts = texts[: items - start]
            for at in range(0, len(texts), batch):
                yield start + at, texts[at : at + batch]

    def _path(self, block: int) -> Path:
        return self._folder / f"{block:04d}.jsonl"


def _fields(line: str) -> dict[TextField, str]:
    return {TextField(name): text for name, text in json.loads(line).items()}


def _code_mark() -> str:
    folder = Path(contentcenter.text.__path__[0])
    code = b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))
    return hashlib.sha256(code).hexdigest()[:8]


def _prepare(folder: str) -> None:
    """Once in every process of the pool."""
    catalogue, items, _ = load_items()
    _worker[:] = [Path(folder), items, shop_analyser(catalogue)]


def _analyse_block(block: int) -> int:
    folder, items, analyser = _worker
    started = time.process_time()
    lines = []
    for place in range(block * BLOCK, (block + 1) * BLOCK):
        one = items.item(place)
        fields = analyser.document_fields(one.title, one.people, one.tags, [], one.body)
        lines.append(json.dumps(fields, ensure_ascii=False))
    spent = time.process_time() - started
    temporary = folder / f"{block:04d}.tmp"
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / f"{block:04d}.time.json").write_text(json.dumps({"cpu_s": spent}))
    temporary.rename(folder / f"{block:04d}.jsonl")
    return block
