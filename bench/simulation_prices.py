"""Do groups that mind prices get affordable books? Budgets are hidden from every way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.simulation_run import Told, interval
from bench.simulation_world import World
from sandbox.readers import GroupTaste, group_taste

MINDS_PRICES = 0.6
TOLD_OF = ("ours", "random", "popular", "declared_only", "with_app_teaching")


def prices(world: World, found: Mapping[str, Sequence[Sequence[Told]]]) -> dict[str, Any]:
    """For each way, over seeds: the share of posts within the budget in groups that mind prices
    (mean and 95 % interval), the same less that of chance seed by seed, and over all groups by
    how much ln(price / budget) changes from a group that minds nothing to one that minds most
    (slope of a line; budgets differ, so compare with chance)."""
    tastes = {
        group.id: group_taste(group.platform_ref, world.hidden[group.platform_ref])
        for group in world.groups
    }
    minding = {one for one, taste in tastes.items() if taste.price_sensitivity >= MINDS_PRICES}
    chance = [_affordable(world, tastes, minding, run) for run in found["random"]]
    out: dict[str, Any] = {"groups": len(minding)}
    for way in TOLD_OF:
        shares = [_affordable(world, tastes, minding, run) for run in found[way]]
        out[way] = {
            "affordable": interval(shares),
            "beyond_chance": interval([a - b for a, b in zip(shares, chance, strict=True)]),
            "slope": interval([_slope(world, tastes, run) for run in found[way]]),
        }
    return out


def _ratios(
    world: World, tastes: Mapping[int, GroupTaste], run: Sequence[Told]
) -> list[tuple[int, float]]:
    """Group and price over budget of every post with a price."""
    return [
        (one.group, price / tastes[one.group].budget_fen)
        for one in run
        if (price := world.items[one.item].match.price_fen) is not None
    ]


def _affordable(
    world: World, tastes: Mapping[int, GroupTaste], groups: set[int], run: Sequence[Told]
) -> float:
    own = [ratio <= 1.0 for group, ratio in _ratios(world, tastes, run) if group in groups]
    return float(np.mean(own))


def _slope(world: World, tastes: Mapping[int, GroupTaste], run: Sequence[Told]) -> float:
    told = _ratios(world, tastes, run)
    minds = [tastes[group].price_sensitivity for group, _ in told]
    return float(np.polyfit(minds, np.log([ratio for _, ratio in told]), 1)[0])
