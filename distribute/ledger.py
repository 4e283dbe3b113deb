"""The delivery ledger: the only code that creates posts and moves their state.

Every move is a compare-and-set on the row: two workers, a late answer and a callback may race,
one of them wins, and a post never moves backwards (contentcenter.domain.posts). Every move
leaves a line in `deliveries` and settles the quota with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Table, bindparam, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from contentcenter.domain.channels import ChannelState
from contentcenter.domain.facts import DeliverySettled, PostApproved
from contentcenter.domain.posts import POST_MOVES, PostState
from contentcenter.store.tables import ChannelRow, OutboxRow
from distribute.quota import QuotaLedger
from distribute.tables import DeliveryRow, PostRow

T = TypeVar("T")
# Statements on the tables themselves: the ORM's bookkeeping costs more than SQLite does.
_DELIVERIES = insert(DeliveryRow.__table__)  # type: ignore[arg-type]
_FACTS = insert(OutboxRow.__table__)  # type: ignore[arg-type]
CHUNK = 400  # ids in one statement; SQLite bounds the variables
SETTLED = frozenset({PostState.DELIVERED, PostState.REFUSED, PostState.FAILED, PostState.CANCELLED})
# Cancelled posts reached nobody and teach nobody anything.
TOLD_ABOUT = SETTLED - {PostState.CANCELLED}


@dataclass(frozen=True)
class Step:
    """One wanted move. `attempt` guards against the late answer of an earlier attempt."""

    post_id: int
    to: PostState
    reason: str = ""
    message: str = ""
    platform_code: int | None = None
    actor: str = "system"
    attempt: int | None = None
    only_from: frozenset[PostState] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@cache
def sources_of(target: PostState) -> frozenset[PostState]:
    """The states from which a post may move to `target`."""
    return frozenset(state for state, targets in POST_MOVES.items() if target in targets)


class PostLedger:
    """Works inside the caller's transaction."""

    def __init__(self, quota: QuotaLedger) -> None:
        self._quota = quota

    def create(
        self, session: Session, now: datetime, rows: Sequence[Mapping[str, Any]], actor: str
    ) -> dict[str, int]:
        """Store posts as `planned` and return their ids by code.

        A row whose slot or item the audience has already been given is left out silently: the
        unique indexes are the last guard against two planners.
        """
        made: dict[str, int] = {}
        table = cast("Table", PostRow.__table__)
        dialect = session.get_bind().dialect.name
        build = postgresql.insert if dialect == "postgresql" else sqlite.insert
        statement = build(table).on_conflict_do_nothing().returning(table.c.id, table.c.code)
        for chunk in _chunks(list(rows), 200):
            values = [{**row, "state": PostState.PLANNED, **_fresh(now)} for row in chunk]
            made.update({code: key for key, code in session.execute(statement, values)})
        self._story(
            session,
            now,
            [(key, 0) for key in made.values()],
            Step(0, PostState.PLANNED, actor=actor),
        )
        return made

    def move(self, session: Session, now: datetime, step: Step) -> bool:
        """Make one move. False when the post was not in a state that allows it."""
        return bool(self._apply(session, now, [step.post_id], step))

    def move_all(
        self, session: Session, now: datetime, ids: Iterable[int], step: Step
    ) -> list[int]:
        """The same move for many posts; returns the ids that moved. `step.post_id` is unused."""
        moved: list[int] = []
        for chunk in _chunks(list(ids), CHUNK):
            moved += self._apply(session, now, chunk, step)
        return moved

    def move_each(self, session: Session, now: datetime, steps: Sequence[Step]) -> list[int]:
        """Many moves, each with its own words and values, in few statements; returns the ids
        that moved. What a worker writes after a batch of sends."""
        groups: dict[tuple[PostState, tuple[str, ...]], list[Step]] = {}
        for step in steps:
            groups.setdefault((step.to, tuple(sorted(step.values))), []).append(step)
        moved: list[int] = []
        for group in groups.values():
            for chunk in _chunks(group, CHUNK):
                moved += self._apply_each(session, now, chunk)
        return moved

    def claim(self, session: Session, now: datetime, ids: Sequence[int]) -> list[int]:
        """Take approved posts for sending. Only the ids returned are the caller's."""
        step = Step(
            0,
            PostState.SENDING,
            values={"claimed_at": now, "attempts": PostRow.attempts + 1, "next_look_at": None},
        )
        return self.move_all(session, now, ids, step)

    def remember(self, session: Session, post_id: int, progress: Mapping[str, Any]) -> None:
        """Merge steps done on the platform into the post's progress."""
        row = session.get(PostRow, post_id)
        if row is not None:
            row.progress = {**row.progress, **progress}

    def _apply(self, session: Session, now: datetime, ids: Sequence[int], step: Step) -> list[int]:
        allowed = sources_of(step.to) & (step.only_from or frozenset(PostState))
        query = (
            update(PostRow)
            .where(PostRow.id.in_(ids), PostRow.state.in_(allowed))
            .values(_written(step, now))
            .returning(PostRow.id, PostRow.attempts)
            .execution_options(synchronize_session=False)
        )
        if step.attempt is not None:
            query = query.where(PostRow.attempts == step.attempt)
        moved = [(post_id, attempts) for post_id, attempts in session.execute(query)]
        if moved:
            self._story(session, now, moved, step)
            self._tell(session, now, [post_id for post_id, _ in moved], step)
        return [post_id for post_id, _ in moved]

    def _apply_each(self, session: Session, now: datetime, steps: Sequence[Step]) -> list[int]:
        """Moves to one state. The rows are locked first (SQLite's writer is alone anyway), so
        what was checked still holds when it is written."""
        held = self._held(session, [step.post_id for step in steps])
        moved = [
            (step, held[step.post_id][1])
            for step in steps
            if step.post_id in held and _may(step, *held[step.post_id])
        ]
        if not moved:
            return []
        rows = [{"row_id": step.post_id, **_written(step, now)} for step, _ in moved]
        names = [name for name in rows[0] if name != "row_id"]
        table = cast("Table", PostRow.__table__)
        statement = (
            update(table)
            .where(table.c.id == bindparam("row_id"))
            .values({name: bindparam(name) for name in names})
        )
        session.execute(statement, rows)
        session.execute(_DELIVERIES, [_line(now, step.post_id, n, step) for step, n in moved])
        ids = [step.post_id for step, _ in moved]
        self._tell(session, now, ids, moved[0][0])
        return ids

    def _held(self, session: Session, ids: Sequence[int]) -> dict[int, tuple[PostState, int]]:
        """State and attempts of these posts, locked until the transaction ends."""
        query = (
            select(PostRow.id, PostRow.state, PostRow.attempts)
            .where(PostRow.id.in_(ids))
            .with_for_update()
        )
        return {
            post_id: (PostState(state), attempts)
            for post_id, state, attempts in session.execute(query)
        }

    def _story(
        self, session: Session, now: datetime, posts: Sequence[tuple[int, int]], step: Step
    ) -> None:
        lines = [_line(now, post_id, attempt, step) for post_id, attempt in posts]
        if lines:
            session.execute(_DELIVERIES, lines)

    def _tell(self, session: Session, now: datetime, ids: Sequence[int], step: Step) -> None:
        self._quota.settle(session, ids, step.to)
        if step.to in TOLD_ABOUT:
            topic = DeliverySettled.topic
        elif step.to == PostState.APPROVED and step.reason == "approved":
            topic = PostApproved.topic
        else:
            return
        facts = [{"topic": topic, "payload": {"post_id": i}, "created_at": now} for i in ids]
        session.execute(_FACTS, facts)
        session.info["facts"] = True


def _may(step: Step, state: PostState, attempts: int) -> bool:
    allowed = state in sources_of(step.to) and (step.only_from is None or state in step.only_from)
    return allowed and step.attempt in {None, attempts}


def _written(step: Step, now: datetime) -> dict[str, Any]:
    """The columns a move writes."""
    settled = {"settled_at": now, "next_look_at": None} if step.to in SETTLED else {}
    return {
        "state": step.to,
        "reason": step.reason,
        "message": step.message,
        **settled,
        **step.values,
        "updated_at": now,
    }


def _line(now: datetime, post_id: int, attempt: int, step: Step) -> dict[str, Any]:
    return {
        "post_id": post_id,
        "at": now,
        "attempt": attempt,
        "state": step.to,
        "reason": step.reason,
        "message": step.message,
        "platform_code": step.platform_code,
        "actor": step.actor,
    }


def due_posts(session: Session, now: datetime, limit: int) -> dict[int, list[int]]:
    """Approved posts whose hour has come and that no queue holds, by active channel: at most
    `limit` of each, so that one channel's backlog keeps no other waiting.

    On an approved post `next_look_at` is the lease of the queue: until then a job is under way.
    """
    due = (
        PostRow.state == PostState.APPROVED,
        PostRow.slot_at <= now,
        or_(PostRow.not_before.is_(None), PostRow.not_before <= now),
        or_(PostRow.next_look_at.is_(None), PostRow.next_look_at <= now),
    )
    channels = (
        select(PostRow.channel_id)
        .join(ChannelRow, ChannelRow.id == PostRow.channel_id)
        .where(*due, ChannelRow.state == ChannelState.ACTIVE)
        .distinct()
    )
    found: dict[int, list[int]] = {}
    for channel_id in session.scalars(channels).all():
        query = select(PostRow.id).where(PostRow.channel_id == channel_id, *due)
        query = query.order_by(PostRow.slot_at, PostRow.id).limit(limit)
        found[channel_id] = list(session.scalars(query))
    return found


def _fresh(now: datetime) -> dict[str, Any]:
    return {"progress": {}, "created_at": now, "updated_at": now}


def _chunks(values: Sequence[T], size: int) -> list[Sequence[T]]:
    return [values[start : start + size] for start in range(0, len(values), size)]
