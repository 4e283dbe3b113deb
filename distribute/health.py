"""How a channel is doing: too many errors in a short while, and it rests before the next try."""

from __future__ import annotations

import redis

from contentcenter.jobs.rq_queue import redis_errors

PREFIX = "contentcenter:channel:"
WINDOW_SECONDS = 60
MOST_ERRORS = 20
REST_SECONDS = 60


class ChannelHealth:
    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def resting(self, channel_id: int) -> float:
        """Seconds the channel still rests; 0 when it may be used."""
        with redis_errors():
            left = self._redis.pttl(f"{PREFIX}{channel_id}:rest")
        return max(0, int(str(left))) / 1000

    def record(self, channel_id: int, errors: int, successes: int) -> bool:
        """Count what a batch met. Returns True when the channel has just been sent to rest.

        A success ends a row of errors: one broken post among good ones is no sick channel.
        """
        key = f"{PREFIX}{channel_id}:errors"
        with redis_errors():
            if successes or not errors:
                self._redis.delete(key)
                return False
            count = int(str(self._redis.incrby(key, errors)))
            self._redis.expire(key, WINDOW_SECONDS)
            if count < MOST_ERRORS:
                return False
            self._redis.delete(key)
            return bool(self._redis.set(f"{PREFIX}{channel_id}:rest", 1, ex=REST_SECONDS, nx=True))
