"""Rate gates in Redis: how many calls a platform allows now, counted over all workers.

A sliding window, not a token bucket: the platforms count calls in a window, so an evening's ten
thousand posts may go out as fast as we can, and no window ever sees more than its limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis

from contentcenter.jobs.rq_queue import redis_errors

PREFIX = "contentcenter:rate:"
PIECES = 60  # a window is counted in so many pieces

# One hash for each window: field = number of the piece, value = turns taken in it. Time is the
# server's, so workers with crooked clocks agree. The piece in which a window began counts in
# full: a little too strict, never too lax.
# KEYS: one hash a window. ARGV: wanted, then limit and seconds of a piece for each window.
_TAKE = """
local clock = redis.call('time')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local granted, wait = tonumber(ARGV[1]), 0
for number, key in ipairs(KEYS) do
  local limit, piece = tonumber(ARGV[number * 2]), tonumber(ARGV[number * 2 + 1])
  local first = math.floor(now / piece) - 60
  local kept, used, oldest = redis.call('hgetall', key), 0, nil
  for i = 1, #kept, 2 do
    local at = tonumber(kept[i])
    if at < first then
      redis.call('hdel', key, kept[i])
    else
      used = used + tonumber(kept[i + 1])
      if oldest == nil or at < oldest then oldest = at end
    end
  end
  if limit - used < granted then granted = math.max(0, limit - used) end
  if used >= limit then wait = math.max(wait, (oldest + 61) * piece - now) end
end
if granted > 0 then
  for number, key in ipairs(KEYS) do
    local piece = tonumber(ARGV[number * 2 + 1])
    redis.call('hincrby', key, tostring(math.floor(now / piece)), granted)
    redis.call('expire', key, math.ceil(piece * 62))
  end
end
return {granted, math.ceil(wait * 1000)}
"""


@dataclass(frozen=True)
class Rate:
    """At most `limit` turns in any window of `seconds`."""

    limit: int
    seconds: float


# official-account.md 6.1: 60 a minute on the mass interfaces.
OFFICIAL_ACCOUNT_MASS = (Rate(60, 60),)
# wecom.md 9: the platform's limit is 20 a minute; we stay at 18.
GROUP_ROBOT = (Rate(18, 60),)
# wecom.md 2: for each enterprise and interface.
WECOM = (Rate(10_000, 60), Rate(150_000, 3_600))


class RateGate:
    def __init__(self, connection: redis.Redis) -> None:
        self._take: Any = connection.register_script(_TAKE)

    def take(self, key: str, rates: tuple[Rate, ...], wanted: int = 1) -> tuple[int, float]:
        """Take up to `wanted` turns. Returns how many were granted and, when none was, the
        seconds until the next. `EngineUnavailable` when Redis is away."""
        keys = [f"{PREFIX}{key}:{rate.seconds:g}" for rate in rates]
        limits = [value for rate in rates for value in (rate.limit, rate.seconds / PIECES)]
        with redis_errors():
            granted, wait = self._take(keys=keys, args=[max(0, wanted), *limits])
        return int(granted), int(wait) / 1000
