"""The loop learns: in a small simulated world our choices beat chance and popularity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bench.simulation_feed import ProductFeed
from bench.simulation_prices import prices
from bench.simulation_readers import Shelfful, chances, click_rates, members_of, with_new_taste
from bench.simulation_run import (
    APP_PAGE,
    Asked,
    Setting,
    Simulation,
    Told,
    click_rate,
    interval,
    page_summary,
    paired,
    regret,
)
from bench.simulation_ways import MakeWay, by_chance, most_popular, ours
from bench.simulation_world import LOCAL_HOURS, START, World, load_world, silent
from contentcenter.embedding.hashing import HashingEmbedder
from sandbox.readers import ReaderMessage, click_probability, remember

SEEDS = (21, 22)
SMALL = Setting(days=14, members=40)


@pytest.fixture(scope="module")
def world() -> World:
    """The samples with hashed vectors: what is compared is choosing, not the model."""
    return load_world(HashingEmbedder())


def simulate(world: World, make: MakeWay, seed: int, setting: Setting = SMALL) -> list[Told]:
    return Simulation(world, make(), seed, setting).run()


def rate(world: World, make: MakeWay, seeds: Sequence[int]) -> float:
    return sum(click_rate(simulate(world, make, seed)) for seed in seeds) / len(seeds)


def test_our_choices_beat_chance_and_popularity(world: World) -> None:
    """Over all days: of two seeds, a week of posts is a matter of luck."""

    def earned(make: MakeWay) -> float:
        return sum(click_rate(simulate(world, make, seed), SMALL.days) for seed in SEEDS)

    mine = earned(ours)
    assert mine >= 2.4 * earned(by_chance)
    assert mine >= 2.4 * earned(most_popular)


def test_events_alone_teach_what_nobody_declared(world: World) -> None:
    """Four seeds: with nothing to start from, a week is even more a matter of luck."""
    untold, seeds = silent(world), (*SEEDS, 23, 24)
    assert rate(untold, ours, seeds) >= 1.3 * rate(untold, by_chance, seeds)


def test_nothing_is_told_to_a_group_twice_and_equal_seeds_give_equal_runs(world: World) -> None:
    setting = Setting(days=6, members=20, openings=0.2, searches=0.1, member_share=0.5)
    first = simulate(world, ours, 5, setting)
    for group in world.groups:
        assert len({one.item for one in first if one.group == group.id}) == 6
    assert simulate(world, ours, 5, setting) == first


def test_no_price_above_a_hard_ceiling_is_ever_chosen(world: World) -> None:
    ceilings = {group.id: group.declared.ceiling_fen for group in world.groups}
    told = simulate(world, ours, 6, Setting(days=5, members=10))
    bound = [
        (ceiling, world.items[one.item].match.price_fen)
        for one in told
        if (ceiling := ceilings[one.group]) is not None
    ]
    assert bound
    assert all(price is None or price <= ceiling for ceiling, price in bound)


def test_what_members_do_in_the_app_teaches_their_group(world: World) -> None:
    app = {"days": 10, "members": 40, "openings": 0.0, "searches": 0.3}
    untold = silent(world)

    def lost(share: float) -> float:
        setting = Setting(**app, member_share=share)  # type: ignore[arg-type]
        return sum(regret(simulate(untold, ours, seed, setting))[-1] for seed in SEEDS)

    assert lost(0.5) < 0.95 * lost(0.0)


def test_expected_click_rates_are_those_of_the_reader_model(world: World) -> None:
    group, shelf = world.groups[0], Shelfful.of(world.items)
    readers = members_of(world, group, 1, 3)
    at = START.timestamp() - LOCAL_HOURS.total_seconds()

    def message(number: int) -> ReaderMessage:
        item = world.items[number]
        price = item.match.price_fen
        return ReaderMessage(item.title, item.text, price, group.hour, at + 3_600, item.topics)

    readers[0] = remember(readers[0], message(7))
    click, seen = chances(shelf, readers, group.hour, at + 7_200)
    for number in (0, 40, 200):
        for column, reader in enumerate(readers):
            met = message(number)
            later = ReaderMessage(
                met.title, met.text, met.price_fen, met.hour, at + 7_200, met.topics
            )
            assert click[number, column] == pytest.approx(click_probability(reader, later))
    rates = click_rates(shelf, readers, group.hour, at + 7_200)
    assert rates == pytest.approx((click * seen).sum(axis=1) / seen.sum())


def test_a_new_taste_takes_its_share_and_the_rest_stays_in_proportion(world: World) -> None:
    reader = members_of(world, world.groups[0], 1, 1)[0]
    changed = with_new_taste(reader, "travel", 0.5)
    assert sum(changed.taste.values()) == pytest.approx(1.0)
    others = [name for name in reader.taste if name != "travel"]
    kept = np.array([changed.taste[name] for name in others])
    assert kept == pytest.approx(0.5 * np.array([reader.taste[name] for name in others]))


def test_ways_are_compared_seed_by_seed_with_an_interval(world: World) -> None:
    short = Setting(days=3, members=10)
    mine = [simulate(world, ours, seed, short) for seed in (5, 6, 7)]
    chance = [simulate(world, by_chance, seed, short) for seed in (5, 6, 7)]
    same, better = paired(mine, mine), paired(mine, chance)
    assert same["regret"] == [0.0, 0.0, 0.0]
    assert better["regret"][0] < 0.0
    assert interval([2.0]) == [2.0]
    mean, low, high = interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert high - mean == mean - low == pytest.approx(4.3027 / 3**0.5, abs=1e-3)
    told = {"ours": mine, "random": chance, "popular": chance}
    found = prices(world, {**told, "declared_only": mine, "with_app_teaching": mine})
    assert found["groups"] == 2
    assert found["random"]["beyond_chance"] == [0.0, 0.0, 0.0]
    assert 0.0 <= found["ours"]["affordable"][0] <= 1.0


def test_pages_of_the_feed_hold_nothing_twice_and_some_drawn_places(world: World) -> None:
    """Two groups, so that the pages are few; what the log keeps is what training reads."""
    small = replace(world, groups=world.groups[:2])
    setting = Setting(days=5, members=10, openings=0.6, member_share=0.5)
    feed = ProductFeed()
    run = Simulation(small, ours(), 3, setting, feed)
    told = run.run()
    met: dict[int, list[int]] = {}
    for answer in feed.log.answers:
        met.setdefault(answer.reader_id, []).extend(entry["item_id"] for entry in answer.entries)
    assert len(feed.log.answers) == len(run.pages) > 20
    assert all(len(items) == len(set(items)) for items in met.values())
    drawn = [e for one in feed.log.answers for e in one.entries if "offer" in e]
    assert 0.04 < len(drawn) / (APP_PAGE * len(run.pages)) < 0.1
    again = ProductFeed()
    assert Simulation(small, ours(), 3, setting, again).run() == told
    figures = page_summary([run.pages])
    assert figures["pages"] == len(run.pages)
    assert 0.0 < figures["of_best"] < 1.0


def test_a_ranking_serves_once_a_training_found_it_surely_better(world: World) -> None:
    """Members who open dear books alone, which nobody told the ranking."""
    group, luck = world.groups[0], np.random.default_rng(4)
    prices_fen = [item.match.price_fen or 0 for item in world.items]
    dear = {n for n, price in enumerate(prices_fen) if price > np.median(prices_fen)}
    memory = Simulation(world, ours(), 1, Setting()).memory
    feed = ProductFeed(train_every=1)

    def visit(number: int) -> int:
        asked = Asked(group, START + timedelta(hours=number), number)
        seen = frozenset(luck.choice(len(world.items), 200, replace=False).tolist())
        page = feed.page(world, memory, asked, seen, APP_PAGE)
        kinds = [["impression"] + ["click"] * (one in dear) for one in page]
        feed.heard(asked, [(n, k) for n, own in zip(page, kinds, strict=True) for k in own])
        return len(dear.intersection(page))

    feed.night(0)
    assert not feed.promoted
    before = [visit(number) for number in range(160)]
    feed.night(1)
    assert feed.promoted == [1]
    after = [visit(number) for number in range(160, 190)]
    assert np.mean(after) > 1.3 * np.mean(before)
