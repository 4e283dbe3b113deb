"""The reader model: matching pays, dear books and repeats cost, seeds repeat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sandbox.readers import (
    GroupTaste,
    ReaderMessage,
    ReaderModel,
    affinity,
    click_probability,
    group_taste,
    leave_probability,
    price_in,
    react,
    reader_of,
    remember,
)
from sandbox.topics import TOPICS, WORDS

GROUPS = {
    topic: GroupTaste({topic: 0.7, "life": 0.3}) for topic in ("scifi", "children", "economy")
}


def message(topic: str, price_fen: int | None = 3900, at: float = 0.0) -> ReaderMessage:
    words = "、".join(WORDS[topic][:6])
    return ReaderMessage(f"关于{words[:4]}", f"一本好书：{words}", price_fen, hour=20, at=at)


def crowd(taste: GroupTaste, count: int = 300) -> list[ReaderModel]:
    rng = np.random.default_rng(11)
    return [reader_of(taste, rng) for _ in range(count)]


def click_rate(taste: GroupTaste, topics: list[str]) -> float:
    """Clicks per impression of a crowd that gets one message each topic in turn."""
    rng = np.random.default_rng(4)
    shown = clicked = 0
    for number, reader in enumerate(crowd(taste)):
        kinds = [a.kind for a in react(reader, message(topics[number % len(topics)]), rng)]
        shown += "impression" in kinds
        clicked += "click" in kinds
    return clicked / shown


@pytest.mark.parametrize("topic", sorted(GROUPS))
def test_matching_beats_blind_choice_clearly(topic: str) -> None:
    matched = click_rate(GROUPS[topic], [topic])
    blind = click_rate(GROUPS[topic], sorted(TOPICS))
    assert matched > 0.15
    assert blind < matched / 2


def test_the_same_seed_gives_the_same_readers_and_deeds() -> None:
    def run() -> list[object]:
        rng = np.random.default_rng(3)
        return [react(reader, message("scifi"), rng) for reader in crowd(GROUPS["scifi"], 20)]

    assert run() == run()


def test_a_price_above_the_budget_lowers_clicks() -> None:
    reader = crowd(GROUPS["scifi"], 1)[0]
    cheap = click_probability(reader, message("scifi", reader.budget_fen))
    dear = click_probability(reader, message("scifi", reader.budget_fen * 3))
    assert dear < cheap / 1.5
    assert click_probability(reader, message("scifi", None)) == cheap


def test_repeats_and_floods_bore_and_drive_away() -> None:
    fresh = crowd(GROUPS["scifi"], 1)[0]
    first = message("scifi")
    again = remember(fresh, first)
    assert click_probability(again, first) < click_probability(fresh, first) / 3
    flooded = fresh
    for number in range(20):
        other = replace(first, text=f"{first.text} {number}")
        flooded = remember(flooded, other)
    assert click_probability(flooded, message("children")) < click_probability(
        fresh, message("children")
    )
    assert leave_probability(flooded, first) > 5 * leave_probability(fresh, first)


def test_fatigue_halves_in_two_days() -> None:
    tired = remember(remember(crowd(GROUPS["scifi"], 1)[0], message("life")), message("food"))
    later = remember(tired, message("arts", at=2 * 86400.0))
    assert tired.memory.fatigue == pytest.approx(2.0)
    assert later.memory.fatigue == pytest.approx(2.0)


def test_deeds_come_in_order_and_orders_follow_carts() -> None:
    rng = np.random.default_rng(8)
    for reader in crowd(GROUPS["scifi"]):
        actions = react(reader, message("scifi"), rng)
        kinds = [action.kind for action in actions]
        assert kinds == [] or kinds[0] == "impression"
        assert "order" not in kinds or kinds.index("cart") < kinds.index("order")
        assert all(action.delay > 0 for action in actions)
        assert all(a.value_fen == (3900 if a.kind == "order" else 0) for a in actions)


def test_affinity_is_one_for_the_favourite() -> None:
    reader = crowd(GROUPS["scifi"], 1)[0]
    best = max(reader.taste, key=lambda topic: reader.taste[topic])
    assert affinity(reader, {best: 1.0}) == pytest.approx(1.0)
    assert affinity(reader, {}) == 0.0


def test_missing_hidden_values_are_made_up_and_stable() -> None:
    assert group_taste("group:a", {}) == group_taste("group:a", {})
    assert group_taste("group:a", {}) != group_taste("group:b", {})
    given = group_taste("group:a", {"topics": {"food": 1}, "budget_fen": 2500, "hours": [7]})
    assert (dict(given.topics), given.budget_fen, given.hours) == ({"food": 1.0}, 2500, (7,))


@pytest.mark.parametrize(
    ("text", "fen"), [("只要¥39.8", 3980), ("今晚 25元 包邮", 2500), ("免费领取", None)]
)
def test_prices_in_texts(text: str, fen: int | None) -> None:
    assert price_in(text) == fen
