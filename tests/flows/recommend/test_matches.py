"""Matches on real parts: what suits a group, what is refused, and that the parts add up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contentcenter.domain.errors import NotFound
from tests.fixtures.topics import World
from tests.unit.recommend.building import Piece, add_items


def test_parts_sum_to_the_score_and_the_declared_topic_leads(world: World) -> None:
    matches = world.services.matches.match_items_for_audience(world.scifi, 6)
    assert {one.item_id for one in matches} == set(world.topic("scifi"))
    for one in matches:
        assert round(sum(one.parts.values()), 4) == one.score


def test_a_price_above_the_ceiling_is_refused_with_its_reason(world: World) -> None:
    ranked = world.services.matches.ranked(world.kids, 100)
    assert all(one.eligible for one in ranked.items)
    assert {one.refused[0].reason for one in ranked.refused} == {"price_ceiling"}
    dear = world.topic("history")[0]
    assert dear not in {one.item_id for one in ranked.items}
    told = world.services.matches.explain(dear, world.kids)
    assert [one.reason for one in told.refused] == ["price_ceiling"]
    assert told.parts


def test_rights_and_stock_refuse_too(world: World) -> None:
    now = world.floor.clock.now()
    closed, other_channel, sold = add_items(
        world.floor,
        [
            Piece("过期授权", rights={"ends_at": now - timedelta(days=1)}),
            Piece("仅站内", rights={"channel_kinds": ["in_app"]}),
            Piece("售罄的书", price_fen=2_000, stock=0),
        ],
    )
    reasons = {
        one: [r.reason for r in world.services.matches.explain(one, world.scifi).refused]
        for one in (closed, other_channel, sold)
    }
    assert reasons == {
        closed: ["rights_closed"],
        other_channel: ["rights_channel"],
        sold: ["out_of_stock"],
    }
    with pytest.raises(NotFound):
        world.services.matches.explain(10_000, world.scifi)


def test_audiences_for_an_item_are_ranked_by_the_same_numbers(world: World) -> None:
    item = world.topic("scifi")[0]
    found = world.services.matches.match_audiences_for_item(item)
    assert [one.audience_id for one in found.items] == [world.scifi]
    assert [one.audience_id for one in found.refused] == [world.kids]
    assert found.items[0].score == world.services.matches.explain(item, world.scifi).score


def test_many_audiences_at_once_get_what_each_gets_alone(world: World) -> None:
    many = world.services.matches.match_many([world.scifi, world.kids], 5)
    for audience in (world.scifi, world.kids):
        alone = world.services.matches.match_items_for_audience(audience, 5)
        assert [(one.item_id, one.score) for one in many[audience]] == [
            (one.item_id, one.score) for one in alone
        ]
