"""Whether a person waits for this thread's questions: then they are worth less time.

A page has other ways to answer (the store); a job has time and no other way.
"""

from __future__ import annotations

import threading


class _Thread(threading.local):
    in_page: bool = False


_thread = _Thread()


def page_begins() -> None:
    _thread.in_page = True


def page_ends() -> None:
    _thread.in_page = False


def in_page() -> bool:
    return _thread.in_page
