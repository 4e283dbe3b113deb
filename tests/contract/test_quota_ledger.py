"""The quota ledger on every database the product runs on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from contentcenter.clock import FixedClock
from contentcenter.domain.channels import AudienceKind, ChannelKind
from contentcenter.domain.posts import PostState
from contentcenter.floor import Floor
from distribute.quota import Bucket, QuotaLedger, QuotaSubject, buckets_for
from distribute.tables import PostRow
from tests.fixtures.floor import DATABASES
from tests.fixtures.twin import TwinProcess
from tests.flows.distribute_world import Shop, make_shop

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
DAY = Bucket("day", 2, NOON + timedelta(hours=12))
MONTH = Bucket("month", 3, NOON + timedelta(days=9))


@pytest.fixture
def posts(floor: Floor, clock: FixedClock, twin: TwinProcess) -> list[int]:
    """Five posts to hang quota on."""
    shop: Shop = make_shop(floor, clock, twin)
    items = shop.add_items(5)
    (audience,) = shop.groups(1)
    rows = [
        {
            "audience_id": audience.card.id,
            "channel_id": audience.card.channel_id,
            "item_id": item,
            "work_ids": [],
            "slot_at": NOON + timedelta(days=number),
            "state": PostState.PLANNED,
            "score": 1.0,
            "parts": {},
            "content": {},
            "code": f"code{number}",
            "client_key": f"key{number}",
            "facts": {},
            "progress": {},
            "created_at": NOON,
            "updated_at": NOON,
        }
        for number, item in enumerate(items)
    ]
    with floor.db.transaction() as session:
        return list(session.scalars(insert(PostRow).returning(PostRow.id), rows))


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
class TestLedger:
    def test_a_full_bucket_clashes_and_holds_nothing(self, floor: Floor, posts: list[int]) -> None:
        ledger = QuotaLedger()
        with floor.db.transaction() as session:
            clashes = ledger.reserve(session, NOON, dict.fromkeys(posts[:3], (DAY, MONTH)))
            assert clashes == {posts[2]: DAY}
            assert ledger.used(session, ["day", "month"]) == {"day": 2, "month": 2}

    def test_reserving_again_changes_nothing(self, floor: Floor, posts: list[int]) -> None:
        ledger = QuotaLedger()
        for _ in range(2):
            with floor.db.transaction() as session:
                assert ledger.reserve(session, NOON, {posts[0]: (DAY,)}) == {}
                assert ledger.used(session, ["day"]) == {"day": 1}

    def test_another_day_gives_the_first_one_back(self, floor: Floor, posts: list[int]) -> None:
        ledger = QuotaLedger()
        tomorrow = Bucket("tomorrow", 1, NOON)
        with floor.db.transaction() as session:
            ledger.reserve(session, NOON, {posts[0]: (DAY,)})
            ledger.reserve(session, NOON, {posts[0]: (tomorrow,)})
            assert ledger.used(session, ["day", "tomorrow"]) == {"tomorrow": 1}

    @pytest.mark.parametrize(
        ("state", "used"),
        [
            (PostState.SENT, 1),
            (PostState.APPROVED, 1),
            (PostState.UNKNOWN, 1),
            (PostState.CANCELLED, 0),
            (PostState.REFUSED, 0),
            (PostState.FAILED, 0),
        ],
    )
    def test_the_end_of_a_post_settles_its_quota(
        self, floor: Floor, posts: list[int], state: PostState, used: int
    ) -> None:
        ledger = QuotaLedger()
        with floor.db.transaction() as session:
            ledger.reserve(session, NOON, {posts[0]: (DAY,)})
            ledger.settle(session, posts[:1], state)
            assert ledger.used(session, ["day"]).get("day", 0) == used

    def test_released_quota_can_be_held_again(self, floor: Floor, posts: list[int]) -> None:
        ledger = QuotaLedger()
        with floor.db.transaction() as session:
            ledger.reserve(session, NOON, {posts[0]: (DAY,)})
            ledger.settle(session, posts[:1], PostState.FAILED)
            assert ledger.reserve(session, NOON, {posts[0]: (DAY,)}) == {}
            assert ledger.used(session, ["day"]) == {"day": 1}


def subject(kind: ChannelKind, audience: AudienceKind, account_type: str = "SUB") -> QuotaSubject:
    return QuotaSubject(kind, "ACC", account_type, 7, audience, "REF")


def test_buckets_are_counted_in_beijing_time() -> None:
    late = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)  # half past midnight in Beijing
    (bucket,) = buckets_for(subject(ChannelKind.WECOM_GROUPS, AudienceKind.GROUP), late, "daily_1")
    assert bucket.name == "wecom:ACC:chat:REF:day:2026-11-22"
    assert bucket.resets_at == datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "name", "limit"),
    [
        ("daily_1", "day:2026-11-21", 1),
        ("weekly_7", "week:2026-W47", 7),
        ("month_days", "month:2026-11", 30),
    ],
)
def test_the_receive_rule_is_a_setting(rule: str, name: str, limit: int) -> None:
    (bucket,) = buckets_for(subject(ChannelKind.WECOM_GROUPS, AudienceKind.GROUP), NOON, rule)
    assert (bucket.name, bucket.limit) == (f"wecom:ACC:chat:REF:{name}", limit)


def test_a_subscription_account_sends_once_a_day_whoever_is_reached() -> None:
    kinds = (AudienceKind.FOLLOWERS, AudienceKind.TAG)
    found = [
        buckets_for(subject(ChannelKind.OFFICIAL_ACCOUNT, kind), NOON, "daily_1") for kind in kinds
    ]
    assert found[0] == found[1]
    assert [(bucket.name, bucket.limit) for bucket in found[0]] == [("oa:ACC:day:2026-11-21", 1)]


def test_a_service_account_reaches_a_follower_four_times_a_month() -> None:
    channel = ChannelKind.OFFICIAL_ACCOUNT
    whole = buckets_for(subject(channel, AudienceKind.FOLLOWERS, "SVC"), NOON, "daily_1")
    tagged = buckets_for(subject(channel, AudienceKind.TAG, "SVC"), NOON, "daily_1")
    assert [(b.name, b.limit) for b in whole] == [
        ("oa:ACC:day:2026-11-21", 1),
        ("oa:ACC:all:month:2026-11", 4),
    ]
    assert [(b.name, b.limit) for b in tagged] == [
        ("oa:ACC:audience:7:month:2026-11", 4),
        ("oa:ACC:calls:2026-11-21", 100),
    ]


def test_robots_have_no_dated_quota() -> None:
    robot = subject(ChannelKind.GROUP_ROBOT, AudienceKind.INTERNAL_GROUP)
    assert buckets_for(robot, NOON, "daily_1") == ()
