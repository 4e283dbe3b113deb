"""Crashes, compaction and rebuilds of the embedded engine, seen from its files."""

from __future__ import annotations

import multiprocessing
import signal

import numpy as np
import pytest
from structlog.testing import capture_logs

from contentcenter.domain.errors import Conflict, EngineUnavailable, InvalidInput
from contentcenter.embedding.ports import ModelIdentity
from contentcenter.search.embedded import EmbeddedIndex
from contentcenter.search.embedded.layout import Layout
from contentcenter.search.embedded.writer import GenerationWriter
from contentcenter.search.ports import Clause, Filters, IndexDocument, LexicalQuery, TextField

MODEL = ModelIdentity("m", "1", "float32", 8)
QUERY = LexicalQuery(should=(Clause(TextField.TITLE, ("共同",)),))


def document(number, revision=1, **changes):
    vector = np.random.default_rng(number).standard_normal(8).astype(np.float32)
    values = {"tags": (f"t{number % 3}",), "vector": vector, **changes}
    text = {TextField.TITLE: "共同"}
    return IndexDocument(
        id=number, revision=revision, text=text, kind="pgc", state="published", **values
    )


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "index"


@pytest.fixture
def index(folder):
    return EmbeddedIndex(folder)


def all_ids(index):
    lexical = {hit.id for hit in index.lexical(QUERY, Filters(), 10_000)}
    nearest = {hit.id for hit in index.nearest(np.ones((1, 8), np.float32), Filters(), 10_000)[0]}
    selected = set(index.select(Filters(), 10_000))
    assert lexical == nearest == selected
    return selected


def test_a_batch_that_was_never_committed_is_taken_back(index, folder):
    index.put([document(n) for n in range(5)])
    layout = Layout(folder)
    with GenerationWriter(layout, layout.read_live()) as writer:
        writer.put([document(2, 2, tags=("新",)), document(77)])
        writer.remove([3])
    assert all_ids(index) == all_ids(EmbeddedIndex(folder)) == set(range(5))
    index.put([document(6)])
    assert all_ids(index) == {0, 1, 2, 3, 4, 6}
    assert index.select(Filters(tags=("新",)), 5) == []
    assert index.facets(None, Filters(), ["tag"])["tag"] == [("t0", 3), ("t1", 2), ("t2", 1)]


def test_a_commit_whose_news_was_never_told_is_kept(index, folder):
    index.put([document(1)])
    layout = Layout(folder)
    with GenerationWriter(layout, layout.read_live()) as writer:
        writer.put([document(2)])
        writer.commit()  # the process dies before it raises VERSION
    assert all_ids(EmbeddedIndex(folder)) == {1, 2}
    index.put([document(3)])
    assert all_ids(index) == {1, 2, 3}


def test_dead_rows_are_compacted_while_old_views_stay_good(index, folder):
    index.put([document(n) for n in range(1500)])
    index.put([document(5000, vector=None)])
    old = index._snapshot()
    before = Layout(folder).read_live()
    index.remove(list(range(0, 400)))
    after = Layout(folder).read_live()
    assert (before.generation, before.rows) == (after.generation, "r1")
    assert after.rows == "r2"
    assert not Layout(folder).rows(before).exists()
    expected = {*range(400, 1500)}
    assert set(index.select(Filters(), 10_000)) == expected | {5000}
    assert index.stats().details["rows"] == 1101
    assert index.stats().details["consistent"]
    assert old.rows.labels.texts([0])
    assert int(old.rows.alive.sum()) == 1501
    index.put([document(401, 2, tags=("新",)), document(6000)])
    assert index.select(Filters(tags=("新",)), 5) == [401]
    nearest = index.nearest(document(900).vector[None], Filters(), 1)[0]
    assert [hit.id for hit in nearest] == [900]
    counts = dict(index.facets(None, Filters(), ["tag"])["tag"])
    assert sum(counts.values()) == 1102


def test_everything_can_be_removed_and_filled_again(index):
    index.put([document(n) for n in range(1200)])
    index.remove(range(1200))
    assert index.stats().documents == 0
    assert index.lexical(QUERY, Filters(), 5) == []
    index.put([document(3)])
    assert all_ids(index) == {3}


def test_two_rebuilds_at_once_are_a_conflict(index):
    with index.rebuild(MODEL), pytest.raises(Conflict), index.rebuild(MODEL):
        pass


def test_a_committed_rebuild_takes_no_more(index):
    with index.rebuild(MODEL) as fresh:
        fresh.put([document(1)])
        fresh.commit()
        index.put([document(2)])  # the live index may be written at once
        with pytest.raises(InvalidInput):
            fresh.put([document(3)])
    assert all_ids(index) == {1, 2}


def test_a_rebuild_for_another_dimension_keeps_late_words(index):
    index.put([document(1)])
    other = ModelIdentity("larger", "1", "float32", 16)
    with index.rebuild(other) as fresh:
        index.put([document(2)])
        fresh.commit()
    assert [hit.id for hit in index.lexical(QUERY, Filters(), 5)] == [2]
    assert index.stats().vectors == 0
    assert index.stats().model == other


def test_a_killed_rebuild_leaves_nothing_behind(index, folder):
    index.put([document(1)])
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_rebuild_forever, args=(folder, ready))
    process.start()
    assert ready.wait(30)
    index.put([document(2)])
    assert Layout(folder).journal.stat().st_size > 0
    process.kill()
    process.join()
    index.put([document(3)])
    assert not Layout(folder).journal.exists()
    with index.rebuild(MODEL) as fresh:
        fresh.put([document(n) for n in (1, 2, 3)])
        fresh.commit()
    assert len(Layout(folder).generations()) == 1
    assert all_ids(index) == {1, 2, 3}


def _rebuild_forever(folder, ready):
    with EmbeddedIndex(folder).rebuild(MODEL) as fresh:
        fresh.put([document(9)])
        ready.set()
        signal.pause()


def test_a_damaged_index_says_so_and_can_be_rebuilt(index, folder, monkeypatch):
    monkeypatch.setattr("contentcenter.search.embedded.snapshot._PATIENCE_SECONDS", 0.05)
    index.put([document(1)])
    layout = Layout(folder)
    for path in layout.rows(layout.read_live()).glob("rows.*"):
        path.unlink()
    broken = EmbeddedIndex(folder)
    with pytest.raises(EngineUnavailable, match="rebuild"):
        broken.lexical(QUERY, Filters(), 5)
    with pytest.raises(EngineUnavailable):
        broken.put([document(2)])
    with broken.rebuild(MODEL) as fresh:
        fresh.put([document(1)])
        fresh.commit()
    assert all_ids(broken) == {1}


def test_ties_beyond_the_first_fetch_still_go_by_id(index):
    numbers = np.random.default_rng(3).permutation(500).tolist()
    index.put([document(n) for n in numbers])
    assert [hit.id for hit in index.lexical(QUERY, Filters(), 5)] == [0, 1, 2, 3, 4]


def test_an_unknown_facet_is_refused(index):
    with pytest.raises(InvalidInput):
        index.facets(None, Filters(), ["colour"])


@pytest.mark.parametrize("pointer", ['{"generation": "g1", "rows": "r1"}', "not json", "[]"])
def test_files_of_another_format_are_thrown_away_not_misread(index, folder, pointer):
    index.put([document(n) for n in range(3)])
    layout = Layout(folder)
    layout.pointer.write_text(pointer)
    with capture_logs() as logs:
        again = EmbeddedIndex(folder)
    assert [line["event"] for line in logs] == ["search_index_discarded"]
    assert all_ids(again) == all_ids(index) == set()
    assert again.stats().model is None, "so that it counts as lost and is filled again"
    assert layout.generations() == ["g2"]
    again.put([document(7)])
    assert all_ids(index) == {7}
