"""The loop learns: in a small simulated world our choices beat chance and popularity."""

from __future__ import annotations

import pytest

from bench.simulation import (
    World,
    by_chance,
    click_rate,
    load_world,
    most_popular,
    ours,
    silent,
    simulate,
)
from contentcenter.embedding.hashing import HashingEmbedder

SEEDS = (21, 22)
DAYS = 14
MEMBERS = 40


@pytest.fixture(scope="module")
def world() -> World:
    """The samples with hashed vectors: what is compared is choosing, not the model."""
    return load_world(HashingEmbedder())


def rate(world: World, choose: object) -> float:
    runs = [simulate(world, choose, seed, DAYS, MEMBERS) for seed in SEEDS]  # type: ignore[arg-type]
    return sum(click_rate(one) for one in runs) / len(runs)


def test_our_choices_beat_chance_and_popularity(world: World) -> None:
    mine = rate(world, ours())
    assert mine >= 2.0 * rate(world, by_chance)
    assert mine >= 1.4 * rate(world, most_popular)


def test_events_alone_teach_what_nobody_declared(world: World) -> None:
    untold = silent(world)
    assert rate(untold, ours()) >= 1.3 * rate(untold, by_chance)


def test_nothing_is_told_to_a_group_twice_and_equal_seeds_give_equal_runs(world: World) -> None:
    told: dict[int, list[int]] = {group.id: [] for group in world.groups}
    choose = ours()

    def watched(*arguments: object) -> int:
        number = choose(*arguments)  # type: ignore[arg-type]
        told[arguments[1].id].append(number)  # type: ignore[attr-defined]
        return number

    first = simulate(world, watched, 5, 6, 20)
    assert all(len(set(numbers)) == len(numbers) == 6 for numbers in told.values())
    assert simulate(world, ours(), 5, 6, 20) == first


def test_no_price_above_a_hard_ceiling_is_ever_chosen(world: World) -> None:
    ceilings = {group.id: group.declared.ceiling_fen for group in world.groups}
    choose = ours()
    seen = []

    def watched(*arguments: object) -> int:
        number = choose(*arguments)  # type: ignore[arg-type]
        seen.append((ceilings[arguments[1].id], world.items[number].match.price_fen))  # type: ignore[attr-defined]
        return number

    simulate(world, watched, 6, 5, 10)
    bound = [(ceiling, price) for ceiling, price in seen if ceiling is not None]
    assert bound
    assert all(price is None or price <= ceiling for ceiling, price in bound)
