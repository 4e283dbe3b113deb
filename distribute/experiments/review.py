"""The daily look at running experiments: guard rails pause an arm by themselves."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import structlog
from sqlalchemy.orm import Session

from contentcenter.store import audit
from distribute.experiments.analysis import guard_reading
from distribute.experiments.outcomes import Guard
from distribute.experiments.results import days_seen, design_of, load_groups, outcomes_of
from distribute.experiments.tables import ExperimentKind, ExperimentRow

log = structlog.get_logger()
SYSTEM = "system"
SUBJECT = "experiment"


def pause_worse(session: Session, row: ExperimentRow, now: datetime) -> list[int]:
    """Pause arms that a guard rail speaks against; returns the groups they free."""
    days = days_seen(row, now)
    if days == 0 or row.kind == ExperimentKind.BANDIT:
        return []
    groups = load_groups(session, row.id)
    design, outcomes = design_of(row, groups), outcomes_of(session, row, groups, days)
    paused: list[int] = []
    arms = [dict(arm) for arm in row.arms]
    for number in range(1, len(arms)):
        worse = next(
            (guard for guard in Guard if guard_reading(design, outcomes, number, guard).worse), None
        )
        if worse is None or arms[number].get("paused_at"):
            continue
        arms[number] |= {"paused_at": now.isoformat(), "pause_reason": worse.value}
        audit.log(session, now, SYSTEM, "experiment.paused", (SUBJECT, row.id), reason=worse.value)
        log.warning("experiment_arm_paused", experiment_id=row.id, arm=number, guard=worse.value)
        paused.append(number)
    row.arms = arms
    chosen = np.isin(design.arm, paused)
    return [group.audience_id for group, freed in zip(groups, chosen, strict=True) if freed]
