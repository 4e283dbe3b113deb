"""The life of an experiment: written down, planned, started, watched, stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contentcenter.clock import Clock
from contentcenter.domain.errors import Conflict, NotFound
from contentcenter.jobs.names import JobName
from contentcenter.jobs.ports import JobQueue
from contentcenter.store import audit
from contentcenter.store.database import Database
from contentcenter.store.tables import AudienceRow
from distribute.experiments.design import refuse_too_few
from distribute.experiments.draft import Arm, Draft, check_draft
from distribute.experiments.drawing import (
    ExperimentRules,
    drawn,
    eligible,
    group_rows,
    load_history,
    next_midnight,
    planned,
    wish_of,
)
from distribute.experiments.results import load_groups, result_of
from distribute.experiments.retelling import (
    approved_of_groups,
    approved_under_arms,
    last_unsent,
)
from distribute.experiments.review import SUBJECT, SYSTEM, pause_worse
from distribute.experiments.strategy import strategy_from
from distribute.experiments.tables import (
    ExperimentGroupRow,
    ExperimentKind,
    ExperimentRow,
    ExperimentState,
)
from distribute.experiments.views import ExperimentResult, ExperimentView, view_of
from distribute.plan_service import MOST_DAYS, PlanService

NO_ARM_LEFT = "guard_rails"
Listed = list[ExperimentView]


class ExperimentService:
    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        queue: JobQueue,
        plans: PlanService,
        rules: ExperimentRules,
    ) -> None:
        self._db = db
        self._clock = clock
        self._queue = queue
        self._plans = plans
        self._rules = rules

    def create(self, actor: str, draft: Draft) -> ExperimentView:
        """Write an experiment down; nothing changes for any group. `InvalidInput` names what is
        wrong with it."""
        check_draft(draft)
        now = self._clock.now()
        row = ExperimentRow(
            name=draft.name.strip(),
            hypothesis=draft.hypothesis.strip(),
            layer=draft.layer.value,
            kind=draft.kind.value,
            metric=draft.metric.value,
            state=ExperimentState.DRAFT.value,
            arms=[arm.as_json() for arm in draft.arms],
            audience_ids=sorted(set(draft.audience_ids)),
            days=draft.days,
            wish={"uplift": draft.uplift, "power": draft.power, "floor": draft.floor},
            plan={},
            salt=token_hex(16),
            actor=actor,
            created_at=now,
        )
        with self._db.transaction() as session:
            history = load_history(session, row, now, self._rules)
            row.plan = planned(session, row, history, self._rules)
            session.add(row)
            session.flush()
            audit.log(session, now, actor, "created", (SUBJECT, row.id), name=row.name)
            return view_of(row, {})

    def start(self, actor: str, experiment_id: int) -> ExperimentView:
        """Draw the groups and begin at the next midnight. `Conflict` when another experiment of
        the layer runs, `InvalidInput` with the number needed when there are too few groups."""
        now = self._clock.now()
        with self._db.transaction() as session:
            row = _row(session, experiment_id)
            if row.state != ExperimentState.DRAFT:
                raise Conflict(f"Experiment {row.id} was started before", state=row.state)
            _refuse_overlap(session, row)
            history = load_history(session, row, now, self._rules)
            refuse_too_few(history, wish_of(row))
            design = drawn(row, history)
            plan = planned(session, row, history, self._rules)
            row.plan = {**plan, "mixing": design.mixing}
            row.state = ExperimentState.RUNNING.value
            row.starts_at = next_midnight(now, self._rules.timezone)
            row.ends_at = row.starts_at + timedelta(days=row.days)
            session.add_all(group_rows(row, history, design))
            audit.log(session, now, actor, "experiment.started", (SUBJECT, row.id))
            session.flush()
        self._plan_anew(actor, history.audience_ids)
        return self.get(experiment_id)

    def stop(self, actor: str, experiment_id: int, reason: str) -> ExperimentView:
        """End it before its planned end; all groups are back to the base. `Conflict` when it does
        not run."""
        now = self._clock.now()
        with self._db.transaction() as session:
            row = _row(session, experiment_id)
            if row.state != ExperimentState.RUNNING:
                raise Conflict(f"Experiment {row.id} does not run", state=row.state)
            _stop(session, row, now, actor, reason)
            ids = [group.audience_id for group in load_groups(session, row.id)]
        self._plan_anew(actor, ids)
        return self.get(experiment_id)

    def get(self, experiment_id: int) -> ExperimentView:
        """`NotFound` for an unknown one."""
        with self._db.reading() as session:
            return _view(session, _row(session, experiment_id))

    def list(self, *, before_id: int | None = None, limit: int = 50) -> Listed:
        """Newest first."""
        query = select(ExperimentRow).order_by(ExperimentRow.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(ExperimentRow.id < before_id)
        with self._db.reading() as session:
            return [_view(session, row) for row in session.scalars(query)]

    def result(self, experiment_id: int) -> ExperimentResult:
        """What it shows now, safe to ask every day."""
        with self._db.reading() as session:
            return result_of(session, _row(session, experiment_id), self._clock.now())

    def approved_ahead(self, experiment_id: int) -> int:
        """How many approved posts that are not sent yet would be planned again, and wait for
        approval again, if it were started (a draft) or stopped (a running one) now."""
        now = self._clock.now()
        with self._db.reading() as session:
            row = _row(session, experiment_id)
            if row.state == ExperimentState.RUNNING:
                return approved_under_arms(session, row.id, now)
            if row.state != ExperimentState.DRAFT:
                return 0
            start = next_midnight(now, self._rules.timezone)
            groups = eligible(session, row, self._rules)
            return approved_of_groups(session, groups, (start, start + timedelta(days=row.days)))

    def assignment(self, experiment_id: int) -> Sequence[tuple[int, str, int, int]]:
        """(audience id, its name, arm, block) of every group, by arm and block."""
        query = (
            select(ExperimentGroupRow, AudienceRow.name)
            .join(AudienceRow, AudienceRow.id == ExperimentGroupRow.audience_id)
            .where(ExperimentGroupRow.experiment_id == experiment_id)
            .order_by(ExperimentGroupRow.arm, ExperimentGroupRow.block, AudienceRow.id)
        )
        with self._db.reading() as session:
            return [
                (row.audience_id, name, row.arm, row.block) for row, name in session.execute(query)
            ]

    def enqueue_review(self) -> None:
        self._queue.enqueue(JobName.REVIEW_EXPERIMENTS, key="all")

    def review(self) -> int:
        """Pause arms whose guard rails are worse, end experiments that reached their end. Returns
        how many experiments changed."""
        query = select(ExperimentRow.id).where(ExperimentRow.state == ExperimentState.RUNNING)
        with self._db.reading() as session:
            ids = list(session.scalars(query))
        return sum(self._review(experiment_id) for experiment_id in ids)

    def _review(self, experiment_id: int) -> bool:
        now = self._clock.now()
        with self._db.transaction() as session:
            row = _row(session, experiment_id)
            freed = pause_worse(session, row, now)
            live = [arm for arm in row.arms[1:] if not arm.get("paused_at")]
            if not live:
                _stop(session, row, now, SYSTEM, NO_ARM_LEFT)
            elif row.ends_at is not None and now >= row.ends_at:
                row.state = ExperimentState.FINISHED.value
                audit.log(session, now, SYSTEM, "experiment.finished", (SUBJECT, row.id))
            changed = bool(freed) or row.state != ExperimentState.RUNNING
        if freed:
            self._plan_anew(SYSTEM, freed)
        return changed

    def _plan_anew(self, actor: str, audience_ids: Sequence[int]) -> None:
        """Posts that are planned, and approved ones that would be told otherwise by now, are
        planned again under the new strategies, as far ahead as these groups are planned."""
        if not audience_ids:
            return
        now = self._clock.now()
        with self._db.reading() as session:
            last = last_unsent(session, audience_ids) or now
        ahead = max(timedelta(days=self._rules.plan_days), last + timedelta(minutes=1) - now)
        self._plans.request(
            actor,
            starts_at=now,
            ends_at=now + min(ahead, timedelta(days=MOST_DAYS)),
            audience_ids=audience_ids,
            replace=True,
            retell=True,
        )


def arms_from(raw: Sequence[Mapping[str, Any]]) -> list[Arm]:
    """Arms as typed: name, share, and a strategy's settings."""
    return [
        Arm(str(one["name"]).strip(), float(one["share"]), strategy_from(one.get("strategy") or {}))
        for one in raw
    ]


def _stop(session: Session, row: ExperimentRow, now: datetime, actor: str, reason: str) -> None:
    row.state, row.stop_reason = ExperimentState.STOPPED.value, reason
    row.stopped_at = now
    audit.log(session, now, actor, "experiment.stopped", (SUBJECT, row.id), reason=reason)


def _refuse_overlap(session: Session, row: ExperimentRow) -> None:
    other = session.scalars(
        select(ExperimentRow).where(
            ExperimentRow.state == ExperimentState.RUNNING, ExperimentRow.layer == row.layer
        )
    ).first()
    if other is not None:
        raise Conflict(
            f"Experiment {other.id} ({other.name}) runs on {row.layer} already; stop it first, or "
            f"wait for its end",
            experiment_id=other.id,
            ends_at=other.ends_at.isoformat() if other.ends_at else None,
        )


def _row(session: Session, experiment_id: int) -> ExperimentRow:
    row = session.get(ExperimentRow, experiment_id)
    if row is None:
        raise NotFound(f"No experiment {experiment_id}", experiment_id=experiment_id)
    return row


def _view(session: Session, row: ExperimentRow) -> ExperimentView:
    query = (
        select(ExperimentGroupRow.arm, func.count())
        .where(ExperimentGroupRow.experiment_id == row.id)
        .group_by(ExperimentGroupRow.arm)
    )
    there = {int(arm): int(count) for arm, count in session.execute(query)}
    return view_of(row, there if row.kind == ExperimentKind.FIXED else {})
