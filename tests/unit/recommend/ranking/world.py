"""Readers and items whose truth is known: rows of features, and clicks drawn from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from recommend.matching.settings import PARTS
from recommend.persona_math import Persona
from recommend.persona_math.blend import FLAT_HOURS, PriceBand
from recommend.ranking.examples import Examples
from recommend.ranking.features import COLUMN, FEATURES, RankItem, rounded
from recommend.ranking.logistic import Floats, sigmoid
from recommend.ranking.prior import prior_log_odds

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
PAGE = 10


def persona(**values: object) -> Persona:
    usual = {
        "centres": np.zeros((0, 4), np.float32),
        "centre_shares": (),
        "categories": {},
        "tags": {},
        "price": PriceBand(2_500, 4_000, 6_000),
        "price_ceiling_fen": None,
        "price_sensitivity": 0.5,
        "reading_age": None,
        "hours": FLAT_HOURS,
        "fatigue": 0.0,
        "response": {},
        "recent": {},
        "evidence": 0.0,
    }
    return Persona(**{**usual, **values})  # type: ignore[arg-type]


def item(number: int, **values: object) -> RankItem:
    usual = {
        "category": "food",
        "author": f"作者{number % 3}",
        "kind": "pgc",
        "price_fen": 4_000,
        "published_at": NOW - timedelta(days=number),
    }
    return RankItem(number, **{**usual, **values})  # type: ignore[arg-type]


def drawn_rows(count: int, luck: np.random.Generator) -> np.ndarray:
    """Plausible features: parts of matching, prices, sources."""
    rows = np.zeros((count, len(FEATURES)), np.float32)
    for name in PARTS:
        rows[:, COLUMN[name]] = luck.normal(0, 0.4, count)
    rows[:, COLUMN["usual"]] = np.log(0.08 / 0.92)
    rows[:, COLUMN["total_spread"]] = 1.2
    rows[:, COLUMN["price_over"]] = np.maximum(luck.normal(0, 0.6, count), 0)
    rows[:, COLUMN["recall_explore"]] = luck.random(count) < 0.3
    rows[:, COLUMN["evidence"]] = luck.normal(2, 0.5, count)
    return rounded(rows)


def by_prior(rows: np.ndarray) -> Floats:
    return prior_log_odds(rows).astype(np.float64)


def logged_pages(pages: int, truth: object, eta: float, seed: int) -> Examples:
    """Pages of ten in the prior's order with one place drawn by lot; clicks follow `truth` of a
    row, and attention place^-eta in the odds."""
    luck = np.random.default_rng(seed)
    rows = drawn_rows(pages * PAGE, luck).reshape(pages, PAGE, -1)
    order = np.argsort(-by_prior(rows.reshape(-1, rows.shape[2])).reshape(pages, PAGE), axis=1)
    rows = np.take_along_axis(rows, order[:, :, None], axis=1)
    explored = np.zeros((pages, PAGE), np.bool_)
    lot = luck.integers(1, PAGE, pages)
    explored[np.arange(pages), lot] = True
    swapped = drawn_rows(pages, luck)
    rows[np.arange(pages), lot] = swapped
    flat = rows.reshape(pages * PAGE, -1)
    places = np.tile(np.arange(1.0, PAGE + 1), pages)
    chance = sigmoid(truth(flat) - eta * np.log(places))  # type: ignore[operator]
    return Examples(
        rows=flat,
        answers=(luck.random(len(flat)) < chance).astype(np.float64),
        places=places,
        at=np.repeat(np.arange(pages) * 60.0, PAGE),
        pages=np.repeat(np.arange(pages), PAGE),
        readers=np.repeat(np.arange(pages) % 200, PAGE),
        explored=explored.reshape(-1),
    )
