"""Few pages at a time, and a word on how many wait.

Threads that make pages at once fight for the interpreter (docs/decisions/0013), so the others
wait at the door. When a crowd waits there, what can be spared is: answering every reader within
a moment comes before answering a few as well as can be (brownout; Klein, Maggio, Arzen and
Hernandez-Rodriguez, ICSE 2014).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

CROWD_A_PLACE = 3


class Turnstile:
    """`places` may be inside at once; a crowd are `CROWD_A_PLACE` times as many who wait."""

    def __init__(self, places: int) -> None:
        self._places = BoundedSemaphore(places)
        self._crowd = CROWD_A_PLACE * places
        self._lock = Lock()
        self._waiting = 0

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Wait for a place and hold it; tells whether a crowd still waits outside."""
        with self._lock:
            self._waiting += 1
        with self._places:
            with self._lock:
                self._waiting -= 1
                crowded = self._waiting >= self._crowd
            yield crowded
