"""Centred comparison, with and without the vectors at hand."""

from __future__ import annotations

import numpy as np
import pytest

from recommend.corpus import measure, plain_view, unit_rows


def test_centred_cosines_need_no_vectors() -> None:
    rng = np.random.default_rng(5)
    # Bunched, as one model's vectors are.
    items = unit_rows(rng.normal(size=(200, 24)).astype(np.float32) + 1.0)
    view = measure("m", items, items[:50])
    query = view.centre(items[3:4] + 0.1 * items[7:8])[0]
    to_mean = items @ unit_rows(view.mean[None])[0]
    found = view.centred_cosines(query, (items @ query).tolist(), to_mean.tolist())
    assert found == pytest.approx((view.centre(items) @ query).tolist(), abs=1e-5)


def test_without_a_mean_nothing_moves() -> None:
    view = plain_view("m", 4)
    assert view.centred_cosines(np.ones(4, np.float32) / 2, [0.25, -1.0], [0.0, 0.0]) == [0.25, -1]
