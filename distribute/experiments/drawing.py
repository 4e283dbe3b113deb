"""From the store to a drawn experiment: the groups' history, the plan, the rows of the groups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.domain.channels import AudienceState
from contentcenter.settings import Settings
from contentcenter.store.tables import AudienceRow
from distribute.experiments.analysis import Design
from distribute.experiments.assignment import held_out
from distribute.experiments.design import (
    Wish,
    design_from,
    least_groups,
    plan_experiment,
    seats_for,
)
from distribute.experiments.outcome_loading import load_outcomes, load_readers
from distribute.experiments.outcomes import Metric, Outcomes
from distribute.experiments.tables import ExperimentGroupRow, ExperimentKind, ExperimentRow
from distribute.timing import zone


@dataclass(frozen=True)
class ExperimentRules:
    """holdout: share of groups that never take part. timezone: experiments begin at its midnight.
    plan_days: how far ahead groups are planned anew when their strategy changes."""

    holdout: float
    timezone: str
    plan_days: int


def experiment_rules(settings: Settings) -> ExperimentRules:
    return ExperimentRules(
        holdout=settings.experiment_holdout_share,
        timezone=settings.timezone,
        plan_days=settings.plan_days,
    )


def wish_of(row: ExperimentRow) -> Wish:
    return Wish(
        Metric(row.metric),
        tuple(float(arm["share"]) for arm in row.arms),
        row.days,
        row.wish.get("uplift"),
        float(row.wish["power"]),
    )


def next_midnight(now: datetime, timezone: str) -> datetime:
    """The next local midnight, in UTC: whole days make one day like another."""
    local = now.astimezone(zone(timezone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return midnight.astimezone(UTC)


def eligible(session: Session, row: ExperimentRow, rules: ExperimentRules) -> list[int]:
    """The groups that may take part: active, asked for, not held out."""
    query = select(AudienceRow.id).where(AudienceRow.state == AudienceState.ACTIVE)
    wanted = set(row.audience_ids)
    return [
        audience_id
        for audience_id in session.scalars(query.order_by(AudienceRow.id))
        if (not wanted or audience_id in wanted) and not held_out(audience_id, rules.holdout)
    ]


def load_history(
    session: Session, row: ExperimentRow, now: datetime, rules: ExperimentRules
) -> Outcomes:
    """What the eligible groups did in twice the experiment's length before now."""
    ids = eligible(session, row, rules)
    days = 2 * row.days
    readers = {key: float(size) for key, size in load_readers(session, ids).items()}
    start = next_midnight(now, rules.timezone) - timedelta(days=days)
    return load_outcomes(session, readers, start, days)


def planned(
    session: Session, row: ExperimentRow, history: Outcomes, rules: ExperimentRules
) -> dict[str, Any]:
    """What these groups can find, as it is kept with the experiment."""
    wish = wish_of(row)
    plan = plan_experiment(history, wish)
    noise = plan.noise
    active = session.scalars(
        select(AudienceRow.id).where(AudienceRow.state == AudienceState.ACTIVE)
    )
    return {
        "groups": list(plan.groups),
        "eligible": len(history.audience_ids),
        "groups_needed": least_groups(history, wish),
        "held_out": sum(held_out(one, rules.holdout) for one in active),
        "alpha": plan.alpha,
        "power": plan.power,
        "mde": plan.mde,
        "history_days": history.days,
        "noise": None
        if noise is None
        else {
            "mean": noise.mean,
            "spread": noise.spread,
            "explained": noise.explained,
            "groups": noise.groups,
        },
    }


def drawn(row: ExperimentRow, history: Outcomes) -> Design:
    """The arms of a fixed experiment. A bandit's groups are drawn week by week; they all stand in
    arm 0 here, with the weights and the history that its rewards need."""
    wish = wish_of(row)
    return design_from(history, wish, seats_for(history, wish, row.salt))


def group_rows(row: ExperimentRow, history: Outcomes, design: Design) -> list[ExperimentGroupRow]:
    fixed = row.kind == ExperimentKind.FIXED
    columns = {"metric": design.before, **{str(g): v for g, v in design.guards_before.items()}}
    return [
        ExperimentGroupRow(
            experiment_id=row.id,
            audience_id=audience_id,
            arm=int(design.arm[place]) if fixed else 0,
            block=int(design.block[place]) if fixed else 0,
            readers=int(history.readers[place]),
            weight=float(design.weight[place]),
            before={
                name: float(values[place]) if isfinite(values[place]) else None
                for name, values in columns.items()
            },
        )
        for place, audience_id in enumerate(history.audience_ids)
    ]
