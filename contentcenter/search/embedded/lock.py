"""A lock between processes and threads that the kernel drops when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A forked child inherits open descriptors, and an flock lives until the last copy is closed.
# Were the parent killed while it writes, an idle child would keep everybody waiting, so a
# child closes its copies at birth.
_held: set[int] = set()


def _forget_inherited_locks() -> None:
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget_inherited_locks)


class FileLock:
    """Exclusive lock on a file. Each use opens its own descriptor, so two threads of one
    process exclude each other exactly as two processes do."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Wait for the lock as long as it takes, and keep it for the block."""
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            self._release(descriptor)

    @contextmanager
    def hold_now(self) -> Iterator[bool]:
        """Yield whether the lock was free; it is kept for the block when it was."""
        descriptor = self._open()
        try:
            yield _locked_at_once(descriptor)
        finally:
            self._release(descriptor)

    def _open(self) -> int:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        _held.add(descriptor)
        return descriptor

    @staticmethod
    def _release(descriptor: int) -> None:
        # Absent in a child that was forked inside the block: its copy is closed already.
        if descriptor not in _held:
            return
        _held.discard(descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _locked_at_once(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
