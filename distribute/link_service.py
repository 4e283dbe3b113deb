"""Tracked links: a click is counted for the post it belongs to, the reader goes on to the book."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import select

from contentcenter.clock import Clock
from contentcenter.domain.content import ItemState
from contentcenter.domain.errors import RetryLater
from contentcenter.domain.events import EventKind
from contentcenter.store.cards import ItemCard, load_items
from contentcenter.store.database import Database
from distribute.ports import EventsPort, ReaderEvent
from distribute.tables import PostRow

log = structlog.get_logger()
LONGEST_CODE = 16
LONGEST_READER_ID = 80


@dataclass(frozen=True)
class Visitor:
    """Who followed a link: a platform's id of the reader, or only a browser."""

    openid: str = ""
    external_userid: str = ""
    address: str = ""
    browser: str = ""


@dataclass(frozen=True)
class PostTarget:
    """What a code stands for."""

    post_id: int
    item_id: int
    audience_id: int


class LinkService:
    def __init__(self, db: Database, clock: Clock, events: EventsPort, catalogue_url: str) -> None:
        self._db = db
        self._clock = clock
        self._events = events
        self._catalogue_url = catalogue_url

    def follow(self, code: str, visitor: Visitor) -> str | None:
        """Count a click and return where to go on; None for a code nobody knows.

        The same reader clicking again within the hour is one click. A click that cannot be
        stored never keeps the reader waiting at the door.
        """
        target = self.lookup([code]).get(code)
        if target is None:
            return None
        try:
            self._events.record([self._click(code, target, visitor)])
        except RetryLater as error:
            log.warning("click_lost", post_id=target.post_id, reason=error.message)
        return self._book_address(target.item_id) or f"/t/{code}/read"

    def page(self, code: str) -> ItemCard | None:
        """The item behind a code, for our own landing page; None when it is not public."""
        target = self.lookup([code]).get(code)
        if target is None:
            return None
        with self._db.reading() as session:
            card = load_items(session, [target.item_id]).get(target.item_id)
        return card if card is not None and card.state == ItemState.PUBLISHED else None

    def lookup(self, codes: Sequence[str]) -> dict[str, PostTarget]:
        """Posts by the code of their tracked link; unknown codes are left out."""
        wanted = [code for code in codes if 0 < len(code) <= LONGEST_CODE]
        found: dict[str, PostTarget] = {}
        with self._db.reading() as session:
            for start in range(0, len(wanted), 400):
                query = select(
                    PostRow.code, PostRow.id, PostRow.item_id, PostRow.audience_id
                ).where(PostRow.code.in_(wanted[start : start + 400]))
                for code, post_id, item_id, audience_id in session.execute(query):
                    found[code] = PostTarget(post_id, item_id, audience_id)
        return found

    def _click(self, code: str, target: PostTarget, visitor: Visitor) -> ReaderEvent:
        now = self._clock.now()
        openid = visitor.openid[:LONGEST_READER_ID]
        external = visitor.external_userid[:LONGEST_READER_ID]
        who = openid or external or f"{visitor.address}|{visitor.browser}"
        digest = hashlib.sha256(who.encode()).hexdigest()[:32]
        return ReaderEvent(
            event_id=f"click-{code}-{digest}-{now:%Y%m%d%H}",
            kind=EventKind.CLICK,
            at=now,
            openid=openid,
            external_userid=external,
            audience_id=target.audience_id,
            item_id=target.item_id,
            post_id=target.post_id,
        )

    def _book_address(self, item_id: int) -> str:
        """The shop's page of the item's first book that can be bought."""
        if not self._catalogue_url:
            return ""
        with self._db.reading() as session:
            card = load_items(session, [item_id]).get(item_id)
        books = card.books if card is not None else ()
        for book in sorted(books, key=lambda one: not one.in_stock):
            if book.isbn:
                return self._catalogue_url.replace("{isbn}", book.isbn)
        return ""
