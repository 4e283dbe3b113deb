from __future__ import annotations

import numpy as np

from contentcenter.embedding.vectors import unit_rows


def test_rows_get_unit_length_and_zeros_stay():
    rows = unit_rows(np.array([[3, 4], [0, 0], [0, -2]], dtype=np.float32))
    np.testing.assert_allclose(rows, np.array([[0.6, 0.8], [0.0, 0.0], [0.0, -1.0]]), rtol=1e-6)
    assert rows.dtype == np.float32


def test_a_single_vector():
    np.testing.assert_allclose(unit_rows(np.array([0, 5.0], dtype=np.float32)), [0, 1])
