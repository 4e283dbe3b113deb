"""What the groups of an experiment did, as numbers: counts by group and day, and metrics.

Pure; `outcome_loading` fills it from the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np

from distribute.experiments.estimate import Floats

# Per-reader metrics are told for a month, the length people think of.
MONTH_DAYS = 30.0


class Count(IntEnum):
    """Columns of `Outcomes.counts`. Orders and money are net of refunds."""

    IMPRESSIONS = 0
    CLICKS = 1
    ORDERS = 2
    NET_FEN = 3
    LEAVES = 4
    MUTES = 5


class Metric(StrEnum):
    CLICKS_PER_IMPRESSION = "clicks_per_impression"
    ORDERS_PER_READER = "orders_per_reader"
    NET_REVENUE_PER_READER = "net_revenue_per_reader"  # fen


class Guard(StrEnum):
    """What must not get worse, whatever the metric says."""

    LEAVE_RATE = "leave_rate"
    MUTE_RATE = "mute_rate"


_COLUMN: dict[str, Count] = {
    Metric.CLICKS_PER_IMPRESSION: Count.CLICKS,
    Metric.ORDERS_PER_READER: Count.ORDERS,
    Metric.NET_REVENUE_PER_READER: Count.NET_FEN,
    Guard.LEAVE_RATE: Count.LEAVES,
    Guard.MUTE_RATE: Count.MUTES,
}


@dataclass(frozen=True)
class Outcomes:
    """audience_ids: the rows. readers: of each group. counts: (groups, days, len(Count)), day 0
    being the first 24 hours of the window."""

    audience_ids: tuple[int, ...]
    readers: Floats
    counts: Floats

    @property
    def days(self) -> int:
        return int(self.counts.shape[1])


def ratio_parts(
    outcomes: Outcomes, metric: str, start: int = 0, end: int | None = None
) -> tuple[Floats, Floats]:
    """Numerator and denominator of a metric over days [start, end), one a group. Per-reader
    metrics count reader-months, so that a longer window does not look like a higher rate."""
    window = outcomes.counts[:, start:end]
    counts: Floats = window.sum(axis=1)
    numerator: Floats = counts[:, _COLUMN[metric]]
    if metric == Metric.CLICKS_PER_IMPRESSION:
        return numerator, counts[:, Count.IMPRESSIONS]
    return numerator, outcomes.readers * (window.shape[1] / MONTH_DAYS)


def ratio(
    outcomes: Outcomes, metric: str, start: int = 0, end: int | None = None
) -> tuple[Floats, Floats]:
    """The metric of each group (NaN without a denominator), and the denominator."""
    numerator, denominator = ratio_parts(outcomes, metric, start, end)
    value = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=value, where=denominator > 0)
    return value, denominator
