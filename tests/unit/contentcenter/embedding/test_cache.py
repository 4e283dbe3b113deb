from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from contentcenter.domain.errors import InvalidInput, ModelMismatch
from contentcenter.embedding.build import build_embedder
from contentcenter.embedding.cache import CachedEmbedder, MemoryVectorCache, vector_key
from contentcenter.embedding.hashing import HashingEmbedder
from contentcenter.embedding.ports import ModelIdentity
from contentcenter.store.vector_cache import SqlVectorCache
from tests.fixtures.floor import DATABASES, empty_database

ONE = ModelIdentity("one", "1", "float32", 4)
TWO = ModelIdentity("two", "1", "float32", 4)


class CountingEmbedder(HashingEmbedder):
    """The hashing embedder, remembering what it was asked."""

    def __init__(self, dimension: int = 64) -> None:
        super().__init__(dimension)
        self.asked: list[str] = []

    def encode_passages(self, texts):
        self.asked += texts
        return super().encode_passages(texts)

    def encode_queries(self, texts):
        return self.encode_passages(texts)


def vector(seed: int):
    values = np.random.default_rng(seed).normal(size=4).astype(np.float32)
    return values / np.linalg.norm(values)


def test_keys_tell_text_kind_and_model_apart():
    keys = {
        vector_key(text, kind, model)
        for text in ("山", "河")
        for kind in ("query", "passage")
        for model in (ONE, TWO)
    }
    assert len(keys) == 8
    assert all(len(key) == 80 for key in keys)


class VectorCacheContract:
    """What every vector cache must do; subclasses give `cache`."""

    def test_what_was_put_comes_back(self, cache):
        cache.put_many({"a" * 80: vector(1), "b" * 80: vector(2)})
        found = cache.get_many(["b" * 80, "c" * 80, "a" * 80])
        assert set(found) == {"a" * 80, "b" * 80}
        np.testing.assert_allclose(found["a" * 80], vector(1), atol=1e-3)
        assert found["b" * 80].dtype == np.float32
        assert np.linalg.norm(found["b" * 80]) == pytest.approx(1, abs=1e-6)

    def test_the_same_key_twice_is_no_error(self, cache):
        cache.put_many({"a" * 80: vector(1)})
        cache.put_many({"a" * 80: vector(1), "b" * 80: vector(2)})
        assert len(cache.get_many(["a" * 80, "b" * 80])) == 2

    def test_nothing_is_fine(self, cache):
        cache.put_many({})
        assert cache.get_many([]) == {}


class TestMemoryVectorCache(VectorCacheContract):
    @pytest.fixture
    def cache(self):
        return MemoryVectorCache(100)

    def test_it_drops_what_was_used_longest_ago(self):
        cache = MemoryVectorCache(2)
        cache.put_many({"a": vector(1), "b": vector(2)})
        cache.get_many(["a"])
        cache.put_many({"c": vector(3)})
        assert set(cache.get_many(["a", "b", "c"])) == {"a", "c"}

    def test_its_size_is_told(self):
        cache = MemoryVectorCache(3)
        cache.put_many({str(i): vector(i) for i in range(10)})
        cache.get_many(["9", "0"])
        stats = cache.stats()
        assert (stats.entries, stats.capacity, stats.hits, stats.misses) == (3, 3, 1, 1)
        assert stats.bytes >= 3 * 16

    def test_it_does_not_keep_whole_batches_alive(self):
        cache = MemoryVectorCache(10)
        batch = np.ones((1000, 4), dtype=np.float32)
        cache.put_many({"a": batch[0]})
        assert cache.get_many(["a"])["a"].base is None


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
class TestSqlVectorCache(VectorCacheContract):
    @pytest.fixture
    def db(self, database_url):
        db = empty_database(database_url)
        yield db
        db.dispose()

    @pytest.fixture
    def cache(self, db, clock):
        return SqlVectorCache(db, clock)

    def test_more_keys_than_one_statement_takes(self, cache):
        cache.put_many({f"{i:080}": vector(i) for i in range(1203)})
        assert len(cache.get_many([f"{i:080}" for i in range(1300)])) == 1203

    def test_old_rows_are_forgotten(self, cache, clock):
        cache.put_many({"a" * 80: vector(1)})
        clock.advance(timedelta(days=2))
        cache.put_many({"b" * 80: vector(2)})
        assert cache.forget(clock.now() - timedelta(days=1)) == 1
        assert set(cache.get_many(["a" * 80, "b" * 80])) == {"b" * 80}


class TestCachedEmbedder:
    def test_a_known_passage_is_not_embedded_again(self):
        inner = CountingEmbedder()
        embedder = CachedEmbedder(inner, passages=MemoryVectorCache(10))
        first = embedder.encode_passages(["山", "河"])
        second = embedder.encode_passages([" 河 ", "春", "山"])
        assert inner.asked == ["山", "河", "春"]
        np.testing.assert_array_equal(second[[2, 0]], first)

    def test_a_text_given_twice_is_embedded_once(self):
        inner = CountingEmbedder()
        vectors = CachedEmbedder(inner).encode_passages(["山", "河", "山"])
        assert inner.asked == ["山", "河"]
        np.testing.assert_array_equal(vectors[0], vectors[2])
        np.testing.assert_array_equal(vectors[1], HashingEmbedder(64).encode_passages(["河"])[0])

    def test_without_a_cache_passages_are_embedded_every_time(self):
        inner = CountingEmbedder()
        embedder = CachedEmbedder(inner)
        embedder.encode_passages(["山"])
        embedder.encode_passages(["山"])
        assert inner.asked == ["山", "山"]

    def test_queries_are_kept_apart_from_passages_and_bounded(self):
        inner = CountingEmbedder()
        embedder = CachedEmbedder(inner, passages=MemoryVectorCache(10), query_capacity=2)
        embedder.encode_passages(["山"])
        for text in ("山", "河", "春", "山"):
            embedder.encode_queries([text])
        assert inner.asked == ["山", "山", "河", "春", "山"]
        assert embedder.query_stats().entries == 2

    def test_no_texts_are_no_rows(self):
        assert CachedEmbedder(CountingEmbedder()).encode_queries([]).shape == (0, 64)

    def test_blank_texts_are_refused_before_the_model_is_asked(self):
        inner = CountingEmbedder()
        with pytest.raises(InvalidInput):
            CachedEmbedder(inner).encode_passages(["山", " "])
        assert inner.asked == []

    def test_vectors_of_a_model_changed_meanwhile_are_not_kept(self):
        class Changing(CountingEmbedder):
            def identity(self):
                return TWO if self.asked else ONE

        cache = MemoryVectorCache(10)
        with pytest.raises(ModelMismatch):
            CachedEmbedder(Changing(), passages=cache).encode_passages(["山"])
        assert cache.stats().entries == 0


def test_building_asks_and_loads_nothing(tmp_path):
    build_embedder("http://127.0.0.1:1", "bundled", tmp_path)
    build_embedder(None, "bundled", tmp_path / "cache")
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_address_is_refused_at_once(tmp_path):
    with pytest.raises(InvalidInput, match="localhost:8090"):
        build_embedder("localhost:8090", "bundled", tmp_path)
