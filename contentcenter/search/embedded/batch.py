"""A batch of documents turned into columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain

import numpy as np
import numpy.typing as npt

from contentcenter.embedding.ports import Vectors
from contentcenter.search.embedded import kernels
from contentcenter.search.embedded.labels import Label
from contentcenter.search.embedded.rows import (
    LABELLED_LISTS,
    NEVER,
    NO_DATE,
    NO_PRICE,
    SINGLES,
    microseconds,
)
from contentcenter.search.embedded.table import Column
from contentcenter.search.ports import IndexDocument


def stacked_vectors(documents: Sequence[IndexDocument]) -> tuple[npt.NDArray[np.int64], Vectors]:
    """Positions of the documents that have a vector, and the unit vectors."""
    pairs = [(i, d.vector) for i, d in enumerate(documents) if d.vector is not None]
    positions = np.array([i for i, _ in pairs], dtype=np.int64)
    if not pairs:
        return positions, np.empty((0, 0), np.float32)
    return positions, kernels.unit(np.stack([vector for _, vector in pairs]))


def singles(document: IndexDocument) -> list[Label]:
    values = (document.kind, document.state, document.category, document.source)
    return list(zip(SINGLES, values, strict=True))


def listed(document: IndexDocument, name: str) -> list[Label]:
    """The distinct labels of a labelled list."""
    values = {
        "tag": document.tags,
        "publisher": document.publishers,
        "channel": document.channel_kinds,
    }[name]
    return [(name, value) for value in dict.fromkeys(values)]


def all_labels(documents: Iterable[IndexDocument]) -> Iterable[Label]:
    for document in documents:
        yield from singles(document)
        for name in LABELLED_LISTS:
            yield from listed(document, name)


def list_values(
    documents: Sequence[IndexDocument], name: str, codes: dict[Label, int]
) -> list[list[int]]:
    """The values of one many-valued column for each document."""
    if name == "work":
        return [list(dict.fromkeys(document.works)) for document in documents]
    if name == "year":
        return [list(dict.fromkeys(document.years)) for document in documents]
    return [[codes[label] for label in listed(document, name)] for document in documents]


def row_columns(
    documents: Sequence[IndexDocument], codes: dict[Label, int], serial: int, sequence: int
) -> dict[str, Column]:
    """All columns but the vectors' scale and the ends of the lists."""
    size = len(documents)
    columns: dict[str, Column] = {
        "serial": np.arange(serial, serial + size, dtype=np.int64),
        "born": np.full(size, sequence, np.int64),
        "died": np.full(size, NEVER, np.int64),
        "scale": np.zeros(size, np.float32),
    }
    columns |= {
        name: np.array(values, dtype=np.int64)
        for name, values in {
            "id": [d.id for d in documents],
            "revision": [d.revision for d in documents],
            "price": [NO_PRICE if d.price_fen is None else d.price_fen for d in documents],
            "published": [_moment(d.published_at, NO_DATE) for d in documents],
            "rights": [_moment(d.rights_until, NEVER) for d in documents],
            "in_stock": [d.in_stock for d in documents],
            "has_vector": [d.vector is not None for d in documents],
        }.items()
    }
    for position, name in enumerate(SINGLES):
        column = [codes[singles(document)[position]] for document in documents]
        columns[name] = np.array(column, dtype=np.uint32)
    return columns


def flat_list(values: Sequence[Sequence[int]], first_row: int, kind: str) -> dict[str, Column]:
    """A many-valued column laid out flat: each value beside its row."""
    sizes = [len(one) for one in values]
    owners = np.repeat(np.arange(first_row, first_row + len(values), dtype=np.uint32), sizes)
    return {"value": np.array(list(chain.from_iterable(values)), dtype=kind), "owner": owners}


def _moment(value: datetime | None, missing: int) -> int:
    return missing if value is None else microseconds(value)
