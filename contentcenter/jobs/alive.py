"""Whether the worker or scheduler of this host lives, for a supervisor's health check.

    python -m contentcenter.jobs.alive worker
    python -m contentcenter.jobs.alive scheduler

Exit status 0: a worker of this host is registered with the queue, or some scheduler leads.
Loads no application, so that it may be asked every few seconds.
"""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence

import redis
from rq import Worker

from contentcenter.jobs.scheduler import LOCK_KEY
from contentcenter.settings import load_settings


def worker_lives(connection: redis.Redis, host: str) -> bool:
    """RQ lets the registration of a worker that does not report expire."""
    return any(worker.hostname == host for worker in Worker.all(connection=connection))


def scheduler_leads(connection: redis.Redis) -> bool:
    """A standby is as well as its leader."""
    return bool(connection.exists(LOCK_KEY))


def main(arguments: Sequence[str] | None = None) -> str | None:
    """None, or what is wrong."""
    parser = argparse.ArgumentParser(prog="contentcenter.jobs.alive", description=__doc__)
    parser.add_argument("role", choices=("worker", "scheduler"))
    role = parser.parse_args(arguments).role
    with redis.Redis.from_url(load_settings().redis_url, socket_timeout=3) as connection:
        try:
            if role == "worker" and not worker_lives(connection, socket.gethostname()):
                return "no worker of this host is registered"
            if role == "scheduler" and not scheduler_leads(connection):
                return "no scheduler leads"
        except redis.RedisError as error:
            return f"the queue does not answer: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
