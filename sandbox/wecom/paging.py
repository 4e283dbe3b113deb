"""Cursors of the list calls: an opaque text that holds the next position."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TypeVar

from sandbox.wire import PlatformError

T = TypeVar("T")


def paged(rows: Sequence[T], cursor: str, limit: int) -> tuple[list[T], str]:
    """One page and the cursor of the next ("" at the end); 40058 for a foreign cursor."""
    start = 0
    if cursor:
        try:
            start = int(base64.urlsafe_b64decode(cursor.encode()).decode())
        except ValueError as error:
            raise PlatformError(40058, "invalid cursor") from error
    stop = start + limit
    following = base64.urlsafe_b64encode(str(stop).encode()).decode() if stop < len(rows) else ""
    return list(rows[start:stop]), following
