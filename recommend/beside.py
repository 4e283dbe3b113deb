"""Work that no page may wait for: loading models, reading histories."""

from __future__ import annotations

import threading
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


def _logged(work: Work) -> None:
    try:
        work()
    except ContentCenterError as error:
        log.warning("beside_pages_failed", code=error.code, reason=error.message)
