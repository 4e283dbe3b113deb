"""What a visit goes on with, handed to the other web processes through Valkey.

One value a visit: a line of JSON, then the numbers as they lie in memory (five columns in single
precision, feature rows in half). JSON and plain numbers instead of pickle: whoever can write to
Valkey must not be able to run code here. While Valkey is away every process goes on by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import redis
import structlog

from recommend.feed.items import Why
from recommend.feed.kept import KEPT_FOR, Prepared
from recommend.feed.scenes import Asked
from recommend.feed.scoring import Scored
from recommend.feed.spreading import Recall
from recommend.feed.visits import Mark
from recommend.ranking.features import FEATURES, FEATURES_KEY
from recommend.ranking.scenes import Scene
from recommend.ranking.serving import Serving
from recommend.shelf import ShelfItem

log = structlog.get_logger()
FORMAT = 1
COLUMNS = ("model", "added", "semantic", "shown", "liked")
# After an error pages ask Valkey no more for so long: each would wait for its time limit.
LEFT_ALONE_SECONDS = 5.0
ItemsOf = Callable[[Sequence[int]], Mapping[int, ShelfItem]]


class Handover:
    """Safe for several threads. `items` finds items of the shelf by id."""

    def __init__(self, connection: redis.Redis, items: ItemsOf) -> None:
        self._redis = connection
        self._items = items
        self._left_alone_until = float("-inf")

    def give(self, session: str, prepared: Prepared) -> None:
        if self._left_alone():
            return
        try:
            self._redis.set(_name(session), packed(prepared), ex=KEPT_FOR)
        except redis.RedisError as error:
            self._leave_alone(error)

    def take(self, session: str, serving: Serving) -> Prepared | None:
        """What was prepared last, by whichever process; None when it is gone, or was ranked by
        another version than the one that serves."""
        if self._left_alone():
            return None
        try:
            body = self._redis.get(_name(session))
        except redis.RedisError as error:
            self._leave_alone(error)
            return None
        return unpacked(body, serving, self._items) if isinstance(body, bytes) else None

    def _left_alone(self) -> bool:
        return time.monotonic() < self._left_alone_until

    def _leave_alone(self, error: redis.RedisError) -> None:
        self._left_alone_until = time.monotonic() + LEFT_ALONE_SECONDS
        log.warning("feed_handover_away", reason=str(error))


def packed(prepared: Prepared) -> bytes:
    scored, why, mark = prepared.scored, prepared.why, prepared.mark
    told = {
        "page": prepared.page,
        "version": scored.serving.version,
        "at": prepared.at.isoformat(),
        "asked": [prepared.asked.scene, prepared.asked.item_id, prepared.asked.question],
        "mark": [mark.reader_id, mark.told, mark.learned, mark.audiences],
        "why": [why.tags, why.categories, why.scene_text],
        "ids": [item.id for item in scored.items],
        "recalls": [why.recalls[item.id] for item in scored.items],
        "picks": prepared.picks,
        "usual": {name: float(value) for name, value in scored.usual.items()},
    }
    columns = [getattr(scored, name) for name in COLUMNS]
    numbers = [*(one.astype(np.float32, copy=False) for one in columns), scored.rows]
    return b"\n".join([orjson.dumps(told), b"".join(one.tobytes() for one in numbers)])


def unpacked(body: bytes, serving: Serving, items_of: ItemsOf) -> Prepared | None:
    head, _, numbers = body.partition(b"\n")
    told = orjson.loads(head)
    if told["version"] != serving.version:
        return None
    scored = _scored(told, numbers, serving, items_of)
    if scored is None:
        return None
    scene, item_id, question = told["asked"]
    reader_id, event, learned, audiences = told["mark"]
    recalls = [tuple(Recall(name) for name in names) for names in told["recalls"]]
    tags, categories, scene_text = told["why"]
    return Prepared(
        page=told["page"],
        asked=Asked(Scene(scene), item_id, question),
        mark=Mark(reader_id, event, learned, tuple(audiences)),
        at=datetime.fromisoformat(told["at"]),
        why=Why(tags, categories, dict(zip(told["ids"], recalls, strict=True)), scene_text),
        scored=scored,
        picks=told["picks"],
    )


def _scored(
    told: Mapping[str, Any], numbers: bytes, serving: Serving, items_of: ItemsOf
) -> Scored | None:
    """None when an item has left the shelf: then it is ranked anew."""
    ids: list[int] = told["ids"]
    items = items_of(ids)
    if len(items) < len(ids):
        return None
    columns = np.frombuffer(numbers, np.float32, len(COLUMNS) * len(ids))
    rows = np.frombuffer(numbers, np.float16, offset=columns.nbytes)
    return Scored(
        items=[items[one] for one in ids],
        rows=rows.reshape(len(ids), len(FEATURES)),
        usual={name: np.float32(value) for name, value in told["usual"].items()},
        serving=serving,
        **dict(zip(COLUMNS, columns.reshape(len(COLUMNS), len(ids)), strict=True)),
    )


def _name(session: str) -> str:
    """Processes of another version of the code do not meet what this one left."""
    return f"contentcenter:feed:{FORMAT}:{FEATURES_KEY}:{session}"
