"""Guard rails of a bandit, simulated at group level with the product's own draws and readings.

Arms are drawn weekly by the click rates so far; the arm on trial earns more clicks, so the base
becomes rare, and all groups lose more readers in some weeks than in others: what a comparison
across weeks would take for the arm's doing. Printed: how often daily looks stop an arm that loses
no more readers, and one that loses more.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace

import numpy as np

from bench.experiments import Variation, World, make_world, outcomes_of, spread, with_leaves
from distribute.experiments.bandit import Rewards, choose, posterior, propensities
from distribute.experiments.estimate import Ints
from distribute.experiments.guards import WEEK, WeeklyDraws, weekly_guard_reading
from distribute.experiments.outcomes import Guard, Metric, Outcomes, ratio

FLOOR = 0.1
MONTHLY = 0.03
SEASON = 0.5  # coefficient of variation of a week's leaving, the same for all groups


@dataclass(frozen=True)
class Harm:
    """The arm on trial: `leaves` and `clicks` times those of the base."""

    leaves: float = 1.0
    clicks: float = 1.2


def stopped_on(
    variation: Variation, groups: int, weeks: int, seed: int, harm: Harm
) -> tuple[int | None, float]:
    """The day on which daily looks stop the arm (None: never), and the arm's share of draws in
    the last week."""
    days = WEEK * weeks
    world = make_world(variation, groups, days, seed)
    rng = np.random.default_rng([19, seed])
    own = MONTHLY / 30 * world.before.readers[:, None] * spread(rng, 0.5, (groups, 1))
    season = spread(rng, SEASON, (1, weeks)).repeat(WEEK, axis=1)
    history = with_leaves(world.before, rng.poisson(own, (groups, 2 * days)))
    draws = _drawn(world, history, seed, harm)
    daily = draws.repeat(WEEK, axis=1)
    leaves = rng.poisson(own * season * np.where(daily == 1, harm.leaves, 1.0))
    whole = with_leaves(
        outcomes_of(world.before.readers, world.impressions, world.impressions * 0), leaves
    )
    before = {guard: ratio(history, guard)[0] for guard in Guard}
    told = WeeklyDraws(draws, before, 2)
    for day in range(1, days + 1):
        seen = replace(whole, counts=whole.counts[:, :day])
        if weekly_guard_reading(told, seen, 1, Guard.LEAVE_RATE).worse:
            return day, float((draws[:, -1] == 1).mean())
    return None, float((draws[:, -1] == 1).mean())


def _drawn(world: World, history: Outcomes, seed: int, harm: Harm) -> Ints:
    """(groups, weeks): the bandit's own draws, from the clicks of the weeks before."""
    rng = np.random.default_rng([23, seed])
    rate, impressions = world.rate, world.impressions
    weeks = impressions.shape[1] // WEEK
    before, _ = ratio(history, Metric.CLICKS_PER_IMPRESSION)
    usual = float(np.nanmean(before))
    arms = np.zeros((len(before), weeks), dtype=np.int64)
    gains, weights = np.zeros(arms.shape), np.zeros(arms.shape)
    for week in range(weeks):
        past = (slice(None), slice(0, week))
        rewards = Rewards(arms[past].ravel(), gains[past].ravel(), weights[past].ravel())
        chances = propensities(posterior(rewards, 2, usual), FLOOR)
        arms[:, week] = [choose(chances, seed, group, week).arm for group in range(len(before))]
        span = slice(week * WEEK, (week + 1) * WEEK)
        lift = np.where(arms[:, week] == 1, harm.clicks, 1.0)[:, None]
        clicks = rng.binomial(impressions[:, span], np.minimum(rate[:, span] * lift, 1.0)).sum(1)
        weights[:, week] = impressions[:, span].sum(1)
        gains[:, week] = clicks / np.maximum(weights[:, week], 1.0) - before
    return arms


def measure(
    variation: Variation, *, seeds: int, groups: int, weeks: int, harm: Harm
) -> dict[str, float | None]:
    """Over `seeds` experiments: share stopped, the middle day of those, the arm's last share."""
    found = [stopped_on(variation, groups, weeks, seed, harm) for seed in range(seeds)]
    days = [day for day, _ in found if day is not None]
    return {
        "stopped": len(days) / seeds,
        "day": float(np.median(days)) if days else None,
        "last_share": round(float(np.mean([share for _, share in found])), 3),
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench bandit-guards", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--weeks", type=int, default=8)
    options = parser.parse_args(arguments)
    started = time.monotonic()
    # As measured on the twin's readers by `python -m bench experiments`, rounded.
    variation = Variation(mean=0.13, between=0.3, drift=0.1, daily=0.25, seen=0.5, seen_between=0.2)
    found = {
        f"{groups} groups": {
            f"{leaves:g} x": measure(
                variation,
                seeds=options.seeds,
                groups=groups,
                weeks=options.weeks,
                harm=Harm(leaves),
            )
            for leaves in (1.0, 1.5, 2.0, 3.0)
        }
        for groups in (12, 40)
    }
    seconds = round(time.monotonic() - started, 1)
    print(json.dumps({**vars(options), **found, "seconds": seconds}))
    return 0
