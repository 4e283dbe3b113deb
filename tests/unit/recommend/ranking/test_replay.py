"""Replay: unbiased on logs whose truth is known, and honest when they are too thin."""

from __future__ import annotations

import numpy as np
import pytest

from recommend.ranking.features import COLUMN
from recommend.ranking.logistic import sigmoid
from recommend.ranking.replay import Draw, ReplaySettings, replay
from tests.unit.recommend.ranking.world import drawn_rows

OFFERED = 6


def semantic(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows[:, COLUMN["semantic"]])


def against(rows: np.ndarray) -> np.ndarray:
    return -semantic(rows)


def log_of(count: int, seed: int) -> tuple[list[Draw], float]:
    """Draws where closeness decides, and what the best choice would really earn."""
    luck = np.random.default_rng(seed)
    out, best = [], 0.0
    for number in range(count):
        rows = drawn_rows(OFFERED, luck)
        chance = sigmoid(-1.5 + 2.0 * semantic(rows))
        odds = luck.dirichlet(np.full(OFFERED, 3.0)) * 0.9 + 0.1 / OFFERED
        chosen = int(luck.choice(OFFERED, p=odds / odds.sum()))
        answer = float(luck.random() < chance[chosen])
        out.append(Draw(number % 150, rows, tuple(odds / odds.sum()), chosen, answer))
        best += float(chance[semantic(rows).argmax()])
    return out, best / count


def test_the_estimate_covers_what_the_version_would_earn() -> None:
    log, true = log_of(3_000, 5)
    found = replay(log, semantic)
    assert found.answered
    assert found.snips.low < true < found.snips.high
    assert found.ips.value == pytest.approx(true, abs=0.06)
    assert found.verdict == "better in explored places"
    assert replay(log, against).verdict == "worse in explored places"


def test_thin_logs_cannot_tell() -> None:
    log, _ = log_of(60, 2)
    found = replay(log, semantic)
    assert not found.answered
    assert "cannot tell" in found.verdict
    empty = replay([], semantic)
    assert (empty.draws, empty.effective, empty.answered) == (0, 0.0, False)


def test_clipping_cuts_large_weights_and_counts_them() -> None:
    log, _ = log_of(500, 3)
    found = replay(log, semantic, ReplaySettings(clip=5.0))
    assert found.clipped > 0
    assert found.effective > replay(log, semantic).effective


def test_a_version_that_always_agrees_with_chance_earns_what_was_logged() -> None:
    """With even chances and a version indifferent to all but the drawn one."""
    log, _ = log_of(200, 4)
    even = [Draw(one.reader, one.rows[[one.chosen]], (1.0,), 0, one.answer) for one in log]
    found = replay(even, semantic)
    assert found.matches == 200
    assert found.snips.value == pytest.approx(found.logged.value)
    assert found.gain.value == pytest.approx(0.0)
