"""The parts of the embedded engine that the contract cannot see from outside."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contentcenter.domain.errors import InvalidInput
from contentcenter.search.embedded import journal, kernels
from contentcenter.search.embedded.ids import IdMap
from contentcenter.search.embedded.journal import Batch
from contentcenter.search.embedded.labels import SPEC as LABEL_SPEC
from contentcenter.search.embedded.labels import UNKNOWN, Labels, LabelWriter
from contentcenter.search.embedded.layout import Layout, Live, VersionCounter
from contentcenter.search.embedded.lock import FileLock
from contentcenter.search.embedded.rows import microseconds
from contentcenter.search.embedded.table import Table
from contentcenter.search.ports import IndexDocument, TextField

SPEC = (("a", "i8"), ("b", "u1"))


def random_int8(rows, dimension=32, seed=1):
    return np.random.default_rng(seed).integers(-127, 128, (rows, dimension), dtype=np.int8)


@pytest.mark.parametrize("queries", [1, 3, 8, 70])
@pytest.mark.parametrize("rows", [1, 9000])
def test_the_fallback_computes_what_the_fast_kernel_does(queries, rows, monkeypatch):
    if kernels.numkong is None:
        pytest.skip("numkong has no wheel here")
    left, right = random_int8(queries), random_int8(rows, seed=2)
    fast = kernels.products(left, right)
    monkeypatch.setattr(kernels, "numkong", None)
    assert np.array_equal(kernels.products(left, right), fast)
    assert fast.shape == (queries, rows)
    assert np.array_equal(fast, left.astype(int) @ right.astype(int).T)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4000), st.integers(1, 60), st.integers(0, 2**31), st.floats(0, 1))
def test_the_best_are_the_best(size, wanted, seed, hidden):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 50, size).astype(np.float64)  # many ties
    scores[rng.random(size) < hidden] = -np.inf
    found = kernels.best(scores, wanted)
    real = np.sort(scores[scores > -np.inf])[::-1][:wanted]
    assert sorted(scores[found].tolist(), reverse=True) == real.tolist()
    assert len(set(found.tolist())) == len(found)


def test_the_scale_comes_from_each_vector():
    vectors = np.array([[1e-4, -2e-4], [300.0, 5.0], [0.0, 0.0]], np.float32)
    rows, scales = kernels.quantise(vectors)
    assert np.allclose(rows * scales[:, None], vectors, rtol=0.02, atol=scales.max() / 2)
    assert np.allclose(rows[0] * scales[0], vectors[0], atol=1e-6)


def test_every_finite_half_is_widened_to_the_same_number():
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    wide = kernels.widened(halves)
    assert wide.dtype == np.float32
    # Bit for bit: both zeros, and what is too small to have a leading one.
    assert np.array_equal(wide.view(np.uint32), halves.astype(np.float32).view(np.uint32))


def test_a_table_grows_and_older_mappings_stay_good(tmp_path):
    Table.create(tmp_path, "t", SPEC)
    writer = Table(tmp_path, "t", SPEC, writable=True)
    writer.append(0, {"a": np.arange(1000), "b": np.ones(1000)})
    writer.header[0] = 1000
    early = Table(tmp_path, "t", SPEC)
    writer.append(1000, {"a": np.arange(1000, 5000), "b": np.zeros(4000)})
    late = Table(tmp_path, "t", SPEC)
    writer.close()
    assert late.capacity == 8192
    assert late.columns["a"][:5000].tolist() == list(range(5000))
    assert late.columns["b"][:5000].sum() == 1000
    assert int(late.header[0]) == 1000
    assert early.columns["a"][:1000].tolist() == list(range(1000))
    assert [p.name for p in tmp_path.iterdir()] == ["t.8192"]


def test_a_cut_off_table_is_noticed(tmp_path):
    Table.create(tmp_path, "t", SPEC)
    os.truncate(tmp_path / "t.1024", 100)
    with pytest.raises(OSError, match="shorter"):
        Table(tmp_path, "t", SPEC)


def test_a_table_opened_for_reading_refuses_to_write(tmp_path):
    Table.create(tmp_path, "t", SPEC)
    with pytest.raises(ValueError, match="reading only"):
        Table(tmp_path, "t", SPEC).append(0, {"a": np.arange(1), "b": np.ones(1)})


def test_labels_get_one_code_each(tmp_path):
    Table.create(tmp_path, "labels", LABEL_SPEC)
    writer = LabelWriter(tmp_path, 0)
    first = writer.codes([("tag", "科幻"), ("kind", "科幻"), ("tag", "科幻")])
    writer.close()
    again = LabelWriter(tmp_path, writer.count)
    second = again.codes([("tag", "科幻"), ("tag", "历史")])
    again.close()
    assert len(set(first.values())) == 2
    assert second[("tag", "科幻")] == first[("tag", "科幻")]
    labels = Labels(tmp_path, Table(tmp_path, "labels", LABEL_SPEC), again.count)
    assert labels.texts(range(3)) == ["科幻", "科幻", "历史"]
    assert labels.codes("tag", ["历史", "没有"]) == [2, UNKNOWN]


def test_labels_of_a_broken_batch_are_written_over(tmp_path):
    Table.create(tmp_path, "labels", LABEL_SPEC)
    broken = LabelWriter(tmp_path, 0)
    broken.codes([("tag", "一个很长的标签")])
    broken.close()
    writer = LabelWriter(tmp_path, 0)
    assert writer.codes([("tag", "短")]) == {("tag", "短"): 0}
    writer.close()
    table = Table(tmp_path, "labels", LABEL_SPEC)
    assert Labels(tmp_path, table, 1).texts([0]) == ["短"]


def test_ids_find_their_newest_live_row():
    ids = np.array([5, 3, 5, 9], np.int64)
    alive = np.array([False, True, True, False])
    lookup = IdMap(ids, alive, None)
    assert sorted(lookup.rows([5, 3, 9, 77])) == [1, 2]
    more = np.array([5, 3, 5, 9, 3, 1], np.int64)
    later = IdMap(more, np.array([False, False, True, False, True, True]), lookup)
    assert sorted(later.rows([3, 1, 5])) == [2, 4, 5]
    assert later.rows([]).tolist() == []


def test_a_lock_is_exclusive_between_threads(tmp_path):
    lock = FileLock(tmp_path / "lock")
    order: list[str] = []
    with lock.hold():
        waiting = threading.Thread(target=_take, args=(lock, order))
        waiting.start()
        with lock.hold_now() as free:
            assert not free
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    with lock.hold_now() as free:
        assert free


def _take(lock, order):
    with lock.hold():
        order.append("second")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_does_not_keep_its_parents_lock(tmp_path):
    lock = FileLock(tmp_path / "lock")
    reading, writing = os.pipe()
    with lock.hold():
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # stays until the parent has looked
            os._exit(0)
    with lock.hold_now() as free:
        assert free
    os.close(writing)
    os.close(reading)
    os.waitpid(child, 0)


def test_the_pointer_and_the_counter(tmp_path):
    layout = Layout(tmp_path)
    layout.write_live(Live("g3", "r2"))
    assert layout.read_live() == Live("g3", "r2")
    counter, other = VersionCounter(layout.version), VersionCounter(layout.version)
    before = other.read()
    counter.bump()
    assert other.read() == before + 1
    counter.close()
    other.close()


def test_the_journal_gives_back_what_it_was_given(tmp_path):
    path = tmp_path / "journal"
    full = IndexDocument(
        id=1, revision=2, text={TextField.TITLE: "三体\n"}, vector=np.ones(4, np.float32),
        kind="pgc", state="published", tags=("甲",), works=(7,), price_fen=100,
        published_at=datetime(2026, 1, 1, tzinfo=UTC), channel_kinds=("in_app",),
    )  # fmt: skip
    bare = IndexDocument(id=3, revision=1, text={}, vector=None, kind="ugc", state="ready")
    journal.append(path, Batch(documents=(full, bare)))
    journal.append(path, Batch(removed=(9,)))
    with path.open("ab") as file:
        file.write(b'\n{"put": [{"id": 5')  # a writer was killed here
    journal.append(path, Batch(removed=(10,)))
    batches = list(journal.read(path))
    assert [one.removed for one in batches] == [(), (9,), (10,)]
    first, second = batches[0].documents
    assert second == bare
    assert first.vector is not None
    assert first.vector.tolist() == [1.0] * 4
    assert (first.text, first.tags, first.works) == (full.text, full.tags, full.works)
    assert first.published_at == full.published_at


def test_moments_are_exact_whatever_the_zone():
    moment = datetime(2026, 5, 6, 7, 8, 9, 123457, tzinfo=UTC)
    shanghai = moment.astimezone(timezone(timedelta(hours=8)))
    assert microseconds(moment) == microseconds(shanghai)
    assert microseconds(moment) % 1_000_000 == 123457


def test_a_vector_with_holes_is_refused(tmp_path):
    from contentcenter.search.embedded import EmbeddedIndex

    index = EmbeddedIndex(tmp_path / "index")
    broken = np.array([1.0, np.nan], np.float32)
    with pytest.raises(InvalidInput):
        index.put([IndexDocument(id=1, revision=1, text={}, vector=broken, kind="a", state="b")])
    with pytest.raises(InvalidInput):
        index.nearest(broken[None], _everything(), 3)


def _everything():
    from contentcenter.search.ports import Filters

    return Filters()
