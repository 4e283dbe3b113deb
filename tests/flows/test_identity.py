"""One reader across ids: joined by evidence or by a person, parted again, never by accident."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from contentcenter.clock import FixedClock
from contentcenter.domain.errors import Conflict, ContentCenterError, InvalidInput, NotFound
from contentcenter.floor import Floor
from contentcenter.store import audit
from contentcenter.store.tables import EventRow, ReaderRow
from recommend.identity.dues import AUDIENCES_WAIT
from recommend.identity.joining import LARGEST_GROUP
from recommend.identity.tables import JoinState, ReaderJoinRow
from recommend.matching.memory_store import load_memories
from recommend.personas.store import Subject, load_personas
from tests.fixtures.floor import DATABASES
from tests.flows.reader_world import Readers


@pytest.fixture
def world(floor: Floor) -> Readers:
    return Readers(floor)


APP, OPEN = {"app_id": "a1"}, {"openid": "o1"}
BOTH = {"app_id": "a1", "openid": "o1"}


def two_readers(world: Readers) -> tuple[int, int]:
    """Two people as far as anyone knows, each with a past."""
    items = world.items
    world.tell("a-1", "impression", 50, who=APP, item_id=items[0], post_id=7)
    world.tell("a-2", "order", 20, who=APP, item_id=items[1], value_fen=5_000)
    world.tell("a-3", "join", 90, who=APP, audience_id=world.group)
    world.tell("b-1", "order", 10, who=OPEN, item_id=items[0], value_fen=3_000)
    world.tell("b-2", "dislike", 9, who=OPEN, item_id=items[5])
    world.tell("b-3", "join", 99, who=OPEN, audience_id=world.group)
    world.tell("b-4", "leave", 5, who=OPEN, audience_id=world.group)
    world.learn()
    return world.reader("a1"), world.reader("o1")


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
def test_ids_that_meet_join_and_parting_restores_both(world: Readers) -> None:
    one, other = two_readers(world)
    before = world.picture(one), world.picture(other)
    world.tell("c-1", "click", 1, who=BOTH, item_id=world.items[3])
    world.learn()
    assert world.reader("a1") == world.reader("openid:o1") == one
    joined = world.picture(one)
    names = [event[0] for event in joined["events"]]
    assert names == ["a-1", "a-2", "a-3", "b-1", "b-2", "b-3", "b-4", "c-1"]
    assert joined["seen"] == before[0]["seen"] | before[1]["seen"] | {(world.items[3], False)}
    assert world.event("b-1").attributed_post_id == 7, "the order looks back over both pasts"
    assert world.picture(other)["events"] == []
    left, gone = world.services.identity.part(other, "li", "两个人")
    assert (left.id, gone.id) == (one, other)
    world.learn()
    assert world.picture(other) == before[1]
    since = [("c-1", None, None, None)]
    assert world.picture(one)["events"] == [*before[0]["events"], *since]
    assert world.picture(one)["members"] == before[0]["members"]


def test_memberships_of_two_pasts_are_one_story(world: Readers) -> None:
    one, other = two_readers(world)
    world.services.identity.join(f"id:{one}", f"id:{other}", "li", "同一个人")
    ((group, joined_at, left_at),) = world.picture(one)["members"]
    now = world.floor.clock.now()
    assert group == world.group
    assert joined_at == now - timedelta(hours=99)
    assert left_at == now - timedelta(hours=5)
    assert world.picture(other)["members"] == set()


def test_the_persona_is_that_of_all_events_in_their_order(world: Readers) -> None:
    one, other = two_readers(world)
    world.services.identity.join("a1", "o1", "li", "")
    world.tell("late", "click", 40, who=OPEN, item_id=world.items[7])
    world.tell("back", "refund", 2, who=OPEN, item_id=world.items[0])
    world.learn()
    for reader in (one, other):
        lived = world.persona(reader)
        world.services.learning.rebuild(Subject.READER, reader)
        assert world.persona(reader) == lived
    assert world.persona(one)[0]["seen_event_id"] == world.event("back").id


def test_a_chain_can_be_parted_in_the_middle(world: Readers) -> None:
    one, other = two_readers(world)
    world.tell("d-1", "click", 3, who={"unionid": "u1"}, item_id=world.items[2])
    world.learn()
    third = world.reader("u1")
    before = {who: world.picture(who) for who in (one, other, third)}
    identity = world.services.identity
    identity.join("o1", "u1", "li", "")
    identity.join("a1", "u1", "li", "")
    world.learn()
    view = identity.look("u1")
    assert (view.id, set(view.rows)) == (one, {one, other, third})
    assert len(world.picture(one)["events"]) == 8
    identity.part(third, "li", "认错了")
    assert identity.look("o1").id == one
    identity.part(other, "li", "认错了")
    world.learn()
    for who in (one, other, third):
        assert world.picture(who) == before[who]


def test_events_since_the_join_stay_with_the_survivor(world: Readers) -> None:
    one, other = two_readers(world)
    world.services.identity.join("a1", "o1", "li", "")
    world.tell("since", "favourite", 0, who=OPEN, item_id=world.items[4])
    world.services.identity.part(other, "li", "")
    assert world.event("since").reader_id == one
    world.tell("after", "favourite", 0, who=OPEN, item_id=world.items[6])
    assert world.event("after").reader_id == other


def test_joining_twice_is_joining_once_and_roots_cannot_be_parted(world: Readers) -> None:
    one, other = two_readers(world)
    identity = world.services.identity
    for _ in range(2):
        assert identity.join("a1", "o1", "li", "").id == one
    assert [row.state for row in identity.look("a1").joins] == ["joined"]
    with pytest.raises(Conflict) as refused:
        identity.part(one, "li", "")
    assert refused.value.details["joined"] == [other]
    with pytest.raises(NotFound):
        identity.join("a1", "nobody", "li", "")
    with pytest.raises(InvalidInput):
        identity.look("id:x")


def test_two_unionids_are_listed_not_joined(world: Readers) -> None:
    item = world.items[0]
    world.tell("1", "click", who={"app_id": "a1", "unionid": "u1"}, item_id=item)
    world.tell("2", "click", who={"openid": "o1", "unionid": "u2"}, item_id=item)
    world.tell("3", "click", who={"app_id": "a1", "openid": "o1"}, item_id=item)
    world.tell("4", "click", who={"app_id": "a1", "unionid": "u3"}, item_id=item)
    world.tell("5", "click", who={"app_id": "a1", "openid": "o1"}, item_id=item)
    identity = world.services.identity
    assert world.reader("a1") != world.reader("o1")
    assert world.event("3").reader_id == world.reader("a1"), "the first id decides"
    first, second = identity.conflicts()
    assert (first.claim, second.claim) == ("unionid u1 u2", "unionid u1 u3")
    assert first.evidence["event_id"] == "3"
    with pytest.raises(NotFound):
        identity.look("u3")
    with pytest.raises(Conflict):
        identity.join("a1", "o1", "li", "")
    identity.dismiss(second.id, "li", "换过号")
    world.tell("6", "click", who={"app_id": "a1", "unionid": "u3"}, item_id=item)
    assert [one.id for one in identity.conflicts()] == [first.id]
    with pytest.raises(NotFound):
        identity.dismiss(second.id, "li", "")
    identity.join("a1", "o1", "li", "本人确认", despite=True)
    assert world.reader("a1") == world.reader("o1")
    assert identity.conflicts() == []


def test_what_a_person_parted_evidence_does_not_join_again(world: Readers) -> None:
    _, other = two_readers(world)
    identity = world.services.identity
    identity.join("a1", "o1", "li", "")
    identity.part(other, "li", "")
    world.tell("again", "click", who=BOTH, item_id=world.items[2])
    assert world.reader("a1") != world.reader("o1")
    assert [one.claim.split()[0] for one in identity.conflicts()] == ["parted"]
    identity.join("a1", "o1", "wang", "")
    assert world.reader("a1") == world.reader("o1")
    assert identity.conflicts() == []


def test_a_second_openid_is_the_same_reader_and_can_be_parted(world: Readers) -> None:
    world.tell("1", "click", who=BOTH, item_id=world.items[0])
    world.tell("2", "click", who={"app_id": "a1", "openid": "o2"}, item_id=world.items[1])
    view = world.services.identity.look("o2")
    assert {(one.kind, one.value) for one in view.ids} == {
        ("app_id", "a1"), ("openid", "o1"), ("openid", "o2"),
    }  # fmt: skip
    assert view.counts == {"click": 2}
    second = next(one.reader_id for one in view.ids if one.value == "o2")
    world.services.identity.part(second, "li", "")
    assert world.reader("o2") != world.reader("o1")


def test_an_id_that_everybody_shares_does_not_join_everybody(world: Readers) -> None:
    item = world.items[0]
    for number in range(LARGEST_GROUP + 3):
        who = {"app_id": "guest", "openid": f"o{number}"}
        world.tell(f"e{number}", "click", who=who, item_id=item)
    view = world.services.identity.look("guest")
    assert len(view.rows) == LARGEST_GROUP
    assert [one.claim.split()[0] for one in world.services.identity.conflicts()] == ["size"]


def test_the_trail_says_why_who_and_when(world: Readers, clock: FixedClock) -> None:
    one, other = two_readers(world)
    world.tell("meet", "click", who=BOTH, item_id=world.items[2])
    clock.advance(timedelta(hours=1))
    world.services.identity.part(other, "li", "不是一个人")
    (told,) = world.services.identity.look("a1").joins
    assert told.evidence == {"ids": BOTH, "event_id": "meet"}
    assert (told.state, told.why, told.actor) == ("parted", "reference", "system")
    assert (told.ended_by, told.ended_why, told.ended_at) == ("li", "不是一个人", clock.now())
    with world.floor.db.reading() as session:
        for reader in (one, other):
            trail = [row.action for row in audit.trail(session, "reader", reader)]
            assert trail == ["reader_joined", "reader_parted"]


def test_what_was_computed_before_a_join_is_not_stored_after_it(world: Readers) -> None:
    """The learning job reads events, then two readers are joined, then it wants to store."""
    _, other = two_readers(world)
    world.tell("mid", "click", who=OPEN, item_id=world.items[9])
    learning: Any = world.services.learning
    batch = learning._waiting()
    computed = learning._compute(batch)
    world.services.identity.join("a1", "o1", "li", "")
    assert learning._commit(computed, batch.epoch) is False
    world.learn()
    assert world.persona(other)[0]["seen_event_id"] == 0
    assert world.persona(world.reader("a1"))[0]["seen_event_id"] == world.event("mid").id


def _at_once(*acts: Callable[[], object]) -> list[BaseException]:
    failed: list[BaseException] = []
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        gate.wait()
        try:
            act()
        except ContentCenterError as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
def test_joins_at_the_same_time_end_in_one_tree(world: Readers) -> None:
    names = [f"r{number}" for number in range(6)]
    for name in names:
        world.tell(name, "click", 1, who={"app_id": name}, item_id=world.items[0])
    join = world.services.identity.join
    pairs = [(0, 1), (2, 3), (4, 5), (1, 2), (3, 4), (5, 0), (2, 5)]
    acts = [lambda one=one, two=two: join(names[one], names[two], "li", "") for one, two in pairs]
    more = [
        lambda name=name: world.tell(f"{name}-more", "click", who={"app_id": name},
                                     item_id=world.items[1])
        for name in names[:3]
    ]  # fmt: skip
    assert _at_once(*acts, *more) == []
    assert {world.reader(name) for name in names} == {world.reader("r0")}
    with world.floor.db.reading() as session:
        owners = set(session.scalars(select(EventRow.reader_id)))
        rows = session.scalars(select(ReaderRow).order_by(ReaderRow.id)).all()
        joins = session.scalar(
            select(func.count()).where(ReaderJoinRow.state == JoinState.JOINED.value)
        )
    assert owners == {rows[0].id}
    assert all(row.joined_into < row.id for row in rows[1:] if row.joined_into)
    assert joins == len(names) - 1


def _group(world: Readers) -> Any:
    corpus, group = world.services.corpus.view(), world.group
    with world.floor.db.reading() as session:
        kind = Subject.AUDIENCE
        found = load_personas(session, kind, [group], corpus.model, corpus.dimension)
        memory = load_memories(session, [group])[group]
    learned = found[group].learned
    return learned.to_json(), learned.centres.vectors.tobytes(), memory


def _members_and_solo_events(world: Readers) -> tuple[int, int]:
    """A member who answers in the group and alone, and a stranger who does things alone."""
    items = world.items
    world.tell("m-1", "join", 90, who=OPEN, audience_id=world.group)
    world.tell("m-2", "click", 80, who=OPEN, audience_id=world.group, item_id=items[0])
    world.tell("m-3", "click", 70, who=OPEN, item_id=items[1])
    world.tell("s-1", "order", 60, who=APP, item_id=items[5], value_fen=900, order_ref="A")
    world.tell("s-2", "click", 50, who=APP, item_id=items[6])
    world.learn()
    return world.reader("a1"), world.reader("o1")


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
def test_audiences_follow_their_members_and_the_night_finds_nothing(
    world: Readers, clock: FixedClock
) -> None:
    one, other = _members_and_solo_events(world)
    alone = _group(world)
    survivor, gone = sorted((one, other))
    world.services.identity.join("a1", "o1", "li", "")
    world.tell("late", "favourite", 75, who=APP, item_id=world.items[7])
    world.tell("back", "refund", 1, who=APP, item_id=world.items[5], value_fen=900, order_ref="A")
    world.learn()
    clock.advance(AUDIENCES_WAIT)
    world.learn()
    joined = _group(world)
    assert joined[0]["categories"] != alone[0]["categories"], "the stranger was a member"
    assert world.services.dues.pending() == 0
    _nothing_to_mend(world)
    world.services.identity.part(gone, "li", "")
    clock.advance(AUDIENCES_WAIT)
    world.learn()
    parted = _group(world)
    assert parted[0]["categories"] != joined[0]["categories"]
    assert world.reader(f"id:{survivor}") == survivor
    clock.advance(timedelta(days=1))
    _nothing_to_mend(world)
    assert _group(world) == parted


def _nothing_to_mend(world: Readers) -> None:
    night = world.services.rebuild.run()
    assert night.finished
    assert night.done >= 2
    assert (night.changed, night.postponed) == (0, 0)


def test_an_audience_is_computed_once_for_all_its_members(
    world: Readers, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        world.tell(f"j{number}", "join", 9, who={"openid": f"o{number}"}, audience_id=world.group)
        world.tell(f"c{number}", "click", 8, who={"app_id": f"a{number}"}, item_id=world.items[1])
    for number in range(3):
        world.services.identity.join(f"o{number}", f"a{number}", "li", "")
    rebuilt: list[tuple[Subject, int]] = []
    rebuild = world.services.learning.rebuild

    def counted(subject: Subject, one: int) -> Any:
        rebuilt.append((subject, one))
        return rebuild(subject, one)

    monkeypatch.setattr(world.services.learning, "rebuild", counted)
    world.learn()
    assert (Subject.AUDIENCE, world.group) not in rebuilt, "the first waits for the others"
    clock.advance(AUDIENCES_WAIT)
    world.learn()
    assert rebuilt.count((Subject.AUDIENCE, world.group)) == 1
    assert world.services.dues.pending() == 0


def test_readers_who_did_nothing_alone_move_no_audience(world: Readers) -> None:
    world.tell("j", "join", 9, who=OPEN, audience_id=world.group)
    world.tell("c", "click", 8, who=APP, audience_id=world.group, item_id=world.items[1])
    world.services.identity.join("a1", "o1", "li", "")
    world.learn()
    assert world.services.dues.pending() == 0
