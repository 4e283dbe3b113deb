"""The flows of the recommend room share one small catalogue with two groups."""

from __future__ import annotations

from tests.fixtures.topics import world

__all__ = ["world"]
