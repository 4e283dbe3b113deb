"""The delivery ledger: moves are compare-and-set, never backwards, always told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from contentcenter.clock import FixedClock
from contentcenter.domain.posts import PostState, post_can_move
from contentcenter.floor import Floor
from contentcenter.store.tables import OutboxRow
from distribute.health import MOST_ERRORS, ChannelHealth
from distribute.ledger import PostLedger, Step, due_posts
from distribute.quota import QuotaLedger
from distribute.tables import PostRow
from tests.fixtures.floor import DATABASES
from tests.fixtures.twin import TwinProcess
from tests.flows.distribute_world import Shop, make_shop

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


@pytest.fixture
def ledger() -> PostLedger:
    return PostLedger(QuotaLedger())


@pytest.fixture
def shop(floor: Floor, clock: FixedClock, twin: TwinProcess) -> Shop:
    shop = make_shop(floor, clock, twin)
    shop.add_items(4)
    shop.groups(1)
    return shop


def row(shop: Shop, number: int = 0, **more: Any) -> dict[str, Any]:
    (audience,) = shop.services.audiences.list()
    return {
        "plan_id": None,
        "audience_id": audience.card.id,
        "channel_id": audience.card.channel_id,
        "item_id": shop.items[number],
        "work_ids": [],
        "slot_at": NOON + timedelta(hours=number),
        "score": 1.0,
        "parts": {},
        "content": {},
        "code": f"code{number}",
        "client_key": f"key{number}",
        "facts": {},
        **more,
    }


def create(shop: Shop, ledger: PostLedger, *rows: dict[str, Any]) -> list[int]:
    with shop.floor.db.transaction() as session:
        return list(ledger.create(session, NOON, rows, "tester").values())


def put(shop: Shop, post_id: int, state: PostState) -> None:
    """Bring a post into a state by the back door, to try every move from there."""
    with shop.floor.db.transaction() as session:
        session.execute(update(PostRow).where(PostRow.id == post_id).values(state=state))


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
@pytest.mark.parametrize("in_batch", [False, True])
def test_only_the_moves_of_the_domain_are_possible(
    shop: Shop, ledger: PostLedger, in_batch: bool
) -> None:
    (post_id,) = create(shop, ledger, row(shop))
    for current in PostState:
        for target in PostState:
            put(shop, post_id, current)
            with shop.floor.db.transaction() as session:
                step = Step(post_id, target)
                if in_batch:
                    moved = ledger.move_each(session, NOON, [step]) == [post_id]
                else:
                    moved = ledger.move(session, NOON, step)
            assert moved == post_can_move(current, target), f"{current} -> {target}"


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
def test_a_slot_and_an_item_are_given_once(shop: Shop, ledger: PostLedger) -> None:
    assert len(create(shop, ledger, row(shop))) == 1
    same_item = row(shop, code="b", client_key="b", slot_at=NOON + timedelta(days=1))
    same_slot = row(shop, 1, slot_at=NOON)
    other = row(shop, 2)
    assert len(create(shop, ledger, same_item, same_slot, other)) == 1


def test_a_claim_belongs_to_one_worker(shop: Shop, ledger: PostLedger) -> None:
    (post_id,) = create(shop, ledger, row(shop))
    put(shop, post_id, PostState.APPROVED)
    claims = []
    for _ in range(2):
        with shop.floor.db.transaction() as session:
            claims.append(ledger.claim(session, NOON, [post_id]))
    assert claims == [[post_id], []]


def test_the_late_answer_of_an_earlier_attempt_changes_nothing(
    shop: Shop, ledger: PostLedger
) -> None:
    (post_id,) = create(shop, ledger, row(shop))
    for _ in range(2):
        put(shop, post_id, PostState.APPROVED)
        with shop.floor.db.transaction() as session:
            ledger.claim(session, NOON, [post_id])
    with shop.floor.db.transaction() as session:
        late, timely = (Step(post_id, PostState.SENT, attempt=number) for number in (1, 2))
        assert not ledger.move(session, NOON, late)
        assert ledger.move_each(session, NOON, [late]) == []
        assert ledger.move_each(session, NOON, [late, timely]) == [post_id]


def test_ends_are_told_once(shop: Shop, ledger: PostLedger) -> None:
    (post_id,) = create(shop, ledger, row(shop))
    put(shop, post_id, PostState.SENT)
    for _ in range(2):
        with shop.floor.db.transaction() as session:
            ledger.move(session, NOON, Step(post_id, PostState.DELIVERED))
    with shop.floor.db.reading() as session:
        topics = [fact.topic for fact in session.scalars(select(OutboxRow))]
    assert topics.count("delivery_settled") == 1


def test_a_queued_post_is_not_queued_again_until_its_lease_ends(
    shop: Shop, ledger: PostLedger
) -> None:
    (post_id,) = create(shop, ledger, row(shop))
    put(shop, post_id, PostState.APPROVED)
    delivery = shop.services.delivery
    assert delivery.enqueue_due() == 1
    assert delivery.enqueue_due() == 0
    shop.clock.advance(timedelta(seconds=61))
    assert delivery.enqueue_due() == 1, "the queue may have lost it"


def test_posts_of_a_stopped_channel_keep_no_other_waiting(shop: Shop, ledger: PostLedger) -> None:
    ids = create(shop, ledger, row(shop), row(shop, 1))
    for post_id in ids:
        put(shop, post_id, PostState.APPROVED)
    (channel,) = shop.services.channels.list()
    later = NOON + timedelta(hours=2)
    with shop.floor.db.reading() as session:
        assert due_posts(session, later, 1) == {channel.id: ids[:1]}
    shop.services.channels.pause("tester", channel.id)
    with shop.floor.db.reading() as session:
        assert due_posts(session, later, 10) == {}


def test_a_row_of_errors_sends_a_channel_to_rest(floor: Floor) -> None:
    health = ChannelHealth(floor.redis)
    assert not health.record(1, MOST_ERRORS - 1, 0)
    assert health.record(1, 1, 0)
    assert health.resting(1) > 0
    assert health.resting(2) == 0
    for _ in range(MOST_ERRORS):
        health.record(3, 1, 1)
    assert health.resting(3) == 0, "successes in between end the row"
