"""The nightly training of the content bridge: read, judge on held out items, fit, keep, promote."""

from __future__ import annotations

import resource
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import structlog

from contentcenter.domain.errors import InvalidInput
from contentcenter.floor import Floor
from recommend.collaborative.content import ContentBridge
from recommend.collaborative.content_descriptions import load_contents
from recommend.collaborative.content_features import ItemContent
from recommend.collaborative.content_judging import Judgement, judge
from recommend.collaborative.content_training import BridgeSettings
from recommend.collaborative.interactions import Interactions, of_likes
from recommend.collaborative.likes import load_likes
from recommend.models import ModelKind, ModelRegistry

log = structlog.get_logger()
KIND = ModelKind.CONTENT_BRIDGE
WINDOW = timedelta(days=730)
LEAST_LIKES = 100
LEAST_JUDGED = 5


@dataclass(frozen=True)
class BridgeReport:
    """What a training came to. `version` None: there was nothing to train on."""

    version: int | None
    promoted: bool
    reason: str


class BridgeTraining:
    """Trains versions from the store's items and likes."""

    def __init__(
        self, floor: Floor, registry: ModelRegistry, settings: BridgeSettings | None = None
    ) -> None:
        self._floor = floor
        self._registry = registry
        self._settings = settings or BridgeSettings()

    def train(self, actor: str = "system") -> BridgeReport:
        """Train on the likes of two years. A version serves if, on items held out, it ranks
        their readers better than profiles of topics do."""
        begin = time.perf_counter()
        likes = load_likes(self._floor, self._floor.clock.now() - WINDOW)
        if len(likes) < LEAST_LIKES:
            return _nothing(f"only {len(likes)} likes yet, {LEAST_LIKES} are needed")
        read = of_likes(likes)
        contents = self._contents(read)
        try:
            judged = judge(contents, read.matrix, self._settings)
            bridge = ContentBridge.fit(read.items, contents, read.matrix, self._settings)
        except InvalidInput as error:
            return _nothing(error.message)
        promoted, reason = _verdict(judged)
        card = _card(read, self._settings) | {
            "judged": asdict(judged),
            "verdict": reason,
            "seconds": round(time.perf_counter() - begin, 2),
            "process_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        version = self._registry.save(KIND, bridge.to_bytes(), card, actor)
        if promoted:
            self._registry.promote(KIND, version, actor)
        log.info("content_bridge_trained", version=version, promoted=promoted, reason=reason)
        return BridgeReport(version, promoted, reason)

    def _contents(self, read: Interactions) -> list[ItemContent]:
        ids = [int(one) for one in read.items]
        found, nothing = load_contents(self._floor, ids), ItemContent({})
        return [found.get(one, nothing) for one in ids]


def _nothing(reason: str) -> BridgeReport:
    log.info("content_bridge_not_trained", reason=reason)
    return BridgeReport(None, False, reason)


def _verdict(judged: Judgement) -> tuple[bool, str]:
    if judged.items < LEAST_JUDGED:
        return False, f"only {judged.items} items to judge by, {LEAST_JUDGED} are needed"
    if judged.ours <= max(judged.topics, 0.5):
        return False, "not better than profiles of topics"
    return True, "better than profiles of topics on items held out"


def _card(read: Interactions, settings: BridgeSettings) -> dict[str, Any]:
    return {
        "likes": read.pairs,
        "readers": len(read.readers),
        "items": len(read.items),
        "settings": asdict(settings),
    }
