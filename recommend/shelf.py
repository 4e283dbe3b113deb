"""Items as matching and the feed need them: light, with vector and signals, in a bounded cache.

At most once a second the shelf hears which items changed and drops them; every entry is
confirmed by the store at least once a minute, and its signals half a minute after they were
read. Whoever shows items to people checks their state, stock and rights once more, item by
item (see `feed.items.showable`).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from math import isclose

from sqlalchemy import Connection, or_, select

from contentcenter.domain.content import VISIBLE_STATES, ItemState
from contentcenter.domain.errors import EngineUnavailable
from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from contentcenter.search.ports import Filters
from contentcenter.store.cards import ItemCard, load_items
from contentcenter.store.tables import ItemRow
from recommend.among import among
from recommend.beside import Run, at_once, only_beside_pages
from recommend.changes import ItemChanges
from recommend.events.signals import Signal, load_signals
from recommend.matching.features import MatchItem

CACHED_ITEMS = 20_000
LISTEN_SECONDS = 1.0
TRUST_SECONDS = 60.0
BARE_SECONDS = 5.0  # without its vector an item is asked for again sooner
SIGNAL_SECONDS = 30.0
UPKEEP_SECONDS = 20.0
UPKEEP_ITEMS = 2_000
SAME_SIGNAL = 0.005
STOCKED_AT_ONCE = 200


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

    @cached_property
    def unbound(self) -> bool:
        """In stock, and no right says when or where it may be shown: `open` to everyone."""
        return self.in_stock and not self.card.rights

    @property
    def id(self) -> int:
        return self.match.id

    def open(self, at: datetime, channel_kind: str | None = None) -> bool:
        return self.in_stock and self.card.allowed(at, channel_kind)


@dataclass(frozen=True)
class _Kept:
    """`checked` is when the store last confirmed this version, `felt` when its signals were
    read; `whole`: the vector is there."""

    version: int
    item: ShelfItem
    checked: float
    whole: bool
    felt: float = 0.0


class Shelf:
    """Loads shelf items by id. One per process; safe for several threads.

    All that is kept is confirmed and felt together every `UPKEEP_SECONDS`, when `run` says so
    (beside a page); what a page finds too old in spite of that it asks for by itself. Beside its
    first page a process stocks up, so that pages soon load nothing and memory does not grow for
    as long as the last item has not been asked for."""

    def __init__(self, floor: Floor, size: int = CACHED_ITEMS, *, run: Run = at_once) -> None:
        self._floor = floor
        self._size = size
        self._run = run
        self._kept_up = time.monotonic()
        self._stocked = False
        self._changes = ItemChanges(floor.db)
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._listened = float("-inf")
        self._dropped: dict[int, float] = {}

    def visible(self, ids: Iterable[int]) -> dict[int, ShelfItem]:
        """Published items, in the order asked (a withdrawal may show up to a second late).
        Vectors are left out while the index does not answer."""
        wanted = list(dict.fromkeys(ids))
        self._listen()
        if not self._stocked and self._is_first():
            only_beside_pages(self.stock_up)
        if self._upkeep_is_due():
            self._run(self.keep_up)
        since = time.monotonic()
        found = self._trusted(wanted, since)
        if len(found) == len(wanted):
            return {one: kept.item for one, kept in found.items()}
        found |= self._checked([one for one in wanted if one not in found], since)
        return {one: found[one].item for one in wanted if one in found}

    def current(self, connection: Connection, ids: Sequence[int]) -> dict[int, ItemCard]:
        """Cards (without texts) as the store has them at this moment, in the order asked;
        what is not published is left out. One small question as long as nothing changed."""
        since = time.monotonic()
        versions = _versions(connection, ids)
        with self._lock:
            known = {
                one: kept
                for one, version in versions.items()
                if (kept := self._kept.get(one)) is not None and kept.version == version
            }
        doubtful = [one for one in versions if one not in known]
        if doubtful:
            known |= self._checked(doubtful, since)
        return {one: known[one].item.card for one in ids if one in known}

    def stock_up(self) -> None:
        """Load the newest published items, as many as the shelf holds."""
        published = Filters(states=(ItemState.PUBLISHED.value,))
        ids = self._floor.index.select(published, self._size)
        for start in range(0, len(ids), STOCKED_AT_ONCE):
            self._checked(ids[start : start + STOCKED_AT_ONCE], time.monotonic())

    def keep_up(self) -> None:
        """Ask the store for the versions and signals of everything kept: two questions for two
        thousand items, where pages would ask for each few of them again and again."""
        with self._lock:
            ids = list(self._kept)
        for start in range(0, len(ids), UPKEEP_ITEMS):
            self._confirm(ids[start : start + UPKEEP_ITEMS])

    def _is_first(self) -> bool:
        with self._lock:
            first, self._stocked = not self._stocked, True
        return first

    def _upkeep_is_due(self) -> bool:
        now = time.monotonic()
        with self._lock:
            due = now - self._kept_up >= UPKEEP_SECONDS
            if due:
                self._kept_up = now
        return due

    def _confirm(self, ids: Sequence[int]) -> None:
        since = time.monotonic()
        with self._floor.db.connected() as connection:
            versions = _versions(connection, ids)
            signals = load_signals(connection, ids, self._floor.clock.now())
        with self._lock:
            known = {one: self._kept[one] for one in ids if one in self._kept}
        fresh = {
            one: _Kept(
                kept.version, _told_anew(kept.item, signals.get(one)), since, kept.whole, since
            )
            for one, kept in known.items()
            if versions.get(one) == kept.version
        }
        self._drop([one for one in known if one not in fresh])
        self._keep(fresh, since, used=False)

    def _listen(self) -> None:
        """Drop what changed since the last time, if that is long enough ago."""
        now = time.monotonic()
        with self._lock:
            if now - self._listened < LISTEN_SECONDS:
                return
            self._listened = now
        changed = self._changes.since_last()
        with self._lock:
            for one in changed:
                self._kept.pop(one, None)
            recent = {one: at for one, at in self._dropped.items() if at > now - TRUST_SECONDS}
            self._dropped = recent | dict.fromkeys(changed, time.monotonic())

    def _trusted(self, ids: Sequence[int], now: float) -> dict[int, _Kept]:
        whole_since, bare_since = now - TRUST_SECONDS, now - BARE_SECONDS
        with self._lock:
            kept = map(self._kept.get, ids)
            found = {
                one: entry
                for one, entry in zip(ids, kept, strict=True)
                if entry is not None
                and entry.checked >= (whole_since if entry.whole else bare_since)
            }
        felt_since = now - SIGNAL_SECONDS
        stale = [one for one, entry in found.items() if entry.felt < felt_since]
        return found | self._felt({one: found[one] for one in stale}, now) if stale else found

    def _felt(self, entries: dict[int, _Kept], since: float) -> dict[int, _Kept]:
        """The same entries with what readers answered up to now."""
        with self._floor.db.connected() as connection:
            signals = load_signals(connection, list(entries), self._floor.clock.now())
        fresh = {
            one: replace(kept, item=_with_signal(kept.item, signals.get(one)), felt=since)
            for one, kept in entries.items()
        }
        self._keep(fresh, since)
        return fresh

    def _checked(self, ids: Sequence[int], since: float) -> dict[int, _Kept]:
        """Ask the store; load what is new or changed; keep it."""
        with self._floor.db.reading() as session:
            versions = _versions(session.connection(), ids)
            with self._lock:
                known = {one: self._kept[one] for one in versions if one in self._kept}
            missing = [
                one
                for one, version in versions.items()
                if one not in known or known[one].version != version
            ]
            cards = load_items(session, missing) if missing else {}
        fresh = self._loaded(cards) | self._completed(known, cards)
        kept = {one: replace(entry, checked=since) for one, entry in {**known, **fresh}.items()}
        self._drop([one for one in ids if one not in kept])
        return self._felt(kept, since) if kept else {}

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

    def _drop(self, gone: Sequence[int]) -> None:
        with self._lock:
            for one in gone:
                self._kept.pop(one, None)

    def _keep(self, entries: dict[int, _Kept], since: float, *, used: bool = True) -> None:
        """Keep what was read after `since`, but for what has been dropped meanwhile: it may
        have been read before it changed. Items that a page used stay longest."""
        with self._lock:
            for one, entry in entries.items():
                if self._dropped.get(one, float("-inf")) < since:
                    self._kept[one] = entry
                    if used:
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


def _told_anew(item: ShelfItem, signal: Signal | None) -> ShelfItem:
    """The item with its signal, the same one if nobody could tell the difference: counts fade
    all the time, and an item's numbers need not be put together anew for that."""
    if signal is None:
        return item
    same = isclose(item.match.shown, signal.shown, rel_tol=SAME_SIGNAL)
    same = same and isclose(item.match.liked, signal.liked, rel_tol=SAME_SIGNAL)
    return item if same else _with_signal(item, signal)


def _with_signal(item: ShelfItem, signal: Signal | None) -> ShelfItem:
    if signal is None:
        return item
    return replace(item, match=replace(item.match, shown=signal.shown, liked=signal.liked))


# Built once, with one text: the feed asks at every page.
_VERSIONS = select(ItemRow.id, ItemRow.version).where(
    among(ItemRow.id, "ids"),
    or_(*(ItemRow.state == state.value for state in sorted(VISIBLE_STATES))),
)


def _versions(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    return {row.id: row.version for row in connection.execute(_VERSIONS, {"ids": ids})}
