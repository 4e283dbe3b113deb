"""Items as editors and suppliers handle them: create, change, approve, reject, withdraw."""

from __future__ import annotations

from sqlalchemy import func, select

from contentcenter.clock import Clock
from contentcenter.domain.content import ItemState
from contentcenter.domain.errors import Conflict, InvalidInput
from contentcenter.domain.facts import ItemChanged, ItemPublished, ItemReceived
from contentcenter.store.database import Database
from contentcenter.store.tables import ItemRow
from ingest.drafts import ItemChanges, ItemDraft, check_changes, check_draft
from ingest.views import ItemFilter, ItemPage, ItemView, list_items, view_item
from ingest.writing import ItemWriter, Receipt

REASON_MAX = 500


class ItemService:
    """One call, one transaction: the row, its fact and its trail are stored together.

    Every method raises `NotFound` for an unknown id, `InvalidInput` for faulty fields and
    `Conflict` when the item's state or version forbids the step.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def create(self, draft: ItemDraft, actor: str) -> Receipt:
        """Take a new item in; the pipeline follows. The same content again, by reference or
        by its hash within the source, gives the first item and `created=False`."""
        checked = check_draft(draft)
        try:
            return self._create(checked, actor)
        except Conflict as error:
            # Somebody stored the same reference between our look and our insert.
            if "item_id" in error.details:
                raise
            return self._create(checked, actor)

    def _create(self, draft: ItemDraft, actor: str) -> Receipt:
        with self._db.transaction() as session:
            return ItemWriter(session, actor, self._clock.now()).create(draft)

    def change(
        self, item_id: int, changes: ItemChanges, actor: str, expected_version: int | None = None
    ) -> Receipt:
        """Change fields; a changed text goes through the pipeline and approval again."""
        checked = check_changes(changes)
        with self._db.transaction() as session:
            writer = ItemWriter(session, actor, self._clock.now())
            row = writer.find(item_id, expected_version)
            writer.change(row, checked)
            return _receipt(row)

    def approve(self, item_id: int, actor: str, expected_version: int | None = None) -> Receipt:
        """Publish a ready item. Approving a published one again changes nothing."""
        with self._db.transaction() as session:
            writer = ItemWriter(session, actor, self._clock.now())
            row = writer.find(item_id, expected_version)
            if row.state != ItemState.PUBLISHED:
                publish(writer, row, "approved")
            return _receipt(row)

    def reject(
        self, item_id: int, reason: str, actor: str, expected_version: int | None = None
    ) -> Receipt:
        """Turn an item down; its contributor reads the reason."""
        told = " ".join(reason.split())
        if not told or len(told) > REASON_MAX:
            raise InvalidInput(f"驳回要写理由，最多 {REASON_MAX} 个字", fields={"reason": "必填"})
        with self._db.transaction() as session:
            writer = ItemWriter(session, actor, self._clock.now())
            row = writer.find(item_id, expected_version)
            writer.move(row, ItemState.REJECTED, ItemChanged(row.id), "rejected", reason=told)
            row.reject_reason = told
            return _receipt(row)

    def withdraw(self, item_id: int, actor: str, expected_version: int | None = None) -> Receipt:
        """Take an item back from everywhere; it stays on record. Repeating is harmless."""
        with self._db.transaction() as session:
            writer = ItemWriter(session, actor, self._clock.now())
            row = writer.find(item_id, expected_version)
            if row.state != ItemState.WITHDRAWN:
                writer.move(row, ItemState.WITHDRAWN, ItemChanged(row.id), "withdrawn")
            return _receipt(row)

    def process_again(self, item_id: int, actor: str) -> Receipt:
        """Send a failed, rejected or withdrawn item through the pipeline once more."""
        with self._db.transaction() as session:
            writer = ItemWriter(session, actor, self._clock.now())
            row = writer.find(item_id)
            writer.move(row, ItemState.RECEIVED, ItemReceived(row.id), "process_again")
            row.failure = row.reject_reason = ""
            return _receipt(row)

    def get(self, item_id: int) -> ItemView:
        """Everything about one item."""
        with self._db.reading() as session:
            return view_item(session, item_id)

    def counts(self) -> dict[str, int]:
        """How many items are in each state."""
        with self._db.reading() as session:
            query = select(ItemRow.state, func.count()).group_by(ItemRow.state)
            return {str(state): int(count) for state, count in session.execute(query)}

    def list(self, wanted: ItemFilter, size: int = 20, cursor: str | None = None) -> ItemPage:
        """Items newest first, page by page."""
        with self._db.reading() as session:
            return list_items(session, wanted, size, cursor)


def publish(writer: ItemWriter, row: ItemRow, action: str) -> None:
    """To `published`. The first publication date stays: an edit makes nothing new."""
    writer.move(row, ItemState.PUBLISHED, ItemPublished(row.id), action)
    row.published_at = row.published_at or writer.now


def _receipt(row: ItemRow) -> Receipt:
    return Receipt(row.id, False, row.state, row.version)
