"""An experiment's whole life: planned, drawn, told, watched, paused, over."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from sqlalchemy import select

from contentcenter.clock import FixedClock
from contentcenter.domain.errors import Conflict, InvalidInput
from contentcenter.floor import Floor
from contentcenter.store import audit
from contentcenter.store.tables import EventRow
from distribute.experiments.draft import Arm
from distribute.experiments.outcome_loading import load_outcomes, load_readers
from distribute.experiments.outcomes import Metric, ratio_parts
from distribute.experiments.strategy import Layer, strategy_from
from distribute.experiments.tables import (
    ExperimentDecisionRow,
    ExperimentExposureRow,
    ExperimentKind,
)
from distribute.experiments.verdict import VerdictCode
from distribute.reader_events import RecommendEvents
from distribute.services import DistributeServices, build_services
from distribute.tables import PlanRow, PostRow
from recommend.events.service import EventService
from tests.fixtures.floor import FloorMaker
from tests.flows.distribute_world import ShelfOrder
from tests.flows.experiments.groups import GROUPS, add_groups, draft, tell


def with_history(floor: Floor, groups: list[int], item: int) -> None:
    """A fortnight before: groups differ a little, and keep their own rate."""
    start = floor.clock.now() - timedelta(days=14)
    rates = [0.08 + 0.002 * (place % 5) for place in range(len(groups))]
    tell(floor, groups, item, start, 14, rates=rates)


def test_a_strategy_takes_effect_and_posts_remember_it(
    floor: Floor, services: DistributeServices, groups: list[int], items: list[int]
) -> None:
    made = services.experiments.create("anna", draft())
    started = services.experiments.start("anna", made.id)
    assert [arm.groups for arm in started.arms] == [GROUPS // 2, GROUPS // 2]
    with floor.db.reading() as session:
        (plan_id,) = session.scalars(select(PlanRow.id))
    services.plans.run(plan_id)

    arms = {one[0]: one[2] for one in services.experiments.assignment(made.id)}
    with floor.db.reading() as session:
        posts = {row.id: row for row in session.scalars(select(PostRow))}
        seen = list(session.scalars(select(ExperimentExposureRow)))
    inside = {key for key, row in posts.items() if row.slot_at >= started.starts_at}  # type: ignore[operator]
    assert {row.post_id for row in seen} == inside
    for row in seen:
        post = posts[row.post_id]
        assert row.arm == arms[post.audience_id]
        assert row.propensity == 0.5
        opening = post.content["text"].split("\n")[0]
        assert opening.endswith(("？", "?")) == (row.arm == 1)


def test_slots_move_and_matches_change_for_the_arm_only(
    floor: Floor, services: DistributeServices, groups: list[int], items: list[int]
) -> None:
    later = Arm("晚一小时", 0.5, strategy_from({"slot_shift_minutes": 60}))
    heavier = Arm("看重新鲜", 0.5, strategy_from({"match": {"freshness": 1.0}}))
    slot = draft(layer=Layer.SLOT, arms=[Arm("原样", 0.5), later])
    match = draft(layer=Layer.MATCH, arms=[Arm("原样", 0.5), heavier])
    ids = [services.experiments.create("anna", one).id for one in (slot, match)]
    started = [services.experiments.start("anna", one) for one in ids]
    floor.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
    services.plans.run(services.plans.request("anna", days=1).id)

    slots, matches = ({one[0]: one[2] for one in services.experiments.assignment(i)} for i in ids)
    with floor.db.reading() as session:
        posts = list(session.scalars(select(PostRow)))
    assert len(posts) == GROUPS
    assert {(slots[post.audience_id], f"{post.slot_at:%H:%M}") for post in posts} == {
        (0, "12:30"),
        (1, "13:30"),
    }
    assert {matches[post.audience_id] for post in posts if post.item_id == items[0]} == {0}
    assert {matches[post.audience_id] for post in posts if post.item_id == items[-1]} == {1}
    assert all(one.starts_at == started[0].starts_at for one in started)


def test_a_real_difference_is_found_and_told_in_words(
    floor: Floor, services: DistributeServices, groups: list[int], items: list[int]
) -> None:
    with_history(floor, groups, items[0])
    made = services.experiments.create("anna", draft(uplift=0.5))
    assert made.plan["mde"] < 0.5
    started = services.experiments.start("anna", made.id)
    arms = {one[0]: one[2] for one in services.experiments.assignment(made.id)}
    rates = [0.16 if arms[one] else 0.08 for one in groups]
    assert started.starts_at is not None
    tell(floor, groups, items[0], started.starts_at, 7, rates=rates, seed=5)
    floor.clock.advance(timedelta(days=8, hours=12))  # type: ignore[attr-defined]
    assert services.experiments.review() == 1

    result = services.experiments.result(made.id)
    assert result.experiment.state == "finished"
    (arm,) = result.arms
    assert arm.verdict.code == VerdictCode.BETTER
    assert arm.latest is not None
    assert arm.latest.uplift_interval is not None
    assert arm.latest.uplift_interval.holds(1.0)
    assert arm.checks is not None
    assert arm.checks.permutation_p is not None
    assert arm.checks.permutation_p < 0.05, "eight pairs can be drawn in 256 ways"
    assert "提问" in arm.verdict.words("zh")
    assert "better" in arm.verdict.words("en")


def test_leaving_readers_stop_an_arm_by_themselves(
    floor: Floor, services: DistributeServices, groups: list[int], items: list[int]
) -> None:
    with_history(floor, groups, items[0])
    made = services.experiments.create("anna", draft())
    started = services.experiments.start("anna", made.id)
    arms = {one[0]: one[2] for one in services.experiments.assignment(made.id)}
    leaves = [4 + place % 3 if arms[one] else place % 2 for place, one in enumerate(groups)]
    assert started.starts_at is not None
    tell(floor, groups, items[0], started.starts_at, 3, rates=[0.08] * GROUPS, leaves=leaves)
    floor.clock.advance(timedelta(days=3, hours=12))  # type: ignore[attr-defined]
    assert services.experiments.review() == 1

    result = services.experiments.result(made.id)
    assert result.experiment.state == "stopped", "no arm but the base is left"
    assert result.experiment.arms[1].pause_reason == "leave_rate"
    assert result.arms[0].verdict.code == VerdictCode.PAUSED
    assert services.experiments.review() == 0
    start = floor.clock.now()
    services.plans.run(services.plans.request("anna", starts_at=start, days=1).id)
    with floor.db.reading() as session:
        trail = [row.action for row in audit.trail(session, "experiment", made.id)]
        texts = [
            row.content["text"]
            for row in session.scalars(
                select(PostRow).where(PostRow.slot_at >= start, PostRow.state == "planned")
            )
        ]
    assert trail[-2:] == ["experiment.paused", "experiment.stopped"]
    assert texts
    assert not any("？" in text.split("\n")[0] for text in texts)


def test_a_quiet_experiment_pauses_nothing_and_promises_nothing(
    floor: Floor, services: DistributeServices, groups: list[int], items: list[int]
) -> None:
    with_history(floor, groups, items[0])
    made = services.experiments.create("anna", draft())
    started = services.experiments.start("anna", made.id)
    assert services.experiments.result(made.id).arms[0].verdict.code == VerdictCode.WAITING
    assert started.starts_at is not None
    rates = [0.08 + 0.002 * (place % 5) for place in range(GROUPS)]
    tell(floor, groups, items[0], started.starts_at, 3, rates=rates, leaves=[1] * GROUPS, seed=9)
    floor.clock.advance(timedelta(days=3, hours=12))  # type: ignore[attr-defined]
    assert services.experiments.review() == 0
    (arm,) = services.experiments.result(made.id).arms
    assert arm.verdict.code == VerdictCode.OPEN
    assert arm.checks is None, "checks are made once, at the end"
    stopped = services.experiments.stop("anna", made.id, "换季")
    assert (stopped.state, stopped.stop_reason) == ("stopped", "换季")
    assert services.experiments.result(made.id).arms[0].verdict.code == VerdictCode.NOT_SHOWN


def test_a_refund_is_taken_off(
    floor: Floor, services: DistributeServices, groups: list[int], items: list[int]
) -> None:
    start = floor.clock.now() - timedelta(days=2)
    tell(floor, groups[:1], items[0], start, 1, rates=[0.0])
    with floor.db.transaction() as session:
        post = session.scalars(select(PostRow)).one()
        for number, (kind, value) in enumerate(
            (("order", 5000), ("order", 3000), ("refund", 3000))
        ):
            at = post.slot_at + timedelta(days=number)
            session.add(
                EventRow(
                    event_id=f"o{number}",
                    kind=kind,
                    audience_id=groups[0],
                    item_id=items[0],
                    post_id=post.id,
                    value_fen=value,
                    at=at,
                    received_at=at,
                )
            )
    with floor.db.reading() as session:
        readers = {one: float(size) for one, size in load_readers(session, groups[:1]).items()}
        found = load_outcomes(session, readers, start, 1)
    assert ratio_parts(found, Metric.ORDERS_PER_READER)[0].tolist() == [1.0]
    assert ratio_parts(found, Metric.NET_REVENUE_PER_READER)[0].tolist() == [5000.0]


def test_too_few_groups_and_a_busy_layer_are_refused(
    floor: Floor, services: DistributeServices, groups: list[int], items: list[int]
) -> None:
    few = services.experiments.create("anna", draft(audience_ids=groups[:5]))
    with pytest.raises(InvalidInput, match="8 are needed") as caught:
        services.experiments.start("anna", few.id)
    assert caught.value.details["groups_needed"] == 8

    with_history(floor, groups, items[0])
    tiny = services.experiments.create("anna", draft(uplift=0.005))
    with pytest.raises(InvalidInput) as caught:
        services.experiments.start("anna", tiny.id)
    assert caught.value.details["groups_needed"] > GROUPS  # type: ignore[operator]

    first = services.experiments.create("anna", draft())
    services.experiments.start("anna", first.id)
    second = services.experiments.create("anna", draft(name="第二个"))
    with pytest.raises(Conflict, match="runs on copy already"):
        services.experiments.start("anna", second.id)
    with pytest.raises(Conflict, match="started before"):
        services.experiments.start("anna", first.id)
    services.experiments.stop("anna", first.id, "done")
    with pytest.raises(Conflict, match="does not run"):
        services.experiments.stop("anna", first.id, "again")
    assert services.experiments.start("anna", second.id).state == "running"


def test_the_holdout_takes_part_in_nothing(make_floor: FloorMaker, clock: FixedClock) -> None:
    floor = make_floor(experiment_holdout_share=0.4)
    services = build_services(
        floor, matcher=ShelfOrder(floor), events=RecommendEvents(EventService(floor))
    )
    groups = add_groups(floor, 40)
    made = services.experiments.create("anna", draft())
    services.experiments.start("anna", made.id)
    inside = {one[0] for one in services.experiments.assignment(made.id)}
    assert made.plan["held_out"] == len(groups) - len(inside) > 0


def begun_bandit(
    floor: Floor, services: DistributeServices, groups: list[int], items: list[int], *, days: int
) -> tuple[int, datetime]:
    """Id and start of a bandit of four weeks over groups with a past; `days` of it are planned."""
    with_history(floor, groups, items[0])
    wanted = draft(kind=ExperimentKind.BANDIT, days=28, floor=0.2)
    made = services.experiments.create("anna", wanted)
    start = services.experiments.start("anna", made.id).starts_at
    assert start is not None
    services.plans.run(services.plans.request("anna", starts_at=start, days=days).id)
    return made.id, start


def test_a_bandit_draws_weekly_logs_propensities_and_learns(
    floor: Floor, services: DistributeServices, groups: list[int], items: list[int]
) -> None:
    bandit, start = begun_bandit(floor, services, groups, items, days=2)
    first = drawn(floor, bandit, 0)
    assert len(first) == GROUPS
    assert {row.propensity for row in first} == {0.5}, "nothing is known in the first week"

    arms = {row.audience_id: row.arm for row in first}
    rates = [0.2 if arms[one] else 0.08 for one in groups]
    tell(floor, groups, items[0], start + timedelta(minutes=1), 7, rates=rates, seed=3)
    floor.clock.advance(timedelta(days=8, hours=12))  # type: ignore[attr-defined]
    services.plans.run(services.plans.request("anna", days=2).id)
    second = drawn(floor, bandit, 1)
    assert len(second) == GROUPS
    chances = {row.arm: row.propensity for row in second}
    assert chances[1] == pytest.approx(0.9, abs=0.01), "best for sure, but a floor of 0.2 / 2"
    assert Counter(row.arm for row in second)[1] > GROUPS / 2
    assert drawn(floor, bandit, 0) == first, "what was drawn stays"
    found = services.experiments.result(bandit).bandit
    assert [round(one.chance, 2) for one in found] == [0.1, 0.9]
    assert found[1].mean_gain > found[0].mean_gain


class Drawn(NamedTuple):
    audience_id: int
    arm: int
    propensity: float


def drawn(floor: Floor, experiment_id: int, period: int) -> list[Drawn]:
    query = (
        select(ExperimentDecisionRow)
        .where(
            ExperimentDecisionRow.experiment_id == experiment_id,
            ExperimentDecisionRow.period == period,
        )
        .order_by(ExperimentDecisionRow.audience_id)
    )
    with floor.db.reading() as session:
        rows = list(session.scalars(query))
    return [Drawn(row.audience_id, row.arm, row.propensity) for row in rows]


def test_a_bandit_s_arm_that_loses_readers_is_stopped_too(
    floor: Floor, services: DistributeServices, groups: list[int], items: list[int]
) -> None:
    bandit, start = begun_bandit(floor, services, groups, items, days=8)
    arms = {row.audience_id: row.arm for row in drawn(floor, bandit, 0)}
    leaves = [4 + place % 3 if arms[one] else place % 2 for place, one in enumerate(groups)]
    early = start + timedelta(minutes=1)
    tell(floor, groups, items[0], early, 3, rates=[0.08] * GROUPS, leaves=leaves)
    floor.clock.advance(timedelta(days=3, hours=12))  # type: ignore[attr-defined]

    base, arm = services.experiments.result(bandit).bandit
    assert base.guards == ()
    assert [reading.worse for reading in arm.guards] == [True, False]
    assert services.experiments.review() == 1
    result = services.experiments.result(bandit)
    assert result.experiment.state == "stopped", "no arm but the base is left"
    assert result.experiment.arms[1].pause_reason == "leave_rate"
    assert services.experiments.review() == 0
    now = floor.clock.now()
    with floor.db.reading() as session:
        (asked,) = session.scalars(select(PlanRow).where(PlanRow.actor == "system"))
    assert set(asked.audience_ids) >= {one for one in groups if arms[one]}
    assert asked.starts_at == now
    services.plans.run(asked.id)
    with floor.db.reading() as session:
        ahead = select(PostRow).where(PostRow.slot_at >= now, PostRow.state == "planned")
        texts = [row.content["text"] for row in session.scalars(ahead)]
    assert texts
    assert not any("？" in text.split("\n")[0] for text in texts)
