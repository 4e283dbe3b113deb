"""What a piece of work takes: seconds, and memory at its height."""

from __future__ import annotations

import ctypes
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
# "5": forget the highest memory so far (Linux, proc_pid_clear_refs(5)).
_FORGET_PEAK = "5"


@dataclass
class Cost:
    """`seconds` of wall clock; `memory_mb`: height of resident memory above the start; `peak_mb`:
    the height itself. Where the system cannot forget an older height (not Linux), the two tell
    of the process so far."""

    seconds: float = 0.0
    memory_mb: float = 0.0
    peak_mb: float = 0.0

    def __enter__(self) -> Cost:
        self._start_mb = _forget_peak()
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seconds = time.perf_counter() - self._started
        self.peak_mb = _peak_mb()
        self.memory_mb = max(self.peak_mb - self._start_mb, 0.0)


def _forget_peak() -> float:
    """Resident memory now, in MB, from where the next height counts."""
    if not _CLEAR.exists():
        return 0.0
    _give_back()
    _CLEAR.write_text(_FORGET_PEAK, encoding="ascii")
    return _status_mb("VmRSS")


def _give_back() -> None:
    """Memory that was freed but kept by glibc would hide what comes next."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _peak_mb() -> float:
    if _CLEAR.exists():
        return _status_mb("VmHWM")
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kibibytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _status_mb(name: str) -> float:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1e3
    return 0.0
