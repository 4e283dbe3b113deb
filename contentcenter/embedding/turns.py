"""One thread runs the model; callers take turns, urgent ones first."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from contentcenter.domain.errors import EngineUnavailable

T = TypeVar("T")

_PATIENCE = 8


class Turns:
    """Runs calls one at a time, in order of arrival, urgent ones before the others.

    After `patience` urgent calls in a row one waiting ordinary call gets its turn, so that a
    stream of queries cannot stop the indexing for good. One thread does all the running
    because OpenMP keeps a pool of workers for every thread that ever called it.
    """

    def __init__(self, patience: int = _PATIENCE) -> None:
        self._patience = patience
        self._urgent_in_a_row = 0
        self._urgent: deque[Callable[[], None]] = deque()
        self._ordinary: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._pid = 0

    def run(self, call: Callable[[], T], *, urgent: bool) -> T:
        """Waits for a turn, runs `call` and returns (or raises) what it does."""
        outcome: Future[T] = Future()
        with self._changed:
            self._ensure_thread()
            queue = self._urgent if urgent else self._ordinary
            queue.append(lambda: _settle(outcome, call))
            self._changed.notify()
        return outcome.result()

    def _ensure_thread(self) -> None:
        if self._pid == os.getpid():
            return
        if self._pid:
            # A fork copies neither the thread nor OpenMP's; the model would hang in the child.
            raise EngineUnavailable(
                "The model was loaded before this process was forked. Give forked workers the "
                "address of an embedding server, or load the model after the fork."
            )
        self._pid = os.getpid()
        threading.Thread(target=self._serve, name="embedding-model", daemon=True).start()

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._urgent or self._ordinary)
                call = self._next()
            call()

    def _next(self) -> Callable[[], None]:
        spent = self._urgent_in_a_row >= self._patience and self._ordinary
        if self._urgent and not spent:
            self._urgent_in_a_row += 1
            return self._urgent.popleft()
        self._urgent_in_a_row = 0
        return self._ordinary.popleft()


def _settle(outcome: Future[T], call: Callable[[], T]) -> None:
    try:
        outcome.set_result(call())
    except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
        outcome.set_exception(error)
