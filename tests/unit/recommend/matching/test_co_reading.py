"""What an audience's own answers say: through the co-reading model, and directly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from recommend.collaborative.model import CoReadingModel
from recommend.matching.co_reading import answered, answers_of, between, co_read, said, weight_of
from recommend.matching.echo import Remembered, strength_of
from recommend.matching.traits import Traits, measure_traits, trait_rows

KNOWN = measure_traits([Traits("甲"), Traits("乙")])
MODEL = CoReadingModel(
    np.array([10, 11, 12]),
    csr_array(np.array([[0, 0.5, -0.2], [0.3, 0, 0.1], [0, 0, 0]], np.float32)),
)


def memory_of(weights: list[dict[int, float]], model: CoReadingModel | None) -> Remembered:
    ids = np.array(sorted({one for own in weights for one in own}), np.int64)
    place = {int(one): row for row, one in enumerate(ids)}
    return Remembered(
        np.zeros((len(ids), 4), np.float32),
        trait_rows([Traits() for _ in ids], KNOWN),
        tuple(np.array([place[one] for one in own], np.intp) for own in weights),
        tuple(np.array([strength_of(w) for w in own.values()], np.float32) for own in weights),
        KNOWN,
        ids,
        model,
    )


def test_a_strength_gives_its_weight_back() -> None:
    weights = np.array([0.1, 1.0, 7.5, 300.0])
    strength = np.array([strength_of(float(one)) for one in weights], np.float32)
    assert weight_of(strength) == pytest.approx(weights, rel=1e-3)
    assert np.isfinite(weight_of(np.ones(2, np.float32))).all()
    assert answers_of(np.ones(4, np.float32)) == pytest.approx([0.25] * 4)


def test_co_reading_is_the_mean_of_what_the_answers_speak_for() -> None:
    memory = memory_of([{10: 3.0, 11: 1.0}, {10: 2.0}], MODEL)
    found = co_read(memory, np.array([10, 11, 12, 99]), 4)
    assert found[:, 0] == pytest.approx(
        said(np.array([0.25 * 0.3, 0.75 * 0.5, 0.0, 0.0], np.float32)), abs=1e-4
    )
    assert found[2, 0] == 0.0  # spoken against: nothing, and no reward
    assert found[1, 1] == pytest.approx(said(np.array([0.5], np.float32))[0], abs=1e-4)


def test_an_unknown_remembered_item_says_nothing_but_counts() -> None:
    memory = memory_of([{10: 1.0, 77: 1.0}], MODEL)
    found = co_read(memory, np.array([11]), 1)
    assert found[0, 0] == pytest.approx(said(np.array([0.25], np.float32))[0], abs=1e-4)


def test_without_model_memory_or_ids_there_is_nothing() -> None:
    ids = np.array([10, 11])
    assert not co_read(memory_of([{10: 1.0}], None), ids, 2).any()
    assert not co_read(memory_of([{}, {11: 1.0}], MODEL), ids, 2)[:, 0].any()
    assert between(memory_of([{10: 1.0}], MODEL), None) is None
    assert not answered(memory_of([{10: 1.0}], MODEL), None, 2).any()


def test_own_answers_to_an_item_count_by_the_logarithm() -> None:
    memory = memory_of([{12: 4.0, 10: 1.0}, {}], MODEL)
    found = answered(memory, np.array([9, 10, 11, 12, 13]), 5)
    assert found[:, 0] == pytest.approx([0.0, np.log(2.0), 0.0, np.log(5.0), 0.0], abs=1e-3)
    assert not found[:, 1].any()
