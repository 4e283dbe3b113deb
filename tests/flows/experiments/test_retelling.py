"""What is approved and not sent yet follows an experiment that starts, pauses an arm or stops."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from contentcenter.floor import Floor
from distribute.experiments.draft import Arm
from distribute.experiments.strategy import strategy_from
from distribute.experiments.tables import ExperimentExposureRow
from distribute.services import DistributeServices
from distribute.tables import DeliveryRow, PlanRow, PostRow
from tests.flows.experiments.groups import GROUPS, draft, tell

DAYS = 4


@pytest.fixture
def approved(
    floor: Floor, services: DistributeServices, groups: list[int], items: list[int]
) -> list[int]:
    """A few days ahead, planned and approved by a person; the first one is out already."""
    services.plans.run(services.plans.request("anna", days=DAYS).id)
    return approve_all(floor, services)


def approve_all(floor: Floor, services: DistributeServices) -> list[int]:
    with floor.db.reading() as session:
        ids = list(session.scalars(select(PostRow.id).where(PostRow.state == "planned")))
    for post_id in ids:
        services.posts.approve("anna", post_id)
    return ids


def run_asked(floor: Floor, services: DistributeServices) -> None:
    """What the job does with plans that were asked for."""
    with floor.db.reading() as session:
        asked = list(session.scalars(select(PlanRow.id).where(PlanRow.state == "requested")))
    for plan_id in asked:
        services.plans.run(plan_id)


def posts(floor: Floor, state: str, since: datetime) -> list[PostRow]:
    query = select(PostRow).where(PostRow.state == state, PostRow.slot_at >= since)
    with floor.db.reading() as session:
        return list(session.scalars(query.order_by(PostRow.id)))


def asks(post: PostRow) -> bool:
    return str(post.content["text"]).split("\n")[0].endswith(("？", "?"))


def test_a_start_plans_approved_posts_again_so_that_groups_get_their_arm(
    floor: Floor, services: DistributeServices, approved: list[int]
) -> None:
    made = services.experiments.create("anna", draft())
    today = floor.clock.now()
    tonight = len(posts(floor, "approved", today)) - services.experiments.approved_ahead(made.id)
    started = services.experiments.start("anna", made.id)
    assert started.starts_at is not None
    with floor.db.transaction() as session:
        out = session.scalars(
            select(PostRow).where(PostRow.slot_at >= started.starts_at).order_by(PostRow.id)
        ).first()
        assert out is not None
        out.state = "sending"
    run_asked(floor, services)

    arms = {one[0]: one[2] for one in services.experiments.assignment(made.id)}
    new = posts(floor, "planned", started.starts_at)
    assert {post.audience_id for post in new} == set(arms), "the base is planned again as well"
    assert all(asks(post) == (arms[post.audience_id] == 1) for post in new)
    assert len(posts(floor, "approved", today)) == tonight == GROUPS, "before the start nothing"
    assert posts(floor, "approved", started.starts_at) == []
    assert [post.id for post in posts(floor, "sending", started.starts_at)] == [out.id]
    with floor.db.reading() as session:
        told = select(DeliveryRow.reason).where(DeliveryRow.post_id == approved[-1])
        assert list(session.scalars(told.order_by(DeliveryRow.id)))[-1] == "retold"
        marked = set(session.scalars(select(ExperimentExposureRow.post_id)))
    assert {post.id for post in new} <= marked


def test_a_stop_takes_back_what_was_approved_under_the_arm_only(
    floor: Floor, services: DistributeServices, approved: list[int]
) -> None:
    made = services.experiments.create("anna", draft())
    services.experiments.start("anna", made.id)
    run_asked(floor, services)
    approve_all(floor, services)
    now = floor.clock.now()
    before = posts(floor, "approved", now)
    asking = [post.id for post in before if asks(post)]
    assert services.experiments.approved_ahead(made.id) == len(asking) > 0

    services.experiments.stop("anna", made.id, "换季")
    run_asked(floor, services)
    left = posts(floor, "approved", now)
    assert [post.id for post in left] == [post.id for post in before if post.id not in asking]
    new = posts(floor, "planned", now)
    assert {(one.audience_id, one.slot_at) for one in new} == {
        (one.audience_id, one.slot_at) for one in before if one.id in asking
    }
    assert not any(asks(post) for post in new)
    assert services.experiments.approved_ahead(made.id) == 0


def test_a_guard_rail_takes_back_the_arm_it_stops_and_leaves_the_other(
    floor: Floor, services: DistributeServices, groups: list[int], items: list[int]
) -> None:
    arms = [
        Arm("原样", 0.5),
        Arm("提问", 0.25, strategy_from({"copy_style": "question"})),
        Arm("摘录", 0.25, strategy_from({"copy_style": "excerpt"})),
    ]
    made = services.experiments.create("anna", draft(arms=arms))
    start = services.experiments.start("anna", made.id).starts_at
    assert start is not None
    seats = {one[0]: one[2] for one in services.experiments.assignment(made.id)}
    leaves = [9 + place % 3 if seats[one] == 1 else place % 2 for place, one in enumerate(groups)]
    tell(floor, groups, items[0], start, 3, rates=[0.08] * GROUPS, leaves=leaves)
    floor.clock.advance(timedelta(days=3, hours=12))  # type: ignore[attr-defined]
    now = floor.clock.now()
    run_asked(floor, services)
    approve_all(floor, services)
    before = {post.id: seats[post.audience_id] for post in posts(floor, "approved", now)}
    assert services.experiments.review() == 1
    assert services.experiments.get(made.id).state == "running"
    run_asked(floor, services)
    left = {post.id for post in posts(floor, "approved", now)}
    assert left == {post_id for post_id, seat in before.items() if seat != 1}
    assert {seats[post.audience_id] for post in posts(floor, "planned", now)} == {1}


def test_posts_approved_far_ahead_are_planned_again_too(
    floor: Floor, services: DistributeServices, groups: list[int], items: list[int]
) -> None:
    services.plans.run(services.plans.request("anna", days=10).id)
    approve_all(floor, services)
    last = max(post.slot_at for post in posts(floor, "approved", floor.clock.now()))
    made = services.experiments.create("anna", draft(days=14))
    services.experiments.start("anna", made.id)
    with floor.db.reading() as session:
        asked = session.scalars(select(PlanRow).where(PlanRow.state == "requested")).one()
    assert asked.ends_at > last
