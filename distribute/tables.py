"""Slots, plans, posts with their delivery story, refusals, the quota ledger, links."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from contentcenter.store.base import BigId, Table
from distribute.experiments.tables import (
    ExperimentDecisionRow,
    ExperimentExposureRow,
    ExperimentGroupRow,
    ExperimentRow,
)

__all__ = [
    "DeliveryRow",
    "ExperimentDecisionRow",
    "ExperimentExposureRow",
    "ExperimentGroupRow",
    "ExperimentRow",
    "PlanRefusalRow",
    "PlanRow",
    "PostRow",
    "QuotaRow",
    "SlotRow",
    "UploadedMediaRow",
]

# States in which an audience has, or may have, got the post (contentcenter.domain.posts).
_TAKEN = "state IN ('planned','approved','sending','unknown','sent','waiting_owner','delivered')"


class SlotRow(Table):
    """When an audience expects something: weekdays (Monday = 0) at a local wall-clock time.

    `on_date` (YYYY-MM-DD) makes it a single extra slot instead of a weekly habit.
    """

    __tablename__ = "slots"
    __table_args__ = (UniqueConstraint("audience_id", "local_time", "on_date"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    audience_id: Mapped[int] = mapped_column(ForeignKey("audiences.id", ondelete="CASCADE"))
    weekdays: Mapped[list[int]]
    local_time: Mapped[str] = mapped_column(String(5))
    on_date: Mapped[str] = mapped_column(String(10), default="")
    active: Mapped[bool] = mapped_column(default=True)


class PlanRow(Table):
    """One run of the planner over [starts_at, ends_at).

    States: requested, running, done, failed. `options`: `replace` cancels posts of the window
    that are still only planned, before planning it again.
    """

    __tablename__ = "plans"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    audience_ids: Mapped[list[int]]  # empty = all active audiences
    options: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    failure: Mapped[str] = mapped_column(Text, default="")
    summary: Mapped[dict[str, Any]]
    actor: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class PlanRefusalRow(Table):
    """Why a slot stayed empty, or why a strong item was not chosen for it."""

    __tablename__ = "plan_refusals"
    __table_args__ = (Index("ix_plan_refusals_plan", "plan_id", "audience_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"))
    audience_id: Mapped[int] = mapped_column(ForeignKey("audiences.id", ondelete="CASCADE"))
    slot_at: Mapped[datetime]
    item_id: Mapped[int | None] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"))
    reason: Mapped[str] = mapped_column(String(32))
    details: Mapped[dict[str, Any]]


class PostRow(Table):
    """One item told to one audience in one slot. The row is the truth about its delivery.

    `code` is in the tracked link and is our marker on platforms without an idempotency key;
    `client_key` (<= 32 bytes) is the idempotency key where there is one. `facts` are the
    approved facts (text hash, price, stock, rights); `claimed_at` is set with `sending`.
    """

    __tablename__ = "posts"
    __table_args__ = (
        Index("ix_posts_due", "state", "slot_at"),
        Index("ix_posts_audience", "audience_id", "slot_at"),
        # The database itself keeps an item from being told twice, and a slot from two posts.
        Index(
            "uq_posts_audience_item",
            "audience_id",
            "item_id",
            unique=True,
            sqlite_where=text(_TAKEN),
            postgresql_where=text(_TAKEN),
        ),
        Index(
            "uq_posts_audience_slot",
            "audience_id",
            "slot_at",
            unique=True,
            sqlite_where=text(_TAKEN),
            postgresql_where=text(_TAKEN),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id"), index=True)
    audience_id: Mapped[int] = mapped_column(ForeignKey("audiences.id"))
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id"), index=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    work_ids: Mapped[list[int]]
    slot_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    score: Mapped[float]
    parts: Mapped[dict[str, Any]]
    content: Mapped[dict[str, Any]]  # the tailored message
    code: Mapped[str] = mapped_column(String(16), unique=True)
    client_key: Mapped[str] = mapped_column(String(32), unique=True)
    facts: Mapped[dict[str, Any]]
    approved_by: Mapped[str] = mapped_column(String(120), default="")
    approved_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]  # a later hour after RetryLater
    claimed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    reference: Mapped[str] = mapped_column(String(200), default="")  # the platform's id
    progress: Mapped[dict[str, Any]]  # steps done on the platform (media, draft), last look
    reason: Mapped[str] = mapped_column(String(64), default="")
    message: Mapped[str] = mapped_column(Text, default="")
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    next_look_at: Mapped[datetime | None]  # follow-up or probe is due
    reached: Mapped[int | None]  # readers reached, as the platform says
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class DeliveryRow(Table):
    """One step in the story of a post: append only."""

    __tablename__ = "deliveries"
    __table_args__ = (Index("ix_deliveries_post", "post_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    attempt: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(64), default="")
    message: Mapped[str] = mapped_column(Text, default="")
    platform_code: Mapped[int | None]
    actor: Mapped[str] = mapped_column(String(120), default="system")


class QuotaRow(Table):
    """The dated quota ledger: one row a post and bucket; states reserved, committed, released.

    `bucket` names what is counted, e.g. `oa:APPID:day:2026-11-21`.
    """

    __tablename__ = "quota_ledger"
    __table_args__ = (
        UniqueConstraint("bucket", "post_id"),
        Index("ix_quota_ledger_bucket", "bucket", "state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    bucket: Mapped[str] = mapped_column(String(160))
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
    amount: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime]


class UploadedMediaRow(Table):
    """A picture already on a platform, by account, use and SHA-256."""

    __tablename__ = "uploaded_media"
    __table_args__ = (UniqueConstraint("account", "purpose", "sha256"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account: Mapped[str] = mapped_column(String(80))
    purpose: Mapped[str] = mapped_column(String(24))  # thumb, body, attachment
    sha256: Mapped[str] = mapped_column(String(64))
    reference: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime | None]
