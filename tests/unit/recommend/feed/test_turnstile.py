from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from recommend.feed.turnstile import CROWD_A_PLACE, Turnstile
from tests.fixtures.twin import wait_for


class Crowd:
    """Threads that want to pass, and what each was told when its turn came."""

    def __init__(self, turnstile: Turnstile) -> None:
        self._turnstile = turnstile
        self._threads: list[threading.Thread] = []
        self.told: list[bool] = []
        self.inside = self.most_inside = 0

    def come(self, count: int) -> None:
        for _ in range(count):
            thread = threading.Thread(target=self._pass)
            thread.start()
            self._threads.append(thread)
        wait_for(lambda: self._turnstile.waiting == count)

    def gone(self) -> None:
        for thread in self._threads:
            thread.join(timeout=10)

    def _pass(self) -> None:
        with self._turnstile.turn() as crowded:
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            self.told.append(crowded)
            self.inside -= 1


def test_who_passes_alone_meets_no_crowd() -> None:
    turnstile = Turnstile(1)
    for _ in range(3):
        with turnstile.turn() as crowded:
            assert not crowded


@pytest.mark.parametrize("places", [1, 2])
def test_a_crowd_is_told_to_whoever_leaves_it_behind(places: int) -> None:
    turnstile = Turnstile(places)
    crowd = Crowd(turnstile)
    with ExitStack() as busy:
        for _ in range(places):
            busy.enter_context(turnstile.turn())
        crowd.come(places * CROWD_A_PLACE + 1)
    crowd.gone()
    assert crowd.told.count(True) >= 1
    assert crowd.told.count(False) >= places * CROWD_A_PLACE
    assert crowd.most_inside <= places
    assert turnstile.waiting == 0


def test_a_page_that_fails_gives_its_place_back() -> None:
    turnstile = Turnstile(1)
    with pytest.raises(ValueError, match="broken"), turnstile.turn():
        raise ValueError("broken")
    with turnstile.turn() as crowded:
        assert not crowded
