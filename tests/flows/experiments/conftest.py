"""Experiments are drawn alike in every run, and no group is held out."""

from __future__ import annotations

from itertools import count

import pytest

from contentcenter.floor import Floor
from tests.fixtures.floor import FloorMaker


@pytest.fixture(autouse=True)
def known_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same groups in the same arms in every run."""
    salts = (f"salt-{number}" for number in count())
    monkeypatch.setattr("distribute.experiments.service.token_hex", lambda _: next(salts))


@pytest.fixture
def floor(make_floor: FloorMaker) -> Floor:
    return make_floor(experiment_holdout_share=0.0)
