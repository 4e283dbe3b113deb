"""Features: named, rounded as they are logged, blind to the place on the page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from recommend.matching.settings import PARTS
from recommend.ranking.features import (
    COLUMN,
    FEATURES,
    Context,
    History,
    RankReader,
    features,
    pack,
    unpack,
)
from recommend.ranking.prior import PriorSettings, prior_log_odds, prior_parts
from recommend.ranking.scenes import Scene, scene_of
from tests.unit.recommend.ranking.world import NOW, drawn_rows, item, persona


def rows_of(items: list, reader: RankReader | None = None, **context: object) -> np.ndarray:
    parts = {name: np.linspace(0, 1, len(items)).astype(np.float32) for name in PARTS}
    moment = Context(NOW, **context)  # type: ignore[arg-type]
    return features(items, parts, reader or RankReader(persona()), moment)


def column(rows: np.ndarray, name: str) -> list[float]:
    return [round(float(value), 3) for value in rows[:, COLUMN[name]]]


def test_a_snapshot_is_what_the_model_was_given() -> None:
    rows = rows_of([item(1, shown=7.3, recalls={"co_read": 1 / 3}), item(2, price_fen=None)])
    assert np.array_equal(unpack(pack(rows)), rows)
    with pytest.raises(ValueError, match="reshape"):
        unpack(pack(rows)[:-8])


def test_prices_are_told_against_the_readers_band() -> None:
    rows = rows_of([item(1, price_fen=9_000), item(2, price_fen=None), item(3, price_fen=4_000)])
    assert column(rows, "price_over") == [0.5, 0.0, 0.0]
    assert column(rows, "unpriced") == [0.0, 1.0, 0.0]
    assert column(rows, "price_ratio")[2] == 0.0


def test_taste_history_and_scene_reach_their_columns() -> None:
    past = History({"作者1": 1.5}, {"作者2": 2.0}, {"history": 0.5})
    reader = RankReader(persona(categories={"food": 0.4}), past)
    items = [item(1), item(2, category="history"), replace(item(3), author="")]
    rows = rows_of(items, reader, scene=Scene.AFTER_PURCHASE, weekend=True)
    assert column(rows, "category_taste") == [0.4, 0.0, 0.4]
    assert column(rows, "author_liked") == [1.5, 0.0, 0.0]
    assert column(rows, "author_disliked") == [0.0, 2.0, 0.0]
    assert column(rows, "category_disliked") == [0.0, 0.5, 0.0]
    assert column(rows, "scene_after_purchase") == [1.0, 1.0, 1.0]
    assert column(rows, "scene_channel") == [0.0, 0.0, 0.0]


def test_the_order_of_candidates_changes_nothing_of_their_rows() -> None:
    items = [item(number, shown=number) for number in range(5)]
    parts = {name: np.arange(5, dtype=np.float32) for name in PARTS}
    who, when = RankReader(persona()), Context(NOW)
    there = features(items, parts, who, when)
    turned = {name: values[::-1] for name, values in parts.items()}
    back = features(items[::-1], turned, who, when)
    assert np.allclose(there, back[::-1], rtol=2e-3)


def test_no_candidates_no_rows() -> None:
    assert features([], {}, RankReader(persona()), Context(NOW)).shape == (0, len(FEATURES))


def test_the_prior_is_the_sum_of_its_parts_and_follows_the_match_score() -> None:
    rows = drawn_rows(50, np.random.default_rng(1))
    parts = prior_parts(rows)
    assert np.allclose(sum(parts.values()), prior_log_odds(rows), atol=1e-5)
    plain = rows.copy()
    plain[:, COLUMN["recall_explore"]] = 0
    total = plain[:, : len(PARTS)].sum(axis=1)
    assert np.array_equal(np.argsort(prior_log_odds(plain)), np.argsort(total))


def test_dislikes_and_repeats_lower_and_sources_raise() -> None:
    rows = np.repeat(drawn_rows(1, np.random.default_rng(2)), 4, axis=0)
    rows[:, COLUMN["recall_explore"]] = 0
    rows[1, COLUMN["author_disliked"]] = 1.0
    rows[2, COLUMN["recall_co_read"]] = 0.2
    rows[3, COLUMN["served_before"]] = 1.0
    usual, disliked, found, again = prior_log_odds(rows)
    rules = PriorSettings()
    assert usual - disliked == pytest.approx(rules.slope * rules.author_disliked, abs=1e-5)
    assert found - usual == pytest.approx(rules.slope * 0.5, abs=1e-5)
    assert usual - again == pytest.approx(rules.slope * rules.served_before, abs=1e-5)


def test_a_scene_speaks_for_strangers_and_falls_silent_for_the_known() -> None:
    items = [item(1, recalls={"popular": 1.0}), item(2)]
    for confidence, raised in ((0.0, True), (1.0, False)):
        who = RankReader(persona(confidence={"interests": confidence}))
        gain = [
            float(np.diff(prior_parts(rows_of(items, who, scene=scene))["sources"])[0])
            for scene in (Scene.HOME, Scene.SEARCH_EMPTY)
        ]
        assert (gain[1] < gain[0]) is raised


def test_scenes_by_their_common_names() -> None:
    assert scene_of("channel_page") is Scene.CHANNEL
    assert scene_of("after_purchase") is Scene.AFTER_PURCHASE
    assert scene_of("whatever the app says") is Scene.HOME


def test_age_counts_days() -> None:
    rows = rows_of([item(1, published_at=NOW - timedelta(days=9)), item(2, published_at=None)])
    assert column(rows, "age") == [round(float(np.float16(np.log(10))), 3), 0.0]
