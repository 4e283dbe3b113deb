from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.embedding.turns import Turns


class Line:
    """Callers queued up, in a known order, behind one call that holds the turn."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.order: list[str] = []
        self.gate = threading.Event()
        self.pool = ThreadPoolExecutor(40)
        self.calls = [self.pool.submit(turns.run, self._hold, urgent=False)]
        self.held = threading.Event()
        assert self._started.wait(10)

    @property
    def _started(self):
        return self.__dict__.setdefault("_started_event", threading.Event())

    def _hold(self):
        self._started.set()
        assert self.gate.wait(10)

    def join(self, name: str, *, urgent: bool) -> None:
        before = self._waiting()
        self.calls.append(
            self.pool.submit(self.turns.run, lambda: self.order.append(name), urgent=urgent)
        )
        while self._waiting() == before:
            pass

    def _waiting(self) -> int:
        return len(self.turns._urgent) + len(self.turns._ordinary)

    def finish(self) -> list[str]:
        self.gate.set()
        for call in self.calls:
            call.result(10)
        self.pool.shutdown()
        return self.order


def test_urgent_calls_go_first_and_others_in_order():
    line = Line(Turns())
    for name in ("bulk1", "bulk2"):
        line.join(name, urgent=False)
    for name in ("query1", "query2"):
        line.join(name, urgent=True)
    assert line.finish() == ["query1", "query2", "bulk1", "bulk2"]


def test_a_stream_of_urgent_calls_does_not_starve_the_others():
    line = Line(Turns(patience=3))
    line.join("bulk", urgent=False)
    for number in range(6):
        line.join(f"query{number}", urgent=True)
    assert line.finish().index("bulk") == 3


def test_all_calls_run_on_one_thread():
    turns = Turns()
    with ThreadPoolExecutor(8) as pool:
        threads = pool.map(lambda i: turns.run(threading.get_ident, urgent=i % 2 == 0), range(32))
        assert len(set(threads)) == 1


def test_results_and_errors_come_back_to_the_caller():
    turns = Turns()
    assert turns.run(lambda: 7, urgent=False) == 7
    with pytest.raises(ZeroDivisionError):
        turns.run(lambda: 1 // 0, urgent=True)
    assert turns.run(lambda: 8, urgent=True) == 8


def test_a_forked_child_is_told_instead_of_hanging():
    turns = Turns()
    turns.run(lambda: None, urgent=False)
    child = os.fork()
    if child == 0:
        try:
            turns.run(lambda: None, urgent=False)
        except EngineUnavailable:
            os._exit(42)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
