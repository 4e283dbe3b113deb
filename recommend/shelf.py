"""Items as matching and the feed need them: light, with vector and signals, in a bounded cache.

An entry is used unasked for a few seconds; after that the store is asked for the item's state
and version, and only a changed item is loaded again. Whoever shows items to people checks
their state, stock and rights once more, item by item (see `feed_service.showable`).
"""

from __future__ import annotations

import threading
import time
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
TRUST_SECONDS = 5.0


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


@dataclass(frozen=True)
class _Kept:
    """`checked` is when the store last confirmed this version; `whole`: the vector is there
    or known not to exist."""

    version: int
    item: ShelfItem
    checked: float
    whole: bool


class Shelf:
    """Loads shelf items by id. One per process; safe for several threads."""

    def __init__(
        self, floor: Floor, size: int = CACHED_ITEMS, trust_seconds: float = TRUST_SECONDS
    ) -> None:
        self._floor = floor
        self._size = size
        self._trust = trust_seconds
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, _Kept] = OrderedDict()

    def visible(self, ids: Iterable[int]) -> dict[int, ShelfItem]:
        """Published items, in the order asked (a withdrawal may show up to five seconds
        late). Vectors are left out while the index does not answer."""
        wanted = list(dict.fromkeys(ids))
        found = self._trusted(wanted)
        doubtful = [one for one in wanted if one not in found]
        if doubtful:
            found |= self._checked(doubtful)
        return {one: found[one] for one in wanted if one in found}

    def _trusted(self, ids: Sequence[int]) -> dict[int, ShelfItem]:
        since = time.monotonic() - self._trust
        with self._lock:
            return {
                one: kept.item
                for one in ids
                if (kept := self._kept.get(one)) is not None and kept.checked >= since
            }

    def _checked(self, ids: Sequence[int]) -> dict[int, ShelfItem]:
        """Ask the store; load what is new or changed; keep it."""
        with self._floor.db.reading() as session:
            versions = _versions(session, ids)
            with self._lock:
                known = {one: self._kept[one] for one in versions if one in self._kept}
            missing = [
                one
                for one, version in versions.items()
                if one not in known or known[one].version != version
            ]
            cards = load_items(session, missing) if missing else {}
            signals = load_signals(session, list(versions), self._floor.clock.now())
        fresh = self._loaded(cards) | self._completed(known, cards)
        now = time.monotonic()
        kept = {
            one: replace(entry, item=_with_signal(entry.item, signals.get(one)), checked=now)
            for one, entry in {**known, **fresh}.items()
        }
        self._keep(kept, gone=[one for one in ids if one not in kept])
        return {one: entry.item for one, entry in kept.items()}

    def _loaded(self, cards: dict[int, ItemCard]) -> dict[int, _Kept]:
        if not cards:
            return {}
        vectors, whole = self._vectors(list(cards))
        return {
            one: _Kept(
                card.version, shelf_item(card, vectors.get(one)), 0.0, whole and one in vectors
            )
            for one, card in cards.items()
        }

    def _completed(self, known: dict[int, _Kept], cards: dict[int, ItemCard]) -> dict[int, _Kept]:
        """Entries that were loaded while the index was away, with their vectors if it is back."""
        bare = [one for one, kept in known.items() if not kept.whole and one not in cards]
        if not bare:
            return {}
        vectors, whole = self._vectors(bare)
        return {
            one: replace(
                known[one],
                item=replace(known[one].item, match=replace(known[one].item.match, vector=vector)),
                whole=whole,
            )
            for one, vector in vectors.items()
        }

    def _keep(self, entries: dict[int, _Kept], gone: Sequence[int]) -> None:
        with self._lock:
            for one in gone:
                self._kept.pop(one, None)
            for one, entry in entries.items():
                self._kept[one] = entry
                self._kept.move_to_end(one)
            while len(self._kept) > self._size:
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
