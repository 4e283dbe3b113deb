"""The breaker: opens after failures in a row, refuses at once, asks again by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from contentcenter.domain.errors import EngineUnavailable, ModelMismatch
from contentcenter.search.breaker import Breaker, BreakerRules, BreakerState
from tests.fixtures.twin import wait_for as eventually

QUICK = BreakerRules(failures=3, first_pause=0.01, longest_pause=0.04)
NEVER = BreakerRules(failures=3, first_pause=3600, longest_pause=3600)


class Part:
    """Something that can be unplugged."""

    def __init__(self) -> None:
        self.away = True
        self.asked = 0

    def answer(self) -> str:
        self.asked += 1
        if self.away:
            raise EngineUnavailable("The part does not answer.")
        return "here"


def fail(breaker: Breaker, work: Callable[[], object], times: int) -> None:
    for _ in range(times):
        with pytest.raises(EngineUnavailable):
            breaker.call(work)


def test_it_opens_after_failures_in_a_row_and_then_asks_nobody() -> None:
    part = Part()
    breaker = Breaker("part", part.answer, NEVER)
    fail(breaker, part.answer, 5)
    assert part.asked == 3
    status = breaker.status()
    assert (status.state, status.failures, status.refused) == (BreakerState.OPEN, 3, 2)
    assert status.problem == "The part does not answer."


def test_an_answer_between_failures_keeps_it_closed() -> None:
    part = Part()
    breaker = Breaker("part", part.answer, NEVER)
    for _ in range(4):
        part.away = True
        fail(breaker, part.answer, 2)
        part.away = False
        assert breaker.call(part.answer) == "here"
    assert breaker.status().state is BreakerState.CLOSED


def test_a_refusal_of_the_question_is_an_answer() -> None:
    def mismatch() -> None:
        raise ModelMismatch("another model")

    breaker = Breaker("part", mismatch, NEVER)
    for _ in range(5):
        with pytest.raises(ModelMismatch):
            breaker.call(mismatch)
    assert breaker.status().state is BreakerState.CLOSED


def test_it_closes_by_itself_when_the_part_is_back() -> None:
    part = Part()
    breaker = Breaker("part", part.answer, QUICK)
    fail(breaker, part.answer, 3)
    eventually(lambda: part.asked >= 6)  # the background asks without any caller
    assert breaker.status().state is not BreakerState.CLOSED
    part.away = False
    eventually(lambda: breaker.status().state is BreakerState.CLOSED)
    assert breaker.call(part.answer) == "here"
    part.away = True
    fail(breaker, part.answer, 3)
    assert breaker.status().openings == 2


def test_only_one_asks_while_it_is_half_open() -> None:
    inside, most = [0], [0]
    release = threading.Event()

    def slow_probe() -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        release.wait(10)
        inside[0] -= 1

    part = Part()
    breaker = Breaker("part", slow_probe, QUICK)
    fail(breaker, part.answer, 3)
    eventually(lambda: breaker.status().state is BreakerState.HALF_OPEN)
    asked = part.asked
    fail(breaker, part.answer, 20)
    assert (part.asked, most[0]) == (asked, 1)
    release.set()
    eventually(lambda: breaker.status().state is BreakerState.CLOSED)


def test_a_late_answer_of_an_old_call_does_not_close_it() -> None:
    part, late = Part(), threading.Event()
    breaker = Breaker("part", part.answer, NEVER)
    old = threading.Thread(target=lambda: breaker.call(lambda: late.wait(10)))
    old.start()
    fail(breaker, part.answer, 3)
    late.set()
    old.join()
    assert breaker.status().state is BreakerState.OPEN
