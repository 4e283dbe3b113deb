"""Writing to the live generation.

The revision of a document is its external version, so the server itself leaves newer ones
alone. Deletes have no revision; when a put meets one, or anything else that looks newer, the
stored revision decides and the write is repeated for exactly what was seen.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from elasticsearch import Elasticsearch

from contentcenter.domain.errors import EngineUnavailable, ModelMismatch
from contentcenter.search.batches import batch_dimension, newest_of_each
from contentcenter.search.elastic.bulk import Outdated, send
from contentcenter.search.elastic.connection import Connection, IndexGone
from contentcenter.search.elastic.documents import (
    Operation,
    guarded_operation,
    mark_operation,
    put_operation,
    remove_operation,
)
from contentcenter.search.elastic.lease import release_if_abandoned
from contentcenter.search.elastic.state import State, States
from contentcenter.search.ports import IndexDocument

# The end of a rebuild holds writers up while it carries over what was written meanwhile.
_HELD_UP_SECONDS = 60.0
_PAUSE = 0.05
_TRIES = 10


class Writer:
    def __init__(self, connection: Connection, states: States) -> None:
        self._connection = connection
        self._states = states

    def put(self, documents: Sequence[IndexDocument]) -> None:
        newest = newest_of_each(documents)
        self._fit(newest)  # before anything is sent: all of a batch or nothing
        operations = [put_operation(document) for document in newest]
        self._until_done(operations, newest)

    def remove(self, ids: Sequence[int]) -> None:
        self._until_done([remove_operation(one) for one in dict.fromkeys(ids)], [])

    def _until_done(
        self, operations: Sequence[Operation], documents: Sequence[IndexDocument]
    ) -> None:
        """Send by the rules of the current state; look at the state anew when they are old."""
        deadline = time.monotonic() + _HELD_UP_SECONDS
        state = self._states.get()
        while True:
            try:
                self._send(state, operations)
                return
            except (Outdated, IndexGone) as error:
                if time.monotonic() > deadline:
                    raise EngineUnavailable("The search index takes no writes now.") from error
            time.sleep(_PAUSE)
            release_if_abandoned(self._connection, self._states)
            state = self._states.renew()
            self._fit(documents)

    def _fit(self, documents: Sequence[IndexDocument]) -> None:
        """Raises `ModelMismatch` for vectors of another dimension than the index has."""
        state = self._states.get()
        try:
            dimension = batch_dimension(documents, state.dimension)
        except ModelMismatch:
            # Another process may have rebuilt for a new model since we looked.
            state = self._states.renew()
            dimension = batch_dimension(documents, state.dimension)
        if dimension and not state.dimension:
            self._states.learn_dimension(state, dimension)

    def _send(self, state: State, operations: Sequence[Operation]) -> None:
        target = self._states.names.write(state.epoch)
        if state.rebuilding:
            # First the marks: a write without one would be lost with the old generation.
            marks = [mark_operation(one.id) for one in operations]
            send(self._connection, self._states.names.marks, marks, refresh=False)
        conflicts = send(self._connection, target, operations, refresh=True)
        for _ in range(_TRIES):
            if not conflicts:
                return
            again = self._not_older(target, conflicts)
            conflicts = send(self._connection, target, again, refresh=True)
        raise EngineUnavailable("Too many writers of the same documents.")

    def _not_older(self, target: str, puts: Sequence[Operation]) -> list[Operation]:
        """Those whose revision is not lower than the stored one, tied to what is stored now."""

        def get(client: Elasticsearch) -> Any:
            ids = [str(put.id) for put in puts]
            return client.mget(index=target, ids=ids, source_includes=["revision"]).body

        found = self._connection.write(get)["docs"]
        return [
            guarded_operation(put, one)
            for put, one in zip(puts, found, strict=True)
            if not one.get("found") or one["_source"]["revision"] <= put.revision
        ]
