"""Do group experiments keep their promise? A/A and A/B over many seeds.

    python -m bench experiments [--seeds 200] [--days 28] [--uplift 0.1]

Three sizes: 12 groups (few), 40, and as many as the product's own plan asks for to find the
planted uplift with 80 % power.

Groups are simulated at group level: unequal sizes, a click rate of their own that drifts between
the weeks before and the experiment, and good and bad days. How strongly these vary is measured
first on the twin's readers (sandbox/readers.py), then drawn for every seed. The product's own
code plans, assigns and analyses: distribute/experiments. One JSON object is the last line.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from distribute.experiments.analysis import (
    Design,
    daily_looks,
    final_look,
    first_decision,
)
from distribute.experiments.design import (
    Wish,
    design_from,
    least_groups,
    plan_experiment,
    seats_for,
)
from distribute.experiments.guards import guard_reading
from distribute.experiments.intervals import (
    ErrorBudget,
    always_valid_half_width,
    around,
    fixed_half_width,
    mixing_variance,
)
from distribute.experiments.outcomes import Count, Guard, Metric, Outcomes
from sandbox.readers import GroupTaste, ReaderMessage, made_topics, react, reader_of, remember
from sandbox.topics import TOPICS

ALPHA = 0.05
END_SEEDS = 1500


@dataclass(frozen=True)
class Variation:
    """mean: click rate. between: of groups (coefficient of variation of the lasting rate).
    drift: of one group from the weeks before to the experiment. daily: of one group from day to
    day. seen: share of a group that sees a message, and its coefficient of variation."""

    mean: float
    between: float
    drift: float
    daily: float
    seen: float
    seen_between: float


def measured_variation(groups: int = 24, readers: int = 40, days: int = 56) -> Variation:
    """Variance components of the twin's readers: one message a day for each group. Groups differ in
    taste, budget, activity, patience, and in how often a message is about a favourite topic (30
    to 95 in a hundred)."""
    rng = np.random.default_rng(7)
    shown, clicked = np.zeros((groups, days)), np.zeros((groups, days))
    for group in range(groups):
        shown[group], clicked[group] = _group_weeks(rng, readers, days)
    return _components(shown, clicked, readers)


def _group_weeks(rng: np.random.Generator, readers: int, days: int) -> tuple[Any, Any]:
    taste = GroupTaste(
        topics=made_topics(rng),
        budget_fen=int(rng.integers(30, 90) * 100),
        price_sensitivity=float(rng.uniform(0.3, 0.8)),
        activity=float(rng.uniform(0.35, 0.65)),
        patience=float(rng.uniform(4, 8)),
    )
    liked = float(rng.uniform(0.3, 0.95))
    people = [reader_of(taste, rng) for _ in range(readers)]
    shown, clicked = np.zeros(days), np.zeros(days)
    for day in range(days):
        message = _message(taste, liked, day, rng)
        for place, reader in enumerate(people):
            kinds = [action.kind for action in react(reader, message, rng)]
            shown[day] += "impression" in kinds
            clicked[day] += "click" in kinds
            people[place] = remember(reader, message)
    return shown, clicked


def _message(taste: GroupTaste, liked: float, day: int, rng: np.random.Generator) -> ReaderMessage:
    pool = sorted(taste.topics) if rng.random() < liked else sorted(TOPICS)
    topics = {str(rng.choice(pool)): 0.7, str(rng.choice(sorted(TOPICS))): 0.3}
    price = int(rng.integers(25, 80) * 100)
    return ReaderMessage(f"day {day}", "", price, 20, day * 86400.0, topics)


def _components(shown: Any, clicked: Any, readers: int) -> Variation:
    """Method of moments: the noise of counting is taken off each variance."""
    half = shown.shape[1] // 2
    halves = [slice(0, half), slice(half, None)]
    rates = np.array([clicked[:, one].sum(1) / shown[:, one].sum(1) for one in halves])
    mean = float(clicked.sum() / shown.sum())
    counting = float(np.mean(rates * (1 - rates) / [shown[:, one].sum(1) for one in halves]))
    day_rates = clicked / np.maximum(shown, 1)
    own = day_rates.mean(1, keepdims=True)
    within = float(((day_rates - own) ** 2).mean()) - float(
        (own * (1 - own) / np.maximum(shown, 1)).mean()
    )
    daily = max(within, 0.0)
    lasting = float(np.cov(rates)[0, 1])
    drift = float(((rates[0] - rates[1]) ** 2).mean()) / 2 - counting - daily / half
    seen = shown.mean(1) / readers
    return Variation(
        mean=mean,
        between=max(lasting, 0.0) ** 0.5 / mean,
        drift=max(drift, 0.0) ** 0.5 / mean,
        daily=daily**0.5 / mean,
        seen=float(seen.mean()),
        seen_between=float(seen.std() / seen.mean()),
    )


@dataclass(frozen=True)
class World:
    """One seed's groups: outcomes before the start and during it, under the base strategy, and
    what the treatment adds to the clicks of every group."""

    before: Outcomes
    rate: Any
    impressions: Any


def make_world(variation: Variation, groups: int, days: int, seed: int) -> World:
    rng = np.random.default_rng([11, seed])
    readers = np.clip(np.exp(rng.normal(np.log(120), 0.7, groups)), 20, 500).round()
    lasting = spread(rng, variation.between, (groups, 1))
    seen = np.clip(variation.seen * spread(rng, variation.seen_between, (groups, 1)), 0.05, 0.95)
    drift = spread(rng, variation.drift, (groups, 2)).repeat([2 * days, days], axis=1)
    daily = spread(rng, variation.daily, (groups, 3 * days))
    rate = np.clip(variation.mean * lasting * drift * daily, 0.0, 0.9)
    impressions = rng.binomial(readers.astype(int)[:, None], seen, (groups, 3 * days))
    clicks = rng.binomial(impressions, rate)
    before = outcomes_of(readers, impressions[:, : 2 * days], clicks[:, : 2 * days])
    return World(before, rate[:, 2 * days :], impressions[:, 2 * days :])


def spread(rng: np.random.Generator, variation: float, shape: tuple[int, int]) -> Any:
    """Positive factors of mean 1 with a coefficient of variation."""
    sigma = np.sqrt(np.log1p(variation**2))
    return np.exp(rng.normal(-(sigma**2) / 2, sigma, shape))


def outcomes_of(readers: Any, impressions: Any, clicks: Any) -> Outcomes:
    counts = np.zeros((*impressions.shape, len(Count)))
    counts[:, :, Count.IMPRESSIONS], counts[:, :, Count.CLICKS] = impressions, clicks
    return Outcomes(tuple(range(1, len(readers) + 1)), readers.astype(float), counts)


def run_experiment(world: World, days: int, uplift: float, seed: int) -> dict[str, Any]:
    """One experiment by the product's code: what each way of looking would have said."""
    wish = Wish(Metric.CLICKS_PER_IMPRESSION, (0.5, 0.5), days)
    design = design_of(world, wish, seed)
    rng = np.random.default_rng([13, seed])
    rate = np.minimum(world.rate * (1.0 + uplift * (design.arm == 1)[:, None]), 1.0)
    clicks = rng.binomial(world.impressions, rate)
    outcomes = outcomes_of(world.before.readers, world.impressions, clicks)
    looks, final = daily_looks(design, outcomes, 1), final_look(design, outcomes, 1)
    assert final is not None
    end = final.estimate
    true = uplift * float(np.average(world.rate.mean(1), weights=design.weight))
    planned = plan_experiment(world.before, wish)
    mixing = mixing_variance((planned.variance or end.variance), ALPHA)
    whole = [
        around(
            look.estimate.difference,
            always_valid_half_width(look.estimate.variance, look.estimate.df, mixing, ALPHA),
        )
        for look in looks
    ]
    naive = [
        around(
            look.estimate.difference,
            fixed_half_width(look.estimate.variance, look.estimate.df, ALPHA),
        )
        for look in looks
    ]
    decision = first_decision(looks, final)
    shown = [*(look.interval for look in looks), final.interval]
    return {
        "fixed": naive[-1].excludes_zero,
        "naive": any(one.excludes_zero for one in naive),
        "sequential": any(one.excludes_zero for one in whole),
        "product": decision is not None,
        "wrong_way": decision is not None and decision.estimate.difference * uplift < 0,
        "day": decision.day if decision is not None else days,
        "fixed_covers": naive[-1].holds(true),
        "sequential_covers": all(one.holds(true) for one in whole),
        "product_covers": all(one.holds(true) for one in shown),
        "uplift_covers": final.uplift_interval is not None and final.uplift_interval.holds(uplift),
        "uplift": final.uplift,
        "half_width": (final.interval.high - final.interval.low) / 2 / end.base,
        "mde": planned.mde,
        "explained": planned.noise.explained if planned.noise else 0.0,
    }


def repeat(
    variation: Variation, *, seeds: int, groups: int, days: int, uplift: float
) -> dict[str, float]:
    """Shares and means over seeds."""
    rows = [
        run_experiment(make_world(variation, groups, days, seed), days, uplift, seed)
        for seed in range(seeds)
    ]
    return {name: float(np.mean([float(row[name]) for row in rows])) for name in rows[0]}


def end_alarms(variation: Variation, *, seeds: int, groups: int, days: int) -> float:
    """Share of A/A experiments with a false alarm at the planned end, 5 % allowed. Daily looks
    cost most of the time; without them there is time for more seeds."""
    alarms = 0
    for seed in range(seeds):
        world = make_world(variation, groups, days, 50_000 + seed)
        wish = Wish(Metric.CLICKS_PER_IMPRESSION, (0.5, 0.5), days, budget=ErrorBudget(1e-6, ALPHA))
        design = design_of(world, wish, seed)
        clicks = np.random.default_rng([19, seed]).binomial(world.impressions, world.rate)
        outcomes = outcomes_of(world.before.readers, world.impressions, clicks)
        final = final_look(design, outcomes, 1)
        alarms += final is not None and final.interval.excludes_zero
    return alarms / seeds


def design_of(world: World, wish: Wish, seed: int) -> Design:
    return design_from(world.before, wish, seats_for(world.before, wish, f"bench/{seed}"))


def simulation_error(share: float, seeds: int) -> float:
    """Half a 95 % interval of a share over seeds."""
    return float(1.96 * (share * (1 - share) / seeds) ** 0.5)


def planned_groups(variation: Variation, days: int, uplift: float) -> int:
    """What the product asks for, from the middle of eleven histories of 200 groups."""
    wish = Wish(Metric.CLICKS_PER_IMPRESSION, (0.5, 0.5), days, uplift)
    asked = [
        least_groups(make_world(variation, 200, days, 1000 + n).before, wish) for n in range(11)
    ]
    return int(np.median(asked))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench experiments", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--uplift", type=float, default=0.10)
    options = parser.parse_args(arguments)
    started = time.monotonic()
    variation = measured_variation()
    print("twin's readers:", json.dumps({k: round(v, 4) for k, v in asdict(variation).items()}))
    results: dict[str, Any] = {}
    planned = planned_groups(variation, options.days, options.uplift)
    for groups in (12, 40, planned):
        size = {"seeds": options.seeds, "groups": groups, "days": options.days}
        results[str(groups)] = {
            "aa": repeat(variation, **size, uplift=0.0),
            "ab": repeat(variation, **size, uplift=options.uplift),
            "guard_alarms": guard_alarms(variation, **size),
            "guard_stops": guard_alarms(variation, **size, harm=2.0),
        }
        _table(results[str(groups)], groups, options)
    many = {
        groups: end_alarms(variation, seeds=END_SEEDS, groups=groups, days=options.days)
        for groups in (12, 40)
    }
    print(f"A/A alarms of one look at the end over {END_SEEDS} seeds, by groups: {many}")
    seconds = round(time.monotonic() - started, 1)
    print(
        json.dumps(
            {
                **vars(options),
                "planned_groups": planned,
                "end_alarms": many,
                "seconds": seconds,
                **results,
            }
        )
    )
    return 0


def _table(found: dict[str, Any], groups: int, options: argparse.Namespace) -> None:
    names = {
        "fixed": "one look at the end, 5 %",
        "naive": "daily looks, 5 % each (wrong)",
        "sequential": "daily looks, always valid 5 %",
        "product": "product: daily 1 % + end 4 %",
    }
    aa, ab = found["aa"], found["ab"]
    print(f"\n{groups} groups, {options.days} days; smallest difference planned {ab['mde']:.1%}")
    found_title = f"{options.uplift:+.0%} found"
    print(f"{'':<32}{'A/A alarms':>14}{found_title:>14}{'covered':>10}")
    for name, title in names.items():
        covers = ab.get(f"{name}_covers")
        shown = "" if covers is None else f"{covers:.3f}"
        alarms = f"{aa[name]:.3f}±{simulation_error(aa[name], options.seeds):.3f}"
        print(f"{title:<32}{alarms:>14}{ab[name]:>14.3f}{shown:>10}")
    print(f"{'interval of the uplift':<32}{'':>14}{'':>14}{ab['uplift_covers']:>10.3f}")
    print(f"mean uplift found {ab['uplift']:+.4f}")
    print(
        f"guard rail stops {found['guard_alarms']:.3f} of the arms that lose no more readers, "
        f"{found['guard_stops']:.3f} of those that lose twice as many"
    )
    print("", flush=True)


def guard_alarms(
    variation: Variation,
    *,
    seeds: int,
    groups: int,
    days: int,
    monthly: float = 0.03,
    harm: float = 1.0,
) -> float:
    """Share of experiments in which daily looks at the leave rate stop the arm. Leaving is
    Poisson with a rate of its own for each group (coefficient of variation 0.5), `harm` times
    as high in the arm."""
    stopped = 0
    for seed in range(seeds):
        world = make_world(variation, groups, days, seed)
        wish = Wish(Metric.CLICKS_PER_IMPRESSION, (0.5, 0.5), days)
        rng = np.random.default_rng([17, seed])
        rate = monthly / 30 * world.before.readers[:, None] * spread(rng, 0.5, (groups, 1))
        history = with_leaves(world.before, rng.poisson(rate, (groups, 2 * days)))
        design = design_from(history, wish, seats_for(history, wish, f"guard/{seed}"))
        during = rng.poisson(np.where(design.arm == 1, harm, 1.0)[:, None] * rate, (groups, days))
        outcomes = with_leaves(
            outcomes_of(world.before.readers, world.impressions, world.impressions * 0), during
        )
        stopped += any(
            guard_reading(
                design, replace(outcomes, counts=outcomes.counts[:, :day]), 1, Guard.LEAVE_RATE
            ).worse
            for day in range(1, days + 1)
        )
    return stopped / seeds


def with_leaves(outcomes: Outcomes, leaves: Any) -> Outcomes:
    counts = outcomes.counts.copy()
    counts[:, :, Count.LEAVES] = leaves
    return replace(outcomes, counts=counts)
