"""Audiences: whom a post reaches, when they expect one, and the rules that protect them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from contentcenter.clock import Clock
from contentcenter.domain.categories import CATEGORIES
from contentcenter.domain.channels import AUDIENCE_KINDS, AudienceKind, AudienceState, ChannelKind
from contentcenter.domain.errors import InvalidInput, NotFound
from contentcenter.domain.facts import AudienceChanged
from contentcenter.store import audit, outbox
from contentcenter.store.cards import AudienceCard, load_audiences
from contentcenter.store.database import Database
from contentcenter.store.tables import AudienceRow, ChannelRow, MemberRow
from distribute.tables import SlotRow
from distribute.timing import wall_time, zone

CHANGEABLE = frozenset(
    {
        "name",
        "description",
        "owner_userid",
        "size",
        "tags",
        "categories",
        "price_ceiling_fen",
        "reading_age",
        "timezone",
        "quiet_from",
        "quiet_until",
        "cap_per_day",
        "cap_per_week",
        "cool_down_hours",
        "auto_approve",
    }
)


@dataclass(frozen=True)
class SlotView:
    """`weekdays`: Monday = 0; `on_date` (YYYY-MM-DD) makes it a single extra slot."""

    weekdays: tuple[int, ...]
    local_time: str
    on_date: str = ""
    active: bool = True


@dataclass(frozen=True)
class AudienceView:
    card: AudienceCard
    slots: tuple[SlotView, ...]


class AudienceService:
    def __init__(self, db: Database, clock: Clock, default_timezone: str) -> None:
        self._db = db
        self._clock = clock
        self._timezone = default_timezone

    def create(
        self,
        actor: str,
        *,
        channel_id: int,
        kind: str,
        name: str,
        platform_ref: str,
        slots: Sequence[SlotView] = (),
        **fields: Any,
    ) -> AudienceView:
        """Add an audience. `InvalidInput` when its kind does not fit the channel's, when a time,
        zone or category is unknown; `Conflict` when it is there already."""
        now = self._clock.now()
        values = {"timezone": self._timezone, "tags": [], "categories": [], **fields}
        _check(values, slots)
        with self._db.transaction() as session:
            channel = session.get(ChannelRow, channel_id)
            if channel is None:
                raise NotFound(f"No channel {channel_id}", channel_id=channel_id)
            _check_kind(channel.kind, kind, str(values.get("owner_userid", "")))
            row = AudienceRow(
                channel_id=channel_id,
                kind=kind,
                name=name,
                platform_ref=platform_ref,
                created_at=now,
                updated_at=now,
                **values,
            )
            session.add(row)
            session.flush()
            _store_slots(session, row.id, slots)
            self._told(session, now, actor, "created", row)
            return _view(session, row.id)

    def update(
        self,
        actor: str,
        audience_id: int,
        *,
        slots: Sequence[SlotView] | None = None,
        **fields: Any,
    ) -> AudienceView:
        """Change the given fields; `slots` replaces all of them. Posts already planned stay."""
        unknown = set(fields) - CHANGEABLE
        if unknown:
            raise InvalidInput(f"Cannot change {sorted(unknown)}", fields=sorted(unknown))
        _check(fields, slots or ())
        now = self._clock.now()
        with self._db.transaction() as session:
            row = _row(session, audience_id)
            for field, value in fields.items():
                setattr(row, field, value)
            if slots is not None:
                session.execute(delete(SlotRow).where(SlotRow.audience_id == audience_id))
                _store_slots(session, audience_id, slots)
            row.version += 1
            row.updated_at = now
            self._told(session, now, actor, "changed", row, fields=sorted(fields))
            session.flush()
            return _view(session, audience_id)

    def change(
        self, actor: str, audience_id: int, *, state: str | None = None, **fields: Any
    ) -> AudienceView:
        """`update`, and pause or resume where a `state` is given."""
        if fields:
            self.update(actor, audience_id, **fields)
        if state is not None:
            return self._set_state(actor, audience_id, AudienceState(state))
        return self.get(audience_id)

    def pause(self, actor: str, audience_id: int) -> AudienceView:
        return self._set_state(actor, audience_id, AudienceState.PAUSED)

    def resume(self, actor: str, audience_id: int) -> AudienceView:
        return self._set_state(actor, audience_id, AudienceState.ACTIVE)

    def get(self, audience_id: int) -> AudienceView:
        with self._db.reading() as session:
            _row(session, audience_id)
            return _view(session, audience_id)

    def list(
        self, *, channel_id: int | None = None, after: int = 0, limit: int = 100
    ) -> list[AudienceView]:
        """Audiences with ids above `after`, by id."""
        query = select(AudienceRow.id).where(AudienceRow.id > after)
        if channel_id is not None:
            query = query.where(AudienceRow.channel_id == channel_id)
        with self._db.reading() as session:
            ids = list(session.scalars(query.order_by(AudienceRow.id).limit(limit)))
            cards = load_audiences(session, ids)
            slots = load_slots(session, ids)
        return [AudienceView(cards[key], tuple(slots.get(key, ()))) for key in ids]

    def add_member(self, corp: str, userid: str, name: str) -> None:
        """Know a WeCom member by name; saying it twice changes the name."""
        with self._db.transaction() as session:
            query = select(MemberRow).where(MemberRow.corp == corp, MemberRow.userid == userid)
            row = session.scalars(query).one_or_none()
            if row is None:
                session.add(MemberRow(corp=corp, userid=userid, name=name))
            else:
                row.name = name

    def members(self, corp: str) -> dict[str, str]:
        """Names by userid."""
        with self._db.reading() as session:
            rows = session.scalars(select(MemberRow).where(MemberRow.corp == corp))
            return {row.userid: row.name for row in rows}

    def _set_state(self, actor: str, audience_id: int, state: AudienceState) -> AudienceView:
        now = self._clock.now()
        with self._db.transaction() as session:
            row = _row(session, audience_id)
            row.state, row.updated_at = state, now
            audit.log(session, now, actor, str(state), ("audience", audience_id))
            session.flush()
            return _view(session, audience_id)

    def _told(
        self,
        session: Session,
        now: datetime,
        actor: str,
        action: str,
        row: AudienceRow,
        **more: Any,
    ) -> None:
        audit.log(session, now, actor, action, ("audience", row.id), **more)
        outbox.record(session, AudienceChanged(row.id), now)


def load_slots(session: Session, ids: Sequence[int]) -> dict[int, list[SlotView]]:
    """Slots by audience, in time order."""
    found: dict[int, list[SlotView]] = {}
    for start in range(0, len(ids), 500):
        query = (
            select(SlotRow)
            .where(SlotRow.audience_id.in_(ids[start : start + 500]))
            .order_by(SlotRow.audience_id, SlotRow.local_time)
        )
        for row in session.scalars(query):
            slot = SlotView(tuple(row.weekdays), row.local_time, row.on_date, row.active)
            found.setdefault(row.audience_id, []).append(slot)
    return found


def _store_slots(session: Session, audience_id: int, slots: Sequence[SlotView]) -> None:
    for slot in slots:
        session.add(
            SlotRow(
                audience_id=audience_id,
                weekdays=list(slot.weekdays),
                local_time=slot.local_time,
                on_date=slot.on_date,
                active=slot.active,
            )
        )


def _check_kind(channel_kind: str, kind: str, owner: str) -> None:
    allowed = AUDIENCE_KINDS[ChannelKind(channel_kind)]
    if kind not in allowed:
        raise InvalidInput(
            f"A {channel_kind} channel has no audience of kind {kind!r}", allowed=sorted(allowed)
        )
    if kind == AudienceKind.GROUP and not owner:
        raise InvalidInput("A group needs its owner, who confirms posts", field="owner_userid")


def _check(values: Mapping[str, Any], slots: Sequence[SlotView]) -> None:
    if "timezone" in values:
        zone(values["timezone"])
    for field in ("quiet_from", "quiet_until"):
        if field in values:
            wall_time(values[field])
    unknown = set(values.get("categories") or ()) - set(CATEGORIES)
    if unknown:
        raise InvalidInput(f"Unknown categories {sorted(unknown)}", allowed=sorted(CATEGORIES))
    for field in ("cap_per_day", "cap_per_week", "price_ceiling_fen", "cool_down_hours", "size"):
        value = values.get(field)
        if value is not None and value < 0:
            raise InvalidInput(f"{field} cannot be negative", field=field)
    for slot in slots:
        _check_slot(slot)


def _check_slot(slot: SlotView) -> None:
    wall_time(slot.local_time)
    if slot.on_date:
        try:
            date.fromisoformat(slot.on_date)
        except ValueError as error:
            raise InvalidInput(f"{slot.on_date!r} is not a date", field="on_date") from error
    elif not slot.weekdays or not set(slot.weekdays) <= set(range(7)):
        raise InvalidInput("A slot needs weekdays from 0 (Monday) to 6", field="weekdays")


def _row(session: Session, audience_id: int) -> AudienceRow:
    row = session.get(AudienceRow, audience_id)
    if row is None:
        raise NotFound(f"No audience {audience_id}", audience_id=audience_id)
    return row


def _view(session: Session, audience_id: int) -> AudienceView:
    card = load_audiences(session, [audience_id])[audience_id]
    return AudienceView(card, tuple(load_slots(session, [audience_id]).get(audience_id, ())))
