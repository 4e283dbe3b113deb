"""When a platform does not answer: ask, never send blindly twice, never lose a post."""

from __future__ import annotations

import pytest

from contentcenter.clock import FixedClock
from contentcenter.domain.channels import AudienceKind
from contentcenter.floor import Floor
from tests.fixtures.floor import FloorMaker
from tests.fixtures.twin import TwinProcess, wait_for
from tests.flows.distribute_world import APPID, ROBOT_KEY, Shop, make_shop

ADD = "externalcontact/add_msg_template"


@pytest.fixture
def floor(make_floor: FloorMaker, twin: TwinProcess) -> Floor:
    return make_floor(
        official_account_url=twin.official_url,
        wecom_url=twin.wecom_url,
        public_url="https://shop.example",
        platform_timeout_seconds=0.3,
    )


@pytest.fixture
def shop(floor: Floor, clock: FixedClock, twin: TwinProcess) -> Shop:
    shop = make_shop(floor, clock, twin)
    shop.add_items(3)
    return shop


def ready_group(shop: Shop) -> None:
    shop.groups(1)
    shop.plan()
    shop.advance(minutes=2)


def test_a_time_out_after_effect_is_found_and_counted_once(shop: Shop) -> None:
    ready_group(shop)
    shop.twin.fault("wecom", ADD, "timeout_after_effect", seconds=1.0)
    shop.deliver()
    assert shop.only_post().state == "unknown"
    shop.deliver()
    shop.probe()
    post = shop.only_post()
    assert (post.state, post.reason) == ("sent", "found_by_probe")
    assert len(shop.tasks()) == 1
    shop.twin.confirm()
    shop.follow()
    assert shop.only_post().state == "delivered"
    assert shop.group_messages("wr00000") == 1


def test_a_time_out_before_effect_is_sent_again_after_two_looks(shop: Shop) -> None:
    ready_group(shop)
    shop.twin.fault("wecom", ADD, "timeout_before_effect", seconds=1.0)
    shop.deliver()
    shop.probe()
    assert shop.only_post().state == "unknown", "one look is not proof"
    shop.probe()
    assert shop.only_post().state == "unknown", "a second look at once is none either"
    shop.advance(seconds=121)
    shop.probe()
    post = shop.only_post()
    assert (post.state, post.reason) == ("approved", "no_effect_proved")
    shop.deliver()
    assert shop.only_post().state == "sent"
    assert len(shop.tasks()) == 1


def test_a_task_being_dispatched_only_delays_the_probe(shop: Shop) -> None:
    shop.groups(1)
    shop.twin.settings(dispatch_seconds=5.0)
    shop.plan()
    shop.advance(minutes=2)
    shop.twin.fault("wecom", ADD, "timeout_after_effect", seconds=1.0)
    shop.deliver()
    shop.probe()
    assert shop.only_post().state == "unknown"
    shop.advance(seconds=10)
    shop.probe()
    assert shop.only_post().state == "sent"


def test_an_error_page_of_the_gateway_is_no_answer(shop: Shop) -> None:
    ready_group(shop)
    shop.twin.fault("wecom", ADD, "html_502")
    shop.deliver()
    assert shop.only_post().state == "unknown"


@pytest.mark.parametrize("code", [40014, 42001])
def test_a_dead_token_is_replaced_once_and_nobody_notices(shop: Shop, code: int) -> None:
    ready_group(shop)
    shop.twin.fault("wecom", ADD, code)
    shop.deliver()
    assert shop.only_post().state == "sent"


def test_credentials_that_stay_dead_stop_the_channel_and_tell_a_person(shop: Shop) -> None:
    ready_group(shop)
    shop.twin.fault("wecom", ADD, 42001, times=None)
    shop.deliver()
    (channel,) = shop.services.channels.list()
    assert channel.state == "attention"
    assert "42001" in channel.state_reason
    assert shop.only_post().state == "approved"
    shop.twin.clear_faults()
    shop.advance(minutes=5)
    shop.deliver()
    assert shop.only_post().state == "approved", "a stopped channel stays stopped"
    shop.services.channels.resume("anna", channel.id)
    shop.deliver()
    assert shop.only_post().state == "sent"


def test_a_busy_platform_is_asked_again_later(shop: Shop) -> None:
    ready_group(shop)
    shop.twin.fault("wecom", ADD, -1)
    shop.deliver()
    post = shop.only_post()
    assert (post.state, post.reason) == ("approved", "retry_later")
    shop.deliver()
    assert shop.only_post().attempts == 1, "not before the wait is over"
    shop.advance(minutes=1)
    shop.deliver()
    assert shop.only_post().state == "sent"


def test_a_robot_is_never_asked_twice(shop: Shop) -> None:
    shop.set_up_twin()
    shop.audience(shop.robot_channel(), AudienceKind.INTERNAL_GROUP, "duty")
    shop.plan()
    shop.advance(minutes=2)
    shop.twin.fault("wecom", "webhook/send", "timeout_after_effect", seconds=1.0)
    shop.deliver()
    shop.probe()
    post = shop.only_post()
    assert (post.state, post.reason) == ("failed", "outcome_unknowable")
    shop.deliver()
    assert shop.twin.received(robot=ROBOT_KEY)["total"] == 1


@pytest.fixture
def article(shop: Shop) -> Shop:
    shop.set_up_twin(followers=4)
    shop.audience(shop.official_channel(), AudienceKind.FOLLOWERS, "all")
    shop.plan()
    shop.advance(minutes=2)
    return shop


def finish_article(shop: Shop) -> None:
    wait_for(lambda: shop.follow_to("delivered"))
    assert shop.twin.received(account=APPID)["total"] == 1


def test_a_mass_send_that_took_effect_is_recognised_by_its_key(article: Shop) -> None:
    article.twin.fault(
        "official-account", "message/mass/sendall", "timeout_after_effect", seconds=1.0
    )
    article.deliver()
    assert article.only_post().state == "unknown"
    article.probe()
    assert article.only_post().state == "unknown", "45066: too soon to ask"
    article.advance(seconds=130)
    article.probe()
    assert article.only_post().state == "sent"
    finish_article(article)


def test_a_mass_send_without_effect_is_made_up_by_the_same_key(article: Shop) -> None:
    article.twin.fault(
        "official-account", "message/mass/sendall", "timeout_before_effect", seconds=1.0
    )
    article.deliver()
    article.probe()
    assert article.only_post().state == "sent"
    finish_article(article)


def test_a_draft_whose_answer_was_lost_is_found_and_used(article: Shop) -> None:
    article.twin.fault("official-account", "draft/add", "timeout_after_effect", seconds=1.0)
    article.deliver()
    assert article.only_post().state == "approved"
    article.advance(minutes=1)
    article.deliver()
    assert article.only_post().state == "sent"
    assert article.twin.stats()["calls"]["official-account/draft/add"] == 1
    finish_article(article)


def test_the_platforms_own_quota_parks_the_post_for_a_day(article: Shop) -> None:
    article.twin.fault("official-account", "message/mass/sendall", 45009)
    article.deliver()
    post = article.only_post()
    assert (post.state, post.reason) == ("approved", "quota")
    article.advance(hours=24, minutes=1)
    article.deliver()
    assert article.only_post().state == "sent"
