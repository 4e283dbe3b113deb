"""A few places of a page for what is still uncertain, by lot with known chances.

Thompson sampling (Thompson 1933; Chapelle and Li 2011) over click rates: an item's rate has a
Beta posterior whose prior mean is what the ranking predicts for this reader, worth `evidence`
impressions, and whose counts are what the item earned so far. The winner of one draw would have
an unknown propensity; here many draws are made, each item's chance is the share of them it
won (mixed with a little of the even chance), and one item is drawn from these chances. So the
logged propensity is exact, given the draws, and never zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from contentcenter.embedding.ports import Vectors
from recommend.ranking.logistic import Floats, sigmoid


@dataclass(frozen=True)
class ExploreSettings:
    """`share` of all places is explored: one of ten. `offered` items compete for a place, best
    upper confidence bounds first, among those shown less than `uncertain` times (decayed).
    `even` is the part of the chances that is spread evenly. `first_place` is the earliest place
    of a page that may be drawn (1 is the top)."""

    share: float = 0.1
    offered: int = 8
    uncertain: float = 100.0
    evidence: float = 20.0
    bound: float = 1.0
    draws: int = 128
    even: float = 0.1
    first_place: int = 2


@dataclass(frozen=True)
class Uncertain:
    """Candidates as exploration sees them: log-odds (n,), decayed counts (n,)."""

    log_odds: Vectors
    shown: Vectors
    liked: Vectors


@dataclass(frozen=True)
class Offer:
    """Who competed for a place (rows), with which chances (they sum to 1), and who won."""

    rows: tuple[int, ...]
    chances: tuple[float, ...]
    chosen: int

    @property
    def row(self) -> int:
        return self.rows[self.chosen]


def places_to_explore(served: int, size: int, settings: ExploreSettings) -> int:
    """How many places of a page of `size` after `served` earlier ones: `share` of all places
    of a session, however small its pages are."""
    before = int(served * settings.share + 1e-9)
    return int((served + size) * settings.share + 1e-9) - before


def offer(
    candidates: Uncertain,
    is_open: Callable[[int], bool],
    rules: ExploreSettings,
    luck: np.random.Generator,
) -> Offer | None:
    """Draw one of the uncertain candidates whose row `is_open`; None when fewer than two are.
    Rows are asked best first, and no more of them than compete."""
    rows = np.flatnonzero(candidates.shown < rules.uncertain)
    yes, no = _posterior(candidates, rows, rules)
    order = _by_bound(yes, no, rules).tolist()
    best = list(islice((one for one in order if is_open(int(rows[one]))), rules.offered))
    if len(best) < 2:
        return None
    chances = _chances(yes[best], no[best], rules, luck)
    chosen = int(luck.choice(len(best), p=chances))
    return Offer(
        tuple(int(one) for one in rows[best]), tuple(float(one) for one in chances), chosen
    )


def contenders(candidates: Uncertain, count: int, rules: ExploreSettings) -> list[int]:
    """The rows `offer` would ask first, `count` at most."""
    rows = np.flatnonzero(candidates.shown < rules.uncertain)
    order = _by_bound(*_posterior(candidates, rows, rules), rules)
    found: list[int] = rows[order[:count]].tolist()
    return found


def _by_bound(yes: Floats, no: Floats, rules: ExploreSettings) -> npt.NDArray[np.int64]:
    """Positions by upper confidence bound of the log-odds, best first."""
    bound = np.log(yes / no) + rules.bound * np.sqrt(1.0 / yes + 1.0 / no)
    return np.argsort(-bound, kind="stable")


def _posterior(
    candidates: Uncertain, rows: npt.NDArray[np.int64], rules: ExploreSettings
) -> tuple[Floats, Floats]:
    """Parameters of the Beta posteriors."""
    usual = sigmoid(candidates.log_odds[rows])
    liked = np.minimum(candidates.liked[rows], candidates.shown[rows]).astype(np.float64)
    missed = candidates.shown[rows].astype(np.float64) - liked
    return rules.evidence * usual + liked, rules.evidence * (1.0 - usual) + missed


def _chances(yes: Floats, no: Floats, rules: ExploreSettings, luck: np.random.Generator) -> Floats:
    winners = luck.beta(yes, no, size=(rules.draws, len(yes))).argmax(axis=1)
    won = np.bincount(winners, minlength=len(yes)) / rules.draws
    mixed = (1.0 - rules.even) * won + rules.even / len(yes)
    chances: Floats = mixed / mixed.sum()
    return chances
