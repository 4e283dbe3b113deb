"""Training and judging a version: a time-honest split, strong regularisation, an honest verdict.

Older days train, later ones choose how many trees and calibrate, the last ones compare. The
prior is calibrated too before it is compared: a better intercept is no better ranking.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from recommend.ranking.calibration import calibration_error, fit_line, log_losses
from recommend.ranking.examples import Examples
from recommend.ranking.logistic import Floats
from recommend.ranking.model import LEARNED, LEARNED_COLUMNS, MONOTONE, RankingModel
from recommend.ranking.position import fit_position
from recommend.ranking.prior import PriorSettings, prior_log_odds

REPLICATES = 500


@dataclass(frozen=True)
class TrainSettings:
    """Shares of the examples by time. With fewer than `least_answers` responses in the older
    days there are no trees, with fewer than `least_compared` in the last ones no promotion."""

    train_share: float = 0.6
    calibrate_share: float = 0.15
    least_answers: int = 100
    least_compared: int = 30
    trees: int = 120
    patience: int = 15
    seed: int = 20


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        return {"mean": round(self.mean, 6), "low": round(self.low, 6), "high": round(self.high, 6)}


@dataclass(frozen=True)
class Split:
    train: Examples
    calibrate: Examples
    compare: Examples


def split(data: Examples, rules: TrainSettings) -> Split:
    """By time; a page is never cut in two."""
    first = _page_edge(data, rules.train_share)
    second = _page_edge(data, rules.train_share + rules.calibrate_share)
    return Split(
        data.take(slice(0, first)), data.take(slice(first, second)), data.take(slice(second, None))
    )


def _page_edge(data: Examples, share: float) -> int:
    place = min(round(share * len(data)), len(data))
    while 0 < place < len(data) and data.pages[place] == data.pages[place - 1]:
        place += 1
    return place


def fit(
    parts: Split, rules: TrainSettings, prior: PriorSettings | None = None
) -> tuple[RankingModel, RankingModel]:
    """The learned version, and the prior calibrated on the same older days."""
    hand = prior or PriorSettings()
    train, later = parts.train, parts.calibrate
    raw = prior_log_odds(train.rows, hand).astype(np.float64)
    lot = train.explored
    position = fit_position(raw[lot], train.places[lot], train.answers[lot])
    line = fit_line(raw, train.answers, position.offset(train.places))
    plain = RankingModel(line, position=position, prior=hand)
    if train.answers.sum() < rules.least_answers:
        return plain, plain
    trees = _boost(parts, plain, rules)
    if trees is None:
        return plain, plain
    grown = replace(plain, trees=trees)
    raw = grown.log_odds(later.rows).astype(np.float64)
    again = fit_line(raw, later.answers, position.offset(later.places))
    return replace(grown, line=again), plain


def _boost(parts: Split, start: RankingModel, rules: TrainSettings) -> lgb.Booster | None:
    """Trees on the residual of `start`; None when the calibration days say there is nothing."""
    train = _dataset(parts.train, start)
    later = _dataset(parts.calibrate, start, train)
    curve: dict[str, Any] = {}
    trees = lgb.train(
        _parameters(rules),
        train,
        rules.trees,
        valid_sets=[later],
        valid_names=["later"],
        callbacks=[
            lgb.early_stopping(rules.patience, verbose=False),
            lgb.record_evaluation(curve),
        ],
    )
    begin = float(log_losses(_judged(start, parts.calibrate), parts.calibrate.answers).mean())
    if min(curve["later"]["binary_logloss"]) >= begin:
        return None
    best = trees.model_to_string(num_iteration=trees.best_iteration)
    return lgb.Booster(model_str=best)


def _dataset(
    data: Examples, start: RankingModel, reference: lgb.Dataset | None = None
) -> lgb.Dataset:
    return lgb.Dataset(
        data.rows[:, LEARNED_COLUMNS],
        data.answers,
        init_score=_judged(start, data),
        reference=reference,
        params={"verbosity": -1, "num_threads": 1},
        free_raw_data=False,
    )


def _parameters(rules: TrainSettings) -> dict[str, Any]:
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": 0.06,
        "num_leaves": 8,
        "min_data_in_leaf": 50,
        "lambda_l2": 20.0,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "boost_from_average": False,
        "monotone_constraints": [MONOTONE.get(name, 0) for name in LEARNED],
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": rules.seed,
        "verbosity": -1,
    }


def _judged(model: RankingModel, data: Examples) -> Floats:
    """Log-odds of a response at the place where the entry stood."""
    offset = model.position.offset(data.places)
    values: Floats = model.log_odds(data.rows).astype(np.float64) + offset
    return values


@dataclass(frozen=True)
class Comparison:
    """The new version against another on the last days. Negative differences speak for the new
    one: log loss of all entries, and of the order alone (which of a page's entries answered)."""

    log_loss: Interval
    order_loss: Interval
    answers: int

    def better(self, rules: TrainSettings) -> bool:
        """Surely better chances, and an order that is not worse."""
        enough = self.answers >= rules.least_compared
        return enough and self.log_loss.high < 0.0 and self.order_loss.mean <= 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "log_loss": self.log_loss.as_json(),
            "order_loss": self.order_loss.as_json(),
            "answers": self.answers,
        }


def compare(new: RankingModel, old: RankingModel, data: Examples, seed: int = 0) -> Comparison:
    """On examples neither has seen; intervals by a bootstrap over readers."""
    mine, theirs = _judged(new, data), _judged(old, data)
    loss = log_losses(mine, data.answers) - log_losses(theirs, data.answers)
    order = order_losses(mine, data) - order_losses(theirs, data)
    answered = data.answers > 0
    return Comparison(
        bootstrap(loss, data.readers, seed),
        bootstrap(order[answered], data.readers[answered], seed),
        int(answered.sum()),
    )


def order_losses(log_odds: Floats, data: Examples) -> Floats:
    """-log of the share of a page's attention that an answered entry got (Luce 1959): only the
    order and the distances within a page count. 0 for entries without an answer."""
    if not len(data):
        return np.zeros(0)
    _, page = np.unique(data.pages, return_inverse=True)
    odds = np.exp(log_odds - log_odds.max())
    total = np.bincount(page, weights=odds)[page]
    losses: Floats = np.where(data.answers > 0, np.log(total) - np.log(odds), 0.0)
    return losses


def bootstrap(values: Floats, clusters: npt.NDArray[np.int64], seed: int = 0) -> Interval:
    """Mean of `values` with a percentile interval over resampled clusters (Efron and Tibshirani
    1993). Without values everything is 0."""
    if not len(values):
        return Interval(0.0, 0.0, 0.0)
    _, cluster = np.unique(clusters, return_inverse=True)
    sums = np.bincount(cluster, weights=values)
    counts = np.bincount(cluster).astype(np.float64)
    luck = np.random.default_rng(seed)
    even = np.full(len(sums), 1.0 / len(sums))
    means = np.empty(REPLICATES)
    for number in range(REPLICATES):
        times = luck.multinomial(len(sums), even)
        means[number] = (times @ sums) / (times @ counts)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


def quality(model: RankingModel, data: Examples) -> dict[str, float]:
    """Log loss, calibration error and mean order loss of a version on examples."""
    if not len(data):
        return {}
    judged = _judged(model, data)
    answered = max(float(data.answers.sum()), 1.0)
    return {
        "log_loss": round(float(log_losses(judged, data.answers).mean()), 5),
        "calibration_error": round(calibration_error(judged, data.answers), 5),
        "order_loss": round(float(order_losses(judged, data).sum()) / answered, 5),
    }


def importance(model: RankingModel, most: int = 12) -> Mapping[str, float]:
    """Share of the trees' gain by feature, largest first."""
    if model.trees is None:
        return {}
    gains = np.asarray(model.trees.feature_importance("gain"), dtype=np.float64)
    total = float(gains.sum()) or 1.0
    order = np.argsort(-gains)[:most]
    return {LEARNED[one]: round(float(gains[one]) / total, 4) for one in order if gains[one] > 0}
