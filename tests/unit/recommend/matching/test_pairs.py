"""The echo in blocks gives the numbers of the echo of everything with everyone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from threadpoolctl import threadpool_info

from recommend.collaborative.model import CoReadingModel
from recommend.corpus import unit_rows
from recommend.matching.echo import ECHO_PARTS, Remembered, echo_parts
from recommend.matching.pairs import PairEcho, on_one_thread
from recommend.matching.traits import Traits, measure_traits, trait_rows

ITEMS, HELD, AUDIENCES = 60, 40, 7


def traits_of(count: int, rng: np.random.Generator) -> list[Traits]:
    """Words, tags and makers from small sets, some of them missing."""
    return [
        Traits(
            title=" ".join(f"w{n}" for n in rng.integers(0, 30, rng.integers(0, 6))),
            tags=tuple(f"t{n}" for n in rng.integers(0, 8, rng.integers(0, 4))),
            authors=tuple(f"a{n}" for n in rng.integers(0, 10, rng.integers(0, 3))),
            publisher=f"p{rng.integers(0, 4)}" if rng.random() < 0.7 else "",
            year=int(rng.integers(1980, 2026)),
            quality=float(rng.random()),
        )
        for _ in range(count)
    ]


@pytest.fixture
def world() -> tuple[np.ndarray, PairEcho, dict[str, np.ndarray], Remembered]:
    rng = np.random.default_rng(3)
    known, held = traits_of(ITEMS, rng), traits_of(HELD, rng)
    statistics = measure_traits([*known, *held])
    sizes = [0, 1, 2, 3, 5, 17, HELD]
    rows = tuple(rng.permutation(HELD)[:size].astype(np.intp) for size in sizes)
    strength = tuple(rng.random(size).astype(np.float32) for size in sizes)
    vectors = unit_rows(rng.normal(size=(ITEMS + HELD, 12)).astype(np.float32))
    # The last items are remembered themselves, and one item is unknown to the model.
    ids = np.arange(100, 100 + ITEMS)
    own = np.arange(100 + ITEMS - 10, 100 + ITEMS - 10 + HELD)
    weights = rng.normal(size=(90, 90)).astype(np.float32) * (rng.random((90, 90)) < 0.2)
    model = CoReadingModel(np.arange(101, 191), csr_array(weights))
    memory = Remembered(
        vectors[ITEMS:], trait_rows(held, statistics), rows, strength, statistics, own, model
    )
    table = trait_rows(known, statistics)
    pairs = PairEcho(vectors[:ITEMS], table, memory, ids)
    return ids, pairs, echo_parts(vectors[:ITEMS], table, memory, ids), memory


def test_every_part_of_every_pair_is_equal(world) -> None:
    _, pairs, whole, memory = world
    chosen = np.random.default_rng(4).permutation(ITEMS)[:25].astype(np.intp)
    for audience in range(AUDIENCES):
        parts = pairs.of(audience, chosen)
        assert list(parts) == list(ECHO_PARTS)
        for name in ECHO_PARTS:
            assert parts[name] == pytest.approx(whole[name][chosen, audience], abs=2e-5), name
        assert pairs.remembers(audience) == (len(memory.rows[audience]) > 0)
    for name in ECHO_PARTS:  # or the comparison above would say nothing
        assert np.abs(whole[name][:, 1:]).max() > 0, name


def test_one_audience_leaves_nothing_behind_for_the_next(world) -> None:
    _, pairs, _, _ = world
    rows = np.arange(ITEMS, dtype=np.intp)
    first = pairs.of(6, rows)
    pairs.of(5, rows)
    again = pairs.of(6, rows)
    assert all((first[name] == again[name]).all() for name in ECHO_PARTS)


def test_some_memories_are_those_memories(world) -> None:
    _, _, _, memory = world
    some = memory.some(slice(2, 4))
    assert [len(own) for own in some.rows] == [2, 3]
    assert some.traits is memory.traits


def test_blas_has_one_thread_inside_only() -> None:
    def threads() -> list[int]:
        return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]

    before = threads()
    with on_one_thread():
        assert set(threads()) == {1}
    assert threads() == before
