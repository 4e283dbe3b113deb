"""Vectors kept by content: the same text under the same model is embedded once."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from contentcenter.domain.errors import ModelMismatch
from contentcenter.embedding.ports import Embedder, ModelIdentity, Vectors
from contentcenter.embedding.texts import clean_texts

QUERY = "query"
PASSAGE = "passage"

_QUERY_CAPACITY = 4096
# Beside the vector: key (80 characters), dictionary slot, array header. Measured, rounded up.
_ENTRY_OVERHEAD = 400


class VectorCache(Protocol):
    """A store of vectors by key. It may forget; it must never give another key's vector."""

    def get_many(self, keys: Sequence[str]) -> Mapping[str, Vectors]:
        """The known vectors, shape (dimension,), by key; unknown keys are left out."""
        ...

    def put_many(self, vectors: Mapping[str, Vectors]) -> None:
        """Keeps the vectors; a key already there keeps its old vector, which is the same."""
        ...


@dataclass(frozen=True)
class CacheStats:
    """What a cache holds and how it served, for the metrics page."""

    entries: int
    capacity: int
    bytes: int
    hits: int
    misses: int


def vector_key(text: str, kind: str, identity: ModelIdentity) -> str:
    """80 hex digits: SHA-256 of the kind and the text, then 16 of the model's identity."""
    content = hashlib.sha256(f"{kind}\0{text}".encode()).hexdigest()
    return content + hashlib.sha256(str(identity).encode()).hexdigest()[:16]


class MemoryVectorCache:
    """Keeps the `capacity` vectors used last, in this process. Thread-safe."""

    def __init__(self, capacity: int = _QUERY_CAPACITY) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()
        self._bytes = self._hits = self._misses = 0

    def get_many(self, keys: Sequence[str]) -> Mapping[str, Vectors]:
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
            for key in found:
                self._kept.move_to_end(key)
            self._hits += len(found)
            self._misses += len(keys) - len(found)
        return found

    def put_many(self, vectors: Mapping[str, Vectors]) -> None:
        with self._lock:
            for key, vector in vectors.items():
                self._put(key, vector)
            while len(self._kept) > self._capacity:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= dropped.nbytes

    def _put(self, key: str, vector: Vectors) -> None:
        if key not in self._kept:
            self._kept[key] = vector.copy()  # a row of a batch would keep the whole batch alive
            self._bytes += vector.nbytes

    def stats(self) -> CacheStats:
        """Entries, estimated bytes, and hits and misses since the start."""
        with self._lock:
            size = self._bytes + len(self._kept) * _ENTRY_OVERHEAD
            return CacheStats(len(self._kept), self._capacity, size, self._hits, self._misses)


class CachedEmbedder:
    """An embedder in front of another one: looks up first, embeds each unknown text once.

    Queries are kept in memory, bounded; passages in `passages` if given, else not at all.
    """

    def __init__(
        self,
        inner: Embedder,
        *,
        passages: VectorCache | None = None,
        query_capacity: int = _QUERY_CAPACITY,
    ) -> None:
        self._inner = inner
        self._passages = passages
        self._queries = MemoryVectorCache(query_capacity)

    @property
    def inner(self) -> Embedder:
        """The embedder behind, for whoever keeps vectors elsewhere."""
        return self._inner

    def identity(self) -> ModelIdentity:
        return self._inner.identity()

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts, PASSAGE, self._passages, self._inner.encode_passages)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts, QUERY, self._queries, self._inner.encode_queries)

    def query_stats(self) -> CacheStats:
        """Size and use of the query cache."""
        return self._queries.stats()

    def _encode(
        self,
        texts: Sequence[str],
        kind: str,
        cache: VectorCache | None,
        encode: Callable[[Sequence[str]], Vectors],
    ) -> Vectors:
        cleaned = clean_texts(texts)
        identity = self._inner.identity()
        keys = [vector_key(text, kind, identity) for text in cleaned]
        unique = dict(zip(keys, cleaned, strict=True))
        known = dict(cache.get_many(list(unique))) if cache else {}
        missing = {key: text for key, text in unique.items() if key not in known}
        if missing:
            fresh = dict(zip(missing, encode(list(missing.values())), strict=True))
            self._require_same(identity)
            if cache:
                cache.put_many(fresh)
            known |= fresh
        return _stacked((known[key] for key in keys), identity.dimension)

    def _require_same(self, identity: ModelIdentity) -> None:
        """A server may be restarted with another model between two of our calls."""
        now = self._inner.identity()
        if now != identity:
            raise ModelMismatch(
                f"The embedding model changed from {identity} to {now} during the call; repeat it."
            )


def _stacked(rows: Iterable[Vectors], dimension: int) -> Vectors:
    found = list(rows)
    return np.stack(found) if found else np.empty((0, dimension), dtype=np.float32)
