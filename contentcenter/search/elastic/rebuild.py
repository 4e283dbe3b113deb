"""A new generation filled beside the live one, and the switch to it.

While a rebuild runs, every writer notes the ids it touches. At the end the live generation is
closed for writing (the server waits until writes under way are through), the touched
documents are copied as they now are there, the aliases move in one step, and the writers, who
have been waiting, go on with the new generation. Readers never wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from elasticsearch import Elasticsearch

from contentcenter.domain.errors import EngineUnavailable, InvalidInput
from contentcenter.embedding.ports import ModelIdentity
from contentcenter.search.batches import batch_dimension, newest_of_each
from contentcenter.search.elastic.bulk import Outdated, send
from contentcenter.search.elastic.connection import Connection, IndexGone
from contentcenter.search.elastic.documents import (
    Operation,
    copy_operation,
    put_operation,
    remove_operation,
)
from contentcenter.search.elastic.layout import VECTOR, Json, Names, index_settings, mappings
from contentcenter.search.elastic.lease import Lease
from contentcenter.search.elastic.state import State, States
from contentcenter.search.ports import IndexDocument

_COPIED_AT_ONCE = 500


class ElasticRebuild:
    """Implements the rebuild port; made by `rebuilding`."""

    def __init__(
        self, connection: Connection, states: States, lease: Lease, model: ModelIdentity
    ) -> None:
        self._connection = connection
        self._states = states
        self._names: Names = states.names
        self._lease = lease
        self._model = model
        self._target = ""
        self.committed = False

    def begin(self) -> None:
        """Make the new generation and tell the writers to note what they touch."""
        state = self._states.renew()
        self._target = self._connection.write(self._make_target)
        with self._writers_held(state):
            self._connection.write(lambda client: self._next_epoch(client, state, state.index))
        self._states.renew()

    def put(self, documents: Sequence[IndexDocument]) -> None:
        if self.committed:
            raise InvalidInput("This rebuild is committed; write to the index itself.")
        newest = newest_of_each(documents)
        batch_dimension(newest, self._model.dimension)
        self._load([put_operation(document) for document in newest])

    def commit(self) -> None:
        if self.committed:
            return
        self._lease.check()
        state = self._states.renew()
        self._refresh(self._target)
        with self._writers_held(state):
            self._carry_over(state)
            self._refresh(self._target)
            self._connection.write(lambda client: self._next_epoch(client, state, self._target))
            self.committed = True
        self._lease.give_back()
        self._states.renew()
        self._drop(state.index)

    def abandon(self) -> None:
        if self._target:
            self._drop(self._target)

    def _make_target(self, client: Elasticsearch) -> str:
        """An empty generation; remains of earlier rebuilds go."""
        aliases = self._states.aliases(client)
        numbers = {index: self._names.number_of(index) for index in aliases}
        for index, number in numbers.items():
            if number is not None and self._names.read not in aliases[index]:
                client.indices.delete(index=index, ignore_unavailable=True)
        highest = max((number for number in numbers.values() if number is not None), default=0)
        name = self._names.generation(highest + 1)
        client.indices.create(
            index=name,
            settings=index_settings(self._connection.options),
            mappings=mappings(self._model.dimension, self._model),
            aliases={self._names.staging(name): {}},
        )
        return name

    @contextmanager
    def _writers_held(self, state: State) -> Iterator[None]:
        """Writes under way end, new ones wait."""

        def close(client: Elasticsearch) -> None:
            client.indices.add_block(index=state.index, block="write")

        def reopen(client: Elasticsearch) -> None:
            client.indices.remove_block(index=state.index, block="write")

        try:
            self._connection.write(close)
            yield
        finally:
            self._connection.write(reopen)

    def _next_epoch(self, client: Elasticsearch, state: State, target: str) -> None:
        """Move the aliases to `target`, in one step."""
        names = self._names
        actions: list[Json] = [
            {"remove": {"index": state.index, "alias": names.write(state.epoch)}},
            {"add": {"index": target, "alias": names.write(state.epoch + 1)}},
        ]
        if target != state.index:
            actions += [
                {"remove": {"index": state.index, "alias": names.read}},
                {"add": {"index": target, "alias": names.read}},
                {"remove": {"index": target, "alias": names.staging(target)}},
            ]
        client.indices.update_aliases(actions=actions)

    def _load(self, operations: Sequence[Operation]) -> None:
        staging = self._names.staging(self._target)
        try:
            # Conflicts are older revisions than what is there already.
            send(self._connection, staging, operations, refresh=False)
        except Outdated as error:
            raise EngineUnavailable("The generation that is being built is gone.") from error

    def _carry_over(self, state: State) -> None:
        """Bring what was touched meanwhile to where the live generation has it."""
        self._refresh(state.index, self._names.rebuild)
        for ids in self._touched():
            found = self._connection.write(partial(_read, index=state.index, ids=ids))
            present = {int(source["id"]) for source in found}
            self._load([copy_operation(self._fitting(source)) for source in found])
            self._load([remove_operation(one) for one in ids if one not in present])

    def _touched(self) -> Iterator[list[int]]:
        after: list[Any] | None = None
        while True:
            hits = self._connection.write(partial(_marked, index=self._names.rebuild, after=after))
            if not hits:
                return
            yield [int(hit["sort"][0]) for hit in hits]
            after = hits[-1]["sort"]

    def _fitting(self, source: Json) -> Json:
        """A document with the old model's vector keeps its words only; the pipeline embeds it
        again."""
        vector = source.get(VECTOR)
        if vector is None or len(vector) == self._model.dimension:
            return source
        return {**source, VECTOR: None, "has_vector": False}

    def _refresh(self, *indices: str) -> None:
        self._connection.write(lambda client: client.indices.refresh(index=list(indices)))

    def _drop(self, index: str) -> None:
        self._connection.write(
            lambda client: client.indices.delete(index=index, ignore_unavailable=True)
        )


@contextmanager
def rebuilding(
    connection: Connection, states: States, model: ModelIdentity
) -> Iterator[ElasticRebuild]:
    """Build a generation for `model`. Only one rebuild may run: `Conflict` otherwise."""
    states.get()
    lease = Lease(connection, states)
    lease.take()
    rebuild = ElasticRebuild(connection, states, lease, model)
    try:
        rebuild.begin()
        yield rebuild
    except IndexGone as error:
        raise EngineUnavailable("The generation that is being built is gone.") from error
    finally:
        if not rebuild.committed:
            rebuild.abandon()
            lease.give_back()


def _read(client: Elasticsearch, index: str, ids: Sequence[int]) -> list[Json]:
    """The documents with these ids, vectors included."""
    answer: Any = client.search(
        index=index,
        query={"terms": {"id": list(ids)}},
        size=len(ids),
        source={"exclude_vectors": False},
    ).body
    return [hit["_source"] for hit in answer["hits"]["hits"]]


def _marked(client: Elasticsearch, index: str, after: list[Any] | None) -> list[Json]:
    """The next marks in the order of their ids."""
    answer: Any = client.search(
        index=index,
        query={"exists": {"field": "id"}},
        sort=[{"id": "asc"}],
        search_after=after,
        size=_COPIED_AT_ONCE,
        source=False,
    ).body
    hits: list[Json] = answer["hits"]["hits"]
    return hits
