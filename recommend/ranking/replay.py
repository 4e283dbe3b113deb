"""Offline replay: what would another version have earned where chance left a choice? Pure.

A place that was drawn by lot is a small experiment: so many items competed, each with a known
chance. A version that would have chosen item a is judged by the pages where a was drawn,
weighted by one over its chance (inverse propensity scoring, Horvitz and Thompson 1952; Strehl
et al. 2010), clipped (Bottou et al. 2013) and self-normalised (Swaminathan and Joachims 2015).
All other places were filled by rule: about them the logs cannot say anything, and this does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contentcenter.embedding.ports import Vectors
from recommend.ranking.examples import SeenEntry
from recommend.ranking.features import unpack
from recommend.ranking.logistic import Floats

REPLICATES = 1_000
Score = Callable[[Vectors], Vectors]


@dataclass(frozen=True)
class ReplaySettings:
    """Weights above `clip` are cut. Below `least_effective` pages or `least_matches` pages where
    the version agreed with chance, the logs cannot answer."""

    clip: float = 40.0
    least_effective: float = 100.0
    least_matches: int = 50


@dataclass(frozen=True)
class Draw:
    """One place drawn by lot and seen: feature rows (k, F) of who competed, their chances, who
    won and what came of it."""

    reader: int
    rows: Vectors
    chances: tuple[float, ...]
    chosen: int
    answer: float


@dataclass(frozen=True)
class Estimate:
    """A click rate of the explored places with its 95 % interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        return {
            "value": round(self.value, 5), "low": round(self.low, 5), "high": round(self.high, 5)
        }  # fmt: skip


@dataclass(frozen=True)
class Replay:
    """`logged` is what was earned, `ips` and `snips` what the version would have earned,
    `gain` = snips - logged on the same resampled readers. `answered` is False when the logs
    hold too little: then the estimates are no ground for a decision."""

    draws: int
    matches: int
    effective: float
    clipped: int
    logged: Estimate
    ips: Estimate
    snips: Estimate
    gain: Estimate
    answered: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "draws": self.draws,
            "matches": self.matches,
            "effective_sample": round(self.effective, 1),
            "clipped": self.clipped,
            "logged": self.logged.as_json(),
            "ips": self.ips.as_json(),
            "snips": self.snips.as_json(),
            "gain": self.gain.as_json(),
            "verdict": self.verdict,
        }

    @property
    def verdict(self) -> str:
        if not self.answered:
            return "the logs cannot tell: too few explored places where the version agrees"
        if self.gain.low > 0.0:
            return "better in explored places"
        return "worse in explored places" if self.gain.high < 0.0 else "no difference seen"


def draws(entries: Sequence[SeenEntry]) -> list[Draw]:
    """The explored places that readers met."""
    out = []
    for one in entries:
        told = one.offer
        if told is not None:
            rows = unpack(one.entry["offer"]["x"])
            out.append(
                Draw(one.answer.reader_id, rows, told.chances, told.chosen, float(one.responded))
            )
    return out


def replay(log: Sequence[Draw], score: Score, settings: ReplaySettings | None = None) -> Replay:
    """Judge the policy "the best of those who competed by `score`" on the log."""
    rules = settings or ReplaySettings()
    weights = np.array([_weight(one, score) for one in log], dtype=np.float64)
    clipped = int((weights > rules.clip).sum())
    weights = np.minimum(weights, rules.clip)
    answers = np.array([one.answer for one in log], dtype=np.float64)
    matches = int((weights > 0).sum())
    effective = _effective(weights)
    readers = np.array([one.reader for one in log], dtype=np.int64)
    logged, ips, snips, gain = _estimates(weights, answers, readers)
    enough = effective >= rules.least_effective and matches >= rules.least_matches
    return Replay(len(log), matches, effective, clipped, logged, ips, snips, gain, enough)


def _weight(one: Draw, score: Score) -> float:
    """One over the chance of the drawn item if the version would have chosen it, else 0."""
    best = int(np.argmax(score(one.rows)))
    return 1.0 / one.chances[one.chosen] if best == one.chosen else 0.0


def _effective(weights: Floats) -> float:
    """Kish's effective sample size."""
    square = float((weights**2).sum())
    return float(weights.sum()) ** 2 / square if square else 0.0


def _estimates(
    weights: Floats, answers: Floats, readers: npt.NDArray[np.int64]
) -> tuple[Estimate, Estimate, Estimate, Estimate]:
    """Point estimates, and percentile intervals over resampled readers."""
    if not len(answers):
        nothing = Estimate(0.0, 0.0, 0.0)
        return nothing, nothing, nothing, nothing
    _, reader = np.unique(readers, return_inverse=True)
    columns = np.stack([np.ones_like(answers), answers, weights, weights * answers])
    sums = np.stack([np.bincount(reader, weights=one) for one in columns])
    luck = np.random.default_rng(0)
    even = np.full(sums.shape[1], 1.0 / sums.shape[1])
    times = luck.multinomial(sums.shape[1], even, size=REPLICATES).astype(np.float64)
    again = times @ sums.T
    point, many = _rates(sums.sum(axis=1)[None, :])[:, 0], _rates(again)
    made = [
        Estimate(float(one), *(float(edge) for edge in np.quantile(row, [0.025, 0.975])))
        for one, row in zip(point, many, strict=True)
    ]
    return made[0], made[1], made[2], made[3]


def _rates(sums: Floats) -> Floats:
    """Rows logged, ips, snips, gain from columns n, answers, weights, weighted answers."""
    count, answers, weights, weighted = sums.T
    logged, ips = answers / count, weighted / count
    snips = np.divide(weighted, weights, out=np.zeros_like(weights), where=weights > 0)
    rows: Floats = np.stack([logged, ips, snips, snips - logged])
    return rows
