"""The floor as one value: what every room builds its services from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contentcenter.clock import Clock
from contentcenter.embedding.ports import Embedder
from contentcenter.jobs.ports import JobQueue
from contentcenter.search.ports import SearchIndex
from contentcenter.settings import Settings
from contentcenter.store.database import Database

if TYPE_CHECKING:
    import redis

    from contentcenter.text.analysis import Analyser


@dataclass(frozen=True)
class Floor:
    """Built once a process by `wsgi.py` (or by a test), handed to each room's `init_app`."""

    settings: Settings
    clock: Clock
    db: Database
    index: SearchIndex
    embedder: Embedder
    analyser: Analyser
    queue: JobQueue
    redis: redis.Redis
