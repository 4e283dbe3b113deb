from __future__ import annotations

from contentcenter.domain.categories import CATEGORIES, category_code, category_label
from contentcenter.domain.content import ITEM_MOVES, ItemState, item_can_move
from contentcenter.domain.posts import (
    FINAL_STATES,
    POST_MOVES,
    TAKEN_STATES,
    PostState,
    post_can_move,
)


def test_every_state_says_where_it_may_go() -> None:
    assert set(ITEM_MOVES) == set(ItemState)
    assert set(POST_MOVES) == set(PostState)


def test_a_final_post_moves_nowhere() -> None:
    assert {state for state in PostState if not POST_MOVES[state]} == FINAL_STATES


def test_a_post_is_never_sent_from_unknown() -> None:
    assert not post_can_move(PostState.UNKNOWN, PostState.SENDING)
    assert not post_can_move(PostState.PLANNED, PostState.SENDING)
    assert [s for s in PostState if post_can_move(s, PostState.SENDING)] == [PostState.APPROVED]


def test_a_delivered_or_possibly_delivered_post_blocks_a_repeat() -> None:
    assert {PostState.UNKNOWN, PostState.WAITING_OWNER, PostState.DELIVERED} <= TAKEN_STATES
    assert not TAKEN_STATES & {PostState.REFUSED, PostState.FAILED, PostState.CANCELLED}


def test_items_go_back_through_the_pipeline_but_never_straight_to_published() -> None:
    assert not item_can_move(ItemState.RECEIVED, ItemState.PUBLISHED)
    assert item_can_move(ItemState.PUBLISHED, ItemState.RECEIVED)
    assert item_can_move(ItemState.READY, ItemState.READY)


def test_categories_are_known_by_code_and_by_label() -> None:
    assert category_code("科幻奇幻") == "scifi"
    assert category_code(" SciFi ") == "scifi"
    assert category_code("没有这个") is None
    assert category_label("scifi", "en") == "Science fiction and fantasy"
    assert category_label("unknown") == "unknown"
    assert len({zh for zh, _ in CATEGORIES.values()}) == len(CATEGORIES)
