"""Few pages at a time, and a word on how many wait.

Threads that make pages at once fight for the interpreter (docs/decisions/0013), so the others
wait at the door. When a crowd waits there, what can be spared is: answering every reader within
a moment comes before answering a few as well as can be (brownout; Klein, Maggio, Arzen and
Hernandez-Rodriguez, ICSE 2014).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Lock

CROWD_A_PLACE = 3


class Turnstile:
    """`places` may be inside at once; a crowd are `CROWD_A_PLACE` times as many who wait."""

    def __init__(self, places: int) -> None:
        # A queue of tokens: a semaphore of `threading` does its waiting and waking in Python.
        self._tokens: SimpleQueue[None] = SimpleQueue()
        for _ in range(places):
            self._tokens.put(None)
        self._crowd = CROWD_A_PLACE * places
        self._lock = Lock()
        self.waiting = 0

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Wait for a place and hold it; tells whether a crowd still waits outside."""
        self._count(1)
        self._tokens.get()
        waiting = self._count(-1)
        try:
            yield waiting >= self._crowd
        finally:
            self._tokens.put(None)

    def _count(self, change: int) -> int:
        with self._lock:
            self.waiting += change
            return self.waiting
