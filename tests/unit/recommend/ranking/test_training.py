"""Training: it finds a planted taste, recovers attention, and stays at a prior that is right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contentcenter.domain.errors import ModelMismatch
from recommend.matching.settings import PARTS
from recommend.ranking.calibration import Line, calibration_error, fit_line, log_losses
from recommend.ranking.features import COLUMN
from recommend.ranking.logistic import fit_logistic, sigmoid
from recommend.ranking.model import LEARNED, RankingModel, part_of
from recommend.ranking.position import fit_position
from recommend.ranking.training import (
    Split,
    TrainSettings,
    bootstrap,
    compare,
    fit,
    importance,
    order_losses,
    quality,
    split,
)
from tests.unit.recommend.ranking.world import by_prior, drawn_rows, logged_pages

RULES = TrainSettings()
ETA = 0.7


def planted(rows: np.ndarray) -> np.ndarray:
    """Dear items and the explored source are worse than the prior believes."""
    over = rows[:, COLUMN["price_over"]]
    found = rows[:, COLUMN["recall_explore"]]
    return by_prior(rows) - 1.6 * (over > 0.4) - 0.8 * found + 0.9 * rows[:, COLUMN["semantic"]]


@pytest.fixture(scope="module")
def learned() -> tuple[RankingModel, RankingModel, Split]:
    parts = split(logged_pages(1_500, planted, ETA, 11), RULES)
    model, plain = fit(parts, RULES)
    return model, plain, parts


def test_a_planted_taste_is_learned_and_surely_better(
    learned: tuple[RankingModel, RankingModel, Split],
) -> None:
    model, plain, parts = learned
    found = compare(model, plain, parts.compare)
    assert found.better(RULES)
    assert not compare(plain, model, parts.compare).better(RULES)
    assert quality(model, parts.compare)["calibration_error"] < 0.03
    assert {"price_over", "recall_explore", "semantic"} & set(importance(model))


def test_attention_is_recovered_from_what_was_drawn_by_lot() -> None:
    data = logged_pages(5_000, by_prior, ETA, 14)
    lot = data.take(data.explored)
    effect = fit_position(by_prior(lot.rows), lot.places, lot.answers)
    assert effect.seen == 5_000
    assert effect.error < 0.2
    assert abs(effect.eta - ETA) < 3 * effect.error
    assert effect.eta > 2 * effect.error


def test_a_prior_that_is_right_is_not_replaced() -> None:
    parts = split(logged_pages(1_200, by_prior, ETA, 12), RULES)
    model, plain = fit(parts, RULES)
    assert not compare(model, plain, parts.compare).better(RULES)


def test_little_data_leaves_the_prior_nearly_as_it_is() -> None:
    parts = split(logged_pages(12, planted, ETA, 13), RULES)
    model, plain = fit(parts, RULES)
    assert model is plain
    assert model.trees is None
    rows = parts.compare.rows
    order = np.argsort(by_prior(rows))
    assert np.array_equal(np.argsort(model.log_odds(rows)), order)
    assert not compare(model, plain, parts.compare).better(RULES)


def test_contributions_sum_to_the_log_odds(
    learned: tuple[RankingModel, RankingModel, Split],
) -> None:
    model, _, parts = learned
    rows = parts.compare.rows[:20]
    assert np.allclose(sum(model.parts(rows).values()), model.log_odds(rows), atol=1e-4)
    assert all(part_of(name) for name in LEARNED)


def test_parts_are_told_against_the_average_candidate(
    learned: tuple[RankingModel, RankingModel, Split],
) -> None:
    """A young shop: every item is unexplored, and what all have in common belongs to `base`."""
    rows = drawn_rows(40, np.random.default_rng(5))
    rows[:, COLUMN["exploration"]] += 6.0
    rows[:, COLUMN["total_mean"]] = rows[:, [COLUMN[name] for name in PARTS]].sum(axis=1).mean()
    for model in learned[:2]:
        told = model.parts_against(rows[:5], model.usual(rows))
        assert np.allclose(sum(told.values()), model.log_odds(rows[:5]), atol=1e-4)
        assert set(told) == set(model.parts(rows[:5]))
    plain = RankingModel()
    plainly, told = (
        plain.parts(rows),
        plain.parts_against(rows, plain.usual(rows.astype(np.float16))),
    )
    assert abs(plainly["base"].mean()) > 4.0
    assert np.abs(plainly["exploration"]).min() > 2.0
    usual = rows[0, COLUMN["usual"]] - plain.prior.slope * plain.prior.shift
    assert np.allclose(told["base"], usual, atol=0.01)
    for name in PARTS:
        assert told[name].mean() == pytest.approx(0.0, abs=0.01)
        assert np.allclose(np.diff(told[name]), np.diff(plainly[name]), atol=1e-4)


def test_a_dumped_version_says_the_same(learned: tuple[RankingModel, RankingModel, Split]) -> None:
    model, _, parts = learned
    again = RankingModel.load(model.dump())
    assert np.array_equal(again.log_odds(parts.compare.rows), model.log_odds(parts.compare.rows))
    blob = model.dump().replace(b'"format": 1', b'"format": 0')
    with pytest.raises(ModelMismatch):
        RankingModel.load(blob)


def test_the_split_is_in_order_of_time_and_keeps_pages_whole() -> None:
    data = logged_pages(40, by_prior, 0.0, 3)
    parts = split(data, RULES)
    edges = [(one.at.min(), one.at.max()) for one in (parts.train, parts.calibrate, parts.compare)]
    assert edges[0][1] < edges[1][0]
    assert edges[1][1] < edges[2][0]
    assert len(parts.train) + len(parts.calibrate) + len(parts.compare) == len(data)


def test_too_few_answers_at_the_end_promote_nothing(
    learned: tuple[RankingModel, RankingModel, Split],
) -> None:
    model, plain, parts = learned
    found = compare(model, plain, parts.compare)
    assert not replace(found, answers=RULES.least_compared - 1).better(RULES)


def test_a_line_is_found_and_without_data_it_is_the_identity() -> None:
    luck = np.random.default_rng(5)
    raw = luck.normal(-2, 1, 6_000)
    answers = (luck.random(6_000) < sigmoid(0.5 + 0.6 * raw)).astype(np.float64)
    line = fit_line(raw, answers, np.zeros(6_000))
    assert line.slope == pytest.approx(0.6, abs=0.1)
    assert calibration_error(line(raw), answers) < calibration_error(raw, answers)
    nothing = np.zeros(0)
    assert fit_line(nothing, nothing, nothing) == Line(0.0, 1.0)
    assert calibration_error(nothing, nothing) == 0.0


def test_the_logistic_fit_stays_at_its_prior_without_data() -> None:
    found = fit_logistic(
        np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.array([1.0, -2.0]), np.array([4.0, 1.0])
    )
    assert np.allclose(found.mean, [1.0, -2.0])
    assert np.allclose(found.covariance, np.diag([0.25, 1.0]))


def test_no_explored_answers_no_effect_of_position() -> None:
    effect = fit_position(np.zeros(0), np.zeros(0), np.zeros(0))
    assert effect.eta == 0.0
    assert np.array_equal(effect.offset(np.array([1.0, 9.0])), np.zeros(2))


def test_log_loss_and_order_loss_by_hand() -> None:
    assert log_losses(np.zeros(2), np.array([1.0, 0.0])) == pytest.approx([np.log(2)] * 2)
    data = logged_pages(1, by_prior, 0.0, 1)
    answers = np.zeros(10)
    answers[3] = 1.0
    losses = order_losses(np.zeros(10), replace(data, answers=answers))
    assert losses[3] == pytest.approx(np.log(10))
    assert losses.sum() == pytest.approx(np.log(10))


def test_an_interval_covers_the_mean_and_widens_with_fewer_readers() -> None:
    luck = np.random.default_rng(6)
    values = luck.normal(1.0, 1.0, 400)
    many = bootstrap(values, np.arange(400))
    few = bootstrap(values, np.arange(400) % 8)
    assert many.low < 1.0 < many.high
    assert many.mean == few.mean == pytest.approx(values.mean())
    assert bootstrap(np.zeros(0), np.zeros(0, np.int64)).high == 0.0


def test_drawn_rows_are_as_snapshots_keep_them() -> None:
    rows = drawn_rows(5, np.random.default_rng(0))
    assert np.array_equal(rows, rows.astype(np.float16).astype(np.float32))
