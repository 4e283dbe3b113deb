"""Every way an item row changes, in the caller's transaction.

A change writes the row, its fact for the rooms above and its line in the trail together, and
raises `version` by one: the version is the editor's optimistic lock and the index's revision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from contentcenter.domain.content import INDEXED_STATES, ItemState, TagOrigin, item_can_move
from contentcenter.domain.errors import Conflict, InvalidInput, NotFound
from contentcenter.domain.facts import Fact, ItemChanged, ItemReceived
from contentcenter.store import audit, outbox
from contentcenter.store.tables import (
    BookRow,
    ItemBookRow,
    ItemRow,
    ItemTagRow,
    RevisionRow,
    RightsRow,
    SourceRow,
)
from ingest.drafts import ItemChanges, ItemDraft, RightsWindow, content_hash
from ingest.origins import ensure_contributor, ensure_source, ensure_tags

STATE_WORDS = {
    ItemState.RECEIVED: "处理中",
    ItemState.READY: "待审核",
    ItemState.PUBLISHED: "已发布",
    ItemState.REJECTED: "已驳回",
    ItemState.WITHDRAWN: "已撤下",
    ItemState.FAILED: "处理失败",
}


@dataclass(frozen=True)
class Receipt:
    """What became of a draft. `created` is False when the same content was there before."""

    item_id: int
    created: bool
    state: str
    version: int


@dataclass(frozen=True)
class ItemWriter:
    """Writes items in one session, as one actor, at one time."""

    session: Session
    actor: str
    now: datetime
    tag_ids: dict[str, int] = field(default_factory=dict)  # known so far in this transaction

    def find(self, item_id: int, expected_version: int | None = None) -> ItemRow:
        """The row, locked where the database can. `Conflict` when somebody was faster."""
        row = self.session.get(ItemRow, item_id, with_for_update=True)
        if row is None:
            raise NotFound(f"没有编号为 {item_id} 的内容", item_id=item_id)
        if expected_version is not None and row.version != expected_version:
            raise Conflict(
                f"内容已被改动：你看到的是第 {expected_version} 版，现在是第 {row.version} 版",
                item_id=item_id, expected=expected_version, version=row.version,
            )  # fmt: skip
        return row

    def create(self, draft: ItemDraft) -> Receipt:
        """Store a checked draft, or find that its content is here already."""
        source = ensure_source(self.session, draft.source, draft.kind, self.now, draft.contributor)
        hashed = content_hash(draft.title, draft.summary, draft.body)
        known = self._known(source, draft, hashed)
        if known is not None:
            return Receipt(known.id, False, known.state, known.version)
        row = self.insert(source, draft, hashed)
        return Receipt(row.id, True, row.state, row.version)

    def insert(self, source: SourceRow, draft: ItemDraft, hashed: str) -> ItemRow:
        """Store a checked draft that is known to be new."""
        row = self._insert(source, draft, hashed)
        self._add_tags(row, draft.tags, draft.origin)
        missing = self._set_books(row, draft.books, draft.origin) if draft.books else []
        row.risks = [unknown_book_risk(isbn) for isbn in missing]
        if draft.rights:
            self._set_rights(row, draft.rights)
        outbox.record(self.session, ItemReceived(row.id), self.now)
        self.log(row, "received", source=source.name, source_ref=draft.source_ref)
        return row

    def _known(self, source: SourceRow, draft: ItemDraft, hashed: str) -> ItemRow | None:
        query = select(ItemRow).where(ItemRow.source_id == source.id)
        if draft.source_ref is not None:
            same = self.session.scalar(query.where(ItemRow.source_ref == draft.source_ref))
            if same is not None and same.content_hash != hashed:
                raise Conflict(
                    f"来源“{source.name}”已有编号 {draft.source_ref} 的另一篇内容，请修改那一篇",
                    item_id=same.id, version=same.version,
                )  # fmt: skip
            if same is not None:
                return same
        by_content = query.where(ItemRow.content_hash == hashed).order_by(ItemRow.id).limit(1)
        return self.session.scalar(by_content)

    def _insert(self, source: SourceRow, draft: ItemDraft, hashed: str) -> ItemRow:
        owner = source.contributor_id
        if draft.contributor:
            owner = ensure_contributor(self.session, draft.contributor, draft.kind, self.now).id
        row = ItemRow(
            kind=draft.kind, form=draft.form, state=ItemState.RECEIVED, title=draft.title,
            summary=draft.summary, body=draft.body, author=draft.author, cover=draft.cover,
            category=draft.category or "other",
            category_origin=draft.origin if draft.category else TagOrigin.SUGGESTED,
            source_id=source.id, source_ref=draft.source_ref, contributor_id=owner,
            content_hash=hashed, risks=[], version=1, created_at=self.now, updated_at=self.now,
        )  # fmt: skip
        self.session.add(row)
        self.session.flush()
        return row

    def change(self, row: ItemRow, changes: ItemChanges, origin: str = TagOrigin.EDITOR) -> bool:
        """Apply checked changes. Returns False when they change nothing.

        A changed text keeps the old one as a revision and sends the item through the pipeline
        again; until it is approved anew no reader sees it (docs/decisions/0004-ingest.md).
        """
        text_changed = self._change_text(row, changes)
        changed = [name for name, new in self._plain_changes(row, changes) if new]
        changed += self._change_links(row, changes, origin)
        if not text_changed and not changed:
            return False
        was = row.state
        if text_changed:
            self._move(row, ItemState.RECEIVED)
            row.failure = row.reject_reason = ""
            outbox.record(self.session, ItemReceived(row.id), self.now)
        self.touch(row, was)
        self.log(row, "changed", fields=[*(["text"] if text_changed else []), *changed])
        return True

    def _change_text(self, row: ItemRow, changes: ItemChanges) -> bool:
        new = {
            name: getattr(changes, name)
            for name in ("title", "summary", "body")
            if getattr(changes, name) is not None and getattr(changes, name) != getattr(row, name)
        }
        if not new:
            return False
        if not (new.get("body", row.body) or new.get("summary", row.summary)):
            raise InvalidInput("正文和摘要不能都为空", fields={"body": "没有正文"})
        number = self.session.scalar(
            select(func.count()).select_from(RevisionRow).where(RevisionRow.item_id == row.id)
        )
        self.session.add(
            RevisionRow(
                item_id=row.id, number=int(number or 0) + 1, title=row.title,
                summary=row.summary, body=row.body, actor=self.actor, created_at=self.now,
            )
        )  # fmt: skip
        for name, value in new.items():
            setattr(row, name, value)
        row.content_hash = content_hash(row.title, row.summary, row.body)
        return True

    def _plain_changes(self, row: ItemRow, changes: ItemChanges) -> list[tuple[str, bool]]:
        done = []
        for name in ("author", "form", "cover", "category"):
            value = getattr(changes, name)
            changed = value is not None and value != getattr(row, name)
            if changed:
                setattr(row, name, value)
            done.append((name, changed))
        if changes.category is not None:
            row.category_origin = TagOrigin.EDITOR
        return done

    def _change_links(self, row: ItemRow, changes: ItemChanges, origin: str) -> list[str]:
        changed: list[str] = []
        if changes.tags is not None and self._set_tags(row, changes.tags, origin):
            changed.append("tags")
        if changes.books is not None:
            missing = self._set_books(row, changes.books, origin)
            if missing:
                raise InvalidInput(
                    f"图书库里没有：{'、'.join(missing)}", fields={"books": "先导入这些图书"}
                )
            changed.append("books")
        if changes.rights is not None:
            self._set_rights(row, changes.rights)
            changed.append("rights")
        return changed

    def _set_tags(self, row: ItemRow, names: Sequence[str], origin: str) -> bool:
        query = select(ItemTagRow).where(ItemTagRow.item_id == row.id)
        before = {(link.tag_id, link.origin) for link in self.session.scalars(query)}
        if before == {(tag_id, origin) for tag_id in self._tags(names)}:
            return False
        self.session.execute(delete(ItemTagRow).where(ItemTagRow.item_id == row.id))
        self._add_tags(row, names, origin)
        return True

    def _add_tags(self, row: ItemRow, names: Sequence[str], origin: str) -> None:
        self.session.add_all(
            ItemTagRow(item_id=row.id, tag_id=tag_id, origin=origin, confidence=1.0)
            for tag_id in self._tags(names)
        )

    def _tags(self, names: Sequence[str]) -> list[int]:
        unknown = [name for name in names if name not in self.tag_ids]
        if unknown:
            self.tag_ids.update(ensure_tags(self.session, unknown))
        return [self.tag_ids[name] for name in names]

    def _set_books(self, row: ItemRow, isbns: Sequence[str], origin: str) -> list[str]:
        """Link these editions and no others. Returns the ISBNs nobody knows."""
        query = select(BookRow.isbn, BookRow.id).where(BookRow.isbn.in_(isbns))
        ids = {str(isbn): book_id for isbn, book_id in self.session.execute(query)}
        self.session.execute(delete(ItemBookRow).where(ItemBookRow.item_id == row.id))
        self.session.add_all(
            ItemBookRow(
                item_id=row.id, book_id=ids[isbn], position=position, origin=origin, confidence=1.0
            )
            for position, isbn in enumerate(isbn for isbn in isbns if isbn in ids)
        )
        return [isbn for isbn in isbns if isbn not in ids]

    def link_book(self, row: ItemRow, book_id: int, origin: str) -> None:
        """Link one known edition of a new item."""
        self.session.add(ItemBookRow(item_id=row.id, book_id=book_id, position=0, origin=origin))

    def _set_rights(self, row: ItemRow, windows: Sequence[RightsWindow]) -> None:
        """A licence hangs on a contributor; an item without one gets its source's name."""
        if row.contributor_id is None:
            source = self.session.get_one(SourceRow, row.source_id)
            row.contributor_id = ensure_contributor(
                self.session, source.name, source.kind, self.now
            ).id
        self.session.execute(delete(RightsRow).where(RightsRow.item_id == row.id))
        self.session.add_all(
            RightsRow(
                contributor_id=row.contributor_id, item_id=row.id, starts_at=window.starts_at,
                ends_at=window.ends_at, channel_kinds=list(window.channel_kinds),
                promised_exposures=window.promised_exposures,
            )
            for window in windows
        )  # fmt: skip

    def move(
        self, row: ItemRow, target: ItemState, fact: Fact, action: str, **details: object
    ) -> None:
        """Bring the item to another state, with its fact and its line in the trail."""
        self._move(row, target)
        row.version += 1
        row.updated_at = self.now
        outbox.record(self.session, fact, self.now)
        self.log(row, action, **details)

    def _move(self, row: ItemRow, target: ItemState) -> None:
        if not item_can_move(ItemState(row.state), target):
            was, wanted = STATE_WORDS[ItemState(row.state)], STATE_WORDS[target]
            raise Conflict(
                f"内容现在是“{was}”，不能变成“{wanted}”",
                item_id=row.id, state=row.state, target=target, version=row.version,
            )  # fmt: skip
        row.state = target

    def touch(self, row: ItemRow, was_state: str | None = None) -> None:
        """Raise the version; whoever holds a copy of an indexed item hears of it."""
        row.version += 1
        row.updated_at = self.now
        if (was_state or row.state) in INDEXED_STATES or row.state in INDEXED_STATES:
            outbox.record(self.session, ItemChanged(row.id), self.now)

    def log(self, row: ItemRow, action: str, **details: object) -> None:
        audit.log(self.session, self.now, self.actor, action, ("item", row.id), **details)


def unknown_book_risk(isbn: str) -> dict[str, str]:
    """A note that an item names a book the hub does not have."""
    return {"code": "unknown_book", "value": isbn, "message": f"图书库里没有 ISBN {isbn}"}
