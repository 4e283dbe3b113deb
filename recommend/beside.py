"""Work that no page may wait for: loading models, reading histories."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

import structlog
from flask import has_request_context

from contentcenter.domain.errors import ContentCenterError

log = structlog.get_logger()
Work = Callable[[], None]
Run = Callable[[Work], None]
BESIDE_PAGES = "beside-pages"


def at_once(work: Work) -> None:
    """In the caller's own time: jobs, commands and tests want what they ask for."""
    work()


def beside_pages(work: Work) -> None:
    """In a thread of its own while a page is being answered, else at once: a job's process may
    end with the job, and a thread with it. What goes wrong in the thread is logged."""
    if has_request_context():
        threading.Thread(target=_logged, args=(work,), name=BESIDE_PAGES, daemon=True).start()
    else:
        work()


def only_beside_pages(work: Work) -> None:
    """Like `beside_pages`, but not done at all where no page is being answered."""
    if has_request_context():
        beside_pages(work)


class Lookout:
    """Looks again when the last look is `seconds` old. Safe for several threads: one of them
    looks, the others go on with what is there."""

    def __init__(self, look: Work, seconds: float, run: Run) -> None:
        self._look = look
        self._seconds = seconds
        self._run = run
        self._turn = threading.Lock()
        self._looked = -math.inf

    def look_if_due(self) -> None:
        if time.monotonic() - self._looked >= self._seconds:
            self._looked = time.monotonic()
            self._run(self._look_alone)

    def _look_alone(self) -> None:
        if not self._turn.acquire(blocking=False):
            return
        try:
            self._look()
        finally:
            self._looked = time.monotonic()
            self._turn.release()


def _logged(work: Work) -> None:
    try:
        work()
    except ContentCenterError as error:
        log.warning("beside_pages_failed", code=error.code, reason=error.message)
