"""The model as it serves: scores are sums, and the reasons are exactly those sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from contentcenter.domain.errors import InvalidInput
from recommend.collaborative.fit import FitSettings, fit
from recommend.collaborative.model import CoReadingModel
from tests.unit.recommend.collaborative.likes_world import dense, tastes

IDS = np.array([10, 20, 30], np.int64)


@pytest.fixture
def model() -> CoReadingModel:
    return CoReadingModel(IDS, dense([[0, 0.5, 0.2], [0.4, 0, -0.3], [0.1, 0.6, 0]]))


def test_a_score_is_the_weighted_sum_over_the_history(model: CoReadingModel) -> None:
    np.testing.assert_allclose(model.scores({10: 1.0, 20: 2.0}), [0.8, 0.5, -0.4], rtol=1e-6)


def test_what_nobody_knows_says_nothing(model: CoReadingModel) -> None:
    assert model.scores({99: 1.0, 5: 1.0}).tolist() == [0, 0, 0]
    assert model.recall({99: 1.0}, 5) == []
    assert model.because({99: 1.0}, 10) == {}
    assert model.because({10: 1.0}, 99) == {}


def test_recall_leaves_out_what_was_read_and_what_the_history_speaks_against(
    model: CoReadingModel,
) -> None:
    assert model.recall({10: 1.0}, 5) == [20, 30]
    assert model.recall({10: 1.0}, 1) == [20]
    assert model.recall({20: 1.0}, 5) == [10]


def test_equal_scores_are_ordered_by_id() -> None:
    even = CoReadingModel(IDS, dense([[0, 0.5, 0.5], [0, 0, 0], [0, 0, 0]]))
    assert even.recall({10: 1.0}, 5) == [20, 30]


def test_reasons_sum_up_to_the_score() -> None:
    world = tastes()
    model = fit(world, FitSettings())
    history = {0: 1.0, 4: 2.0, 9: 1.0}
    scores = model.scores(history)
    for item in model.recall(history, 5):
        reasons = model.because(history, item)
        assert sum(reasons.values()) == pytest.approx(scores[item], rel=1e-5)
        assert list(reasons.values()) == sorted(reasons.values(), reverse=True)


def test_bytes_bring_back_the_same_model(model: CoReadingModel) -> None:
    again = CoReadingModel.from_bytes(model.to_bytes())
    assert again.items.tolist() == IDS.tolist()
    assert (again.weights != model.weights).nnz == 0
    assert again.facts()["weights"] == 6


def test_new_items_enter_as_columns_and_are_recalled(model: CoReadingModel) -> None:
    wide = model.extended(np.array([15, 40], np.int64), dense([[0.9, 0], [0, 0], [0, 0.7]]))
    assert wide.items.tolist() == [10, 15, 20, 30, 40]
    assert wide.recall({10: 1.0}, 1) == [15]
    assert wide.because({30: 2.0}, 40) == {30: pytest.approx(1.4)}
    assert wide.scores({40: 1.0}).tolist() == [0, 0, 0, 0, 0]
    assert wide.because({10: 1.0}, 20) == model.because({10: 1.0}, 20)


@pytest.mark.parametrize(
    ("ids", "columns"),
    [([20], np.ones((3, 1))), ([40], np.ones((2, 1))), ([40, 50], np.ones((3, 1)))],
)
def test_columns_that_do_not_fit_are_refused(
    model: CoReadingModel, ids: list[int], columns: np.ndarray
) -> None:
    with pytest.raises(InvalidInput):
        model.extended(np.array(ids, np.int64), sparse.csr_array(columns.astype(np.float32)))


@pytest.mark.parametrize("blob", [b"", b"no archive", b"PK\x03\x04"])
def test_bytes_of_something_else_are_refused(blob: bytes) -> None:
    with pytest.raises(InvalidInput):
        CoReadingModel.from_bytes(blob)
