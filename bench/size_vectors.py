"""Vectors of the real titles, made once by the bundled model and kept under var/bench.

    python -m bench.size_vectors        may be stopped and started again at any time

A few thousand rows at a time go to the file, and only then does the counter beside it move.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.size_catalog import Catalogue, load_catalogue
from bench.size_items import edition_title, question
from contentcenter.embedding.ports import Vectors
from contentcenter.embedding.runtime import wait_passively
from contentcenter.embedding.sentence import SentenceEmbedder
from contentcenter.embedding.texts import BatchLimits

FOLDER = Path("var/bench/size")
_ROWS_AT_ONCE = 2048
_CALIBRATION = 500
# Titles are short: fuller batches than those of the serving process, where a query waits.
_BATCH = BatchLimits(texts=32, characters=1_200)


def say(text: str) -> None:
    """Progress, apart from the results."""
    print(text, file=sys.stderr, flush=True)


def embedder() -> SentenceEmbedder:
    """The product's model in this process."""
    wait_passively()
    cache = os.environ.get("CONTENTCENTER_CACHE_DIR", "var/cache")
    return SentenceEmbedder(cache_dir=Path(cache), batch=_BATCH)


def real_vectors(catalogue: Catalogue, model: Callable[[], SentenceEmbedder]) -> Vectors:
    """Unit vectors of `catalogue.shown` in its order, as a mapped file; made where missing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    stem = f"titles-{catalogue.mark()}"
    state_path, path = FOLDER / f"{stem}.json", FOLDER / f"{stem}.npy"
    total = len(catalogue.shown)
    done = json.loads(state_path.read_text())["done"] if state_path.exists() else 0
    if done < total:
        _embed_rest(catalogue, model(), path, state_path, done)
    return np.load(path, mmap_mode="r")


def _embed_rest(
    catalogue: Catalogue, model: SentenceEmbedder, path: Path, state_path: Path, done: int
) -> None:
    identity = model.identity()
    total = len(catalogue.shown)
    rows = np.lib.format.open_memmap(
        path,
        mode="r+" if path.exists() else "w+",
        dtype=np.float32,
        shape=(total, identity.dimension),
    )
    began, first = time.monotonic(), done
    for start in range(done, total, _ROWS_AT_ONCE):
        texts = [book.text for book in catalogue.shown[start : start + _ROWS_AT_ONCE]]
        rows[start : start + len(texts)] = model.encode_passages(texts)
        rows.flush()
        done = start + len(texts)
        state_path.write_text(json.dumps({"done": done, "model": str(identity)}))
        rate = (done - first) / (time.monotonic() - began)
        say(f"embedded {done:,} of {total:,}, {rate:.0f}/s, {(total - done) / rate:.0f} s to go")


@dataclass(frozen=True)
class Asked:
    """Question texts, their vectors, and how far a variant lies from its title."""

    texts: list[str]
    vectors: Vectors
    spread: float
    edition_cosine: float


def asked(catalogue: Catalogue, real: Vectors, model: Callable[[], SentenceEmbedder]) -> Asked:
    """The questions about the held-back books; made once."""
    stem = FOLDER / f"questions-{catalogue.mark()}"
    texts = [question(book, place) for place, book in enumerate(catalogue.held)]
    known, rows = stem.with_suffix(".json"), stem.with_suffix(".npy")
    if not known.exists():
        say("embedding the questions")
        loaded = model()
        np.save(rows, loaded.encode_queries(texts))
        known.write_text(json.dumps(_calibrate(catalogue, real, loaded)))
    figures = json.loads(known.read_text())
    return Asked(texts, np.load(rows), figures["spread"], figures["edition_cosine"])


def _calibrate(catalogue: Catalogue, real: Vectors, model: SentenceEmbedder) -> dict[str, float]:
    """Embed some titles with their suffix, and find the spread that moves a vector as far."""
    places = np.arange(0, len(catalogue.shown), len(catalogue.shown) // _CALIBRATION)
    texts = [
        replace(book, title=edition_title(book, int(place), 1)).text
        for place, book in ((place, catalogue.shown[place]) for place in places)
    ]
    base = np.array(real[places])
    wanted = float(np.median((model.encode_passages(texts) * base).sum(axis=1)))
    step = np.array(real[np.roll(places, 1)]) - np.array(real[np.roll(places, 7)])
    low, high = 0.0, 2.0
    for _ in range(30):
        middle = (low + high) / 2
        moved = base + middle * step
        cosine = (moved * base).sum(axis=1) / np.linalg.norm(moved, axis=1)
        low, high = (middle, high) if np.median(cosine) > wanted else (low, middle)
    return {"spread": low, "edition_cosine": wanted}


if __name__ == "__main__":
    real_vectors(load_catalogue(), embedder)
