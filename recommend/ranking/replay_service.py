"""Replay of the stored answers for the versions that are kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from contentcenter.domain.errors import NotFound
from contentcenter.floor import Floor
from recommend.models import ModelKind, ModelRegistry
from recommend.ranking.answers import AnswerLog
from recommend.ranking.model import RankingModel
from recommend.ranking.replay import ReplaySettings, draws, replay
from recommend.ranking.serving import PRIOR_VERSION


class FeedReplay:
    def __init__(
        self, floor: Floor, registry: ModelRegistry, settings: ReplaySettings | None = None
    ) -> None:
        self._floor = floor
        self._registry = registry
        self._log = AnswerLog(floor)
        self._settings = settings or ReplaySettings()

    def run(self, days: int = 14, version: int | None = None) -> dict[str, Any]:
        """Judge a version (default: the newest) beside the prior and the active one.

        `NotFound` for a version that is not kept, `ModelMismatch` for one of other features.
        """
        since = self._floor.clock.now() - timedelta(days=days)
        log = draws(self._log.seen(since))
        judged = {
            name: replay(log, self._model(number).log_odds, self._settings).as_json()
            for name, number in self._wanted(version).items()
        }
        return {"days": days, "draws": len(log), **judged}

    def _wanted(self, version: int | None) -> dict[str, int]:
        wanted = {"prior": PRIOR_VERSION}
        active = self._registry.active(ModelKind.FEED_RANKING)
        if active is not None:
            wanted["active"] = active.version
        kept = [one.version for one in self._registry.versions(ModelKind.FEED_RANKING)]
        if version is not None and version not in kept:
            raise NotFound(f"There is no version {version} of the feed ranking", version=version)
        newest = version if version is not None else (kept[0] if kept else None)
        if newest is not None:
            wanted[f"version {newest}"] = newest
        return wanted

    def _model(self, version: int) -> RankingModel:
        if version == PRIOR_VERSION:
            return RankingModel()
        return RankingModel.load(self._registry.load(ModelKind.FEED_RANKING, version))
