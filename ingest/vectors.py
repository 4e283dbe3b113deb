"""Passages of items with their vectors: made in one sorted batch, stored, put together.

Position 0 of an item's passages is its title, the text follows from 1. The item's vector is
`item_vector` of them and can be computed again from the table at any time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from contentcenter.domain.errors import InvalidInput
from contentcenter.embedding.passages import item_vector, split_passages
from contentcenter.embedding.ports import Embedder, ModelIdentity, Vectors
from contentcenter.store.tables import PassageRow

# A long article is known by its beginning; tailoring quotes from these passages too.
PASSAGES_MAX = 40


@dataclass(frozen=True)
class Embedded:
    """Texts of one item, title first, with a row of `vectors` for each."""

    texts: tuple[str, ...]
    vectors: Vectors

    @property
    def item(self) -> Vectors:
        """The vector of the whole item."""
        return combine(self.texts, self.vectors)


def combine(texts: Sequence[str], vectors: Vectors) -> Vectors:
    """The item's vector from its title (first) and passages."""
    return item_vector(vectors[1:], [len(text) for text in texts[1:]], title=vectors[0])


def texts_of(title: str, text: str) -> tuple[str, ...]:
    """What of an item is embedded: its title, then passages of its text."""
    return (title, *(passage.text for passage in split_passages(text)[:PASSAGES_MAX]))


def embed(
    embedder: Embedder, texts: Mapping[int, Sequence[str]]
) -> tuple[dict[int, Embedded], dict[int, str]]:
    """Vectors by item id, and what was wrong with the items that have none.

    All texts go to the model in one call, which sorts them by length; only when the model
    refuses the call are items tried one by one, so that one odd text costs one item.
    """
    flat = [text for parts in texts.values() for text in parts]
    if not flat:
        return {}, {}
    try:
        rows = embedder.encode_passages(flat)
    except InvalidInput as error:
        if len(texts) == 1:
            return {}, dict.fromkeys(texts, error.message)
        return _one_by_one(embedder, texts)
    done: dict[int, Embedded] = {}
    at = 0
    for item_id, parts in texts.items():
        done[item_id] = Embedded(tuple(parts), rows[at : at + len(parts)])
        at += len(parts)
    return done, {}


def _one_by_one(
    embedder: Embedder, texts: Mapping[int, Sequence[str]]
) -> tuple[dict[int, Embedded], dict[int, str]]:
    done: dict[int, Embedded] = {}
    faults: dict[int, str] = {}
    for item_id, parts in texts.items():
        good, bad = embed(embedder, {item_id: parts})
        done |= good
        faults |= bad
    return done, faults


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
