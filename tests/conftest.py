"""Fixtures shared by all tests live in tests/fixtures, one module a part."""

from __future__ import annotations

from hypothesis import settings

# Two tests share the cores, with more beside them: how long an example takes says nothing.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

pytest_plugins = [
    "tests.order",
    "tests.fixtures.valkey",
    "tests.fixtures.elastic",
    "tests.fixtures.floor",
    "tests.fixtures.embedding",
    "tests.fixtures.twin",
    "tests.fixtures.product",
    "tests.fixtures.tracing",
]
