"""What a started experiment shows: loads what its groups did and runs the pure analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from distribute.experiments.analysis import (
    Design,
    checks_of,
    daily_looks,
    final_look,
    first_decision,
)
from distribute.experiments.assignment import unit_draw
from distribute.experiments.bandit import chance_of_best
from distribute.experiments.chosen import PERIOD
from distribute.experiments.guards import (
    NOT_DRAWN,
    GuardReading,
    WeeklyDraws,
    guard_reading,
    weekly_guard_reading,
)
from distribute.experiments.intervals import ErrorBudget
from distribute.experiments.outcome_loading import DAY, load_outcomes
from distribute.experiments.outcomes import Guard, Metric, Outcomes
from distribute.experiments.strategy_book import decisions_of, open_chances, posterior_of
from distribute.experiments.tables import (
    ExperimentDecisionRow,
    ExperimentExposureRow,
    ExperimentGroupRow,
    ExperimentKind,
    ExperimentRow,
    ExperimentState,
)
from distribute.experiments.verdict import Verdict, VerdictCode, verdict_of
from distribute.experiments.views import ArmResult, BanditArm, ExperimentResult, view_of


def result_of(session: Session, row: ExperimentRow, now: datetime) -> ExperimentResult:
    """The state of an experiment at `now`; empty before the start."""
    groups = load_groups(session, row.id)
    there: dict[int, int] = {}
    for group in groups:
        there[group.arm] = there.get(group.arm, 0) + 1
    days = days_seen(row, now)
    fixed = row.kind == ExperimentKind.FIXED
    return ExperimentResult(
        experiment=view_of(row, there if fixed else {}),
        days=days,
        base_groups=there.get(0, 0),
        posts=_posts(session, row.id),
        arms=_arms(session, row, groups, days) if fixed else (),
        bandit=() if fixed else _bandit(session, row, groups, now),
    )


def load_groups(session: Session, experiment_id: int) -> list[ExperimentGroupRow]:
    """Rows in the order of `Outcomes`: by audience id."""
    query = (
        select(ExperimentGroupRow)
        .where(ExperimentGroupRow.experiment_id == experiment_id)
        .order_by(ExperimentGroupRow.audience_id)
    )
    return list(session.scalars(query))


def days_seen(row: ExperimentRow, now: datetime) -> int:
    """Whole days that are over, up to the end."""
    if row.starts_at is None:
        return 0
    began, over = row.window
    return max(0, (min(now, over) - began) // DAY)


def outcomes_of(
    session: Session, row: ExperimentRow, groups: Sequence[ExperimentGroupRow], days: int
) -> Outcomes:
    readers = {group.audience_id: float(group.readers) for group in groups}
    return load_outcomes(session, readers, row.window[0], days)


def design_of(row: ExperimentRow, groups: Sequence[ExperimentGroupRow]) -> Design:
    """The design as it was fixed at the start."""
    return Design(
        metric=Metric(row.metric),
        arm=np.array([group.arm for group in groups], dtype=np.int64),
        block=np.array([group.block for group in groups], dtype=np.int64),
        before=_column(groups, "metric"),
        guards_before={guard: _column(groups, guard) for guard in Guard},
        weight=np.array([group.weight for group in groups]),
        mixing=float(row.plan["mixing"]),
        days=row.days,
        arms=len(row.arms),
        budget=ErrorBudget(),
    )


Guarded = Mapping[int, Sequence[GuardReading]]


def guard_readings(
    session: Session, row: ExperimentRow, groups: Sequence[ExperimentGroupRow], outcomes: Outcomes
) -> Guarded:
    """The guard rails of every arm but the base, of a paused one up to the day it was paused."""
    arms = {arm: until_paused(row, arm, outcomes) for arm in range(1, len(row.arms))}
    seen = {arm: found for arm, found in arms.items() if found.days}
    if row.kind == ExperimentKind.FIXED:
        design = design_of(row, groups)
        return {
            arm: [guard_reading(design, found, arm, guard) for guard in Guard]
            for arm, found in seen.items()
        }
    draws = draws_of(session, row, groups)
    return {
        arm: [weekly_guard_reading(draws, found, arm, guard) for guard in Guard]
        for arm, found in seen.items()
    }


def draws_of(
    session: Session, row: ExperimentRow, groups: Sequence[ExperimentGroupRow]
) -> WeeklyDraws:
    """What a bandit has drawn so far, one row a group."""
    began, over = row.window
    arm = np.full((len(groups), -(-(over - began) // PERIOD)), NOT_DRAWN, dtype=np.int64)
    place = {group.audience_id: number for number, group in enumerate(groups)}
    for (audience_id, period), choice in decisions_of(session, row.id).items():
        if audience_id in place and period < arm.shape[1]:
            arm[place[audience_id], period] = choice.arm
    before = {guard: _column(groups, guard) for guard in Guard}
    return WeeklyDraws(arm, before, len(row.arms))


def until_paused(row: ExperimentRow, arm: int, outcomes: Outcomes) -> Outcomes:
    """A paused arm counts up to the day it was paused."""
    paused = row.arms[arm].get("paused_at")
    if not paused:
        return outcomes
    last = max((datetime.fromisoformat(paused) - row.window[0]) // DAY, 0)
    return replace(outcomes, counts=outcomes.counts[:, :last])


def _column(groups: Sequence[ExperimentGroupRow], name: str) -> Any:
    values = [group.before.get(name) for group in groups]
    return np.array([np.nan if value is None else float(value) for value in values])


def _arms(
    session: Session, row: ExperimentRow, groups: Sequence[ExperimentGroupRow], days: int
) -> list[ArmResult]:
    if row.starts_at is None:
        return [
            ArmResult(
                arm, str(one["name"]), 0, None, (), None, (), Verdict(VerdictCode.NOT_STARTED)
            )
            for arm, one in enumerate(row.arms)
            if arm > 0
        ]
    design, outcomes = design_of(row, groups), outcomes_of(session, row, groups, days)
    guards = guard_readings(session, row, groups, outcomes)
    return [
        arm_result(row, design, until_paused(row, arm, outcomes), arm, guards.get(arm, ()))
        for arm in range(1, len(row.arms))
    ]


def arm_result(
    row: ExperimentRow,
    design: Design,
    outcomes: Outcomes,
    arm: int,
    guards: Sequence[GuardReading],
) -> ArmResult:
    """One arm, over the days that count for it."""
    spec = row.arms[arm]
    looks = daily_looks(design, outcomes, arm)
    ended = row.state == ExperimentState.FINISHED and outcomes.days >= design.days
    final = final_look(design, outcomes, arm) if ended else None
    latest = final or (looks[-1] if looks else None)
    verdict = verdict_of(
        (str(row.arms[0]["name"]), str(spec["name"])),
        latest,
        decided=first_decision(looks, final),
        over=row.state in {ExperimentState.FINISHED, ExperimentState.STOPPED},
        paused=str(spec.get("pause_reason", "")) if spec.get("paused_at") else "",
    )
    seed = int(unit_draw(row.salt, "permutation", arm) * 2**32)
    return ArmResult(
        arm=arm,
        name=str(spec["name"]),
        groups=int((design.arm == arm).sum()),
        latest=latest,
        looks=looks,
        checks=checks_of(design, outcomes, arm, seed) if ended else None,
        guards=guards,
        verdict=verdict,
    )


def _bandit(
    session: Session, row: ExperimentRow, groups: Sequence[ExperimentGroupRow], now: datetime
) -> list[BanditArm]:
    if row.starts_at is None:
        return []
    outcomes = outcomes_of(session, row, groups, days_seen(row, now))
    guards = guard_readings(session, row, groups, outcomes)
    found = posterior_of(session, row, now)
    best, chances = chance_of_best(found), open_chances(session, row, now)
    query = (
        select(ExperimentDecisionRow.arm, func.count())
        .where(ExperimentDecisionRow.experiment_id == row.id)
        .group_by(ExperimentDecisionRow.arm)
    )
    drawn = {int(arm): int(count) for arm, count in session.execute(query)}
    return [
        BanditArm(
            arm=arm,
            name=str(one["name"]),
            decisions=drawn.get(arm, 0),
            mean_gain=float(found.mean[arm]),
            spread=float(found.spread[arm]),
            best=float(best[arm]),
            chance=chances[arm],
            guards=guards.get(arm, ()),
        )
        for arm, one in enumerate(row.arms)
    ]


def _posts(session: Session, experiment_id: int) -> dict[int, int]:
    query = (
        select(ExperimentExposureRow.arm, func.count())
        .where(ExperimentExposureRow.experiment_id == experiment_id)
        .group_by(ExperimentExposureRow.arm)
    )
    return {int(arm): int(count) for arm, count in session.execute(query)}
