"""Bulk requests: each item has its own fate, and none of them is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from elasticsearch import Elasticsearch

from contentcenter.domain.errors import EngineUnavailable, InvalidInput
from contentcenter.search.elastic.connection import BUSY, PAUSES, Connection
from contentcenter.search.elastic.documents import Operation

# The server refuses requests of more than 100 MB.
_MOST_BYTES = 40_000_000
_CONFLICT = "version_conflict_engine_exception"


@dataclass(frozen=True)
class ItemError:
    """What the server said about one item; `kind` is its name for it."""

    id: int
    status: int
    kind: str
    reason: str


class Outdated(Exception):
    """The target is not there any more or closed for writing: look at the state again."""


def send(
    connection: Connection, target: str, operations: Sequence[Operation], *, refresh: bool
) -> list[Operation]:
    """Carry the operations out on an alias, repeating items the server was too busy for.

    Returns the puts that met a higher version. Raises `Outdated`; `EngineUnavailable` when
    items stayed undone; `InvalidInput` when the server will never take some. Both errors name
    the items in `details`.
    """
    conflicts: list[Operation] = []
    for part in _parts(operations):
        conflicts += _send_part(connection, target, part, refresh)
    return conflicts


def _send_part(
    connection: Connection, target: str, operations: Sequence[Operation], refresh: bool
) -> list[Operation]:
    conflicts: list[Operation] = []
    pending = list(operations)
    for pause in (*PAUSES, None):
        failed = _try(connection, target, pending, refresh)
        conflicts += [one for one, error in failed if error.kind == _CONFLICT]
        again = [(one, error) for one, error in failed if error.status in BUSY]
        _check_rest([error for _, error in failed])
        if not again:
            break
        if pause is None:
            raise EngineUnavailable(
                "Elasticsearch is too busy to take the batch.",
                items=[asdict(error) for _, error in again],
            )
        time.sleep(pause)
        pending = [one for one, _ in again]
    return conflicts


def _try(
    connection: Connection, target: str, operations: Sequence[Operation], refresh: bool
) -> list[tuple[Operation, ItemError]]:
    # Ready JSON: the client passes bytes on as they are.
    lines: Any = [line for one in operations for line in one.lines]

    def bulk(client: Elasticsearch) -> Any:
        # An alias that must be there: nobody makes an index by writing to a name that is gone.
        return client.bulk(index=target, operations=lines, require_alias=True, refresh=refresh).body

    answer = connection.write(bulk)
    if not answer["errors"]:
        return []
    results = zip(operations, answer["items"], strict=True)
    pairs = [(one, _error(one, item)) for one, item in results]
    return [(one, error) for one, error in pairs if error is not None]


def _error(operation: Operation, item: dict[str, Any]) -> ItemError | None:
    result = next(iter(item.values()))
    error = result.get("error")
    if error is None:
        return None
    reason = str(error.get("reason", ""))
    return ItemError(operation.id, int(result["status"]), str(error["type"]), reason)


def _check_rest(errors: Sequence[ItemError]) -> None:
    """Raise for what a repeat of the items cannot mend."""
    if any(_is_outdated(error) for error in errors):
        raise Outdated(errors[0].reason)
    refused = [e for e in errors if e.kind != _CONFLICT and e.status not in BUSY]
    if not refused:
        return
    items = [asdict(error) for error in refused]
    if any(error.status in {401, 403} for error in refused):
        raise EngineUnavailable("Elasticsearch does not allow the writing.", items=items)
    raise InvalidInput("Elasticsearch refused documents of the batch.", items=items)


def _is_outdated(error: ItemError) -> bool:
    if error.kind == "index_not_found_exception":
        return True
    return error.kind == "cluster_block_exception" and "index write (api)" in error.reason


def _parts(operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    part: list[Operation] = []
    size = 0
    for one in operations:
        weight = sum(len(line) + 1 for line in one.lines)
        if part and size + weight > _MOST_BYTES:
            yield part
            part, size = [], 0
        part.append(one)
        size += weight
    if part:
        yield part
