"""Experiments as plain values, and reading them from a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from distribute.experiments.analysis import Checks, Look
from distribute.experiments.guards import GuardReading
from distribute.experiments.tables import ExperimentRow
from distribute.experiments.verdict import Verdict


@dataclass(frozen=True)
class ArmView:
    """groups: how many were drawn into it; 0 before the start and in a bandit."""

    name: str
    share: float
    strategy: Mapping[str, Any]
    groups: int
    paused_at: datetime | None
    pause_reason: str


@dataclass(frozen=True)
class ExperimentView:
    """plan: `groups` (planned, by arm), `mde` (smallest relative difference found with `power`,
    null without a history), `groups_needed`, `held_out`, `alpha`, `noise` (mean, spread,
    explained, groups), `history_days`."""

    id: int
    name: str
    hypothesis: str
    layer: str
    kind: str
    metric: str
    state: str
    arms: tuple[ArmView, ...]
    audience_ids: tuple[int, ...]
    days: int
    uplift: float | None
    power: float
    floor: float
    plan: Mapping[str, Any]
    actor: str
    created_at: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    stopped_at: datetime | None
    stop_reason: str


@dataclass(frozen=True)
class ArmResult:
    """What one arm did beside the base. latest: the last look, the final one when the planned
    end was reached. checks: only then."""

    arm: int
    name: str
    groups: int
    latest: Look | None
    looks: Sequence[Look]
    checks: Checks | None
    guards: Sequence[GuardReading]
    verdict: Verdict


@dataclass(frozen=True)
class BanditArm:
    """mean_gain: over a group's own usual value, with its spread; chance: of being drawn now;
    guards: beside the base's, empty for the base itself."""

    arm: int
    name: str
    decisions: int
    mean_gain: float
    spread: float
    best: float
    chance: float
    guards: Sequence[GuardReading]


@dataclass(frozen=True)
class ExperimentResult:
    """days: whole days looked at. posts: told under each arm."""

    experiment: ExperimentView
    days: int
    base_groups: int
    posts: Mapping[int, int]
    arms: Sequence[ArmResult]
    bandit: Sequence[BanditArm]


def view_of(row: ExperimentRow, groups: Mapping[int, int]) -> ExperimentView:
    """`groups`: how many stand in each arm."""
    return ExperimentView(
        id=row.id,
        name=row.name,
        hypothesis=row.hypothesis,
        layer=row.layer,
        kind=row.kind,
        metric=row.metric,
        state=row.state,
        arms=tuple(_arm(arm, groups.get(number, 0)) for number, arm in enumerate(row.arms)),
        audience_ids=tuple(row.audience_ids),
        days=row.days,
        uplift=row.wish.get("uplift"),
        power=float(row.wish["power"]),
        floor=float(row.wish["floor"]),
        plan=dict(row.plan),
        actor=row.actor,
        created_at=row.created_at,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        stopped_at=row.stopped_at,
        stop_reason=row.stop_reason,
    )


def _arm(arm: Mapping[str, Any], groups: int) -> ArmView:
    paused = arm.get("paused_at")
    return ArmView(
        name=str(arm["name"]),
        share=float(arm["share"]),
        strategy=dict(arm.get("strategy") or {}),
        groups=groups,
        paused_at=datetime.fromisoformat(paused) if paused else None,
        pause_reason=str(arm.get("pause_reason", "")),
    )
