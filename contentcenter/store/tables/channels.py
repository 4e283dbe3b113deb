"""Channels we may send through and the audiences a post reaches."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from contentcenter.store.base import BigId, Table


class ChannelRow(Table):
    """An account. `credentials` holds what its API wants (appid, secret, token, aes_key;
    corpid, secret, agentid; key) and never leaves through an API or a page.

    `settings`: account_type (SUB or SVC) for an Official Account, and limits set by people.
    """

    __tablename__ = "channels"
    __table_args__ = (UniqueConstraint("kind", "account"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    name: Mapped[str] = mapped_column(String(120))
    account: Mapped[str] = mapped_column(String(80))  # appid, corpid or robot key name
    credentials: Mapped[dict[str, Any]]
    settings: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16), default="active")
    state_reason: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]


class MemberRow(Table):
    """A WeCom member (staff): confirms mass messages and owns groups."""

    __tablename__ = "members"
    __table_args__ = (UniqueConstraint("corp", "userid"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    corp: Mapped[str] = mapped_column(String(80))
    userid: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(80))


class AudienceRow(Table):
    """Who one post reaches. Declared interests are the persona's start, not its end.

    `platform_ref` is chat_id, tag id or member userid. `price_ceiling_fen` is a hard limit
    set by an operator. Quiet hours are local "HH:MM"; caps count posts of any kind; a cap of
    0 means nothing is sent, None means no cap of this kind.
    """

    __tablename__ = "audiences"
    __table_args__ = (UniqueConstraint("channel_id", "kind", "platform_ref"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text, default="")
    platform_ref: Mapped[str] = mapped_column(String(120))
    owner_userid: Mapped[str] = mapped_column(String(64), default="")
    size: Mapped[int] = mapped_column(default=0)
    tags: Mapped[list[str]]
    categories: Mapped[list[str]]
    price_ceiling_fen: Mapped[int | None]
    reading_age: Mapped[int | None]
    timezone: Mapped[str] = mapped_column(String(40), default="Asia/Shanghai")
    quiet_from: Mapped[str] = mapped_column(String(5), default="22:30")
    quiet_until: Mapped[str] = mapped_column(String(5), default="08:00")
    cap_per_day: Mapped[int | None] = mapped_column(default=1)
    cap_per_week: Mapped[int | None]
    cool_down_hours: Mapped[float] = mapped_column(default=4.0)
    auto_approve: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(16), default="active")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
