"""The attribution job: stored events get their causes, in the order they were stored.

A late impression or click moves what lies after it, a late order finds its refunds; working
through the same events again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from contentcenter.domain.events import EventKind
from contentcenter.floor import Floor
from recommend.events.attribution import (
    RESPONSES,
    Cause,
    Deed,
    Orders,
    Touched,
    Touches,
    Windows,
    caused,
    refund_cause,
    refunded,
    touched,
    windows_from,
)
from recommend.events.deeds import (
    deeds_of,
    items_of,
    loose_within,
    money_of_pairs,
    money_of_refs,
    next_deeds,
    save_causes,
    touches_of,
    works_of,
)
from recommend.events.progress import events_beyond
from recommend.events.summary import Outcome, outcomes_of_posts
from recommend.identity.turns import (
    EPOCH,
    held_states,
    lock_epoch,
    next_epoch,
    read_epoch,
    read_states,
    set_state,
)

WATERMARK = "events.attributed"
BATCH = 5_000


@dataclass(frozen=True)
class _Round:
    """What one batch leads to, computed outside any writing transaction."""

    start: int
    end: int
    events: int
    epoch: int
    causes: Mapping[int, Cause]


class AttributionService:
    """`apply` and `redo` may run in several workers: the watermark and the epoch decide whose
    findings count, the others look again."""

    def __init__(self, floor: Floor, windows: Windows | None = None) -> None:
        self._floor = floor
        self._windows = windows or windows_from(floor.settings)

    def apply(self, limit: int = 200_000) -> int:
        """Attribute what is waiting, in batches. Returns how many events were looked at."""
        done = 0
        while done < limit:
            found = self._round()
            if found is None:
                break
            if self._commit(found):
                done += found.end - found.start + 1
                if found.events < BATCH:
                    break
        return done

    def pending(self) -> int:
        """How many stored events are not looked at yet (by id; an upper bound)."""
        with self._floor.db.reading() as session:
            return events_beyond(session, _watermark(session.connection()))

    def summary(self, post_ids: Sequence[int]) -> dict[int, Outcome]:
        """What each post brought, direct and by look-back, refunds taken off; posts without
        any event are left out."""
        with self._floor.db.reading() as session:
            return outcomes_of_posts(session, post_ids)

    def redo(self, reader_id: int) -> bool:
        """Attribute all events of one reader anew, after they were joined or parted.

        False when readers moved meanwhile: nothing was written, look again.
        """
        with self._floor.db.reading() as session:
            epoch = read_epoch(session)
            own = deeds_of(session, reader_id)
            causes = _Search(session, self._windows).causes(own, touched(own))
        now = self._floor.clock.now()
        with self._floor.db.transaction() as session:
            if lock_epoch(session, now) != epoch:
                return False
            save_causes(session.connection(), causes)
            # A batch that was computed beside this one may have seen less.
            next_epoch(session, now)
        return True

    def _round(self) -> _Round | None:
        with self._floor.db.reading() as session:
            states = read_states(session.connection(), WATERMARK, EPOCH)
            batch = next_deeds(session, int(states[WATERMARK].get("last_id", 0)), BATCH)
            if batch is None:
                return None
            causes = _Search(session, self._windows).causes(batch.deeds, batch.touched)
        epoch = int(states[EPOCH].get("n", 0))
        return _Round(batch.first, batch.last, batch.count, epoch, causes)

    def _commit(self, found: _Round) -> bool:
        now = self._floor.clock.now()
        with self._floor.db.writing() as connection:
            held = held_states(connection, {WATERMARK: {"last_id": 0}, EPOCH: {"n": 0}}, now)
            if int(held[WATERMARK]["last_id"]) >= found.start:
                return False
            if int(held[EPOCH].get("n", 0)) != found.epoch:
                return False
            save_causes(connection, found.causes)
            set_state(connection, WATERMARK, {"last_id": found.end}, now)
        return True


class _Search:
    """Finds the causes that a batch of events touches: its own, and those of events stored
    before that lie behind its touches and orders. Returns only what differs from the store.

    Of the batch it takes the responses and refunds, and when its touches happened."""

    def __init__(self, session: Session, windows: Windows) -> None:
        self._session = session
        self._windows = windows

    def causes(self, batch: Sequence[Deed], moments: Touched) -> dict[int, Cause]:
        responses = self._responses(batch, moments)
        found = self._looked_back(responses.values())
        orders = [one for one in responses.values() if one.kind == EventKind.ORDER]
        refunds = [one for one in batch if one.kind == EventKind.REFUND]
        found |= self._refunds([*orders, *refunds], found)
        stored = {one.id: one.cause for one in (*responses.values(), *refunds)}
        return {one: cause for one, cause in found.items() if stored.get(one) != cause}

    def _responses(self, batch: Sequence[Deed], moments: Touched) -> dict[int, Deed]:
        """Responses of the batch, and stored ones that a touch of the batch may have caused."""
        longest = self._windows.longest
        spans = {one: (first, last + longest) for one, (first, last) in moments.items()}
        known = {one.id: one for one in loose_within(self._session, spans)}
        return known | {one.id: one for one in batch if one.kind in RESPONSES}

    def _looked_back(self, responses: Iterable[Deed]) -> dict[int, Cause]:
        wanted = list(responses)
        loose = [one for one in wanted if not one.direct and one.pair is not None]
        touches = self._touches(loose)
        return {one.id: caused(one, touches, self._windows) for one in wanted}

    def _touches(self, loose: Sequence[Deed]) -> Touches:
        if not loose:
            return Touches((), {})
        items = {one.item_id for one in loose if one.item_id is not None}
        works = works_of(self._session, items)
        beside = items_of(self._session, {work for own in works.values() for work in own})
        pairs = {
            (one.reader_id or 0, item)
            for one in loose
            for item in _same_works(one.item_id or 0, works, beside)
        }
        start = min(one.at for one in loose) - self._windows.longest
        found = touches_of(self._session, pairs, start, max(one.at for one in loose))
        siblings = {one.item_id for one in found if one.item_id is not None} - items
        return Touches(found, {**works, **works_of(self._session, siblings)})

    def _refunds(self, money: Sequence[Deed], found: Mapping[int, Cause]) -> dict[int, Cause]:
        """Causes of all refunds that have to do with these orders and refunds."""
        known = self._connected(money)
        orders = Orders(one for one in known if one.kind == EventKind.ORDER)
        refunds = [one for one in known if one.kind == EventKind.REFUND]
        told = refunded(orders, refunds)
        out: dict[int, Cause] = {}
        for one in refunds:
            order, counts = told.get(one.id, (None, 0))
            of = Cause() if order is None else found.get(order.id, order.cause)
            cause = refund_cause(one, order, of, counts)
            if cause != one.cause:
                out[one.id] = cause
        return out

    def _connected(self, money: Sequence[Deed]) -> list[Deed]:
        """Orders and refunds that share a reference or a reader and item, step by step."""
        known = {one.id: one for one in money}
        refs: set[str] = set()
        pairs: set[tuple[int, int]] = set()
        fresh: Sequence[Deed] = money
        while fresh:
            new_refs = {one.order_ref for one in fresh if one.order_ref is not None} - refs
            new_pairs = {one.pair for one in fresh if one.pair is not None} - pairs
            refs, pairs = refs | new_refs, pairs | new_pairs
            found = money_of_refs(self._session, new_refs)
            found += money_of_pairs(self._session, new_pairs)
            fresh = [one for one in found if one.id not in known]
            known |= {one.id: one for one in fresh}
        return list(known.values())


def _same_works(
    item: int, works: Mapping[int, Iterable[int]], beside: Mapping[int, Iterable[int]]
) -> set[int]:
    """The item, and those that are about one of its works."""
    return {item} | {other for work in works.get(item, ()) for other in beside.get(work, ())}


def _watermark(connection: Connection) -> int:
    return int(read_states(connection, WATERMARK)[WATERMARK].get("last_id", 0))
