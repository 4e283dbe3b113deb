"""The co-reading model that serves: loaded once a process and version, beside the pages."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from contentcenter.domain.errors import ContentCenterError, InvalidInput, NotFound
from recommend.beside import Lookout, Run, at_once
from recommend.collaborative.model import CoReadingModel
from recommend.models import ModelKind, ModelRegistry

log = structlog.get_logger()
TRUST_SECONDS = 5.0
EXTEND_SECONDS = 600.0
# Adds columns for items that nobody has read yet (`CoReadingModel.extended`).
Extend = Callable[[CoReadingModel], CoReadingModel]


@dataclass(frozen=True)
class Served:
    version: int
    model: CoReadingModel


class CoReading:
    """`current` is what serves now, None before the first promotion. Safe for several threads:
    one of them looks for a new version, the others go on with what is there. Items that became
    new since are added every ten minutes. `run` says when looking, loading and adding happen:
    with `beside_pages` no page waits for them, and the first ones of a process find None."""

    def __init__(
        self,
        registry: ModelRegistry,
        extend: Extend | None = None,
        trust_seconds: float = TRUST_SECONDS,
        extend_seconds: float = EXTEND_SECONDS,
        *,
        run: Run = at_once,
    ) -> None:
        self._registry = registry
        self._extend = extend
        self._extend_again = extend_seconds
        self._lookout = Lookout(self._look, trust_seconds, run)
        self._kept: Served | None = None
        self._base: Served | None = None  # as it was trained, without new items
        self._unusable: int | None = None
        self._extended = -math.inf

    def current(self) -> Served | None:
        self._lookout.look_if_due()
        return self._kept

    def _look(self) -> None:
        self._kept = self._refreshed()

    def _refreshed(self) -> Served | None:
        active = self._registry.active(ModelKind.CO_READING)
        if active is None or active.version == self._unusable:
            self._base = None
            return None
        if self._base is None or self._base.version != active.version:
            self._base = self._loaded(active.version)
        elif time.monotonic() - self._extended < self._extend_again:
            return self._kept
        return self._wide(self._base)

    def _wide(self, base: Served | None) -> Served | None:
        self._extended = time.monotonic()
        if base is None or self._extend is None:
            return base
        try:
            return Served(base.version, self._extend(base.model))
        except ContentCenterError as error:
            log.warning("co_reading_without_new_items", reason=error.message)
            return base

    def _loaded(self, version: int) -> Served | None:
        try:
            model = CoReadingModel.from_bytes(self._registry.load(ModelKind.CO_READING, version))
        except (InvalidInput, NotFound) as error:
            # Counts of common readers answer meanwhile; saying so once a version is enough.
            log.warning("co_reading_not_usable", version=version, reason=error.message)
            self._unusable = version
            return None
        log.info("co_reading_loaded", version=version, **model.facts())
        return Served(version, model)
