"""What it would take: the counterfactual of a match, solved from the parts of its score. Pure.

A price moves two things only, the part `price` (a known curve, see `prices.fit_table`) and the
hard ceiling, so the price at which an item would be first is solved for. Fatigue fades with a
known half-life. A tag moves several parts; its effect is scored by whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np

from contentcenter.embedding.ports import Vectors
from contentcenter.store.cards import RightsCard
from recommend.matching.features import UNKNOWN_PRICE_FIT
from recommend.matching.lags import yuan
from recommend.persona_math.prices import BINS, fit_table, spread

LONGEST_DAYS = 30
_HIGHEST_YUAN = 1_000


class Outcome(StrEnum):
    """What would come of it."""

    ELIGIBLE = "eligible"
    FIRST = "first"


# Kind and outcome in words; `values` fill the braces. English: console/english.json.
TEXTS: dict[tuple[str, Outcome], str] = {
    ("price", Outcome.ELIGIBLE): "若价格不高于 {yuan} 元，就可以发",
    ("price", Outcome.FIRST): "若价格不高于 {yuan} 元，将排第一",
    ("price_up", Outcome.FIRST): "若价格不低于 {yuan} 元，将排第一",
    ("tag", Outcome.FIRST): "若带有标签“{tag}”，将排第一",
    ("fatigue", Outcome.FIRST): "约 {days} 天后疲劳消退，将排第一",
    ("rights", Outcome.ELIGIBLE): "{date} 起授权生效，就可以发",
    ("rights_renewal", Outcome.ELIGIBLE): "若供应商续签授权，就可以发",
    ("channel", Outcome.ELIGIBLE): "若改用授权包含的渠道，就可以发",
    ("stock", Outcome.ELIGIBLE): "若补上库存，就可以发",
    ("publish", Outcome.ELIGIBLE): "若内容发布，就可以发",
}


@dataclass(frozen=True)
class Would:
    """`kind` and `outcome` are stable, `values` what it would take (yuan, tag, days, date),
    `text` is for people."""

    kind: str
    outcome: Outcome
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def template(self) -> str:
        return TEXTS[self.kind, self.outcome]

    @property
    def text(self) -> str:
        return self.template.format(**self.values)


@dataclass(frozen=True)
class PriceCurve:
    """How one audience takes prices: its band, how sensitive it is, its ceiling (None: none)
    and what a perfect price is worth in the score."""

    p20: float
    p80: float
    sensitivity: float
    ceiling_fen: float | None
    weight: float

    def part(self, price_fen: float | None) -> float:
        """The part `price` at this price, as `score_matrix` counts it."""
        if price_fen is None:
            return self.weight * UNKNOWN_PRICE_FIT
        table = fit_table(self.p20, self.p80, self.sensitivity)
        return self.weight * float(sum(share * table[at] for at, share in spread(price_fen)))

    def parts(self, prices_fen: Sequence[float]) -> Vectors:
        table = np.append(fit_table(self.p20, self.p80, self.sensitivity), 0.0)[:BINS]
        found = [sum(share * table[at] for at, share in spread(price)) for price in prices_fen]
        return np.array(found, dtype=np.float32) * np.float32(self.weight)


def price_for(curve: PriceCurve, price_fen: int | None, gap: float) -> Would | None:
    """The whole price in yuan nearest to today's at which `gap` more score is reached below
    the ceiling; None when no price does it. Without a price there is nothing to change."""
    if price_fen is None:
        return None
    top = _HIGHEST_YUAN if curve.ceiling_fen is None else int(curve.ceiling_fen // 100)
    yuan = np.arange(1, max(top, 0) + 1)
    reached = yuan[curve.parts((yuan * 100.0).tolist()) >= curve.part(price_fen) + gap]
    if not len(reached):
        return None
    below = reached[reached * 100 < price_fen]
    if len(below):
        return Would("price", Outcome.FIRST, {"yuan": int(below.max())})
    return Would("price_up", Outcome.FIRST, {"yuan": int(reached.min())})


def fatigue_for(gap_on: Callable[[float], float]) -> Would | None:
    """The first day ahead on which an item's lag behind the first, `gap_on(days)`, is gone
    because tiredness has faded; None within a month."""
    for days in range(1, LONGEST_DAYS + 1):
        if gap_on(float(days)) <= 0.0:
            return Would("fatigue", Outcome.FIRST, {"days": days})
    return None


def tag_for(scores: Mapping[str, float], leader: float) -> Would | None:
    """The tag with which an item would stand highest, if that is above the first."""
    best = max(scores, key=lambda tag: (scores[tag], tag), default=None)
    if best is None or scores[best] <= leader:
        return None
    return Would("tag", Outcome.FIRST, {"tag": best})


def eligible_for(
    reasons: Sequence[str],
    *,
    ceiling_fen: float | None,
    rights: Sequence[RightsCard],
    at: datetime,
    channel_kind: str | None,
) -> tuple[Would, ...]:
    """What each refusal would take to fall; all of them must."""
    out = []
    for reason in reasons:
        if reason == "price_ceiling" and ceiling_fen is not None:
            out.append(Would("price", Outcome.ELIGIBLE, {"yuan": yuan(ceiling_fen)}))
        elif reason == "rights_closed":
            out.append(_from_when(rights, at, channel_kind))
        else:
            out.append(Would(_BY_REASON[reason], Outcome.ELIGIBLE))
    return tuple(out)


_BY_REASON = {
    "price_ceiling": "price",
    "rights_channel": "channel",
    "out_of_stock": "stock",
    "not_published": "publish",
}


def _from_when(rights: Sequence[RightsCard], at: datetime, channel_kind: str | None) -> Would:
    """The next window that opens and allows the channel; without one, a renewal."""
    opens = [
        one.starts_at
        for one in rights
        if one.starts_at is not None
        and one.starts_at > at
        and one.allows(one.starts_at, channel_kind)
    ]
    if not opens:
        return Would("rights_renewal", Outcome.ELIGIBLE)
    return Would("rights", Outcome.ELIGIBLE, {"date": min(opens).date().isoformat()})
