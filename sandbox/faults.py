"""Switchable faults per endpoint: what a real platform does on its bad days."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.wire import PlatformError

CALLBACK_KINDS = (
    "callback_duplicate",
    "callback_lost",
    "callback_reorder",
    "callback_bad_signature",
    "callback_wrong_receiver",
)
CALL_KINDS = (
    "timeout_before_effect",
    "timeout_after_effect",
    "html_502",
    "slow",
    "concurrency",
)
ERROR_TEXTS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40014: "invalid access_token",
    42001: "access_token expired",
    42010: "masssend fast, retry again",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45033: "api concurrent out of limit",
    45035: "concurrent tagging of the same customers",
    48001: "api unauthorized",
}


@dataclass
class Fault:
    """One switch. times None = for ever; seconds = hang or delay; limit = parallel calls."""

    id: int
    platform: str
    endpoint: str
    kind: str
    times: int | None = 1
    seconds: float = 30.0
    limit: int = 1
    owner: str = ""
    hits: int = 0

    @property
    def code(self) -> int | None:
        """The error code this fault answers with, when its kind is a number."""
        return int(self.kind) if self.kind.lstrip("-").isdigit() else None

    def matches(self, platform: str, endpoint: str, owner: str) -> bool:
        return (
            self.platform in (platform, "*")
            and self.endpoint in (endpoint, "*")
            and self.owner in ("", owner)
        )


class FaultBoard:
    """All faults now in force. They are not kept over a restart."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._number = 0
        self._running: dict[tuple[str, str, str], int] = {}

    def add(self, wanted: dict[str, Any]) -> Fault:
        """ValueError for an unknown kind or a field of the wrong type."""
        kind = str(wanted.get("kind", ""))
        numeric = kind.lstrip("-").isdigit()
        if not numeric and kind not in CALL_KINDS + CALLBACK_KINDS:
            raise ValueError(f"unknown fault kind {kind!r}")
        times = wanted.get("times", 1)
        endpoint = str(wanted.get("endpoint", "*"))
        with self._lock:
            self._number += 1
            fault = Fault(
                id=self._number,
                platform=str(wanted.get("platform", "*")),
                endpoint="callback" if kind in CALLBACK_KINDS else endpoint,
                kind=kind,
                times=None if times in (None, "forever") else int(times),
                seconds=float(wanted.get("seconds", 30.0)),
                limit=int(wanted.get("limit", 1)),
                owner=str(wanted.get("account", "")),
            )
            self._faults.append(fault)
        return fault

    def remove(self, fault_id: int | None = None) -> None:
        """One fault, or all of them."""
        with self._lock:
            self._faults = [f for f in self._faults if fault_id not in (None, f.id)]

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def take(self, platform: str, endpoint: str, owner: str) -> Fault | None:
        """The first fault that hits this call; uses it up by one."""
        if not self._faults:  # the usual case must cost nothing
            return None
        with self._lock:
            for fault in self._faults:
                if fault.kind != "concurrency" and fault.matches(platform, endpoint, owner):
                    self._use(fault)
                    return fault
        return None

    def enter(self, platform: str, endpoint: str, owner: str) -> None:
        """Count a running call; 45033 when more than the switched number run at once."""
        key = (platform, endpoint, owner)
        with self._lock:
            running = self._running.get(key, 0) + 1
            self._running[key] = running
            for fault in self._faults:
                mine = fault.kind == "concurrency" and fault.matches(platform, endpoint, owner)
                if mine and running > fault.limit:
                    self._use(fault)
                    raise PlatformError(45033, ERROR_TEXTS[45033])

    def leave(self, platform: str, endpoint: str, owner: str) -> None:
        key = (platform, endpoint, owner)
        with self._lock:
            self._running[key] -= 1
            if self._running[key] <= 0:
                del self._running[key]

    def _use(self, fault: Fault) -> None:
        fault.hits += 1
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times <= 0:
            self._faults.remove(fault)
