"""The nightly training of the co-reading model: read, judge, fit, keep, promote if no worse."""

from __future__ import annotations

import resource
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from contentcenter.domain.errors import InvalidInput, NotFound
from contentcenter.floor import Floor
from recommend.collaborative.descriptions import load_side_rows
from recommend.collaborative.fit import FitSettings, fit
from recommend.collaborative.interactions import Like, of_likes
from recommend.collaborative.likes import load_likes
from recommend.collaborative.model import CoReadingModel
from recommend.collaborative.training import (
    Comparison,
    TimeSplit,
    TrainRules,
    compare,
    gains_of,
    gains_of_popular,
    split_last,
)
from recommend.collaborative.tuning import tune
from recommend.models import ModelInfo, ModelKind, ModelRegistry

log = structlog.get_logger()
KIND = ModelKind.CO_READING
NIGHT = range(2, 5)


@dataclass(frozen=True)
class TrainReport:
    """What a training came to. `version` None: there was nothing to train on."""

    version: int | None
    promoted: bool
    reason: str
    card: dict[str, Any]


class CoReadingTraining:
    """Trains versions from the store's events."""

    def __init__(
        self,
        floor: Floor,
        registry: ModelRegistry,
        settings: FitSettings | None = None,
        rules: TrainRules | None = None,
    ) -> None:
        self._floor = floor
        self._registry = registry
        self._settings = settings or FitSettings()
        self._rules = rules or TrainRules()

    def due(self) -> bool:
        """At night, unless a version was made since the last evening."""
        now = self._floor.clock.now()
        if now.astimezone(ZoneInfo(self._floor.settings.timezone)).hour not in NIGHT:
            return False
        kept = self._registry.versions(KIND)
        return not kept or now - kept[0].created_at > timedelta(hours=len(NIGHT) + 1)

    def train(self, actor: str = "system") -> TrainReport:
        """Train on all likes of the window. The new version serves if, on likes newer than what
        either learned from, it is no worse than what serves now and better than popularity."""
        begin, now = time.perf_counter(), self._floor.clock.now()
        likes = load_likes(self._floor, now - timedelta(days=self._rules.window_days))
        if len(likes) < self._rules.least_likes:
            reason = f"only {len(likes)} likes yet, {self._rules.least_likes} are needed"
            return TrainReport(None, False, reason, {})
        active = self._registry.active(KIND)
        settings, against = self._judge(likes, active)
        model = self._fitted(likes, settings)
        promoted, reason = _verdict(against, self._rules)
        card = _card(likes, model, settings) | {
            "against": {name: one.as_json() for name, one in against.items()},
            "verdict": reason,
            "trained_at": now.isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - begin, 2),
            "process_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        version = self._registry.save(KIND, model.to_bytes(), card, actor)
        if promoted:
            self._registry.promote(KIND, version, actor)
        log.info("co_reading_trained", version=version, promoted=promoted, reason=reason)
        return TrainReport(version, promoted, reason, card)

    def _judge(
        self, likes: list[Like], active: ModelInfo | None
    ) -> tuple[FitSettings, dict[str, Comparison]]:
        """Settings chosen without the held-out likes, and how a model of them did on those."""
        parts = split_last(likes, _until(active))
        train = of_likes(parts.train)
        side = load_side_rows(self._floor, train.items)
        settings = tune(train.matrix, self._settings, side).settings
        model = fit(train, settings, side)
        return settings, self._against(model, parts, active)

    def _against(
        self, model: CoReadingModel, parts: TimeSplit, active: ModelInfo | None
    ) -> dict[str, Comparison]:
        ours = gains_of(model, parts.judged)
        found = {"popular": compare(ours, gains_of_popular(parts.train, parts.judged))}
        serving = self._loaded(active)
        if active is not None and serving is not None:
            found[f"version {active.version}"] = compare(ours, gains_of(serving, parts.judged))
        return found

    def _fitted(self, likes: list[Like], settings: FitSettings) -> CoReadingModel:
        everything = of_likes(likes)
        return fit(everything, settings, load_side_rows(self._floor, everything.items))

    def _loaded(self, active: ModelInfo | None) -> CoReadingModel | None:
        if active is None:
            return None
        try:
            return CoReadingModel.from_bytes(self._registry.load(KIND, active.version))
        except (InvalidInput, NotFound) as error:
            log.warning("co_reading_not_usable", version=active.version, reason=error.message)
            return None


def _until(active: ModelInfo | None) -> datetime | None:
    """The newest like that the active version learned from."""
    told = active.card.get("until") if active is not None else None
    return datetime.fromisoformat(told) if told else None


def _verdict(against: dict[str, Comparison], rules: TrainRules) -> tuple[bool, str]:
    judged = against["popular"].judged
    if judged < rules.least_judged:
        return False, f"only {judged} likes to judge by, {rules.least_judged} are needed"
    if against["popular"].difference <= 0.0:
        return False, "not better than the most popular"
    worse = [name for name, one in against.items() if not one.not_worse()]
    if worse:
        return False, f"worse than {', '.join(worse)}"
    return True, "no worse on likes that none had seen"


def _card(likes: list[Like], model: CoReadingModel, settings: FitSettings) -> dict[str, Any]:
    return {
        "likes": len(likes),
        "readers": len({one.reader_id for one in likes}),
        "since": min(one.last for one in likes).isoformat(),
        "until": max(one.last for one in likes).isoformat(),
        "settings": asdict(settings),
        **model.facts(),
    }
