"""Synonyms, author aliases and stop words that operators keep."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from contentcenter.store.base import BigId, Table


class SearchWordRow(Table):
    """One line of a list (`kind`: group, one_way, alias, stop), in the order of `position`."""

    __tablename__ = "search_words"
    __table_args__ = (Index("uq_search_words_place", "kind", "position", unique=True),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    position: Mapped[int]
    line: Mapped[str] = mapped_column(String(1000))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(120))
