"""Plans: asked for, run by a job, stored with what was refused and why.

A run that dies is run again: posts it has stored already are history to the second run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from contentcenter.clock import Clock
from contentcenter.domain.errors import InvalidInput, NotFound
from contentcenter.domain.facts import PlanRequested
from contentcenter.domain.posts import PostState
from contentcenter.store import audit, outbox
from contentcenter.store.cards import ItemCard, load_items
from contentcenter.store.database import Database
from contentcenter.store.tables import ItemRow
from distribute.experiments.retelling import approved_otherwise
from distribute.experiments.strategy_book import StrategyBook
from distribute.ledger import PostLedger, Step
from distribute.plan_loading import (
    Field,
    MatchVariants,
    item_facts,
    load_field,
    match_all,
    no_variants,
    told_long_ago,
)
from distribute.plan_store import PlanStore
from distribute.planner import Candidate, PlanInput, PlanResult, PlanRules, plan
from distribute.ports import MatchPort
from distribute.quota import QuotaLedger
from distribute.rules import DeliveryRules
from distribute.tables import PlanRefusalRow, PlanRow, PostRow

MOST_DAYS = 60
NIGHTLY = "nightly"
NIGHTLY_GAP = timedelta(hours=12)


@dataclass(frozen=True)
class PlanView:
    id: int
    starts_at: datetime
    ends_at: datetime
    audience_ids: tuple[int, ...]
    replace: bool
    state: str
    failure: str
    summary: Mapping[str, Any]
    actor: str
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class RefusalView:
    audience_id: int
    slot_at: datetime
    item_id: int | None
    item: str
    reason: str
    details: Mapping[str, Any]


class PlanService:
    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        ledger: PostLedger,
        quota: QuotaLedger,
        matcher: MatchPort,
        store: PlanStore,
        rules: DeliveryRules,
        plan_rules: PlanRules,
        strategies: StrategyBook,
        variants: MatchVariants = no_variants,
    ) -> None:
        self._db = db
        self._clock = clock
        self._ledger = ledger
        self._quota = quota
        self._matcher = matcher
        self._store = store
        self._rules = rules
        self._plan_rules = plan_rules
        self._strategies = strategies
        self._variants = variants

    def request(
        self,
        actor: str,
        *,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        days: int = 7,
        audience_ids: Sequence[int] = (),
        replace: bool = False,
        retell: bool = False,
    ) -> PlanView:
        """Ask for a plan over [starts_at, ends_at); default: from now for `days` days. `replace`:
        posts that are only planned make room. `retell`: so do approved ones that would be told
        under other arms of experiments now; the new ones are approved again."""
        now = self._clock.now()
        start = starts_at or now
        end = ends_at or start + timedelta(days=days)
        if not start < end <= start + timedelta(days=MOST_DAYS):
            raise InvalidInput(f"A plan covers more than nothing and at most {MOST_DAYS} days")
        row = PlanRow(
            starts_at=start,
            ends_at=end,
            audience_ids=list(audience_ids),
            options={"replace": replace, "retell": retell},
            state="requested",
            summary={},
            actor=actor,
            created_at=now,
        )
        with self._db.transaction() as session:
            session.add(row)
            session.flush()
            outbox.record(session, PlanRequested(row.id), now)
            audit.log(session, now, actor, "requested", ("plan", row.id), replace=replace)
        return _view(row)

    def request_nightly(self, days: int) -> PlanView | None:
        """The nightly plan: all audiences, `days` ahead. Once a night: None when it was asked
        for already in the last half day."""
        since = self._clock.now() - NIGHTLY_GAP
        query = select(PlanRow.id).where(PlanRow.actor == NIGHTLY, PlanRow.created_at > since)
        with self._db.reading() as session:
            if session.scalars(query.limit(1)).first() is not None:
                return None
        return self.request(NIGHTLY, days=days)

    def run(self, plan_id: int) -> PlanView:
        """Plan, tailor and store. A finished plan is left as it is; a dead run is resumed."""
        row = self._begin(plan_id)
        if row.state == "done":
            return _view(row)
        now = self._clock.now()
        if row.options.get("replace"):
            self._cancel_planned(row, now)
        if row.options.get("retell"):
            self._cancel_told_otherwise(row, now)
        field = self._load_field(row, max(row.starts_at, now))
        candidates = match_all(field, self._matcher, now, self._variants)
        result, items = self._decide(field, candidates)
        self._store.save(plan_id, field, result, items)
        return self._finish(plan_id, result, len(field.openings))

    def get(self, plan_id: int) -> PlanView:
        with self._db.reading() as session:
            return _view(_row(session, plan_id))

    def detail(
        self, plan_id: int, *, audience_id: int | None = None, limit: int = 200
    ) -> tuple[PlanView, list[RefusalView]]:
        """A plan with its refusals."""
        view = self.get(plan_id)
        return view, self.refusals(plan_id, audience_id=audience_id, limit=limit)

    def recent(self, *, before_id: int | None = None, limit: int = 50) -> list[PlanView]:
        """Plans, newest first."""
        query = select(PlanRow).order_by(PlanRow.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(PlanRow.id < before_id)
        with self._db.reading() as session:
            return [_view(row) for row in session.scalars(query)]

    def refusals(
        self, plan_id: int, *, audience_id: int | None = None, limit: int = 200
    ) -> list[RefusalView]:
        """Why slots stayed empty and strong items were not chosen, by audience and slot."""
        query = (
            select(PlanRefusalRow, ItemRow.title)
            .outerjoin(ItemRow, ItemRow.id == PlanRefusalRow.item_id)
            .where(PlanRefusalRow.plan_id == plan_id)
            .order_by(PlanRefusalRow.audience_id, PlanRefusalRow.slot_at, PlanRefusalRow.id)
            .limit(limit)
        )
        if audience_id is not None:
            query = query.where(PlanRefusalRow.audience_id == audience_id)
        with self._db.reading() as session:
            return [
                RefusalView(
                    row.audience_id, row.slot_at, row.item_id, title or "", row.reason, row.details
                )
                for row, title in session.execute(query)
            ]

    def _begin(self, plan_id: int) -> PlanRow:
        with self._db.transaction() as session:
            row = _row(session, plan_id)
            if row.state != "done":
                row.state, row.failure = "running", ""
                # What an earlier, dead run wrote about slots is written anew.
                session.execute(delete(PlanRefusalRow).where(PlanRefusalRow.plan_id == plan_id))
            return row

    def _load_field(self, row: PlanRow, start: datetime) -> Field:
        chosen = self._strategies.open(start, row.ends_at)
        with self._db.reading() as session:
            return load_field(
                session,
                self._quota,
                self._rules,
                start=start,
                end=row.ends_at,
                audience_ids=row.audience_ids,
                chosen=chosen,
            )

    def _cancel_planned(self, row: PlanRow, now: datetime) -> None:
        """Make room: posts of the window that are only planned. Nothing further on is touched."""
        query = select(PostRow.id).where(
            PostRow.state == PostState.PLANNED,
            PostRow.slot_at >= row.starts_at,
            PostRow.slot_at < row.ends_at,
            PostRow.plan_id != row.id,
        )
        if row.audience_ids:
            query = query.where(PostRow.audience_id.in_(row.audience_ids))
        step = Step(0, PostState.CANCELLED, "replaced", f"Plan {row.id}", actor=row.actor)
        with self._db.transaction() as session:
            self._ledger.move_all(session, now, list(session.scalars(query)), step)

    def _cancel_told_otherwise(self, row: PlanRow, now: datetime) -> None:
        """Make room: approved posts from now on whose groups are in another arm by now."""
        window = (max(row.starts_at, now), row.ends_at)
        chosen = self._strategies.open(*window)
        only = frozenset({PostState.APPROVED})
        step = Step(
            0, PostState.CANCELLED, "retold", f"Plan {row.id}", actor=row.actor, only_from=only
        )
        with self._db.transaction() as session:
            stale = approved_otherwise(session, chosen, row.audience_ids, window)
            self._ledger.move_all(session, now, stale, step)

    def _decide(
        self, field: Field, candidates: Mapping[int, Sequence[Candidate]]
    ) -> tuple[PlanResult, dict[int, ItemCard]]:
        now = self._clock.now()
        before = now - timedelta(days=self._rules.work_days)
        with self._db.reading() as session:
            old = told_long_ago(session, candidates, before)
            wanted = sorted({one.item_id for found in candidates.values() for one in found})
            items = load_items(session, wanted)
        fresh = {
            audience_id: [one for one in found if one.item_id not in old.get(audience_id, ())]
            for audience_id, found in candidates.items()
        }
        data = PlanInput(
            audiences=field.rules(),
            openings=field.openings,
            candidates=fresh,
            items=item_facts(items),
            history=field.history,
            quotas=field.quotas,
            rules=self._plan_rules,
        )
        return plan(data), items

    def _finish(self, plan_id: int, result: PlanResult, openings: int) -> PlanView:
        empty = Counter(str(one.reason) for one in result.refusals if one.item_id is None)
        with self._db.transaction() as session:
            row = _row(session, plan_id)
            counts = select(PostRow.state, func.count()).where(PostRow.plan_id == plan_id)
            rows = session.execute(counts.group_by(PostRow.state)).all()
            states = {str(state): int(count) for state, count in rows}
            row.summary = {
                "openings": openings,
                "posts": sum(states.values()),
                "states": states,
                "empty": dict(empty),
            }
            row.state, row.finished_at = "done", self._clock.now()
            return _view(row)


def _row(session: Session, plan_id: int) -> PlanRow:
    row = session.get(PlanRow, plan_id)
    if row is None:
        raise NotFound(f"No plan {plan_id}", plan_id=plan_id)
    return row


def _view(row: PlanRow) -> PlanView:
    return PlanView(
        id=row.id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        audience_ids=tuple(row.audience_ids),
        replace=bool(row.options.get("replace")),
        state=row.state,
        failure=row.failure,
        summary=dict(row.summary),
        actor=row.actor,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
