"""Strengths of spreading to compare, and what each takes of similarity and nDCG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.diversity_world import PAGES, Tally
from recommend.feed.spreading import FeedSettings

SERVED = FeedSettings()
UNSPREAD = FeedSettings(similarity=0.0, same_author=0.0, same_category=0.0, same_source=0.0)
PENALTIES = ("similarity", "same_author", "same_category", "same_source")
STRENGTHS = (0.5, 1.0, 2.0, 4.0)
DRAWS = 1_000  # of the bootstrap
DRAWN_AT_ONCE = 50
Array = npt.NDArray[np.float64]


def scaled(times: float) -> FeedSettings:
    """All penalties of the served settings, so many times as strong."""
    return replace(SERVED, **{name: times * getattr(SERVED, name) for name in PENALTIES})


def alone(name: str) -> FeedSettings:
    return replace(UNSPREAD, **{name: getattr(SERVED, name)})


def sweep_arms() -> dict[str, FeedSettings]:
    """Strengths beside each other: all together, then each alone. `plain` is the reference."""
    together = {f"all x {times:g}": scaled(times) for times in STRENGTHS}
    return {"plain": UNSPREAD, **together, **{f"{one} alone": alone(one) for one in PENALTIES}}


def pages_of(tally: Tally) -> dict[str, float]:
    """What the pages were like."""
    return {
        "similarity": round(float(np.mean(tally.alike)), 4),
        "ndcg@10": round(float(np.mean(tally.ndcg)), 4),
        "groups_a_page": round(float(np.mean(tally.groups)), 2),
        "categories_a_page": round(float(np.mean(tally.categories)), 2),
        "authors_a_page": round(float(np.mean(tally.authors)), 2),
        "pages_doubling_an_author": round(float(np.mean(tally.author_doubled)), 4),
        "pages_doubling_a_work": round(float(np.mean(tally.work_doubled)), 4),
    }


def figures(tally: Tally) -> dict[str, Any]:
    """What was served to one arm's readers."""
    return {
        "sessions": len(tally.alike) // PAGES,
        "shown_items_returned": tally.shown_returned,
        "hidden_items_returned": tally.hidden_returned,
        "items_met_elsewhere_returned": tally.met_returned,
        "hidden": tally.hidden,
        "met_elsewhere": tally.met,
        "pages_asked_again": tally.asked_again,
        "empty": tally.empty,
        "click_rate": round(tally.clicks / max(tally.shown, 1), 4),
        **pages_of(tally),
    }


def compared(arm: Tally, plain: Tally) -> dict[str, Any]:
    """What spreading takes, over the readers of both."""
    twins = sorted(set(arm.reader) & set(plain.reader))
    return {"readers": len(twins), **loss(_by_reader(arm, twins), _by_reader(plain, twins))}


def loss(spread: Array, plain: Array) -> dict[str, float]:
    """Shares of similarity and nDCG (the columns; a row a reader) that spreading takes, with the
    standard error of the latter: bootstrap over readers (Efron 1979)."""
    kept = spread.mean(axis=0) / plain.mean(axis=0)
    luck, count = np.random.default_rng(5), len(plain)
    means: list[float] = []
    while len(means) < DRAWS:
        drawn = luck.integers(0, count, (DRAWN_AT_ONCE, count))
        means += (spread[drawn, 1].mean(axis=1) / plain[drawn, 1].mean(axis=1)).tolist()
    return {
        "similarity_less": round(float(1 - kept[0]), 4),
        "ndcg_loss": round(float(1 - kept[1]), 4),
        "ndcg_loss_standard_error": round(float(np.std(means)), 4),
    }


def _by_reader(tally: Tally, readers: Sequence[int]) -> Array:
    """Mean similarity and nDCG (r, 2) of the pages of these readers."""
    ours = np.isin(tally.reader, readers)
    whose = np.searchsorted(readers, np.array(tally.reader)[ours])
    pages = np.bincount(whose, minlength=len(readers))
    columns = [np.array(tally.alike), np.array(tally.ndcg)]
    sums = [np.bincount(whose, one[ours], len(readers)) for one in columns]
    return np.stack([one / pages for one in sums], axis=1)
