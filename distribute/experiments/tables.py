"""Experiments, the groups in them, what a bandit drew, and which post was told under which arm."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from contentcenter.domain.errors import Conflict
from contentcenter.store.base import BigId, Table


class ExperimentState(StrEnum):
    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"  # before its planned end, by a person or a guard rail
    FINISHED = "finished"  # at its planned end


class ExperimentKind(StrEnum):
    FIXED = "fixed"
    BANDIT = "bandit"


class ExperimentRow(Table):
    """One experiment. `arms`: name, share, strategy, and for a paused one `paused_at` and
    `pause_reason`; the first is the base. `wish`: uplift, power, floor as asked for. `plan`: what
    was computed at the start (see `ExperimentView`). `audience_ids`: empty = all active groups.
    """

    __tablename__ = "experiments"
    __table_args__ = (
        # The database itself keeps two experiments of one layer from running together.
        Index(
            "uq_experiments_running_layer",
            "layer",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    hypothesis: Mapped[str] = mapped_column(Text)
    layer: Mapped[str] = mapped_column(String(8))
    kind: Mapped[str] = mapped_column(String(8))
    metric: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(12))
    arms: Mapped[list[Any]]
    audience_ids: Mapped[list[int]]
    days: Mapped[int]
    wish: Mapped[dict[str, Any]]
    plan: Mapped[dict[str, Any]]
    salt: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime]
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    stop_reason: Mapped[str] = mapped_column(Text, default="")

    @property
    def window(self) -> tuple[datetime, datetime]:
        """From the start to the planned end, or to where it was stopped. `Conflict` before the
        start."""
        if self.starts_at is None or self.ends_at is None:
            raise Conflict(f"Experiment {self.id} has not been started", state=self.state)
        return self.starts_at, self.stopped_at or self.ends_at


class ExperimentGroupRow(Table):
    """A group in an experiment, as it was at the start; never changed afterwards. `before`: the
    metric and the guard rails before the start (null = unknown)."""

    __tablename__ = "experiment_groups"

    experiment_id: Mapped[int] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True
    )
    audience_id: Mapped[int] = mapped_column(
        ForeignKey("audiences.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    arm: Mapped[int]
    block: Mapped[int]
    readers: Mapped[int]
    weight: Mapped[float]
    before: Mapped[dict[str, Any]]


class ExperimentDecisionRow(Table):
    """What a bandit drew for a group in a period (weeks from the start), and how likely that
    was."""

    __tablename__ = "experiment_decisions"

    experiment_id: Mapped[int] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True
    )
    audience_id: Mapped[int] = mapped_column(
        ForeignKey("audiences.id", ondelete="CASCADE"), primary_key=True
    )
    period: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    arm: Mapped[int]
    propensity: Mapped[float]
    at: Mapped[datetime]


class ExperimentExposureRow(Table):
    """A post told under an arm, with the chance that the group had of getting this arm."""

    __tablename__ = "experiment_exposures"
    __table_args__ = (Index("ix_experiment_exposures_experiment", "experiment_id", "arm"),)

    post_id: Mapped[int] = mapped_column(
        ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True
    )
    experiment_id: Mapped[int] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True
    )
    arm: Mapped[int]
    propensity: Mapped[float]
    at: Mapped[datetime]
