"""Access tokens in Redis: one for each account, fetched by one process at a time.

Several workers refreshing one token kill each other's (official-account.md 2), so there is a
lock for each account. A failed refresh is not a dead account: the caller decides.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis
from redis.exceptions import LockError

from contentcenter.domain.errors import RetryLater
from contentcenter.jobs.rq_queue import redis_errors

PREFIX = "contentcenter:token:"
REFRESH_BEFORE_SECONDS = 300
# WeCom hands out the same token until it dies: do not ask again at every call near its end.
ASK_AGAIN_SECONDS = 30
LOCK_SECONDS = 30
SEEN_SECONDS = 1.0


@dataclass(frozen=True)
class FreshToken:
    value: str
    expires_in: float  # seconds


# Given the token that failed ("" when none did), ask the platform for one.
Fetch = Callable[[str], FreshToken]


@dataclass(frozen=True)
class _Kept:
    value: str
    expires_at: float
    asked_at: float

    def usable(self, now: float) -> bool:
        left = self.expires_at - now
        return left > REFRESH_BEFORE_SECONDS or (
            left > 5 and now - self.asked_at < ASK_AGAIN_SECONDS
        )


class TokenStore:
    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection
        # Hundreds of calls a second need not ask Redis each time. A token that died meanwhile
        # costs one refused call, which is repeated with a token fresh from Redis.
        self._seen: dict[str, tuple[float, _Kept]] = {}

    def get(self, account: str, fetch: Fetch, *, failed: str = "") -> str:
        """A token for the account, from Redis or freshly fetched.

        `failed`: the token the platform has just refused; unless somebody else has replaced it
        meanwhile, a new one is fetched. Raises what `fetch` raises, and `RetryLater` when
        another process holds the lock for too long.
        """
        seen = self._seen.get(account)
        if seen is not None and not failed and time.monotonic() - seen[0] < SEEN_SECONDS:
            kept: _Kept | None = seen[1]
        else:
            kept = self._read(account)
        if kept is not None and kept.value != failed and kept.usable(time.time()):
            return kept.value
        return self._refresh(account, fetch, failed)

    def _refresh(self, account: str, fetch: Fetch, failed: str) -> str:
        with redis_errors():
            lock = self._redis.lock(
                f"{PREFIX}lock:{account}", timeout=LOCK_SECONDS, blocking_timeout=LOCK_SECONDS
            )
            try:
                with lock:
                    return self._fetch_locked(account, fetch, failed)
            except LockError as error:
                raise RetryLater(
                    f"The token of {account} is being refreshed elsewhere", after_seconds=5
                ) from error

    def _fetch_locked(self, account: str, fetch: Fetch, failed: str) -> str:
        kept = self._read(account)
        now = time.time()
        if kept is not None and kept.value != failed and kept.usable(now):
            return kept.value
        fresh = fetch(failed)
        content = json.dumps([fresh.value, now + fresh.expires_in, now])
        self._redis.set(PREFIX + account, content, ex=max(1, int(fresh.expires_in)))
        return fresh.value

    def _read(self, account: str) -> _Kept | None:
        with redis_errors():
            content = self._redis.get(PREFIX + account)
        if not isinstance(content, (str, bytes)):
            return None
        value, expires_at, asked_at = json.loads(content)
        kept = _Kept(value, expires_at, asked_at)
        self._seen[account] = (time.monotonic(), kept)
        return kept
