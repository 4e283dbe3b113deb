"""The planner: what it fills, what it leaves empty, and what it says about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contentcenter.store.cards import RightsCard
from distribute.planner import (
    AudienceRules,
    Candidate,
    ItemFacts,
    Opening,
    PastPost,
    PlanInput,
    PlanResult,
    PlanRules,
    QuotaBucket,
    Refusal,
    plan,
)
from distribute.timing import QuietHours, in_quiet_hours, local_day, local_week

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
AWAKE = QuietHours("00:00", "00:00")
FREE = AudienceRules(1, "wecom_groups", "Asia/Shanghai", AWAKE, None, None, timedelta(0))


def hours(count: float) -> datetime:
    return NOON + timedelta(hours=count)


def candidates(*scores: float) -> list[Candidate]:
    return [Candidate(number + 1, score, {"all": score}) for number, score in enumerate(scores)]


def one_audience(
    times: list[float], scores: tuple[float, ...] = (3.0, 2.0, 1.0), **more: Any
) -> PlanInput:
    values: dict[str, Any] = {
        "audiences": {1: FREE},
        "openings": [Opening(1, hours(time)) for time in times],
        "candidates": {1: candidates(*scores)},
        "items": {n + 1: ItemFacts((n + 1,), f"c{n}") for n in range(len(scores))},
        **more,
    }
    return PlanInput(**values)


def chosen(result: PlanResult) -> list[int]:
    return [post.item_id for post in result.posts]


def empty(result: PlanResult) -> list[Refusal]:
    return [one.reason for one in result.refusals if one.item_id is None]


def test_the_best_item_goes_first_and_none_twice() -> None:
    assert chosen(plan(one_audience([0, 24, 48, 72]))) == [1, 2, 3]
    assert empty(plan(one_audience([0, 24, 48, 72]))) == [Refusal.NONE_LEFT]


def test_telling_nothing_is_a_plan() -> None:
    result = plan(one_audience([0, 24], (0.3, 0.1), rules=PlanRules(floor=0.2)))
    assert chosen(result) == [1]
    assert empty(result) == [Refusal.BELOW_FLOOR]
    assert plan(one_audience([0], ())).refusals[0].reason is Refusal.NO_CANDIDATES


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cap_per_day": 0}, Refusal.CAP_ZERO),
        ({"cap_per_week": 0}, Refusal.CAP_ZERO),
        ({"quiet": QuietHours("11:00", "13:00")}, Refusal.QUIET_HOURS),
    ],
)
def test_a_closed_audience_gets_nothing(change: dict[str, Any], reason: Refusal) -> None:
    result = plan(one_audience([0, 0.5], audiences={1: replace(FREE, **change)}))
    assert chosen(result) == []
    assert set(empty(result)) == {reason}


def test_none_is_no_cap_and_a_number_is_one() -> None:
    assert len(plan(one_audience([0, 1, 2])).posts) == 3
    capped = one_audience([0, 1, 2], audiences={1: replace(FREE, cap_per_day=2)})
    assert len(plan(capped).posts) == 2
    assert empty(plan(capped)) == [Refusal.CAP_DAY]


def test_history_counts_against_caps_cool_down_and_slots() -> None:
    past = PastPost(1, 99, (), "other", hours(-1))
    weekly = one_audience([0], audiences={1: replace(FREE, cap_per_week=1)}, history=[past])
    assert empty(plan(weekly)) == [Refusal.CAP_WEEK]
    cooling = one_audience(
        [0, 4], audiences={1: replace(FREE, cool_down=timedelta(hours=3))}, history=[past]
    )
    assert empty(plan(cooling)) == [Refusal.COOL_DOWN]
    taken = one_audience([0], history=[replace(past, at=hours(0))])
    assert empty(plan(taken)) == [Refusal.SLOT_TAKEN]


def test_an_item_or_a_work_told_lately_is_passed_over_and_explained() -> None:
    same_item = PastPost(1, 1, (), "other", NOON - timedelta(days=200))
    same_work = PastPost(1, 77, (2,), "other", NOON - timedelta(days=3))
    result = plan(one_audience([0], history=[same_item, same_work]))
    assert chosen(result) == [3]
    assert [(one.item_id, one.reason) for one in result.refusals] == [
        (1, Refusal.TOLD_BEFORE),
        (2, Refusal.WORK_RECENTLY),
    ]
    old = replace(same_work, at=NOON - timedelta(days=31))
    assert chosen(plan(one_audience([0], history=[old]))) == [1]


def test_rights_are_those_of_the_slot_and_the_channel() -> None:
    later = RightsCard(hours(10), None, ())
    robots = RightsCard(None, None, ("group_robot",))
    items = {
        1: ItemFacts((), "a", (later,)),
        2: ItemFacts((), "b", (robots,)),
        3: ItemFacts((), "c"),
    }
    assert chosen(plan(one_audience([0, 12], items=items))) == [3, 1]


def test_a_scarce_quota_goes_to_the_better_match() -> None:
    data = PlanInput(
        audiences={1: FREE, 2: replace(FREE, audience_id=2)},
        openings=[Opening(1, hours(0), ("day",)), Opening(2, hours(2), ("day",))],
        candidates={1: candidates(0.5), 2: candidates(0.9)},
        items={1: ItemFacts((), "a")},
        quotas={"day": QuotaBucket("day", 1)},
    )
    result = plan(data)
    assert [post.audience_id for post in result.posts] == [2]
    assert empty(result) == [Refusal.QUOTA]
    full = replace(data, quotas={"day": QuotaBucket("day", 1, used=1)})
    assert plan(full).posts == ()


def test_one_work_does_not_flood_a_day() -> None:
    audiences = {number: replace(FREE, audience_id=number) for number in range(1, 11)}
    data = PlanInput(
        audiences=audiences,
        openings=[Opening(number, hours(0)) for number in audiences],
        candidates={number: candidates(2.0, 1.0) for number in audiences},
        items={1: ItemFacts((7,), "a"), 2: ItemFacts((8,), "b")},
        rules=PlanRules(work_share=0.3, work_share_least=1),
    )
    result = plan(data)
    assert Counter(chosen(result)) == {1: 3, 2: 3}
    assert Refusal.WORK_SHARE in {one.reason for one in result.refusals}


def test_categories_alternate_within_a_day() -> None:
    items = {n: ItemFacts((), "fiction" if n < 3 else "history") for n in (1, 2, 3)}
    rules = PlanRules(category_per_day=1)
    assert chosen(plan(one_audience([0, 1], items=items, rules=rules))) == [1, 3]


def test_the_runner_up_is_told_what_it_lacked() -> None:
    result = plan(one_audience([0], (3.0, 2.5)))
    (refusal,) = result.refusals
    assert (refusal.item_id, refusal.reason) == (2, Refusal.LOWER_SCORE)
    assert refusal.details["lacks"] == {"all": -0.5}


@st.composite
def worlds(draw: st.DrawFn) -> PlanInput:
    """Small worlds with every rule somewhere in them."""
    ids = list(range(1, draw(st.integers(1, 4)) + 1))
    cap = st.one_of(st.none(), st.integers(0, 3))
    audiences = {
        number: AudienceRules(
            number,
            "wecom_groups",
            draw(st.sampled_from(["Asia/Shanghai", "Europe/Berlin"])),
            draw(st.sampled_from([AWAKE, QuietHours("22:30", "08:00")])),
            draw(cap),
            draw(cap),
            timedelta(hours=draw(st.integers(0, 30))),
        )
        for number in ids
    }
    slots = st.lists(st.integers(0, 24 * 8), max_size=10)
    buckets = ("b1", "b2")
    openings = [
        Opening(number, hours(at), draw(st.sampled_from([(), ("b1",), ("b1", "b2")])))
        for number in ids
        for at in draw(slots)
    ]
    items = {
        n: ItemFacts(
            tuple(draw(st.lists(st.integers(1, 4), max_size=2, unique=True))),
            draw(st.sampled_from("ab")),
        )
        for n in range(1, 9)
    }
    scores = st.lists(st.floats(-1, 3), min_size=0, max_size=8)
    found = {
        number: sorted(
            (Candidate(n + 1, s, {"s": s}) for n, s in enumerate(draw(scores))),
            key=lambda one: -one.score,
        )
        for number in ids
    }
    history = [
        PastPost(number, item, items[item].works, items[item].category, hours(at))
        for number, item, at in draw(
            st.lists(
                st.tuples(st.sampled_from(ids), st.integers(1, 8), st.integers(-200, 100)),
                max_size=5,
            )
        )
    ]
    quotas = {name: QuotaBucket(name, draw(st.integers(0, 3))) for name in buckets}
    rules = PlanRules(
        floor=draw(st.floats(-1, 1)),
        work_days=draw(st.integers(1, 30)),
        work_share=0.5,
        work_share_least=draw(st.integers(1, 5)),
        category_per_day=draw(st.one_of(st.none(), st.integers(1, 3))),
    )
    return PlanInput(audiences, openings, found, items, history, quotas, rules)


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_no_rule_is_ever_broken(data: PlanInput) -> None:
    result = plan(data)
    pairs = [(post.audience_id, post.item_id) for post in result.posts]
    assert len(set(pairs)) == len(pairs), "an item told twice"
    slots = [(post.audience_id, post.at) for post in result.posts]
    taken = {(past.audience_id, past.at) for past in data.history}
    assert len(set(slots)) == len(slots), "a slot doubled"
    assert not taken & set(slots), "a slot taken before"
    for post in result.posts:
        rules = data.audiences[post.audience_id]
        assert post.score >= data.rules.floor
        assert not in_quiet_hours(post.at, rules.timezone, rules.quiet)
        assert (post.audience_id, post.item_id) not in {
            (past.audience_id, past.item_id) for past in data.history
        }
        check_neighbours(data, result, post.audience_id, post.at, post.item_id)
    used = Counter(name for post in result.posts for name in post.buckets)
    assert all(used[name] <= bucket.limit for name, bucket in data.quotas.items())
    check_caps(data, result)


def check_neighbours(
    data: PlanInput, result: PlanResult, audience_id: int, at: datetime, item_id: int
) -> None:
    """Cool-down and works, against the plan's own posts and the history."""
    works = set(data.items[item_id].works)
    others = [
        (post.at, set(data.items[post.item_id].works))
        for post in result.posts
        if post.audience_id == audience_id and post.item_id != item_id
    ]
    others += [
        (past.at, set(past.works)) for past in data.history if past.audience_id == audience_id
    ]
    for moment, told in others:
        assert abs(at - moment) >= data.audiences[audience_id].cool_down
        if works & told:
            assert abs(at - moment) >= timedelta(days=data.rules.work_days)


def check_caps(data: PlanInput, result: PlanResult) -> None:
    for audience_id, rules in data.audiences.items():
        mine = [post.at for post in result.posts if post.audience_id == audience_id]
        past = {p.at for p in data.history if p.audience_id == audience_id}
        for cap, period in ((rules.cap_per_day, local_day), (rules.cap_per_week, local_week)):
            planned = Counter(period(at, rules.timezone) for at in mine)
            before = Counter(period(at, rules.timezone) for at in past)
            if cap is not None:
                assert all(count + before[key] <= cap for key, count in planned.items())


@settings(max_examples=50, deadline=None)
@given(worlds())
def test_every_opening_is_filled_or_explained(data: PlanInput) -> None:
    result = plan(data)
    filled = Counter((post.audience_id, post.at) for post in result.posts)
    unfilled = Counter((one.audience_id, one.at) for one in result.refusals if one.item_id is None)
    asked = Counter((opening.audience_id, opening.at) for opening in data.openings)
    assert filled + unfilled == asked
    assert plan(data) == result, "the same input gives the same plan"
