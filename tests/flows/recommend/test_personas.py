"""Personas on real parts: moved by events, set by hand, remembered, taught by members."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contentcenter.clock import FixedClock
from contentcenter.domain.errors import InvalidInput
from recommend.personas.store import Subject, load_personas
from tests.fixtures.topics import World, event


def test_clicks_move_the_persona_and_the_matches(world: World) -> None:
    before = world.services.matches.match_items_for_audience(world.scifi, 1)[0]
    assert before.item_id in world.topic("scifi")
    food = world.topic("food")
    world.report(
        *[
            event(n, "order", reader_id=f"r{n}", item_id=food[n % 3], audience_id=world.scifi)
            for n in range(40)
        ]
    )
    assert world.services.learning.apply_events() == 40
    view = world.services.personas.get(world.scifi)
    categories = next(one for one in view.fields if one.name == "categories")
    assert categories.value["food"] > categories.value["scifi"]
    assert categories.origin in {"blended", "learned"}
    top = world.services.matches.match_items_for_audience(world.scifi, 3)
    assert {one.item_id for one in top} <= set(food)
    assert sum(one.share for one in view.interests) == pytest.approx(1.0, abs=0.01)


def test_a_rebuild_gives_the_same_persona_as_living_through_it(world: World) -> None:
    kinds = ["impression", "click", "favourite", "order", "dislike", "refund"]
    for batch in range(5):
        world.report(
            *[
                event(
                    batch * 100 + n,
                    kinds[(batch + n) % 6],
                    reader_id=f"r{n % 4}",
                    item_id=world.items[(n * 7 + batch) % 24],
                    audience_id=world.scifi,
                    at=(world.floor.clock.now() - timedelta(days=(n * 13) % 60)).isoformat(),
                )
                for n in range(30)
            ]
        )
        world.services.learning.apply_events()
    corpus = world.services.corpus.view()
    for subject, one in ((Subject.AUDIENCE, world.scifi), (Subject.READER, 1)):
        with world.floor.db.reading() as session:
            lived = load_personas(session, subject, [one], corpus.model, corpus.dimension)[one]
        rebuilt = world.services.learning.rebuild(subject, one)
        assert rebuilt.to_json() == lived.learned.to_json()
        assert rebuilt.centres.vectors.tobytes() == lived.learned.centres.vectors.tobytes()


def test_an_override_wins_is_visible_and_can_be_given_back(world: World) -> None:
    personas = world.services.personas
    band = {"p20": 1_000, "p50": 1_500, "p80": 2_000}
    view = personas.override(world.scifi, "price", band, "li")
    price = next(one for one in view.fields if one.name == "price")
    assert (price.value["p50"], price.origin, price.confidence) == (1_500, "override", 1.0)
    view = personas.override(world.scifi, "interests", ["美食火锅"], "li")
    assert len(view.interests) == 1
    view = personas.override(world.scifi, "price", None, "li")
    assert next(one for one in view.fields if one.name == "price").origin != "override"
    for field, value in (("price", {"p20": 5}), ("colour", 1), ("fatigue", 3), ("tags", [])):
        with pytest.raises(InvalidInput):
            personas.override(world.scifi, field, value, "li")


def test_history_keeps_one_picture_an_hour(world: World, clock: FixedClock) -> None:
    personas = world.services.personas
    assert personas.remember() == 2
    assert personas.remember() == 0
    world.report(event(1, "click", reader_id="r", item_id=world.items[0], audience_id=world.scifi))
    world.services.learning.apply_events()
    clock.advance(timedelta(hours=2))
    world.report(event(2, "click", reader_id="r", item_id=world.items[1], audience_id=world.scifi))
    world.services.learning.apply_events()
    assert personas.remember() == 1
    first, second = personas.history(world.scifi)
    assert first.at > second.at
    assert first.snapshot["evidence"] > second.snapshot["evidence"]


def joined(number: str, reader: str, audience: int) -> dict[str, Any]:
    return event(number, "join", reader_id=reader, audience_id=audience)


def test_what_members_do_in_the_app_moves_their_group_and_a_rebuild_agrees(world: World) -> None:
    world.report(*[joined(f"j{n}", f"m{n}", world.scifi) for n in range(4)])
    world.services.learning.apply_events()
    before = world.services.personas.personas([world.scifi])[world.scifi]
    food = world.topic("food")
    world.report(
        *[
            event(f"c{n}-{item}", "favourite", reader_id=f"m{n}", item_id=item)
            for n in range(4)
            for item in food[:3]
        ],
        event("stranger", "favourite", reader_id="nobody", item_id=world.topic("history")[0]),
    )
    world.services.learning.apply_events()
    after = world.services.personas.personas([world.scifi])[world.scifi]
    assert before.categories.get("food", 0.0) == 0.0
    assert after.categories["food"] > 0.3
    assert after.categories.get("history", 0.0) == 0.0
    assert after.fatigue == before.fatigue
    assert not world.services.learning.mend(Subject.AUDIENCE, world.scifi)


def test_after_leaving_a_group_nothing_is_taught_to_it(world: World) -> None:
    world.report(joined("j", "m", world.scifi))
    world.report(event("l", "leave", reader_id="m", audience_id=world.scifi))
    world.report(event("c", "order", reader_id="m", item_id=world.topic("food")[0]))
    world.services.learning.apply_events()
    persona = world.services.personas.personas([world.scifi])[world.scifi]
    assert persona.categories.get("food", 0.0) == 0.0
