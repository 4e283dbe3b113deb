"""What the planner asks: the strategies of all groups for the slots of a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from contentcenter.clock import Clock
from contentcenter.store.database import Database
from distribute.experiments.analysis import USUAL
from distribute.experiments.bandit import (
    Choice,
    Posterior,
    Rewards,
    choose,
    posterior,
    propensities,
)
from distribute.experiments.chosen import PERIOD, Chosen, Running
from distribute.experiments.outcome_loading import DAY, load_outcomes
from distribute.experiments.outcomes import Metric, Outcomes, ratio
from distribute.experiments.strategy import Layer, Strategy, strategy_from
from distribute.experiments.tables import (
    ExperimentDecisionRow,
    ExperimentExposureRow,
    ExperimentGroupRow,
    ExperimentKind,
    ExperimentRow,
    ExperimentState,
)
from recommend.upserts import upsert

PERIOD_DAYS = PERIOD // DAY


class StrategyBook:
    """Strategies by group and slot. A bandit's draws for the weeks of the window are made and
    kept first: whoever asks again gets the same."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def open(self, start: datetime, end: datetime) -> Chosen:
        """What holds for slots in [start, end)."""
        query = select(ExperimentRow).where(
            ExperimentRow.state == ExperimentState.RUNNING,
            ExperimentRow.starts_at < end,
            ExperimentRow.ends_at > start,
        )
        with self._db.reading() as session:
            rows = list(session.scalars(query.order_by(ExperimentRow.id)))
        for row in rows:
            if row.kind == ExperimentKind.BANDIT:
                self._draw(row, start, end)
        with self._db.reading() as session:
            return Chosen(tuple(_running(session, row) for row in rows))

    def _draw(self, row: ExperimentRow, start: datetime, end: datetime) -> None:
        """Draw for the weeks that begin before `end` and have no draw yet."""
        began, over = row.window
        first = max(0, (start - began) // PERIOD)
        last = (min(end, over) - began - timedelta(microseconds=1)) // PERIOD
        now = self._clock.now()
        with self._db.transaction() as session:
            groups = list(session.scalars(_groups(row.id)))
            there = {(one, period) for one, period in session.execute(_drawn_keys(row.id))}
            wanted = [
                (group.audience_id, period)
                for period in range(first, last + 1)
                for group in groups
                if (group.audience_id, period) not in there
            ]
            if not wanted:
                return
            chances = open_chances(session, row, now)
            upsert(
                session,
                ExperimentDecisionRow,
                [_decision(row, key, chances, now) for key in wanted],
                ("experiment_id", "audience_id", "period"),
                (),
            )


def remember_exposures(
    session: Session, now: datetime, chosen: Chosen, posts: Mapping[int, Mapping[str, Any]]
) -> None:
    """Note for each stored post (audience_id, slot_at) under which arms it is told."""
    rows = [
        {
            "post_id": post_id,
            "experiment_id": mark.experiment_id,
            "arm": mark.arm,
            "propensity": mark.propensity,
            "at": now,
        }
        for post_id, post in posts.items()
        for mark in chosen.marks(post["audience_id"], post["slot_at"])
    ]
    if rows:
        session.execute(insert(ExperimentExposureRow), rows)


def strategies_of(row: ExperimentRow) -> tuple[Strategy | None, ...]:
    """The strategy of each arm; None for a paused one."""
    return tuple(
        None if arm.get("paused_at") else strategy_from(arm.get("strategy") or {})
        for arm in row.arms
    )


def open_chances(session: Session, row: ExperimentRow, now: datetime) -> list[float]:
    """The chance of each arm now; a paused arm has none."""
    found = posterior_of(session, row, now)
    live = [number for number, arm in enumerate(row.arms) if not arm.get("paused_at")]
    some = Posterior(found.mean[live], found.spread[live], found.decisions[live])
    chances = np.zeros(len(row.arms))
    chances[live] = propensities(some, float(row.wish["floor"]))
    return [float(chance) for chance in chances]


def posterior_of(session: Session, row: ExperimentRow, now: datetime) -> Posterior:
    """What the weeks that are over say of each arm."""
    groups = {group.audience_id: group for group in session.scalars(_groups(row.id))}
    began, over = row.window
    periods = max(0, (min(now, over) - began) // PERIOD)
    readers = {key: float(group.readers) for key, group in groups.items()}
    outcomes = load_outcomes(session, readers, began, periods * PERIOD_DAYS)
    usual = usual_value(row.metric, list(groups.values()))
    rewards = _rewards(row, groups, outcomes, decisions_of(session, row.id), usual)
    return posterior(rewards, len(row.arms), usual)


def usual_value(metric: str, groups: Sequence[ExperimentGroupRow]) -> float:
    """The metric before the start, over groups where it is known, else a common one."""
    known = [
        (float(group.before["metric"]), group.weight)
        for group in groups
        if group.before.get("metric") is not None
    ]
    if not known:
        return USUAL[metric][0]
    values, weights = zip(*known, strict=True)
    return float(np.average(values, weights=weights))


def _rewards(
    row: ExperimentRow,
    groups: Mapping[int, ExperimentGroupRow],
    outcomes: Outcomes,
    decisions: Mapping[tuple[int, int], Choice],
    usual: float,
) -> Rewards:
    """One row a week and group that is over and has data."""
    found: list[tuple[int, float, float]] = []
    for period in range(outcomes.days // PERIOD_DAYS):
        edges = period * PERIOD_DAYS, (period + 1) * PERIOD_DAYS
        value, denominator = ratio(outcomes, Metric(row.metric), *edges)
        for place, audience_id in enumerate(outcomes.audience_ids):
            choice = decisions.get((audience_id, period))
            if choice is not None and denominator[place] > 0:
                own = groups[audience_id].before.get("metric")
                gain = float(value[place]) - (usual if own is None else float(own))
                found.append((choice.arm, gain, float(denominator[place])))
    arms, gains, weights = zip(*found, strict=True) if found else ((), (), ())
    weight = np.array(weights, dtype=float)
    if len(weight):
        weight = np.minimum(weight, 5.0 * np.median(weight))
    return Rewards(np.array(arms, dtype=np.int64), np.array(gains, dtype=float), weight)


def _running(session: Session, row: ExperimentRow) -> Running:
    began, over = row.window
    weekly = row.kind == ExperimentKind.BANDIT
    if weekly:
        drawn = decisions_of(session, row.id)
    else:
        shares = [float(arm["share"]) for arm in row.arms]
        drawn = {
            (group.audience_id, 0): Choice(group.arm, shares[group.arm])
            for group in session.scalars(_groups(row.id))
        }
    return Running(
        row.id,
        Layer(row.layer),
        began,
        over,
        strategies_of(row),
        drawn,
        weekly,
    )


def _decision(
    row: ExperimentRow, key: tuple[int, int], chances: Sequence[float], now: datetime
) -> dict[str, Any]:
    choice = choose(chances, row.salt, *key)
    return {
        "experiment_id": row.id,
        "audience_id": key[0],
        "period": key[1],
        "arm": choice.arm,
        "propensity": choice.propensity,
        "at": now,
    }


def _groups(experiment_id: int) -> Any:
    return (
        select(ExperimentGroupRow)
        .where(ExperimentGroupRow.experiment_id == experiment_id)
        .order_by(ExperimentGroupRow.audience_id)
    )


def _drawn_keys(experiment_id: int) -> Any:
    return select(ExperimentDecisionRow.audience_id, ExperimentDecisionRow.period).where(
        ExperimentDecisionRow.experiment_id == experiment_id
    )


def decisions_of(session: Session, experiment_id: int) -> dict[tuple[int, int], Choice]:
    """What a bandit drew, by (audience id, period)."""
    query = select(ExperimentDecisionRow).where(
        ExperimentDecisionRow.experiment_id == experiment_id
    )
    return {
        (row.audience_id, row.period): Choice(row.arm, row.propensity)
        for row in session.scalars(query)
    }
