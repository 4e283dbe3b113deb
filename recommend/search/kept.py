"""Rankings kept between the pages of one search, so that pages never repeat or skip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from json import dumps, loads

import redis

from contentcenter.domain.errors import InvalidInput
from recommend.cursors import pack_cursor, unpack_cursor
from recommend.search.ranking import Ranked
from recommend.search.request import SearchRequest

KEEP_SECONDS = 600


@dataclass(frozen=True)
class Found:
    """A whole ranking. `away` names what did not answer, `like` the title whose like was asked
    for (told on the first page alone, it is not kept)."""

    hits: tuple[Ranked, ...]
    away: tuple[str, ...] = ()
    from_store: bool = False
    like: str | None = None

    @property
    def ids(self) -> list[int]:
        return [hit.id for hit in self.hits]


class KeptRankings:
    """In Valkey, for a few minutes. While that is away the next page ranks again and skips:
    good as long as nothing changes."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def keep(self, request: SearchRequest, found: Found, position: int) -> str:
        """The cursor of the page that begins at `position`."""
        hits = [_packed(hit, request.explain) for hit in found.hits]
        body = dumps({"hits": hits, "away": found.away, "store": found.from_store})
        key = f"{request.fingerprint()}-{sha256(body.encode()).hexdigest()[:16]}"
        try:
            self._redis.set(_name(key), body, ex=KEEP_SECONDS)
        except redis.RedisError:
            key = ""
        return pack_cursor({"f": request.fingerprint(), "o": position, "k": key})

    def find(self, request: SearchRequest) -> tuple[int, Found | None]:
        """Where the page of the request's cursor begins, and the ranking if it is still kept."""
        if request.cursor is None:
            return 0, None
        value = unpack_cursor(request.cursor)
        if value.get("f") != request.fingerprint() or not isinstance(value.get("o"), int):
            raise InvalidInput("This cursor belongs to another search", field="cursor")
        return max(value["o"], 0), self._read(str(value.get("k", "")))

    def _read(self, key: str) -> Found | None:
        if not key:
            return None
        try:
            body = self._redis.get(_name(key))
        except redis.RedisError:
            return None
        if not isinstance(body, (bytes, str)):
            return None
        value = loads(body)
        hits = tuple(Ranked(int(one), parts) for one, parts in value["hits"])
        return Found(hits, tuple(value["away"]), bool(value["store"]))


def _packed(hit: Ranked, explain: bool) -> Sequence[object]:
    """Parts only when somebody wants to see them: they are most of the bytes."""
    if explain:
        return [hit.id, {name: round(value, 6) for name, value in hit.parts.items()}]
    return [hit.id, {"sum": round(hit.score, 6)}]


def _name(key: str) -> str:
    return f"contentcenter:search:{key}"
