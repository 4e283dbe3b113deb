"""A worker whose job never ends. Started by a test, which kills it."""

from __future__ import annotations

import signal
import sys

import redis
from flask import Flask

from contentcenter.jobs import worker
from contentcenter.jobs.names import JobName, QueueName
from contentcenter.jobs.rq_queue import RqQueue


def never_ends(plan_id: int) -> None:
    print("at work", flush=True)
    signal.pause()


def main(url: str) -> None:
    app = Flask("jobs")
    worker.register(app, RqQueue(redis.Redis.from_url(url)), {JobName.PLAN: never_ends})
    worker.work(app, url, QueueName.all())


if __name__ == "__main__":
    main(sys.argv[1])
