"""Who rebuilds: at most one process. A rebuild whose process is gone is cleared away."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from typing import Any

import structlog
from elasticsearch import BadRequestError, Elasticsearch

from contentcenter.domain.errors import Conflict, EngineUnavailable
from contentcenter.search.elastic.connection import Connection, IndexGone
from contentcenter.search.elastic.layout import Json, Names, marks_mappings
from contentcenter.search.elastic.state import States

log = structlog.get_logger()

_BEAT_SECONDS = 10.0
# A rebuild on another machine that was silent for so long is taken for dead.
_SILENCE_SECONDS = 60.0
_BEAT_ID = "beat"


class Lease:
    """Held from the making of the rebuild index to its deletion; a thread keeps it fresh."""

    def __init__(self, connection: Connection, states: States) -> None:
        self._connection = connection
        self._names = states.names
        self._states = states
        self._token = uuid.uuid4().hex
        self._done = threading.Event()

    def take(self) -> None:
        """Raises `Conflict` while another rebuild runs."""
        if not self._connection.write(self._make):
            release_if_abandoned(self._connection, self._states)
            if not self._connection.write(self._make):
                raise Conflict("Another rebuild of the search index is running.")
        self._beat()
        threading.Thread(target=self._keep_fresh, name="rebuild-lease", daemon=True).start()

    def give_back(self) -> None:
        self._done.set()
        if self._is_ours():
            self._connection.write(
                lambda client: client.indices.delete(
                    index=self._names.rebuild, ignore_unavailable=True
                )
            )

    def check(self) -> None:
        """Raises `Conflict` when somebody took us for dead and began another rebuild."""
        if not self._is_ours():
            raise Conflict("Another rebuild of the search index took over.")

    def _is_ours(self) -> bool:
        owner = self._connection.write(lambda client: _owner(client, self._names))
        return owner is not None and owner["token"] == self._token

    def _make(self, client: Elasticsearch) -> bool:
        owner = {"host": socket.gethostname(), "process": os.getpid(), "token": self._token}
        try:
            client.indices.create(
                index=self._names.rebuild,
                settings={"number_of_shards": 1, "auto_expand_replicas": "0-1"},
                mappings=marks_mappings(owner),
                aliases={self._names.marks: {}},
            )
        except BadRequestError as error:
            if error.error != "resource_already_exists_exception":
                raise
            # A repeat of our own request may find what the first try made.
            made = _owner(client, self._names)
            return made is not None and made["token"] == self._token
        return True

    def _beat(self) -> None:
        def write(client: Elasticsearch) -> None:
            client.index(
                index=self._names.marks,
                id=_BEAT_ID,
                document={"beat": time.time()},
                require_alias=True,
            )

        self._connection.write(write)

    def _keep_fresh(self) -> None:
        while not self._done.wait(_BEAT_SECONDS):
            try:
                self._beat()
            except (EngineUnavailable, IndexGone) as error:
                log.warning("rebuild_lease_not_renewed", reason=str(error))


def release_if_abandoned(connection: Connection, states: States) -> bool:
    """Clear away a rebuild whose process is gone: its lock, and its hold on the writers."""
    if not connection.write(lambda client: _abandoned(client, states.names)):
        return False
    state = states.renew()

    def clear(client: Elasticsearch) -> None:
        client.indices.remove_block(index=state.index, block="write")
        client.indices.delete(index=states.names.rebuild, ignore_unavailable=True)

    connection.write(clear)
    log.info("abandoned_rebuild_cleared", index=state.index)
    return True


def _abandoned(client: Elasticsearch, names: Names) -> bool:
    owner = _owner(client, names)
    if owner is None:
        return False
    if owner["host"] == socket.gethostname() and not _alive(int(owner["process"])):
        return True
    return time.time() - _last_beat(client, names) > _SILENCE_SECONDS


def _owner(client: Elasticsearch, names: Names) -> Json | None:
    answer: Any = client.indices.get_mapping(index=names.rebuild, ignore_unavailable=True).body
    if names.rebuild not in answer:
        return None
    owner: Json = answer[names.rebuild]["mappings"]["_meta"]["owner"]
    return owner


def _last_beat(client: Elasticsearch, names: Names) -> float:
    found: Any = client.options(ignore_status=404).get(index=names.rebuild, id=_BEAT_ID).body
    # No beat yet: it was made this moment.
    return float(found["_source"]["beat"]) if found.get("found") else time.time()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
