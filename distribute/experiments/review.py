"""The daily look at running experiments: guard rails pause an arm by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from contentcenter.store import audit
from distribute.experiments.chosen import PERIOD
from distribute.experiments.guards import GuardReading
from distribute.experiments.results import days_seen, guard_readings, load_groups, outcomes_of
from distribute.experiments.strategy_book import decisions_of
from distribute.experiments.tables import ExperimentGroupRow, ExperimentKind, ExperimentRow

log = structlog.get_logger()
SYSTEM = "system"
SUBJECT = "experiment"


def pause_worse(session: Session, row: ExperimentRow, now: datetime) -> list[int]:
    """Pause arms that a guard rail speaks against; returns the groups they free."""
    days = days_seen(row, now)
    if days == 0:
        return []
    groups = load_groups(session, row.id)
    readings = guard_readings(session, row, groups, outcomes_of(session, row, groups, days))
    paused: list[int] = []
    arms = [dict(arm) for arm in row.arms]
    for number, found in readings.items():
        worse = _worse(found)
        if not worse or arms[number].get("paused_at"):
            continue
        arms[number] |= {"paused_at": now.isoformat(), "pause_reason": worse}
        audit.log(session, now, SYSTEM, "experiment.paused", (SUBJECT, row.id), reason=worse)
        log.warning("experiment_arm_paused", experiment_id=row.id, arm=number, guard=worse)
        paused.append(number)
    row.arms = arms
    return _groups_in(session, row, groups, paused, now) if paused else []


def _worse(readings: Sequence[GuardReading]) -> str:
    """The first guard rail that speaks against an arm, empty when none does."""
    return next((str(reading.guard.value) for reading in readings if reading.worse), "")


def _groups_in(
    session: Session,
    row: ExperimentRow,
    groups: Sequence[ExperimentGroupRow],
    arms: Sequence[int],
    now: datetime,
) -> list[int]:
    """Groups that are told under one of `arms`; in a bandit in this week or one drawn ahead."""
    if row.kind == ExperimentKind.FIXED:
        return [group.audience_id for group in groups if group.arm in arms]
    week = (now - row.window[0]) // PERIOD
    drawn = decisions_of(session, row.id).items()
    return sorted({one for (one, period), got in drawn if period >= week and got.arm in arms})
