"""From a plan to readers: the whole way of a post, against the platform twin."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contentcenter.clock import FixedClock
from contentcenter.domain.channels import AudienceKind, ChannelKind
from contentcenter.domain.errors import Conflict
from contentcenter.floor import Floor
from tests.fixtures.floor import FloorMaker
from tests.fixtures.twin import TwinProcess, wait_for
from tests.flows.distribute_world import APPID, ROBOT_KEY, Shop, make_shop


@pytest.fixture
def floor(make_floor: FloorMaker, twin: TwinProcess) -> Floor:
    return make_floor(
        official_account_url=twin.official_url,
        wecom_url=twin.wecom_url,
        public_url="https://shop.example",
        platform_timeout_seconds=1.0,
    )


@pytest.fixture
def shop(floor: Floor, clock: FixedClock, twin: TwinProcess) -> Shop:
    shop = make_shop(floor, clock, twin)
    shop.add_items(6)
    return shop


def test_a_post_goes_from_plan_to_delivered(shop: Shop) -> None:
    shop.groups(1)
    shop.plan()
    post = shop.only_post()
    assert post.state == "approved"
    assert "https://shop.example/t/" + post.code in post.content["link"]["url"]
    assert "《夜读之书 第0卷》 林之 ¥45.00" in post.content["text"]

    shop.deliver()
    assert shop.only_post().state == "approved", "not before its hour"
    shop.advance(minutes=2)
    shop.deliver()
    assert shop.only_post().state == "sent"
    shop.follow()
    assert shop.only_post().state == "waiting_owner"
    assert shop.group_messages("wr00000") == 0

    shop.twin.confirm()
    shop.follow()
    post = shop.only_post()
    assert (post.state, post.reached) == ("delivered", 1)
    assert shop.group_messages("wr00000") == 1
    assert [state for state, _ in shop.steps(post.id)] == [
        "planned",
        "approved",
        "sending",
        "sent",
        "waiting_owner",
        "delivered",
    ]


def test_without_a_rule_nothing_goes_out_unapproved(shop: Shop) -> None:
    shop.groups(1, auto_approve=False)
    shop.plan()
    post = shop.only_post()
    assert post.state == "planned"
    shop.advance(minutes=2)
    shop.deliver()
    assert shop.tasks() == []

    shop.services.posts.approve("anna", post.id)
    shop.deliver()
    assert shop.only_post().state == "sent"
    assert shop.only_post().approved_by == "anna"


def test_a_new_price_voids_the_approval_and_shows_the_difference(shop: Shop) -> None:
    shop.groups(1)
    shop.plan()
    shop.set_price(shop.only_post().item_id, 5900)
    shop.advance(minutes=2)
    shop.deliver()
    post = shop.only_post()
    assert (post.state, post.reason) == ("planned", "facts_changed")
    assert [one["fact"] for one in post.differences] == ["prices"]
    assert shop.tasks() == []
    shop.services.posts.approve("anna", post.id)
    shop.deliver()
    assert shop.only_post().state == "sent"


def test_a_cancelled_post_frees_slot_and_quota(shop: Shop) -> None:
    shop.groups(1)
    shop.plan()
    first = shop.only_post()
    shop.services.posts.cancel("anna", first.id)
    with pytest.raises(Conflict):
        shop.services.posts.approve("anna", first.id)
    shop.plan()
    again = next(post for post in shop.posts() if post.id != first.id)
    assert (again.state, again.slot_at) == ("approved", first.slot_at)


def test_planning_twice_changes_nothing(shop: Shop) -> None:
    shop.groups(3)
    shop.plan()
    before = shop.posts()
    shop.plan()
    assert shop.posts() == before


def test_a_member_who_never_confirms_is_reminded_then_the_task_is_taken_back(shop: Shop) -> None:
    shop.groups(1)
    shop.plan()
    shop.advance(minutes=2)
    shop.deliver()
    shop.follow()
    shop.advance(minutes=31)
    shop.follow()
    shop.follow()
    shop.advance(hours=24)
    shop.follow()
    post = shop.only_post()
    assert (post.state, post.reason) == ("failed", "owner_did_not_confirm")
    assert shop.tasks() == []
    calls = shop.twin.stats()["calls"]
    assert calls["wecom/externalcontact/remind_groupmsg_send"] == 1
    assert shop.group_messages("wr00000") == 0


def test_an_hour_that_has_passed_is_not_made_up_at_night(shop: Shop) -> None:
    shop.groups(1, quiet_from="22:30", quiet_until="08:00")
    shop.plan()
    shop.advance(hours=11)  # 23:00 in Shanghai
    shop.deliver()
    assert shop.only_post().state == "approved"
    assert shop.tasks() == []
    shop.advance(hours=20)
    shop.deliver()
    assert shop.only_post().state == "cancelled"
    assert shop.clock.now() - shop.only_post().slot_at > timedelta(hours=6)


def test_an_article_goes_to_all_followers_of_an_official_account(shop: Shop) -> None:
    shop.set_up_twin(followers=5)
    shop.audience(shop.official_channel(), AudienceKind.FOLLOWERS, "all")
    shop.plan()
    shop.advance(minutes=2)
    shop.deliver()
    assert shop.only_post().state == "sent"
    wait_for(lambda: shop.follow_to("delivered"))
    received = shop.twin.received(account=APPID)
    assert received["total"] == 1
    assert len(received["messages"][0]["recipients"]) == 5


def test_a_robot_posts_at_once(shop: Shop) -> None:
    shop.set_up_twin()
    shop.audience(shop.robot_channel(), AudienceKind.INTERNAL_GROUP, "duty")
    shop.plan()
    shop.advance(minutes=2)
    shop.deliver()
    shop.follow()
    assert shop.only_post().state == "delivered"
    assert shop.twin.received(robot=ROBOT_KEY)["total"] == 1


def test_customers_of_a_member_get_the_post_after_the_member_sends(shop: Shop) -> None:
    shop.set_up_twin()
    channel = shop.wecom_channel(ChannelKind.WECOM_CUSTOMERS)
    shop.audience(channel, AudienceKind.CUSTOMERS, "zhang")
    shop.plan()
    shop.advance(minutes=2)
    shop.deliver()
    shop.twin.confirm()
    shop.follow()
    assert (shop.only_post().state, shop.only_post().reached) == ("delivered", 3)
