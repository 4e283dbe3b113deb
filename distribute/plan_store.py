"""Stores what the planner decided: tailored posts, their quota, approvals by rule, refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from contentcenter.clock import Clock
from contentcenter.domain.content import ItemKind, ItemState
from contentcenter.domain.posts import PostState
from contentcenter.store.cards import ItemCard
from contentcenter.store.database import Database
from contentcenter.store.tables import ItemRow
from distribute.batches import subject_of
from distribute.experiments.strategy_book import remember_exposures
from distribute.facts import facts_of
from distribute.ledger import PostLedger, Step
from distribute.plan_loading import Field
from distribute.planner import PlannedPost, PlanResult, Refused
from distribute.quota import QuotaLedger, buckets_for
from distribute.rules import DeliveryRules
from distribute.tables import PlanRefusalRow
from distribute.tailoring import Tailor, load_interests, load_passages, new_code

STORE_CHUNK = 500
RULE_ACTOR = "rule:auto_approve"
Row = dict[str, Any]


class PlanStore:
    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        ledger: PostLedger,
        quota: QuotaLedger,
        tailor: Tailor,
        rules: DeliveryRules,
    ) -> None:
        self._db = db
        self._clock = clock
        self._ledger = ledger
        self._quota = quota
        self._tailor = tailor
        self._rules = rules

    def save(
        self, plan_id: int, field: Field, result: PlanResult, items: Mapping[int, ItemCard]
    ) -> None:
        """Write posts and refusals in pieces, so that the database is never held for long."""
        for start in range(0, len(result.posts), STORE_CHUNK):
            piece = result.posts[start : start + STORE_CHUNK]
            rows, risky = self._rows(plan_id, field, piece, items)
            self._save_rows(plan_id, field, rows, risky, items)
        for start in range(0, len(result.refusals), STORE_CHUNK * 4):
            self._save_refusals(plan_id, result.refusals[start : start + STORE_CHUNK * 4])

    def _rows(
        self,
        plan_id: int,
        field: Field,
        posts: Sequence[PlannedPost],
        items: Mapping[int, ItemCard],
    ) -> tuple[list[Row], set[int]]:
        """Tailor the posts. Also returns the items with open risks."""
        with self._db.reading() as session:
            passages = load_passages(session, (post.item_id for post in posts))
            interests = load_interests(session, (post.audience_id for post in posts))
            risky = _risky(session, [post.item_id for post in posts])
        rows = []
        for post in posts:
            item, audience = items[post.item_id], field.audiences[post.audience_id]
            code = new_code()
            content = self._tailor.write(
                item,
                audience,
                code,
                passages=passages.get(item.id),
                interests=interests.get(audience.id),
                style=field.chosen.copy_style(audience.id, post.at),
            )
            rows.append(
                {
                    "plan_id": plan_id,
                    "audience_id": audience.id,
                    "channel_id": audience.channel_id,
                    "item_id": item.id,
                    "work_ids": list(item.works),
                    "slot_at": post.at,
                    "score": post.score,
                    "parts": dict(post.parts),
                    "content": content,
                    "code": code,
                    "client_key": f"cc-{code}",
                    "facts": facts_of(item, content, post.at, audience.channel_kind),
                }
            )
        return rows, risky

    def _save_rows(
        self,
        plan_id: int,
        field: Field,
        rows: Sequence[Row],
        risky: set[int],
        items: Mapping[int, ItemCard],
    ) -> None:
        now = self._clock.now()
        with self._db.transaction() as session:
            made = self._ledger.create(session, now, rows, f"plan:{plan_id}")
            stored = {made[row["code"]]: row for row in rows if row["code"] in made}
            self._reserve(session, now, field, stored)
            remember_exposures(session, now, field.chosen, stored)
            approved = [
                post_id
                for post_id, row in stored.items()
                if field.audiences[row["audience_id"]].auto_approve
                and row["facts"]["rights"]
                and may_approve_by_rule(items[row["item_id"]], row["item_id"] in risky)
            ]
            values = {"approved_by": RULE_ACTOR, "approved_at": now}
            step = Step(0, PostState.APPROVED, "approved", actor=RULE_ACTOR, values=values)
            self._ledger.move_all(session, now, approved, step)

    def _reserve(
        self, session: Session, now: datetime, field: Field, stored: Mapping[int, Row]
    ) -> None:
        """Hold the quota of each post; one whose quota is gone meanwhile is dropped."""
        wanted = {}
        for post_id, row in stored.items():
            audience = field.audiences[row["audience_id"]]
            subject = subject_of(field.channels[audience.channel_id], audience)
            wanted[post_id] = buckets_for(subject, row["slot_at"], self._rules.wecom_rule)
        clashes = self._quota.reserve(session, now, wanted)
        step = Step(0, PostState.CANCELLED, "quota", "Another plan used up the quota")
        self._ledger.move_all(session, now, list(clashes), step)

    def _save_refusals(self, plan_id: int, refusals: Sequence[Refused]) -> None:
        rows = [
            {
                "plan_id": plan_id,
                "audience_id": refusal.audience_id,
                "slot_at": refusal.at,
                "item_id": refusal.item_id,
                "reason": str(refusal.reason),
                "details": dict(refusal.details),
            }
            for refusal in refusals
        ]
        with self._db.transaction() as session:
            session.execute(insert(PlanRefusalRow.__table__), rows)  # type: ignore[arg-type]


def may_approve_by_rule(item: ItemCard, risky: bool) -> bool:
    """Trusted sources and our own editors, without open risks, in stock and published."""
    known = item.source_trusted or item.kind == ItemKind.PGC
    return known and not risky and item.in_stock and item.state == ItemState.PUBLISHED


def _risky(session: Session, item_ids: Sequence[int]) -> set[int]:
    query = select(ItemRow.id, ItemRow.risks).where(ItemRow.id.in_(set(item_ids)))
    return {item_id for item_id, risks in session.execute(query) if risks}
