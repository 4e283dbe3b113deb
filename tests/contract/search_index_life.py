"""What every search engine must do: rebuilds, restarts, other processes, killed writers."""

from __future__ import annotations

import os
import random
import threading
import time

import pytest

from contentcenter.domain.errors import ModelMismatch
from contentcenter.search.ports import Filters
from tests.contract.search_index_building import (
    EVERYTHING,
    MODEL,
    document,
    eventually,
    found,
    near,
    spawn,
    vector,
)


class LifeContract:
    """A part of the suite."""

    # --- rebuilding

    def let_sent_writes_end(self, index):
        """A server finishes what a killed writer had already sent; wait for that."""

    def test_a_rebuild_replaces_everything_and_records_the_model(self, index, index_factory):
        index.put([document(1, title="旧词"), document(2)])
        with index.rebuild(MODEL) as fresh:
            fresh.put([document(3, title="新词")])
            assert found(index, "旧词") == [1], "not before the commit"
            fresh.commit()
        for one in (index, index_factory()):
            assert found(one, "旧词") == []
            assert found(one, "新词") == [3]
            assert one.stats().model == MODEL
            assert one.stats().documents == 1

    def test_a_rebuild_left_without_commit_changes_nothing(self, index):
        index.put([document(1)])
        with index.rebuild(MODEL) as fresh:
            fresh.put([document(2)])
        with pytest.raises(RuntimeError, match="broken"):
            _break_a_rebuild(index)
        assert found(index, "共同") == [1]
        index.put([document(4)])
        assert found(index, "共同") == [1, 4]

    def test_a_rebuild_takes_vectors_of_its_model_only(self, index):
        index.put([document(1)])
        with index.rebuild(MODEL) as fresh:
            fresh.put([document(2)])
            with pytest.raises(ModelMismatch):
                fresh.put([document(3, vector=vector(3, 8))])
        assert found(index, "共同") == [1]

    def test_changes_during_a_rebuild_are_carried_over(self, index):
        index.put([document(n) for n in range(1, 6)])
        with index.rebuild(MODEL) as fresh:
            fresh.put([document(1), document(2), document(3)])
            index.put([document(2, revision=2, title="改过"), document(9, tags=("晚来",))])
            index.remove([3])
            fresh.put([document(4, revision=7, title="最新"), document(5)])
            index.put([document(4, revision=6, title="过时")])
            fresh.commit()
        assert found(index, "共同") == [1, 5, 9]
        assert found(index, "改过") == [2]
        assert found(index, "最新") == [4]
        assert found(index, "过时") == []
        assert index.select(Filters(tags=("晚来",)), 5) == [9]
        assert near(index, vector(9), limit=1) == [9]

    def test_readers_never_see_an_empty_index_during_rebuilds(self, index):
        index.put([document(n) for n in range(1, 201)])
        wrong: list[object] = []
        answered = [0, 0, 0]
        stop = threading.Event()

        def read(slot):
            while not stop.is_set():
                try:
                    lexical = found(index, "共同", filters=Filters(kinds=("pgc",)), limit=10)
                    nearest = near(index, vector(7), limit=10)
                except Exception as error:  # noqa: BLE001 - handed to the test, which fails
                    wrong.append(error)
                    return
                if len(lexical) != 10 or len(nearest) != 10:
                    wrong.append((lexical, nearest))
                answered[slot] += 1

        threads = [threading.Thread(target=read, args=(slot,)) for slot in range(3)]
        for thread in threads:
            thread.start()
        try:
            for turn in range(4):
                with index.rebuild(MODEL) as fresh:
                    fresh.put([document(n, revision=turn + 2) for n in range(1, 201)])
                    index.put([document(1000 + turn)])
                    fresh.commit()
            eventually(lambda: min(answered) > 20 or bool(wrong))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert wrong == []
        assert set(index.select(EVERYTHING, 500)) == {*range(1, 201), 1003}

    # --- restart and other processes

    def test_everything_is_there_after_a_restart(self, index, index_factory):
        index.put([document(n, tags=(f"t{n}",)) for n in range(1, 40)])
        index.remove([5])
        index.put([document(6, revision=2, title="改过")])
        again = index_factory()
        assert len(found(again, "共同")) == 37
        assert found(again, "改过") == [6]
        assert near(again, vector(17), limit=1) == [17]
        assert again.select(Filters(tags=("t8",)), 5) == [8]

    def test_a_long_life_of_updates_stays_right(self, index):
        rng = random.Random(1)
        revisions: dict[int, int] = {}
        for turn in range(1, 13):
            batch = rng.sample(range(1, 400), 250)
            index.put(
                [document(n, turn, title=f"共同 第{turn}", tags=(f"t{turn}",)) for n in batch]
            )
            revisions.update(dict.fromkeys(batch, turn))
            gone = rng.sample(sorted(revisions), 20)
            index.remove(gone)
            for one in gone:
                del revisions[one]
        assert sorted(found(index, "共同")) == sorted(revisions)
        assert sorted(near(index, vector(3))) == sorted(revisions)
        for turn in (1, 6, 12):
            expected = sorted(n for n, last in revisions.items() if last == turn)
            assert sorted(found(index, f"第{turn}")) == expected
            assert sorted(index.select(Filters(tags=(f"t{turn}",)), 1000)) == expected
        counts = dict(index.facets(None, EVERYTHING, ["tag"], size=50)["tag"])
        assert sum(counts.values()) == len(revisions)

    def test_a_write_of_another_process_is_visible(self, index, index_factory):
        index.put([document(1)])
        assert found(index, "共同") == [1]
        writer = spawn(_put_range, index_factory, 2, 5)
        writer.join(30)
        assert writer.exitcode == 0
        assert found(index, "共同") == [1, 2, 3, 4]
        assert near(index, vector(3), limit=1) == [3]

    def test_several_writers_wait_for_each_other(self, index, index_factory):
        writers = [spawn(_put_singly, index_factory, range(1, 9)) for _ in range(3)]
        for writer in writers:
            writer.join(60)
            assert writer.exitcode == 0
        assert found(index, "共同") == list(range(1, 9))
        assert index.stats().documents == 8

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_a_forked_child_reads_and_writes(self, index):
        index.put([document(1), document(2)])
        assert found(index, "共同") == [1, 2]
        child = os.fork()
        if child == 0:
            _child_uses(index)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert found(index, "共同") == [1, 2, 50]

    def test_a_killed_writer_loses_nothing_acknowledged(self, index, index_factory, tmp_path):
        log = tmp_path / "acknowledged"
        log.touch()
        rng = random.Random(11)
        for round_number in range(6):
            first = round_number * 10_000
            before = log.stat().st_size
            writer = spawn(_put_batches, index_factory, first, log)
            eventually(lambda before=before: log.stat().st_size > before)
            time.sleep(rng.random() * 0.08)  # the moment of death is what varies
            writer.kill()
            writer.join()
            self.let_sent_writes_end(index)
            _check_after_the_kill(index_factory(), log)
        _check_after_the_kill(index, log)
        index.put([document(999_999)])
        assert near(index, vector(999_999), limit=1) == [999_999]


BATCH = 20


def _break_a_rebuild(index):
    with index.rebuild(MODEL) as fresh:
        fresh.put([document(3)])
        raise RuntimeError("broken")


def _put_range(factory, first, last):
    factory().put([document(n) for n in range(first, last)])


def _put_singly(factory, numbers):
    index = factory()
    for number in numbers:
        index.put([document(number, revision=os.getpid())])


def _put_batches(factory, first, log):
    """Puts batches, replacing half of the one before, and notes each when it is promised."""
    index = factory()
    for turn in range(1, 500):
        numbers = range(first + turn * BATCH, first + (turn + 1) * BATCH)
        older = range(first + (turn - 1) * BATCH, first + (turn - 1) * BATCH + BATCH // 2)
        batch = [document(n, title=f"共同 批{first + turn}") for n in numbers]
        if turn > 1:
            batch += [document(n, 2, title=f"共同 替{first + turn}") for n in older]
        index.put(batch)
        with log.open("a") as file:
            file.write(f"{first + turn}\n")
            file.flush()


def _check_after_the_kill(index, log):
    acknowledged = [int(line) for line in log.read_text().split()]
    every = set(index.select(EVERYTHING, 100_000))
    assert set(found(index, "共同", limit=100_000)) == every
    assert set(near(index, vector(1), limit=100_000)) == every
    for batch in acknowledged:
        first, turn = batch // 10_000 * 10_000, batch % 10_000
        assert set(range(first + turn * BATCH, first + (turn + 1) * BATCH)) <= every
        expected = BATCH // 2 if turn > 1 else 0
        assert len(found(index, f"替{batch}")) == expected
    by_batch: dict[int, int] = {}
    for one in every:
        by_batch[one // BATCH] = by_batch.get(one // BATCH, 0) + 1
    assert set(by_batch.values()) <= {BATCH}, "half a batch"


def _child_uses(index):
    """Never returns: pytest must not run on in the child."""
    try:
        good = found(index, "共同") == [1, 2] and near(index, vector(2), limit=1) == [2]
        index.put([document(50)])
        good = good and found(index, "共同") == [1, 2, 50]
        os._exit(0 if good else 1)
    finally:
        os._exit(2)
