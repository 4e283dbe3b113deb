"""Experiments are drawn alike in every run, and no group is held out."""

from __future__ import annotations

from itertools import count

import pytest

from contentcenter.clock import FixedClock
from contentcenter.floor import Floor
from distribute.reader_events import RecommendEvents
from distribute.services import DistributeServices, build_services
from recommend.events.service import EventService
from tests.fixtures.floor import FloorMaker
from tests.flows.distribute_world import ShelfOrder, Shop
from tests.flows.experiments.groups import GROUPS, ReversedShelf, add_groups


@pytest.fixture(autouse=True)
def known_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same groups in the same arms in every run."""
    salts = (f"salt-{number}" for number in count())
    monkeypatch.setattr("distribute.experiments.service.token_hex", lambda _: next(salts))


@pytest.fixture
def floor(make_floor: FloorMaker) -> Floor:
    return make_floor(experiment_holdout_share=0.0)


@pytest.fixture
def services(floor: Floor) -> DistributeServices:
    def reversed_shelf(weights: object) -> ReversedShelf:
        return ReversedShelf(floor)

    return build_services(
        floor,
        matcher=ShelfOrder(floor),
        events=RecommendEvents(EventService(floor)),
        variants=reversed_shelf,
    )


@pytest.fixture
def items(floor: Floor, services: DistributeServices, clock: FixedClock) -> list[int]:
    return Shop(floor, services, clock, None).add_items(12)  # type: ignore[arg-type]


@pytest.fixture
def groups(floor: Floor) -> list[int]:
    return add_groups(floor, GROUPS)
