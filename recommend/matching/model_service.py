"""Matching's learned model: trained from what audiences took and left, promoted if not worse."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select

from contentcenter.domain.content import ItemState
from contentcenter.domain.errors import EngineUnavailable, InvalidInput, NotFound
from contentcenter.domain.events import SEEN_EVENTS, EventKind
from contentcenter.floor import Floor
from contentcenter.store.cards import load_items
from contentcenter.store.tables import EventRow, ItemRow
from recommend.collaborative.model import CoReadingModel
from recommend.corpus_service import CorpusService
from recommend.matching.memories import card_traits
from recommend.matching.model import LEARNED_PARTS, MatchModel, WeightsFrom
from recommend.matching.replay import Past, PastEvent, PastItem, replay
from recommend.matching.settings import MatchSettings
from recommend.matching.training import Choices, Fit, fit_weights, loss
from recommend.matching.traits import TraitStatistics, measure_traits
from recommend.models import ModelInfo, ModelKind, ModelRegistry
from recommend.personas.store import Subject, load_personas
from recommend.shelf import shelf_item

log = structlog.get_logger()
WINDOW = timedelta(days=60)
MOST_EVENTS = 100_000
CATALOGUE_SAMPLE = 20_000
RELOAD_SECONDS = 30.0
RETRAIN_AFTER = timedelta(hours=20)
# Fewer choices say too little against the prior weights.
LEAST_TRAINING = 40
LEAST_CHECKED = 10
TRAINING_SHARE = 0.8
# How many choices the prior weights are worth.
PRIOR_CHOICES = 20.0


class MatchModelService:
    """Trains, compares and serves. One per process; safe for several threads."""

    def __init__(
        self,
        floor: Floor,
        corpus: CorpusService,
        models: ModelRegistry,
        settings: MatchSettings | None = None,
    ) -> None:
        self._floor = floor
        self._corpus = corpus
        self._models = models
        self.base = settings or MatchSettings()
        self._lock = threading.Lock()
        self._kept: tuple[float, int, MatchModel] = (-RELOAD_SECONDS, 0, MatchModel())

    def current(self) -> MatchModel:
        """The model that serves; the prior before one was trained. Up to half a minute old."""
        with self._lock:
            at, version, model = self._kept
            if time.monotonic() - at < RELOAD_SECONDS:
                return model
            active = self._models.active(ModelKind.MATCHING)
            if active is None:
                version, model = 0, MatchModel()
            elif active.version != version:
                blob = self._models.load(ModelKind.MATCHING, active.version)
                version, model = active.version, MatchModel.from_bytes(blob)
            self._kept = (time.monotonic(), version, model)
            return model

    def due(self) -> bool:
        """Whether the newest version is old enough for another."""
        versions = self._models.versions(ModelKind.MATCHING)
        return not versions or self._floor.clock.now() - versions[0].created_at >= RETRAIN_AFTER

    def train(self) -> ModelInfo:
        """Measure the catalogue, learn weights where there are enough choices, keep the
        version, and serve it unless it explains the latest choices worse than what serves."""
        started = time.monotonic()
        known, serving = self._measured(), self.current()
        early, late = replay(self._past(known), LEARNED_PARTS).split(TRAINING_SHARE)
        before = _vector(serving.rules(self.base))
        fit = self._fit(early, late)
        after = before if fit is None else [float(one) for one in fit.weights]
        losses = {"before": loss(late, before), "after": loss(late, after)}
        origin = self._origin(before, fit)
        told = {name: round(value, 4) for name, value in zip(LEARNED_PARTS, after, strict=True)}
        kept = {} if origin is WeightsFrom.PRIOR else dict(zip(LEARNED_PARTS, after, strict=True))
        model = MatchModel(kept, known)
        card: dict[str, object] = {
            "choices": early.telling().groups,
            "checked": late.telling().groups,
            "learned": fit is not None,
            "weights_from": origin.value,
            "choices_needed": {"choices": LEAST_TRAINING, "checked": LEAST_CHECKED},
            "loss": losses,
            "weights": told,
            "items": known.count,
            "seconds": round(time.monotonic() - started, 2),
        }
        return self._keep(model, card, better=losses["after"] <= losses["before"])

    def _origin(self, serving: Sequence[float], fit: Fit | None) -> WeightsFrom:
        """Weights that are those of the settings are the prior, even where a version of before
        wrote them down."""
        if fit is not None:
            return WeightsFrom.LEARNED
        return WeightsFrom.PRIOR if serving == _vector(self.base) else WeightsFrom.KEPT

    def _fit(self, early: Choices, late: Choices) -> Fit | None:
        if early.telling().groups < LEAST_TRAINING or late.telling().groups < LEAST_CHECKED:
            return None
        return fit_weights(early, _vector(self.base), pull=PRIOR_CHOICES)

    def _keep(self, model: MatchModel, card: dict[str, object], *, better: bool) -> ModelInfo:
        version = self._models.save(ModelKind.MATCHING, model.to_bytes(), card)
        if better:
            self._models.promote(ModelKind.MATCHING, version)
        with self._lock:
            self._kept = (-RELOAD_SECONDS, 0, MatchModel())
        log.info("matching_trained", version=version, promoted=better, **card)
        return next(o for o in self._models.versions(ModelKind.MATCHING) if o.version == version)

    def _measured(self) -> TraitStatistics:
        """Statistics of the published items, or of a sample of them."""
        query = select(ItemRow.id).where(ItemRow.state == ItemState.PUBLISHED.value)
        with self._floor.db.reading() as session:
            ids = sorted(session.scalars(query))
            if len(ids) > CATALOGUE_SAMPLE:
                ids = sorted(random.Random(7).sample(ids, CATALOGUE_SAMPLE))
            cards = load_items(session, ids).values()
        return measure_traits([card_traits(card) for card in cards])

    def _past(self, known: TraitStatistics) -> Past:
        events = self._events()
        corpus = self._corpus.view()
        audiences = sorted({one.audience_id for one in events})
        with self._floor.db.reading() as session:
            stored = load_personas(
                session, Subject.AUDIENCE, audiences, corpus.model, corpus.dimension
            )
        items = self._items(sorted({one.item_id for one in events}))
        return Past(
            items=items,
            declared={one: persona.declared for one, persona in stored.items()},
            events=[one for one in events if one.item_id in items],
            corpus=corpus,
            known=known,
            co_reading=CoReadingByDay(self._models).by,
        )

    def _events(self) -> list[PastEvent]:
        """The newest events of audiences with items, within the window."""
        query = (
            select(EventRow.audience_id, EventRow.item_id, EventRow.kind, EventRow.at)
            .where(
                EventRow.audience_id.is_not(None),
                EventRow.item_id.is_not(None),
                EventRow.at >= self._floor.clock.now() - WINDOW,
                EventRow.kind.in_([kind.value for kind in SEEN_EVENTS]),
            )
            .order_by(EventRow.id.desc())
            .limit(MOST_EVENTS)
        )
        with self._floor.db.reading() as session:
            rows = session.execute(query).all()
        return [
            PastEvent(row.audience_id, row.item_id, EventKind(row.kind), row.at) for row in rows
        ]

    def _items(self, ids: Sequence[int]) -> dict[int, PastItem]:
        with self._floor.db.reading() as session:
            cards = load_items(session, ids)
        try:
            vectors = dict(self._floor.index.vectors(ids)) if ids else {}
        except EngineUnavailable as error:
            raise EngineUnavailable("Training needs the search index; try again later") from error
        return {
            one: PastItem(shelf_item(card, vectors.get(one)).match, card_traits(card))
            for one, card in cards.items()
        }


class CoReadingByDay:
    """The co-reading model that had been trained by a moment; moments come in order, so one
    model at a time is held."""

    def __init__(self, models: ModelRegistry) -> None:
        self._models = models
        self._versions = models.versions(ModelKind.CO_READING)
        self._kept: tuple[int, CoReadingModel | None] | None = None

    def by(self, at: datetime) -> CoReadingModel | None:
        version = max((o.version for o in self._versions if o.created_at <= at), default=None)
        if version is None:
            return None
        if self._kept is None or self._kept[0] != version:
            self._kept = (version, self._loaded(version))
        return self._kept[1]

    def _loaded(self, version: int) -> CoReadingModel | None:
        try:
            return CoReadingModel.from_bytes(self._models.load(ModelKind.CO_READING, version))
        except (InvalidInput, NotFound) as error:
            # Of another format, or pruned meanwhile: those days are learned from without it.
            log.warning("co_reading_not_usable", version=version, reason=error.message)
            return None


def _vector(rules: MatchSettings) -> list[float]:
    return [rules.weight(name) for name in LEARNED_PARTS]
