"""How the model's process treats the machine it shares: its cores and its memory."""

from __future__ import annotations

import ctypes
import os

_M_ARENA_MAX = -8  # malloc.h


def wait_passively() -> None:
    """Lets OpenMP's threads sleep while they wait for each other. Call it before torch loads.

    By default they spin, and where other processes want the same cores they spin while the
    thread they wait for is not even running: measured on two cores at a load of 8, one tenth
    of the speed at five times the processor time. OMP_WAIT_POLICY in the environment wins.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def limit_arenas(count: int = 2) -> None:
    """Fewer heaps (glibc), so that freed memory is found again. Call it before starting threads."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, count)


def return_freed_memory() -> None:
    """Gives freed pages back to the system; loading a model leaves tens of megabytes of them."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
