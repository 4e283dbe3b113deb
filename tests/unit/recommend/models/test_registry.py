"""Versions of learned models: saved, promoted, rolled back, forgotten."""

from __future__ import annotations

import pytest

from contentcenter.domain.errors import Conflict, NotFound
from contentcenter.floor import Floor
from contentcenter.store.audit import trail
from recommend.models import ModelKind, ModelRegistry, ModelState

KIND = ModelKind.CO_READING


@pytest.fixture
def registry(floor: Floor) -> ModelRegistry:
    return ModelRegistry(floor, kept=3)


def states(registry: ModelRegistry) -> dict[int, ModelState]:
    return {one.version: one.state for one in registry.versions(KIND)}


def test_a_saved_model_is_a_candidate_and_comes_back_as_it_was(registry: ModelRegistry) -> None:
    version = registry.save(KIND, b"weights" * 100, {"readers": 12})
    assert registry.active(KIND) is None
    assert registry.load(KIND, version) == b"weights" * 100
    assert registry.versions(KIND)[0].card == {"readers": 12}


def test_kinds_count_their_versions_apart(registry: ModelRegistry) -> None:
    assert registry.save(KIND, b"a", {}) == 1
    assert registry.save(ModelKind.FEED_RANKING, b"b", {}) == 1
    assert registry.save(KIND, b"c", {}) == 2


def test_promoting_retires_what_served_and_is_on_the_trail(
    registry: ModelRegistry, floor: Floor
) -> None:
    first, second = registry.save(KIND, b"1", {}), registry.save(KIND, b"2", {})
    registry.promote(KIND, first)
    registry.promote(KIND, second, actor="ying")
    assert states(registry) == {first: ModelState.RETIRED, second: ModelState.ACTIVE}
    with floor.db.reading() as session:
        assert trail(session, KIND.value, second)[0].actor == "ying"


def test_promoting_what_serves_already_changes_nothing(registry: ModelRegistry) -> None:
    version = registry.save(KIND, b"1", {})
    registry.promote(KIND, version)
    registry.promote(KIND, version)
    assert states(registry) == {version: ModelState.ACTIVE}


def test_a_roll_back_serves_the_one_before_and_keeps_the_other(registry: ModelRegistry) -> None:
    first, second = registry.save(KIND, b"1", {}), registry.save(KIND, b"2", {})
    registry.promote(KIND, first)
    registry.promote(KIND, second)
    assert registry.roll_back(KIND) == first
    assert states(registry) == {first: ModelState.ACTIVE, second: ModelState.CANDIDATE}


def test_a_roll_back_without_an_earlier_one_is_refused(registry: ModelRegistry) -> None:
    registry.promote(KIND, registry.save(KIND, b"1", {}))
    with pytest.raises(Conflict):
        registry.roll_back(KIND)


def test_what_is_not_kept_is_not_found(registry: ModelRegistry) -> None:
    with pytest.raises(NotFound):
        registry.load(KIND, 4)
    with pytest.raises(NotFound):
        registry.promote(KIND, 4)


def test_the_oldest_go_but_never_what_serves_or_served_last(registry: ModelRegistry) -> None:
    for content in (b"1", b"2"):
        registry.promote(KIND, registry.save(KIND, content, {}))
    for content in (b"3", b"4", b"5", b"6"):
        registry.save(KIND, content, {})
    assert sorted(states(registry)) == [1, 2, 4, 5, 6]
    assert registry.load(KIND, 2) == b"2"
