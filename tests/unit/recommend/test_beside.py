"""Work beside pages: in another thread while a page is answered, at once anywhere else."""

from __future__ import annotations

import queue
import threading

import pytest
from flask import Flask
from structlog.testing import capture_logs

from contentcenter.domain.errors import EngineUnavailable
from recommend.beside import Lookout, at_once, beside_pages


def test_a_page_goes_on_while_the_work_waits_for_it() -> None:
    page_done, seen = threading.Event(), queue.Queue[str]()

    def work() -> None:
        # Would never come to an end in the page's own thread.
        assert page_done.wait(60)
        seen.put(threading.current_thread().name)

    with Flask("test").test_request_context():
        beside_pages(work)
    page_done.set()
    assert seen.get(timeout=60) == "beside-pages"


def test_a_job_does_it_at_once() -> None:
    done: list[int] = []
    for run in (beside_pages, at_once):
        run(lambda: done.append(threading.get_ident()))
    assert done == [threading.get_ident()] * 2


def test_what_goes_wrong_beside_a_page_is_logged() -> None:
    threads: list[threading.Thread] = []

    def away() -> None:
        threads.append(threading.current_thread())
        raise EngineUnavailable("the index does not answer", engine="index")

    with capture_logs() as logs:
        with Flask("test").test_request_context():
            beside_pages(away)
        for one in threading.enumerate():
            if one.name == "beside-pages":
                one.join(60)
    assert threads
    assert threads[0] is not threading.current_thread()
    assert [one["event"] for one in logs] == ["beside_pages_failed"]


def test_one_looks_the_others_go_on_and_a_failure_is_tried_again_later() -> None:
    looks: list[str] = []

    def look() -> None:
        looks.append("begun")
        lookout.look_if_due()  # as a second thread would meanwhile
        if len(looks) == 1:
            raise EngineUnavailable("away", after_seconds=1, engine="store")

    lookout = Lookout(look, 0.0, at_once)
    with pytest.raises(EngineUnavailable):
        lookout.look_if_due()
    assert looks == ["begun"]
    lookout.look_if_due()
    assert looks == ["begun", "begun"]


def test_what_is_fresh_is_not_looked_at_again() -> None:
    looks: list[None] = []
    lookout = Lookout(lambda: looks.append(None), 3_600.0, at_once)
    for _ in range(3):
        lookout.look_if_due()
    assert len(looks) == 1
