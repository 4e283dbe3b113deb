"""Items as matching and the feed need them: light, with vector and signals, cached by version.

The state and version of every item are read from the store each time; the rest is kept in a
bounded cache for as long as the version stands.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.domain.content import VISIBLE_STATES
from contentcenter.domain.errors import EngineUnavailable
from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from contentcenter.store.cards import ItemCard, load_items
from contentcenter.store.tables import ItemRow
from recommend.match_features import MatchItem
from recommend.signals import Signal, load_signals

CACHED_ITEMS = 20_000


@dataclass(frozen=True)
class ShelfItem:
    """An item without its text. `fresh_card` facts (stock, rights) are checked again by
    whoever shows it."""

    match: MatchItem
    title: str
    author: str
    kind: str
    source: str
    works: tuple[int, ...]
    in_stock: bool
    card: ItemCard

    @property
    def id(self) -> int:
        return self.match.id

    def open(self, at: datetime, channel_kind: str | None = None) -> bool:
        return self.in_stock and self.card.allowed(at, channel_kind)


class Shelf:
    """Loads shelf items by id. One per process; safe for several threads."""

    def __init__(self, floor: Floor, size: int = CACHED_ITEMS) -> None:
        self._floor = floor
        self._size = size
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[int, ShelfItem]] = OrderedDict()

    def visible(self, ids: Iterable[int]) -> dict[int, ShelfItem]:
        """Items that may be shown now by their state, in the order asked. Vectors are left
        out while the index does not answer."""
        wanted = list(dict.fromkeys(ids))
        with self._floor.db.reading() as session:
            versions = _versions(session, wanted)
            missing = [one for one in versions if not self._has(one, versions[one])]
            cards = load_items(session, missing) if missing else {}
            signals = load_signals(session, list(versions), self._floor.clock.now())
        self._fill(cards)
        with self._lock:
            return {
                one: _with_signal(self._kept[one][1], signals.get(one))
                for one in wanted
                if one in versions and one in self._kept
            }

    def _has(self, item_id: int, version: int) -> bool:
        with self._lock:
            known = self._kept.get(item_id)
            if known is None or known[0] != version:
                return False
            self._kept.move_to_end(item_id)
            return True

    def _fill(self, cards: dict[int, ItemCard]) -> None:
        if not cards:
            return
        vectors, complete = self._vectors(list(cards))
        with self._lock:
            for item_id, card in cards.items():
                # Without its vector an item is usable now but not worth keeping: -1 is no version.
                kept = card.version if complete and item_id in vectors else -1
                self._kept[item_id] = (kept, shelf_item(card, vectors.get(item_id)))
            while len(self._kept) > max(self._size, len(cards)):
                self._kept.popitem(last=False)

    def _vectors(self, ids: Sequence[int]) -> tuple[dict[int, Vectors], bool]:
        try:
            return dict(self._floor.index.vectors(ids)), True
        except EngineUnavailable:
            return {}, False


def shelf_item(card: ItemCard, vector: Vectors | None) -> ShelfItem:
    slim = _without_text(card)
    return ShelfItem(
        match=MatchItem(
            id=card.id,
            vector=vector,
            category=card.category,
            tags=card.tag_names,
            price_fen=card.price_fen,
            published_at=card.published_at,
            quality=card.quality,
        ),
        title=card.title,
        author=card.author or (card.books[0].author if card.books else ""),
        kind=card.kind,
        source=card.source,
        works=card.works,
        in_stock=card.in_stock,
        card=slim,
    )


def _without_text(card: ItemCard) -> ItemCard:
    return replace(card, text="")


def _with_signal(item: ShelfItem, signal: Signal | None) -> ShelfItem:
    if signal is None:
        return item
    return replace(item, match=replace(item.match, shown=signal.shown, liked=signal.liked))


def _versions(session: Session, ids: Sequence[int]) -> dict[int, int]:
    states = [state.value for state in VISIBLE_STATES]
    out: dict[int, int] = {}
    for start in range(0, len(ids), 500):
        query = select(ItemRow.id, ItemRow.version).where(
            ItemRow.id.in_(ids[start : start + 500]), ItemRow.state.in_(states)
        )
        out.update({row.id: row.version for row in session.execute(query)})
    return out
