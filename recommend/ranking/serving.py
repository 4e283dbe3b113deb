"""The version that serves, with what was learned since: kept in the process, refreshed in
passing. A version that cannot be read leaves the prior in charge, and says so in the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from contentcenter.domain.errors import ModelMismatch, NotFound
from contentcenter.embedding.ports import Vectors
from contentcenter.floor import Floor
from contentcenter.store.tables import StateRow
from recommend.beside import Lookout, Run, at_once
from recommend.models import ModelKind, ModelRegistry
from recommend.ranking.model import RankingModel
from recommend.ranking.online import Corrections

log = structlog.get_logger()
ONLINE_STATE = "feed_ranking.online"
PRIOR_VERSION = 0
TRUST_SECONDS = 10.0


@dataclass(frozen=True)
class Serving:
    """What ranks at this moment. `version` 0 is the prior."""

    version: int = PRIOR_VERSION
    model: RankingModel = field(default_factory=RankingModel)
    online: Corrections = field(default_factory=Corrections)

    def added(self, ids: Sequence[int], categories: Sequence[str]) -> Vectors:
        """Log-odds (n,) that recent answers add to the model's."""
        return self.online.log_odds(ids, categories)


class FeedRanker:
    """`current` is what ranks now. One per process; safe for several threads: one of them
    looks for another version, the others go on with what is there. `run` says when that is
    looked for and loaded: with `beside_pages` no page waits for it, and the first pages of a
    process are ranked by the prior."""

    def __init__(
        self,
        floor: Floor,
        registry: ModelRegistry,
        trust_seconds: float = TRUST_SECONDS,
        *,
        run: Run = at_once,
    ) -> None:
        self._floor = floor
        self._registry = registry
        self._kept = Serving()
        self._lookout = Lookout(self._look, trust_seconds, run)

    def current(self) -> Serving:
        self._lookout.look_if_due()
        return self._kept

    def _look(self) -> None:
        self._kept = self._refreshed(self._kept)

    def _refreshed(self, before: Serving) -> Serving:
        active = self._registry.active(ModelKind.FEED_RANKING)
        version = active.version if active is not None else PRIOR_VERSION
        model = before.model if version == before.version else self._loaded(version)
        return Serving(version, model, self._online(version))

    def _loaded(self, version: int) -> RankingModel:
        if version == PRIOR_VERSION:
            return RankingModel()
        try:
            return RankingModel.load(self._registry.load(ModelKind.FEED_RANKING, version))
        except (ModelMismatch, NotFound) as error:
            log.warning("feed_ranking_not_usable", version=version, reason=error.message)
            return RankingModel()

    def _online(self, version: int) -> Corrections:
        """Corrections to this version; those of another one are void."""
        with self._floor.db.reading() as session:
            row = session.get(StateRow, ONLINE_STATE)
            value = dict(row.value) if row is not None else {}
        return Corrections.from_json(value) if value.get("version") == version else Corrections()
