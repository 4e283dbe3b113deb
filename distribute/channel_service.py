"""Channels: the accounts we send through. Credentials go in and never come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.clock import Clock
from contentcenter.domain.channels import ChannelKind, ChannelState
from contentcenter.domain.errors import Conflict, InvalidInput, NotFound
from contentcenter.store import audit
from contentcenter.store.database import Database
from contentcenter.store.tables import ChannelRow, NoteRow
from distribute.ports import ChannelAccess

# What each kind's API wants before anything can be sent.
REQUIRED: Mapping[ChannelKind, frozenset[str]] = {
    ChannelKind.OFFICIAL_ACCOUNT: frozenset({"secret"}),
    ChannelKind.WECOM_CUSTOMERS: frozenset({"secret"}),
    ChannelKind.WECOM_GROUPS: frozenset({"secret"}),
    ChannelKind.GROUP_ROBOT: frozenset({"key"}),
    ChannelKind.IN_APP: frozenset(),
}


@dataclass(frozen=True)
class ChannelView:
    """A channel without its secrets; `credentials` only names what is set."""

    id: int
    kind: str
    name: str
    account: str
    settings: Mapping[str, Any]
    state: str
    state_reason: str
    credentials: tuple[str, ...]


class ChannelService:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def create(
        self,
        actor: str,
        *,
        kind: str,
        name: str,
        account: str,
        credentials: Mapping[str, str],
        settings: Mapping[str, Any] | None = None,
    ) -> ChannelView:
        """Add a channel. `Conflict` when the account is there already."""
        missing = REQUIRED[_kind(kind)] - {key for key, value in credentials.items() if value}
        if missing:
            raise InvalidInput(
                f"This kind of channel needs: {', '.join(sorted(missing))}", missing=sorted(missing)
            )
        now = self._clock.now()
        row = ChannelRow(
            kind=kind,
            name=name,
            account=account,
            credentials=dict(credentials),
            settings=dict(settings or {}),
            state=ChannelState.ACTIVE,
            created_at=now,
        )
        with self._db.transaction() as session:
            session.add(row)
            session.flush()
            audit.log(session, now, actor, "created", ("channel", row.id), kind=kind, name=name)
        return _view(row)

    def list(self) -> list[ChannelView]:
        with self._db.reading() as session:
            return [
                _view(row) for row in session.scalars(select(ChannelRow).order_by(ChannelRow.id))
            ]

    def get(self, channel_id: int) -> ChannelView:
        with self._db.reading() as session:
            return _view(_row(session, channel_id))

    def update(
        self,
        actor: str,
        channel_id: int,
        *,
        name: str | None = None,
        credentials: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> ChannelView:
        """Change what is given; credentials are merged, so one secret may be renewed alone."""
        now = self._clock.now()
        with self._db.transaction() as session:
            row = _row(session, channel_id)
            row.name = row.name if name is None else name
            row.credentials = {**row.credentials, **(credentials or {})}
            row.settings = {**row.settings, **(settings or {})}
            changed = sorted(credentials or {})
            audit.log(session, now, actor, "changed", ("channel", row.id), credentials=changed)
            return _view(row)

    def pause(self, actor: str, channel_id: int, reason: str = "") -> ChannelView:
        return self._set_state(actor, channel_id, ChannelState.PAUSED, reason)

    def resume(self, actor: str, channel_id: int) -> ChannelView:
        """Send again; also ends `attention`."""
        return self._set_state(actor, channel_id, ChannelState.ACTIVE, "")

    def need_attention(self, channel_id: int, reason: str) -> None:
        """Stop an active channel until a person has looked, and tell that person."""
        now = self._clock.now()
        with self._db.transaction() as session:
            row = _row(session, channel_id)
            if row.state != ChannelState.ACTIVE:
                return
            row.state, row.state_reason = ChannelState.ATTENTION, reason
            session.add(
                NoteRow(
                    at=now,
                    level="error",
                    topic="channel_stopped",
                    message=f"{row.name}: {reason}",
                    subject_type="channel",
                    subject_id=row.id,
                )
            )
            audit.log(session, now, "system", "stopped", ("channel", row.id), reason=reason)

    def _set_state(
        self, actor: str, channel_id: int, state: ChannelState, reason: str
    ) -> ChannelView:
        now = self._clock.now()
        with self._db.transaction() as session:
            row = _row(session, channel_id)
            if row.state == state:
                raise Conflict(f"The channel is {state} already", state=state)
            row.state, row.state_reason = state, reason
            audit.log(session, now, actor, str(state), ("channel", row.id), reason=reason)
            return _view(row)


def load_access(session: Session, ids: Iterable[int]) -> dict[int, ChannelAccess]:
    """Channels with their secrets, for senders and callbacks only."""
    rows = session.scalars(select(ChannelRow).where(ChannelRow.id.in_(set(ids))))
    return {row.id: access_of(row) for row in rows}


def access_of(row: ChannelRow) -> ChannelAccess:
    return ChannelAccess(
        id=row.id,
        kind=ChannelKind(row.kind),
        account=row.account,
        credentials=dict(row.credentials),
        settings=dict(row.settings),
    )


def _kind(kind: str) -> ChannelKind:
    try:
        return ChannelKind(kind)
    except ValueError as error:
        raise InvalidInput(
            f"Unknown kind of channel {kind!r}", allowed=list(ChannelKind)
        ) from error


def _row(session: Session, channel_id: int) -> ChannelRow:
    row = session.get(ChannelRow, channel_id)
    if row is None:
        raise NotFound(f"No channel {channel_id}", channel_id=channel_id)
    return row


def _view(row: ChannelRow) -> ChannelView:
    return ChannelView(
        id=row.id,
        kind=row.kind,
        name=row.name,
        account=row.account,
        settings=dict(row.settings),
        state=row.state,
        state_reason=row.state_reason,
        credentials=tuple(sorted(key for key, value in row.credentials.items() if value)),
    )
