"""Documents as Elasticsearch takes them."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from contentcenter.domain.errors import InvalidInput
from contentcenter.embedding.ports import Vectors
from contentcenter.search.elastic.layout import VECTOR, Json
from contentcenter.search.ports import IndexDocument, TextField

# Stands in an empty text field. The embedded engine counts every document in the statistics of
# every field, Elasticsearch only those that have the field; so all have it.
_EMPTY_TEXT = "␀"
# A document that names no channel may go to all of them.
ANY_CHANNEL = "*"
# A rights window without an end.
NEVER = 2**63 - 1


@dataclass(frozen=True)
class Operation:
    """One line, or two, of a bulk request."""

    id: int
    revision: int
    action: bytes
    source: bytes | None = None

    @property
    def lines(self) -> tuple[bytes, ...]:
        return (self.action,) if self.source is None else (self.action, self.source)


def put_operation(document: IndexDocument) -> Operation:
    """Insert or replace unless what is there has a higher revision."""
    return _versioned(document.id, document.revision, as_json(source_of(document)))


def copy_operation(source: Json) -> Operation:
    """The same for a document read from another generation."""
    return _versioned(int(source["id"]), int(source["revision"]), as_json(source))


def _versioned(one: int, revision: int, source: bytes) -> Operation:
    action = {"_id": str(one), "version": revision, "version_type": "external_gte"}
    return Operation(one, revision, as_json({"index": action}), source)


def remove_operation(one: int) -> Operation:
    return Operation(one, 0, as_json({"delete": {"_id": str(one)}}))


def mark_operation(one: int) -> Operation:
    """Note that an id is being written."""
    return Operation(one, 0, as_json({"index": {"_id": str(one)}}), as_json({"id": one}))


def guarded_operation(put: Operation, found: Json) -> Operation:
    """The same put for what a `get` found, valid only while that stays so."""
    if not found.get("found"):
        return replace(put, action=as_json({"create": {"_id": str(put.id)}}))
    action = {
        "_id": str(put.id),
        "if_seq_no": found["_seq_no"],
        "if_primary_term": found["_primary_term"],
    }
    return replace(put, action=as_json({"index": action}))


def source_of(document: IndexDocument) -> Json:
    source: Json = {
        "id": document.id,
        "revision": document.revision,
        "text": {str(name): document.text.get(name) or _EMPTY_TEXT for name in TextField},
        "kind": document.kind,
        "state": document.state,
        "category": document.category,
        "source": document.source or None,
        "tags": _distinct(document.tags),
        "publishers": _distinct(document.publishers),
        "works": _distinct(document.works),
        "years": _distinct(document.years),
        "channels": _distinct(document.channel_kinds) or [ANY_CHANNEL],
        "price": document.price_fen,
        "published": _moment(document.published_at),
        "rights": NEVER if document.rights_until is None else _moment(document.rights_until),
        "in_stock": document.in_stock,
        "quality": document.quality,
        "has_vector": document.vector is not None,
    }
    if document.vector is not None:
        source[VECTOR] = packed(unit(document.vector))
    return source


def unit(vector: Vectors) -> Vectors:
    """The vector at length 1. Raises `InvalidInput` for one without a direction."""
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not length > 0.0 or not np.isfinite(length):
        raise InvalidInput("A vector must be finite numbers and not all zero.")
    return (vector / length).astype(np.float32)


def packed(vector: Vectors) -> str:
    """Base64 of big-endian float32: a third of the size of numbers in JSON."""
    return b64encode(np.asarray(vector, dtype=">f4").tobytes()).decode()


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 UTC. Whole-number arithmetic: floats would round."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def as_json(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _moment(value: datetime | None) -> int | None:
    return None if value is None else microseconds(value)


def _distinct(values: Sequence[Any]) -> list[Any]:
    return [one for one in dict.fromkeys(values) if one != ""]
