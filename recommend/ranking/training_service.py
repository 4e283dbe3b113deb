"""The nightly training of the feed ranking: read, fit, compare, keep, and promote if better."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import structlog

from contentcenter.domain.errors import ModelMismatch, NotFound
from contentcenter.floor import Floor
from contentcenter.store.tables import StateRow
from recommend.models import ModelKind, ModelRegistry
from recommend.ranking.answers import AnswerLog
from recommend.ranking.examples import Examples, SeenEntry, examples
from recommend.ranking.logistic import sigmoid
from recommend.ranking.model import RankingModel
from recommend.ranking.online import Outcome, corrections
from recommend.ranking.position import PositionEffect
from recommend.ranking.serving import ONLINE_STATE, PRIOR_VERSION
from recommend.ranking.training import (
    Comparison,
    Split,
    TrainSettings,
    compare,
    fit,
    importance,
    quality,
    split,
)
from recommend.upserts import upsert

log = structlog.get_logger()
DAYS = 28
NIGHT = range(3, 6)
RECENT = timedelta(hours=36)
RECENT_HALF_LIFE_HOURS = 12.0
RECENT_ANSWERS = 4_000


@dataclass(frozen=True)
class TrainReport:
    """What a training came to. `version` None: there was nothing to train on."""

    version: int | None
    promoted: bool
    reason: str
    card: dict[str, Any]


class FeedTraining:
    """Trains versions and keeps the corrections between trainings."""

    def __init__(
        self, floor: Floor, registry: ModelRegistry, settings: TrainSettings | None = None
    ) -> None:
        self._floor = floor
        self._registry = registry
        self._log = AnswerLog(floor)
        self._settings = settings or TrainSettings()

    def train(self, days: int = DAYS) -> TrainReport:
        """Train on the answers of the last days. The new version serves only if it is surely
        better than both the prior and what serves now on days none of them has seen."""
        begin, now = time.perf_counter(), self._floor.clock.now()
        data = examples(self._log.seen(now - timedelta(days=days)))
        parts = split(data, self._settings)
        if not len(parts.compare) or not parts.train.answers.sum():
            return TrainReport(None, False, "too few answers were responded to", {})
        model, plain = fit(parts, self._settings)
        against = self._compared(model, plain, parts)
        better = all(one.better(self._settings) for one in against.values())
        card = _card(model, plain, parts, against)
        card |= {
            "trained_at": now.isoformat(timespec="seconds"),
            "days": days,
            "seconds": round(time.perf_counter() - begin, 2),
            "process_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        version = self._registry.save(ModelKind.FEED_RANKING, model.dump(), card)
        if better:
            self._registry.promote(ModelKind.FEED_RANKING, version)
        reason = "surely better on the last days" if better else "not surely better"
        log.info("feed_ranking_trained", version=version, promoted=better, reason=reason)
        return TrainReport(version, better, reason, card)

    def due(self) -> bool:
        """At night, unless a version was made since the last evening."""
        now = self._floor.clock.now()
        if now.astimezone(ZoneInfo(self._floor.settings.timezone)).hour not in NIGHT:
            return False
        kept = self._registry.versions(ModelKind.FEED_RANKING)
        return not kept or now - kept[0].created_at > timedelta(hours=len(NIGHT) + 1)

    def follow(self) -> int:
        """Corrections from the answers of the last hours to the version that serves; returns
        how many seen entries they rest on."""
        now = self._floor.clock.now()
        version, model = self._active()
        seen = self._log.seen(now - RECENT, RECENT_ANSWERS)
        outcomes = [
            _outcome(one, model.position, (now - one.answer.at).total_seconds() / 3600)
            for one in seen
            if one.entry["v"] == version
        ]
        value = {"version": version, **corrections(outcomes).as_json()}
        row = {"name": ONLINE_STATE, "value": value, "updated_at": now}
        with self._floor.db.transaction() as session:
            upsert(session, StateRow, [row], ["name"], ["value", "updated_at"])
        return len(outcomes)

    def _active(self) -> tuple[int, RankingModel]:
        active = self._registry.active(ModelKind.FEED_RANKING)
        if active is None:
            return PRIOR_VERSION, RankingModel()
        try:
            blob = self._registry.load(ModelKind.FEED_RANKING, active.version)
            return active.version, RankingModel.load(blob)
        except (ModelMismatch, NotFound) as error:
            log.warning("feed_ranking_not_usable", version=active.version, reason=error.message)
            return active.version, RankingModel()

    def _compared(
        self, model: RankingModel, plain: RankingModel, parts: Split
    ) -> dict[str, Comparison]:
        out = {"prior": compare(model, plain, parts.compare)}
        version, active = self._active()
        if version != PRIOR_VERSION:
            out[f"version {version}"] = compare(model, active, parts.compare)
        return out


def _card(
    model: RankingModel, plain: RankingModel, parts: Split, against: dict[str, Comparison]
) -> dict[str, Any]:
    return {
        "examples": {
            name: _told(getattr(parts, name)) for name in ("train", "calibrate", "compare")
        },
        "trees": model.trees.num_trees() if model.trees is not None else 0,
        "position": {
            "eta": round(model.position.eta, 4),
            "error": round(model.position.error, 4),
            "explored": model.position.seen,
        },
        "last_days": quality(model, parts.compare),
        "last_days_prior": quality(plain, parts.compare),
        "compared_with": {name: one.as_json() for name, one in against.items()},
        "importance": dict(importance(model)),
    }


def _told(data: Examples) -> dict[str, Any]:
    return {
        "seen": len(data),
        "responses": int(data.answers.sum()),
        "readers": len(set(data.readers.tolist())),
    }


def _outcome(one: SeenEntry, position: PositionEffect, hours: float) -> Outcome:
    offset = float(position.offset(np.array([float(one.place)]))[0])
    return Outcome(
        item_id=int(one.entry["item_id"]),
        category=str(one.entry["c"]),
        chance=float(sigmoid(float(one.entry["m"]) + offset)),
        answer=float(one.responded),
        weight=float(0.5 ** (hours / RECENT_HALF_LIFE_HOURS)),
    )
