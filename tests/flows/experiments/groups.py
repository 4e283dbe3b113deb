"""Groups with a history, for the flows of experiments: audiences, told posts, and what readers
did with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import insert

from contentcenter.domain.channels import AudienceKind
from contentcenter.floor import Floor
from contentcenter.store.tables import AudienceRow, ChannelRow, EventRow
from distribute.experiments.draft import Arm, Draft
from distribute.experiments.outcomes import Metric
from distribute.experiments.strategy import Layer, strategy_from
from distribute.ports import Match
from distribute.tables import PostRow, SlotRow
from tests.flows.distribute_world import ShelfOrder

GROUPS = 16

NOBODY: dict[str, Any] = {
    "description": "", "owner_userid": "zhang", "tags": [], "categories": [],
    "price_ceiling_fen": None, "reading_age": None, "timezone": "Asia/Shanghai",
    "quiet_from": "00:00", "quiet_until": "00:00", "cap_per_day": 1, "cap_per_week": None,
    "cool_down_hours": 0.0, "auto_approve": False, "state": "active", "version": 1,
}  # fmt: skip


class ReversedShelf(ShelfOrder):
    """What other weights may do: the last item first."""

    def match_items_for_audience(
        self,
        audience_id: int,
        limit: int,
        channel_kind: str | None = None,
        at: datetime | None = None,
    ) -> Sequence[Match]:
        found = super().match_items_for_audience(audience_id, 1000, channel_kind, at)
        return list(reversed(found))[:limit]


def add_groups(floor: Floor, count: int, *, readers: int = 100) -> list[int]:
    """Active groups of one channel with a slot at 20:30 every day."""
    now = floor.clock.now()
    with floor.db.transaction() as session:
        channel = ChannelRow(
            kind="wecom_groups", name="企业微信", account="ww1", credentials={}, settings={},
            state="active", created_at=now,
        )  # fmt: skip
        session.add(channel)
        session.flush()
        rows = [
            AudienceRow(
                channel_id=channel.id, kind=AudienceKind.GROUP, name=f"群 {number}",
                platform_ref=f"wr{number}", size=readers + 10 * (number % 7), created_at=now,
                updated_at=now, **NOBODY,
            )
            for number in range(count)
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        ids = [row.id for row in rows]
        days = list(range(7))
        session.add_all(
            [SlotRow(audience_id=one, weekdays=days, local_time="20:30") for one in ids]
        )
    return ids


def tell(
    floor: Floor,
    audience_ids: Sequence[int],
    item_id: int,
    start: datetime,
    days: int,
    *,
    rates: Sequence[float],
    leaves: Sequence[int] = (),
    seed: int = 1,
) -> None:
    """A delivered post a day for every group; its readers click at the group's rate. `leaves`:
    readers who leave, a group and day."""
    rng = np.random.default_rng(seed)
    posts, events = [], []
    for place, audience_id in enumerate(audience_ids):
        for day in range(days):
            at = start + timedelta(days=day, hours=12, minutes=30)
            key = f"{audience_id}-{at:%m%d}"
            posts.append(_post(audience_id, item_id, at, key, place))
            clicks = int(rng.binomial(80, rates[place]))
            kinds = ["impression"] * 80 + ["click"] * clicks
            kinds += ["leave"] * (leaves[place] if leaves else 0)
            events += [(audience_id, key, at, kind, number) for number, kind in enumerate(kinds)]
    with floor.db.transaction() as session:
        made = session.execute(insert(PostRow).returning(PostRow.id, PostRow.code), posts)
        ids = {code: post_id for post_id, code in made}
        session.execute(insert(EventRow), [_event(one, ids, item_id) for one in events])


def _post(audience_id: int, item_id: int, at: datetime, key: str, place: int) -> dict[str, object]:
    # Each post of a group has an item of its own in life; here the state keeps them apart.
    return {
        "plan_id": None, "audience_id": audience_id, "channel_id": 1, "item_id": item_id,
        "work_ids": [], "slot_at": at, "state": "failed", "score": 1.0, "parts": {},
        "content": {}, "code": key, "client_key": f"cc-{key}", "facts": {}, "approved_by": "",
        "attempts": 1, "reference": "", "progress": {}, "reason": "", "message": "",
        "created_at": at, "updated_at": at,
    }  # fmt: skip


def _event(
    one: tuple[int, str, datetime, str, int], ids: dict[str, int], item_id: int
) -> dict[str, object]:
    audience_id, key, at, kind, number = one
    told = kind != "leave"
    return {
        "event_id": f"{key}-{number}", "kind": kind, "reader_id": None,
        "audience_id": audience_id, "item_id": item_id if told else None,
        "post_id": ids[key] if told else None, "at": at, "received_at": at,
    }  # fmt: skip


def draft(**more: object) -> Draft:
    """Question against the usual tone, on all groups, for seven days."""
    values: dict[str, object] = {
        "name": "提问开头",
        "hypothesis": "开头提问，点的人更多",
        "layer": Layer.COPY,
        "metric": Metric.CLICKS_PER_IMPRESSION,
        "arms": [
            Arm("原样", 0.5),
            Arm("提问", 0.5, strategy_from({"copy_style": "question"})),
        ],
        "days": 7,
        **more,
    }
    return Draft(**values)  # type: ignore[arg-type]
