"""Decisions written down, in the pipeline's one transaction: a few statements a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from contentcenter.domain.content import ItemState, TagOrigin
from contentcenter.domain.facts import ItemReady
from contentcenter.embedding.items import Embedded
from contentcenter.embedding.ports import ModelIdentity
from contentcenter.store.base import Table
from contentcenter.store.cards import ItemCard, load_items
from contentcenter.store.tables import ItemBookRow, ItemRow, ItemTagRow, SourceRow
from ingest.deciding import Decision
from ingest.fingerprints import bands
from ingest.items import publish
from ingest.origins import ensure_tags
from ingest.quality import quality, quality_parts
from ingest.tables import SignatureBandRow
from ingest.vectors import store_passages
from ingest.writing import ItemWriter


def store_decisions(
    writer: ItemWriter,
    rows: Mapping[int, ItemRow],
    decisions: Sequence[Decision],
    embedded: Mapping[int, Embedded],
    identity: ModelIdentity,
) -> set[int]:
    """Write it all and move the items on. Returns the ids that were published by rule: their
    source is trusted and nothing about them needs an editor's eye."""
    session = writer.session
    for decided in decisions:
        _fill_row(rows[decided.item_id], decided)
    session.flush()
    ids = [decided.item_id for decided in decisions]
    _store_bands(session, ids, decisions)
    _store_links(session, ids, decisions)
    _store_tags(session, ids, decisions)
    store_passages(session, {item_id: embedded[item_id] for item_id in ids}, identity)
    cards = load_items(session, ids)
    trusted = _trusted_sources(session)
    return {
        decided.item_id
        for decided in decisions
        if _move_on(writer, rows[decided.item_id], decided, cards[decided.item_id], trusted)
    }


def _fill_row(row: ItemRow, decided: Decision) -> None:
    row.html, row.text, row.cover = decided.html, decided.text, decided.cover
    row.signature = decided.signature
    row.duplicate_of = decided.duplicate.item_id if decided.duplicate else None
    row.category, row.risks, row.failure = decided.category, list(decided.risks), ""


def _move_on(
    writer: ItemWriter, row: ItemRow, decided: Decision, card: ItemCard, trusted: set[int]
) -> bool:
    parts = quality_parts(card, row.html)
    row.quality, row.ready_at = quality(parts), writer.now
    writer.move(
        row,
        ItemState.READY,
        ItemReady(row.id),
        "processed",
        quality=dict(parts),
        category=decided.category,
        tags={tag.name: tag.confidence for tag in decided.tags},
        books={str(link.book_id): link.confidence for link in decided.links},
        risks=[risk["code"] for risk in decided.risks],
    )
    if row.source_id not in trusted or row.risks:
        return False
    publish(writer, row, "published_by_rule")
    return True


def _trusted_sources(session: Session) -> set[int]:
    return set(session.scalars(select(SourceRow.id).where(SourceRow.trusted)))


def _insert(session: Session, table: type[Table], values: list[dict[str, Any]]) -> None:
    if values:
        session.execute(insert(table), values)


def _store_bands(session: Session, ids: Sequence[int], decisions: Sequence[Decision]) -> None:
    session.execute(delete(SignatureBandRow).where(SignatureBandRow.item_id.in_(ids)))
    _insert(
        session,
        SignatureBandRow,
        [
            {"band": key, "item_id": decided.item_id}
            for decided in decisions
            if decided.signature
            for key in dict.fromkeys(bands(decided.signature))
        ],
    )


def _store_links(session: Session, ids: Sequence[int], decisions: Sequence[Decision]) -> None:
    session.execute(delete(ItemBookRow).where(ItemBookRow.item_id.in_(ids)))
    _insert(
        session,
        ItemBookRow,
        [
            {
                "item_id": decided.item_id,
                "book_id": link.book_id,
                "position": position,
                "origin": link.origin,
                "confidence": link.confidence,
            }
            for decided in decisions
            for position, link in enumerate(decided.links)
        ],
    )


def _store_tags(session: Session, ids: Sequence[int], decisions: Sequence[Decision]) -> None:
    suggested = ItemTagRow.origin == TagOrigin.SUGGESTED
    session.execute(delete(ItemTagRow).where(ItemTagRow.item_id.in_(ids), suggested))
    known = ensure_tags(session, [tag.name for decided in decisions for tag in decided.tags])
    _insert(
        session,
        ItemTagRow,
        [
            {
                "item_id": decided.item_id,
                "tag_id": known[tag.name],
                "origin": TagOrigin.SUGGESTED,
                "confidence": tag.confidence,
            }
            for decided in decisions
            for tag in decided.tags
        ],
    )
