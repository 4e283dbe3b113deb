"""The guarded index: one page waits once, questions and writes fail apart."""

from __future__ import annotations

from typing import Any

import pytest

from contentcenter.domain.errors import EngineUnavailable
from contentcenter.search.breaker import BreakerRules, BreakerState
from contentcenter.search.embedded import EmbeddedIndex
from contentcenter.search.guarded import GuardedIndex
from contentcenter.search.ports import Filters
from tests.contract.search_index_building import document

NEVER = BreakerRules(failures=3, first_pause=3600, longest_pause=3600)


class Unplugged:
    """A real index whose named calls do not reach it."""

    def __init__(self, index: EmbeddedIndex, *calls: str) -> None:
        self._index = index
        self._calls = calls
        self.reached: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name not in self._calls:
            return getattr(self._index, name)

        def away(*_: Any, **__: Any) -> Any:
            self.reached.append(name)
            raise EngineUnavailable("The index does not answer.")

        return away


@pytest.fixture
def index(tmp_path) -> EmbeddedIndex:
    return EmbeddedIndex(tmp_path / "index")


def test_a_page_waits_for_a_lost_engine_once(
    index: EmbeddedIndex, request: pytest.FixtureRequest
) -> None:
    engine = Unplugged(index, "select", "vectors", "stats")
    guarded = GuardedIndex(engine, NEVER)
    request.addfinalizer(guarded.page_ends)
    guarded.page_begins()
    for call in (
        guarded.stats,
        lambda: guarded.vectors([1]),
        lambda: guarded.select(Filters(), 1),
    ):
        with pytest.raises(EngineUnavailable):
            call()
    assert engine.reached == ["stats"]
    guarded.page_ends()
    guarded.page_begins()
    with pytest.raises(EngineUnavailable):
        guarded.select(Filters(), 1)
    assert engine.reached == ["stats", "select"], "the next page asks again"


def test_outside_of_pages_every_call_is_asked(index: EmbeddedIndex) -> None:
    engine = Unplugged(index, "select")
    guarded = GuardedIndex(engine, NEVER)
    for _ in range(2):
        with pytest.raises(EngineUnavailable):
            guarded.select(Filters(), 1)
    assert guarded.stats().documents == 0


def test_questions_are_answered_while_writes_are_refused(index: EmbeddedIndex) -> None:
    index.put([document(1)])
    guarded = GuardedIndex(Unplugged(index, "put"), NEVER)
    for _ in range(4):
        with pytest.raises(EngineUnavailable):
            guarded.put([document(2)])
    questions, writes = guarded.breakers()
    assert questions.state is BreakerState.CLOSED
    assert writes.state is BreakerState.OPEN
    assert guarded.select(Filters(), 5) == [1]
    with pytest.raises(EngineUnavailable):
        guarded.remove([1])
