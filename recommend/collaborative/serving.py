"""The co-reading model that serves: loaded once a process and version, swapped in passing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from contentcenter.domain.errors import InvalidInput, NotFound
from recommend.collaborative.model import CoReadingModel
from recommend.models import ModelKind, ModelRegistry

log = structlog.get_logger()
TRUST_SECONDS = 5.0
# Adds columns for items that nobody has read yet (`CoReadingModel.extended`).
Extend = Callable[[CoReadingModel], CoReadingModel]


@dataclass(frozen=True)
class Served:
    version: int
    model: CoReadingModel


class CoReading:
    """`current` is what serves now, None before the first promotion. Safe for several threads:
    one of them looks for a new version, the others go on with what is there."""

    def __init__(
        self,
        registry: ModelRegistry,
        extend: Extend | None = None,
        trust_seconds: float = TRUST_SECONDS,
    ) -> None:
        self._registry = registry
        self._extend = extend
        self._trust = trust_seconds
        self._lock = threading.Lock()
        self._kept: Served | None = None
        self._unusable: int | None = None
        self._checked: float | None = None

    def current(self) -> Served | None:
        now = time.monotonic()
        with self._lock:
            if self._checked is not None and now - self._checked < self._trust:
                return self._kept
            self._checked, before = now, self._kept
        fresh = self._refreshed(before)
        with self._lock:
            self._kept = fresh
        return fresh

    def _refreshed(self, before: Served | None) -> Served | None:
        active = self._registry.active(ModelKind.CO_READING)
        if active is None or active.version == self._unusable:
            return None
        if before is not None and before.version == active.version:
            return before
        return self._loaded(active.version)

    def _loaded(self, version: int) -> Served | None:
        try:
            model = CoReadingModel.from_bytes(self._registry.load(ModelKind.CO_READING, version))
        except (InvalidInput, NotFound) as error:
            # Counts of common readers answer meanwhile; saying so once a version is enough.
            log.warning("co_reading_not_usable", version=version, reason=error.message)
            self._unusable = version
            return None
        log.info("co_reading_loaded", version=version, **model.facts())
        return Served(version, self._extend(model) if self._extend else model)
