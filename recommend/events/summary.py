"""What posts, feed answers and audiences brought: counts and money, refunds taken off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from contentcenter.domain.events import EventKind
from contentcenter.store.tables import EventRow

CHUNK = 400


@dataclass(frozen=True)
class Outcome:
    """Events of one post, answer or audience, by kind; money in fen."""

    counts: Mapping[str, int] = field(default_factory=dict)
    revenue_fen: int = 0
    refunded_fen: int = 0

    @property
    def net_fen(self) -> int:
        """Paid less refunded; never below zero, because no order is."""
        return self.revenue_fen - self.refunded_fen

    def of(self, kind: str) -> int:
        return self.counts.get(kind, 0)


def outcomes_of_posts(session: Session, post_ids: Sequence[int]) -> dict[int, Outcome]:
    """What each post brought; posts without any event are left out."""
    return _outcomes(session, EventRow.attributed_post_id, post_ids)


def outcomes_of_answers(session: Session, trace_ids: Sequence[str]) -> dict[str, Outcome]:
    """What each feed answer brought; answers without any event are left out."""
    return _outcomes(session, EventRow.attributed_trace_id, trace_ids)


def outcomes_of_audiences(session: Session, audience_ids: Sequence[int]) -> dict[int, Outcome]:
    """What readers reported with each audience did; audiences without any event are left out.

    A refund is taken off where its order was reported, so no audience falls below zero for an
    order that is not its own.
    """
    found = _outcomes(session, EventRow.audience_id, audience_ids)
    back = _refunded_orders(session, audience_ids)
    return {
        one: Outcome(told.counts, told.revenue_fen, back.get(one, 0)) for one, told in found.items()
    }


def _refunded_orders(session: Session, audience_ids: Sequence[int]) -> dict[int, int]:
    """Fen taken back from the orders of each audience, wherever the refund was reported."""
    order, refund = aliased(EventRow), aliased(EventRow)
    back: dict[int, int] = {}
    for start in range(0, len(audience_ids), CHUNK):
        query = (
            select(order.audience_id, func.sum(refund.refunded_fen))
            .join(refund, refund.refunded_event_id == order.id)
            .where(order.audience_id.in_(audience_ids[start : start + CHUNK]))
            .group_by(order.audience_id)
        )
        for audience, fen in session.execute(query):
            if audience is not None:
                back[audience] = int(fen or 0)
    return back


def _outcomes(session: Session, column: Any, ids: Sequence[Any]) -> dict[Any, Outcome]:
    counts: dict[Any, dict[str, int]] = {}
    revenue: dict[Any, int] = {}
    back: dict[Any, int] = {}
    values = (func.count(), func.sum(EventRow.value_fen), func.sum(EventRow.refunded_fen))
    for start in range(0, len(ids), CHUNK):
        query = (
            select(column, EventRow.kind, *values)
            .where(column.in_(ids[start : start + CHUNK]))
            .group_by(column, EventRow.kind)
        )
        for one, kind, count, value, refunded in session.execute(query):
            counts.setdefault(one, {})[kind] = count
            back[one] = back.get(one, 0) + int(refunded or 0)
            if kind == EventKind.ORDER:
                revenue[one] = int(value or 0)
    return {
        one: Outcome(found, revenue.get(one, 0), back.get(one, 0)) for one, found in counts.items()
    }
