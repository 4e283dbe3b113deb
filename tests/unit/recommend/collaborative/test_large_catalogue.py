"""A catalogue beyond the dense part: nothing grows with its square."""

from __future__ import annotations

import numpy as np

from recommend.collaborative.closed_form import Ridge
from recommend.collaborative.fit import FitSettings, Fitting, blend
from recommend.collaborative.interactions import Interactions
from recommend.evaluation.feed_memory import Cost


def test_memory_follows_the_likes_not_the_square_of_the_catalogue() -> None:
    source = np.random.default_rng(5)
    readers = np.repeat(np.arange(3_000), 4)
    items = source.integers(0, 20_000, len(readers))
    world = Interactions.of(readers, items)
    settings = FitSettings(ridge=Ridge(5.0), dense_items=200, kept=20)
    square_mb = len(world.items) ** 2 * 4 / 1e6
    with Cost() as cost:
        parts = Fitting(world.matrix).parts(settings)
        model = blend(world.items, parts, settings)
    assert square_mb > 200
    assert cost.memory_mb < square_mb / 3
    assert model.weights.shape == (len(world.items),) * 2
    # Someone who read only one of the others is recommended what its readers also read.
    row = int(np.setdiff1d(np.arange(len(world.items)), parts.places)[0])
    together = world.matrix[world.matrix[:, [row]].nonzero()[0]].nonzero()[1]
    expected = {int(world.items[one]) for one in together} - {int(world.items[row])}
    assert set(model.recall({int(world.items[row]): 1.0}, 50)) == expected
