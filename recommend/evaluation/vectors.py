"""Vectors of an evaluation: embedded once, kept on disk by content hash over all runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from contentcenter.clock import Clock
from contentcenter.embedding.cache import PASSAGE, QUERY, VectorCache, vector_key
from contentcenter.embedding.items import embed, texts_of
from contentcenter.embedding.ports import Embedder, ModelIdentity, Vectors
from contentcenter.embedding.texts import clean_texts
from contentcenter.store.cards import ItemCard
from contentcenter.store.database import Database
from contentcenter.store.tables import EmbeddingCacheRow
from contentcenter.store.vector_cache import SqlVectorCache

FILE = "evaluation-vectors.sqlite3"
# Progress is told, and what is done is safe, after so many texts.
_AT_ONCE = 512

Progress = Callable[[int, int], None]


def open_cache(folder: Path, clock: Clock) -> tuple[Database, SqlVectorCache]:
    """The vectors kept in `folder`: beside the product's database, not in it. The caller
    disposes of the database."""
    db = Database(f"sqlite:///{folder / FILE}")
    EmbeddingCacheRow.metadata.create_all(
        db.engine, tables=[EmbeddingCacheRow.metadata.tables[EmbeddingCacheRow.__tablename__]]
    )
    return db, SqlVectorCache(db, clock)


class KeptEmbedder:
    """An embedder in front of the product's: looks up on disk first, in both directions.

    What was looked up or embedded once stays in memory too, so that measured times are those
    of the search alone.
    """

    def __init__(self, inner: Embedder, cache: VectorCache, progress: Progress | None = None):
        self._inner = inner
        self._cache = cache
        self._progress = progress
        self._queries: dict[str, Vectors] = {}

    def identity(self) -> ModelIdentity:
        return self._inner.identity()

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts, PASSAGE, self._inner.encode_passages)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        cleaned = clean_texts(texts)
        fresh = [text for text in dict.fromkeys(cleaned) if text not in self._queries]
        if fresh:
            rows = self._encode(fresh, QUERY, self._inner.encode_queries)
            self._queries |= dict(zip(fresh, rows, strict=True))
        return np.stack([self._queries[text] for text in cleaned])

    def _encode(
        self, texts: Sequence[str], kind: str, encode: Callable[[Sequence[str]], Vectors]
    ) -> Vectors:
        identity = self.identity()
        keys = [vector_key(text, kind, identity) for text in clean_texts(texts)]
        known = dict(self._cache.get_many(list(dict.fromkeys(keys))))
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        by_key = dict(zip(keys, texts, strict=True))
        for start in range(0, len(missing), _AT_ONCE):
            part = missing[start : start + _AT_ONCE]
            rows = encode([by_key[key] for key in part])
            fresh = dict(zip(part, rows, strict=True))
            self._cache.put_many(fresh)
            known |= fresh
            if self._progress is not None:
                self._progress(start + len(part), len(missing))
        return np.stack([known[key] for key in keys])


def item_vectors(embedder: Embedder, cards: Sequence[ItemCard]) -> Mapping[int, Vectors]:
    """One vector an item by the product's rule; items that the model refuses have none."""
    done, _ = embed(embedder, {card.id: texts_of(card.title, card.text) for card in cards})
    return {one: embedded.item for one, embedded in done.items()}
