"""`evaluate match`: files in, one JSON object out."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from contentcenter.embedding.cache import CachedEmbedder
from contentcenter.embedding.ports import Embedder, Vectors
from contentcenter.floor import Floor
from recommend.corpus import CorpusView, measure
from recommend.corpus_service import QUERY_SAMPLE, SAMPLE
from recommend.evaluation.cards import item_card
from recommend.evaluation.files import Document
from recommend.evaluation.match import LEARNED, REMEMBERED, MatchEvaluation, MatchOutcome, Tell
from recommend.evaluation.match_files import MatchBook, MatchSet, read_match_set
from recommend.evaluation.vectors import KeptEmbedder, item_vectors, open_cache


def evaluate_match(
    floor: Floor, items: Sequence[Path], audiences: Path, test: Path, tell: Tell
) -> dict[str, Any]:
    """Metrics by method, the learned weights, and what was measured. Raises `InvalidInput` for
    a bad file. Vectors are kept in the cache folder; only the first run embeds."""
    started = time.monotonic()
    split = read_match_set(items, audiences, test)
    outcome = outcome_of(floor, split, tell)
    return {
        **outcome.metrics(),
        "weights": {name: round(value, 4) for name, value in outcome.weights.items()},
        "items": len(split.books),
        "audiences": len(split.audiences),
        "tested": len(split.truth),
        "seconds": round(time.monotonic() - started, 1),
    }


def outcome_of(
    floor: Floor, split: MatchSet, tell: Tell, parts: Sequence[str] = LEARNED
) -> MatchOutcome:
    """The same for a set already read."""
    tell(f"{len(split.books)} items, {len(split.audiences)} audiences, {len(split.truth)} tests")
    return evaluation_of(floor, split, tell).run(parts)


def evaluation_of(
    floor: Floor, split: MatchSet, tell: Tell, remembered: int = REMEMBERED
) -> MatchEvaluation:
    """Embed what is needed and lay it out: books of audiences, test books, and a sample."""
    with kept_embedder(floor, tell) as embedder:
        vectors = _vectors(embedder, split)
        view = _view(embedder, split.books, vectors)
        names = {one.id: one.name for one in split.audiences if one.name}
        said = view.shift_query(embedder.encode_queries(list(names.values()))) if names else ()
        by_name = dict(zip(names, said, strict=True))
        return MatchEvaluation(split, view, vectors, by_name, tell=tell, remembered=remembered)


@contextmanager
def kept_embedder(floor: Floor, tell: Tell) -> Iterator[Embedder]:
    """The product's model with the vectors of earlier evaluations."""
    db, cache = open_cache(floor.settings.effective_cache_dir, floor.clock)
    inner = floor.embedder
    try:
        yield KeptEmbedder(
            inner.inner if isinstance(inner, CachedEmbedder) else inner,
            cache,
            lambda done, total: tell(f"embedded {done} of {total}"),
        )
    finally:
        db.dispose()


def embedded_books(
    floor: Floor, books: Sequence[MatchBook], tell: Tell = lambda _: None
) -> tuple[CorpusView, dict[str, Vectors]]:
    """The view of a catalogue, and raw vectors of its books by id."""
    with kept_embedder(floor, tell) as embedder:
        by_id = {one.id: one for one in books}
        vectors = _embedded(embedder, by_id, list(by_id))
        return _view(embedder, by_id, vectors), vectors


def _vectors(embedder: Embedder, split: MatchSet) -> dict[str, Vectors]:
    """By book id: of every book that someone holds or that is asked for, and of a sample."""
    held = {book for one in split.audiences for book in one.books}
    spare = sorted(split.books.keys() - held - split.truth.keys())
    some = random.Random(7).sample(spare, min(len(spare), SAMPLE))
    return _embedded(embedder, split.books, sorted({*held, *split.truth, *some}))


def _embedded(
    embedder: Embedder, books: Mapping[str, MatchBook], wanted: Sequence[str]
) -> dict[str, Vectors]:
    cards = [
        item_card(number, Document(one, books[one].title, books[one].text))
        for number, one in enumerate(wanted, 1)
        if books[one].title or books[one].text
    ]
    ids = {card.id: wanted[card.id - 1] for card in cards}
    return {ids[number]: vector for number, vector in item_vectors(embedder, cards).items()}


def _view(
    embedder: Embedder, books: Mapping[str, MatchBook], vectors: Mapping[str, Vectors]
) -> CorpusView:
    """As `CorpusService.refresh` measures the store."""
    ids = sorted(random.Random(7).sample(sorted(vectors), min(len(vectors), SAMPLE)))
    some = random.Random(7).sample(ids, min(len(ids), QUERY_SAMPLE))
    titles = [books[one].title for one in some if books[one].title]
    return measure(
        str(embedder.identity()),
        np.stack([vectors[one] for one in ids]),
        embedder.encode_queries(titles),
    )
