"""Rate gates in Redis: how many calls a platform allows now, counted over all workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis

from contentcenter.jobs.rq_queue import redis_errors

PREFIX = "contentcenter:rate:"

# A token bucket. Time is the server's, so workers with crooked clocks agree.
# KEYS[1] bucket; ARGV: burst, refill a second, wanted. Answers granted, milliseconds to wait.
_TAKE = """
local burst, refill, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('time')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local kept = redis.call('hmget', KEYS[1], 'tokens', 'at')
local tokens = tonumber(kept[1]) or burst
local at = tonumber(kept[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * refill)
local granted = math.min(wanted, math.floor(tokens))
tokens = tokens - granted
redis.call('hset', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('expire', KEYS[1], math.ceil(burst / refill) + 60)
local wait = 0
if granted == 0 then wait = math.ceil((1 - tokens) / refill * 1000) end
return {granted, wait}
"""


@dataclass(frozen=True)
class Rate:
    """At most `limit` calls in any window of `seconds`: a burst, and the rest spread evenly."""

    limit: int
    seconds: float
    burst: int

    @property
    def refill(self) -> float:
        """Tokens a second, so that burst and refill together never pass the limit."""
        return (self.limit - self.burst) / self.seconds


# official-account.md 6.1: 60 a minute on the mass interfaces.
OFFICIAL_ACCOUNT_MASS = Rate(limit=60, seconds=60, burst=20)
# wecom.md 9: the platform's limit is 20 a minute; we stay at 18.
GROUP_ROBOT = Rate(limit=18, seconds=60, burst=6)
# wecom.md 2: 10,000 a minute for each enterprise and interface.
WECOM = Rate(limit=10_000, seconds=60, burst=5_000)


class RateGate:
    def __init__(self, connection: redis.Redis) -> None:
        self._take: Any = connection.register_script(_TAKE)

    def take(self, key: str, rate: Rate, wanted: int = 1) -> tuple[int, float]:
        """Take up to `wanted` turns. Returns how many were granted and, when none was, the
        seconds until the next. `EngineUnavailable` when Redis is away."""
        with redis_errors():
            granted, wait = self._take(
                keys=[PREFIX + key], args=[rate.burst, rate.refill, max(0, wanted)]
            )
        return int(granted), int(wait) / 1000
