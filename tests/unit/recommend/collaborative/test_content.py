"""The bridge from what items say to readers: what it ranks, says, keeps and refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from contentcenter.domain.errors import InvalidInput
from recommend.collaborative.content import ContentBridge
from recommend.collaborative.content_features import (
    ContentSpace,
    ItemContent,
    series_of,
    traits_of,
)
from recommend.collaborative.content_judging import area_under_curve, judge
from recommend.collaborative.content_signals import (
    JOINT,
    JOINT_VECTORS,
    PENALTY,
    SIGNALS,
    Known,
    likeness_weights,
    signals,
)
from tests.unit.recommend.collaborative.content_world import (
    QUICK,
    TASTES,
    ContentWorld,
    content_world,
)


@pytest.fixture(scope="module")
def world() -> ContentWorld:
    return content_world()


@pytest.fixture(scope="module")
def bridge(world: ContentWorld) -> ContentBridge:
    return ContentBridge.fit(world.ids, world.contents, world.history, QUICK)


# --- what items say ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "series"),
    [
        ("Catching Fire (The Hunger Games, #2)", "the hunger games"),
        ("黑暗森林（三体 #2）", "三体"),
        ("盗墓笔记 3", "盗墓笔记"),
        ("平凡的世界（上）", "平凡的世界"),
        ("明朝那些事儿 第二部", "明朝那些事儿"),
        ("活着", "活着"),
        ("1984", "1984"),
    ],
)
def test_the_series_of_a_title(title: str, series: str) -> None:
    assert series_of(title) == series


def test_rows_are_of_unit_length_and_know_only_shared_names(world: ContentWorld) -> None:
    space = ContentSpace.of(world.contents)
    rows = space.rows([*world.new, ItemContent({"topic": {"never seen": 1.0}})])
    lengths = np.sqrt(np.asarray(rows.kinds["topic"].power(2).sum(axis=1)).ravel())
    np.testing.assert_allclose(lengths, [1.0] * TASTES + [0.0], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(rows.vectors, axis=1), [1.0] * TASTES + [0.0], 1e-3)
    assert np.isnan(rows.traits[-1]).all()
    alone = ContentSpace.of([ItemContent({"author": {"one": 1.0}}), ItemContent({})])
    assert not alone.columns["author"]


def test_traits_are_ratios_and_unknown_ones_are_left_out() -> None:
    assert traits_of(None, None) == {}
    assert traits_of(2000, 0) == {"year": pytest.approx(np.log(31))}
    assert traits_of(None, 4_000)["price"] - traits_of(None, 2_000)["price"] == pytest.approx(
        np.log(2)
    )


def test_the_weights_solve_the_ridge_system_they_claim_to(world: ContentWorld) -> None:
    space = ContentSpace.of(world.contents)
    known, new = space.rows(world.contents), space.rows(world.new)

    def joint(left, right):
        names = sum(
            share * (left.kinds[kind] @ right.kinds[kind].T).toarray()
            for kind, share in JOINT.items()
        )
        return names + JOINT_VECTORS * left.vectors @ right.vectors.T

    whole = joint(known, known) + PENALTY * np.eye(len(known))
    exact = np.linalg.solve(whole, joint(known, new))
    np.testing.assert_allclose(likeness_weights(known, new), exact, atol=1e-4)


def test_every_signal_is_there_for_every_pair(world: ContentWorld) -> None:
    space = ContentSpace.of(world.contents)
    known = Known.of(space.rows(world.contents), world.history, 4)
    found = signals(known, world.history, space.rows(world.new))
    assert set(found) == set(SIGNALS)
    assert {one.shape for one in found.values()} == {(len(world.taste), TASTES)}
    # Unknown prices stay unknown instead of becoming free books.
    assert np.isnan(found["price_gap"]).all()


# --- ranking ----------------------------------------------------------------------------------


def test_readers_of_a_taste_come_first_for_an_item_nobody_read(
    world: ContentWorld, bridge: ContentBridge
) -> None:
    scores = bridge.scores(world.history, world.new)
    for taste in range(TASTES):
        own = np.flatnonzero(world.taste == taste)
        assert area_under_curve(scores[:, taste], own) > 0.97


def test_an_item_that_says_nothing_gets_scores_and_no_column(
    world: ContentWorld, bridge: ContentBridge
) -> None:
    mute = ItemContent({})
    assert np.isfinite(bridge.scores(world.history, [mute])).all()
    assert bridge.columns([mute]).nnz == 0
    assert bridge.scores(world.history, []).shape == (len(world.taste), 0)
    assert bridge.because(world.history[[0]], mute)[0].read == ()


def test_columns_rank_new_items_for_a_history(world: ContentWorld, bridge: ContentBridge) -> None:
    columns = bridge.columns(world.new, kept=10)
    assert columns.shape == (len(world.ids), TASTES)
    assert np.bincount(columns.nonzero()[1]).max() <= 10
    best = (world.history @ columns).toarray().argmax(axis=1)
    assert (best == world.taste).mean() > 0.9


def test_reasons_sum_up_and_name_what_was_read(world: ContentWorld, bridge: ContentBridge) -> None:
    few = world.history[:8]
    scores = bridge.scores(few, [world.new[1]])[:, 0]
    reasons = bridge.because(few, world.new[1])
    for reader, why in enumerate(reasons):
        assert sum(why.parts.values()) == pytest.approx(why.score)
        assert why.score == pytest.approx(scores[reader], abs=1e-4)
        liked = set(world.ids[few[[reader]].indices].tolist())
        assert {one.item for one in why.read} <= liked
    first = reasons[1].read[0]
    assert first.shared[0].startswith(("series", "author 1"))
    assert [one.weight for one in reasons[1].read] == sorted(
        (one.weight for one in reasons[1].read), reverse=True
    )


def test_how_often_something_was_read_does_not_matter(
    world: ContentWorld, bridge: ContentBridge
) -> None:
    np.testing.assert_array_equal(
        bridge.scores(world.history * np.float32(3.0), world.new),
        bridge.scores(world.history, world.new),
    )


def test_the_same_likes_give_the_same_bridge_and_bytes_keep_it(
    world: ContentWorld, bridge: ContentBridge
) -> None:
    again = ContentBridge.fit(world.ids, world.contents, world.history, QUICK)
    blob = bridge.to_bytes()
    assert again.to_bytes() == blob
    kept = ContentBridge.from_bytes(blob)
    np.testing.assert_array_equal(
        kept.scores(world.history, world.new), bridge.scores(world.history, world.new)
    )
    assert kept.because(world.history[[1]], world.new[1])[0].read[0].shared
    for broken in (blob.replace(b"format", b"fromat"), blob[:1_000], b""):
        with pytest.raises(InvalidInput):
            ContentBridge.from_bytes(broken)


def test_too_little_to_learn_from_is_refused(world: ContentWorld) -> None:
    with pytest.raises(InvalidInput, match="too few"):
        ContentBridge.fit(world.ids, world.contents, world.history[:2], QUICK)
    with pytest.raises(InvalidInput, match="as many"):
        ContentBridge.fit(world.ids[:-1], world.contents, world.history, QUICK)


# --- judging ----------------------------------------------------------------------------------


def test_ties_count_half() -> None:
    assert area_under_curve(np.array([3.0, 2.0, 1.0], np.float32), np.array([0])) == 1.0
    assert area_under_curve(np.array([1.0, 2.0, 3.0], np.float32), np.array([0])) == 0.0
    assert area_under_curve(np.ones(4, np.float32), np.array([1, 3])) == 0.5


def test_the_judgement_holds_where_content_tells_and_fails_where_it_does_not(
    world: ContentWorld,
) -> None:
    good = judge(world.contents, world.history, QUICK)
    assert good.items >= 5
    assert good.ours > 0.75
    # The same readers, with contents dealt out at random: nothing to be told.
    dealt = np.random.default_rng(1).permutation(len(world.contents))
    mixed = judge([world.contents[at] for at in dealt], world.history, QUICK)
    assert abs(mixed.ours - 0.5) < 0.15


def test_an_empty_history_is_ranked_too(world: ContentWorld, bridge: ContentBridge) -> None:
    nobody = sparse.csr_array((2, len(world.ids)), dtype=np.float32)
    scores = bridge.scores(nobody, world.new)
    assert np.isfinite(scores).all()
    assert (scores[0] == scores[1]).all()
