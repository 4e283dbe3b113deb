"""A decision written down, in the pipeline's one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete
from sqlalchemy.orm import Session

from contentcenter.domain.content import ItemState, TagOrigin
from contentcenter.domain.facts import ItemReady
from contentcenter.embedding.ports import ModelIdentity
from contentcenter.store.cards import load_items
from contentcenter.store.tables import ItemBookRow, ItemRow, ItemTagRow, SourceRow
from ingest.deciding import Decision
from ingest.fingerprints import bands
from ingest.items import publish
from ingest.linking import Link
from ingest.origins import ensure_tags
from ingest.quality import quality, quality_parts
from ingest.tables import SignatureBandRow
from ingest.tagging import Suggestion
from ingest.vectors import Embedded, store_passages
from ingest.writing import ItemWriter


def store_decision(
    writer: ItemWriter,
    row: ItemRow,
    decided: Decision,
    embedded: Embedded,
    identity: ModelIdentity,
) -> bool:
    """Write it all and move the item on. True when it was published by rule: its source is
    trusted and nothing about it needs an editor's eye."""
    session = writer.session
    row.html, row.text, row.cover = decided.html, decided.text, decided.cover
    row.signature = decided.signature
    row.duplicate_of = decided.duplicate.item_id if decided.duplicate else None
    row.category, row.risks, row.failure = decided.category, list(decided.risks), ""
    _store_bands(session, row.id, decided.signature)
    _store_links(session, row.id, decided.links)
    _store_tags(session, row.id, decided.tags)
    store_passages(session, row.id, embedded, identity)
    session.flush()
    parts = quality_parts(load_items(session, [row.id])[row.id], row.html)
    row.quality = quality(parts)
    row.ready_at = writer.now
    _move(writer, row, decided, parts)
    if session.get_one(SourceRow, row.source_id).trusted and not row.risks:
        publish(writer, row, "published_by_rule")
        return True
    return False


def _move(writer: ItemWriter, row: ItemRow, decided: Decision, parts: Mapping[str, float]) -> None:
    writer.move(
        row, ItemState.READY, ItemReady(row.id), "processed",
        quality=dict(parts), category=decided.category,
        tags={tag.name: tag.confidence for tag in decided.tags},
        books={str(link.book_id): link.confidence for link in decided.links},
        risks=[risk["code"] for risk in decided.risks],
    )  # fmt: skip


def _store_bands(session: Session, item_id: int, signed: bytes | None) -> None:
    session.execute(delete(SignatureBandRow).where(SignatureBandRow.item_id == item_id))
    keys = dict.fromkeys(bands(signed)) if signed else {}
    session.add_all(SignatureBandRow(band=key, item_id=item_id) for key in keys)


def _store_links(session: Session, item_id: int, links: Sequence[Link]) -> None:
    session.execute(delete(ItemBookRow).where(ItemBookRow.item_id == item_id))
    session.add_all(
        ItemBookRow(
            item_id=item_id, book_id=link.book_id, position=position, origin=link.origin,
            confidence=link.confidence,
        )
        for position, link in enumerate(links)
    )  # fmt: skip


def _store_tags(session: Session, item_id: int, tags: Sequence[Suggestion]) -> None:
    session.execute(
        delete(ItemTagRow).where(
            ItemTagRow.item_id == item_id, ItemTagRow.origin == TagOrigin.SUGGESTED
        )
    )
    ids = ensure_tags(session, [tag.name for tag in tags])
    session.add_all(
        ItemTagRow(
            item_id=item_id, tag_id=ids[tag.name], origin=TagOrigin.SUGGESTED,
            confidence=tag.confidence,
        )
        for tag in tags
    )  # fmt: skip
