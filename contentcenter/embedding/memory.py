"""Keeping the model's process small, where the C library lets us (glibc)."""

from __future__ import annotations

import ctypes

_M_ARENA_MAX = -8  # malloc.h


def limit_arenas(count: int = 2) -> None:
    """Fewer heaps, so that freed memory is found again. Call it before starting threads."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, count)


def return_freed_memory() -> None:
    """Gives freed pages back to the system; loading a model leaves tens of megabytes of them."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
