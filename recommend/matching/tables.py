"""What audiences answered to, as rows."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from contentcenter.store.base import Table


class MatchMemoryRow(Table):
    """An item that an audience answered to, kept up by the learning job. `weight` is the sum
    of its answers decayed to `day`, the day number of the last of them. Bounded by audience
    (see `match_memory`)."""

    __tablename__ = "match_memory"

    audience_id: Mapped[int] = mapped_column(
        ForeignKey("audiences.id", ondelete="CASCADE"), primary_key=True
    )
    item_id: Mapped[int] = mapped_column(
        ForeignKey("items.id", ondelete="CASCADE"), primary_key=True
    )
    weight: Mapped[float]
    day: Mapped[float]
