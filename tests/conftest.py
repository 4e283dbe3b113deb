"""Fixtures shared by all tests live in tests/fixtures, one module a part."""

from __future__ import annotations

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
