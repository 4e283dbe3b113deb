"""Passages of items with their vectors, stored and put together again.

Position 0 of an item's passages is its title, the text follows from 1. The item's vector is
`contentcenter.embedding.items.combine` of them, at any time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from contentcenter.embedding.items import Embedded, combine
from contentcenter.embedding.ports import ModelIdentity, Vectors
from contentcenter.store.tables import PassageRow


def store_passages(
    session: Session, embedded: Mapping[int, Embedded], identity: ModelIdentity
) -> None:
    """Replace the passages of these items."""
    session.execute(delete(PassageRow).where(PassageRow.item_id.in_(list(embedded))))
    values = [
        {
            "item_id": item_id,
            "position": position,
            "text": text,
            "vector": vector.tobytes(),
            "model": str(identity),
        }
        for item_id, one in embedded.items()
        for position, (text, vector) in enumerate(
            zip(one.texts, one.vectors.astype("<f2"), strict=True)
        )
    ]
    if values:
        session.execute(insert(PassageRow), values)


def load_vectors(
    session: Session, item_ids: Iterable[int], identity: ModelIdentity
) -> dict[int, Vectors]:
    """Item vectors from stored passages; items with passages of another model are left out."""
    wanted = list(item_ids)
    parts: dict[int, list[PassageRow]] = defaultdict(list)
    for start in range(0, len(wanted), 500):
        query = (
            select(PassageRow)
            .where(PassageRow.item_id.in_(wanted[start : start + 500]))
            .where(PassageRow.model == str(identity))
            .order_by(PassageRow.item_id, PassageRow.position)
        )
        for row in session.scalars(query):
            parts[row.item_id].append(row)
    return {item_id: _combined(rows) for item_id, rows in parts.items()}


def _combined(rows: Sequence[PassageRow]) -> Vectors:
    stack = np.stack([np.frombuffer(row.vector, dtype="<f2") for row in rows])
    return combine([row.text for row in rows], stack.astype(np.float32))
