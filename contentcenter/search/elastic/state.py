"""What one process knows about the indices, read anew when the cluster says it is outdated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from elasticsearch import BadRequestError, Elasticsearch

from contentcenter.domain.errors import EngineUnavailable, ModelMismatch
from contentcenter.embedding.ports import ModelIdentity
from contentcenter.search.elastic.connection import Connection, IndexGone
from contentcenter.search.elastic.layout import (
    VECTOR,
    Json,
    Names,
    index_settings,
    mappings,
    meta,
    model_of,
    vector_field,
)


@dataclass(frozen=True)
class State:
    """`dimension` is 0 before the first vector. `rebuilding`: ids that are written must be
    marked."""

    index: str
    epoch: int
    rebuilding: bool
    dimension: int
    model: ModelIdentity | None


class States:
    """Reads the state and remembers it. Nothing is asked of the cluster before first use."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.names = Names(connection.options.prefix)
        self._known: State | None = None

    def get(self) -> State:
        known = self._known
        return self.renew() if known is None else known

    def renew(self) -> State:
        """Look again; make the first generation where there is none. Raises
        `EngineUnavailable`."""
        for _ in range(3):
            try:
                state = self._connection.ask(self._read)
            except IndexGone:
                state = None  # a rebuild switched between two looks
            if state is not None:
                self._known = state
                return state
            self._connection.write(self._create)
        raise EngineUnavailable("The search index is being replaced; ask again.")

    def learn_dimension(self, state: State, dimension: int) -> State:
        """The first vectors decide. Raises `ModelMismatch` when others came first."""

        def put(client: Elasticsearch) -> None:
            client.indices.put_mapping(
                index=state.index,
                meta=meta(dimension, state.model),
                properties={VECTOR: vector_field(dimension)},
            )

        try:
            self._connection.write(put)
        except EngineUnavailable as error:
            if self.renew().dimension not in {0, dimension}:
                raise ModelMismatch("The index holds vectors of another model.") from error
            raise
        return self.renew()

    def aliases(self, client: Elasticsearch) -> dict[str, set[str]]:
        """Aliases of each of our indices."""
        found: Any = client.indices.get_alias(index=self.names.all).body
        return {index: set(about["aliases"]) for index, about in found.items()}

    def _read(self, client: Elasticsearch) -> State | None:
        aliases = self.aliases(client)
        live = [i for i, names in aliases.items() if self.names.read in names]
        if not live:
            return None
        epochs = [self.names.epoch_of(name) for name in aliases[live[0]]]
        properties = _mapping(client, live[0])
        vector = properties.get("properties", {}).get(VECTOR)
        return State(
            index=live[0],
            epoch=max(epoch for epoch in epochs if epoch is not None),
            rebuilding=any(self.names.marks in names for names in aliases.values()),
            dimension=0 if vector is None else int(vector["dims"]),
            model=model_of(properties.get("_meta", {})),
        )

    def _create(self, client: Elasticsearch) -> None:
        names = self.names
        try:
            client.indices.create(
                index=names.generation(1),
                settings=index_settings(self._connection.options),
                mappings=mappings(0, None),
                aliases={names.read: {}, names.write(1): {}},
            )
        except BadRequestError as error:
            if error.error != "resource_already_exists_exception":
                raise


def _mapping(client: Elasticsearch, index: str) -> Json:
    answer: Any = client.indices.get_mapping(index=index).body
    found: Json = answer[index]["mappings"]
    return found
