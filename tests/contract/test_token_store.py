"""The token store on a real Valkey: one refresh at a time, and only when needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from contentcenter.domain.errors import CredentialsExpired
from distribute.tokens import FreshToken, TokenStore


class Platform:
    """Hands out numbered tokens and counts how often it was asked."""

    def __init__(self, expires_in: float = 7200.0) -> None:
        self.calls = 0
        self.expires_in = expires_in
        self._lock = threading.Lock()

    def __call__(self, failed: str) -> FreshToken:  # noqa: ARG002 - the shape of a fetch
        with self._lock:
            self.calls += 1
            return FreshToken(f"token-{self.calls}", self.expires_in)


@pytest.fixture
def store(valkey_url: str) -> Iterator[TokenStore]:
    with redis.Redis.from_url(valkey_url, socket_timeout=5) as client:
        yield TokenStore(client)


def test_a_good_token_is_fetched_once(store: TokenStore) -> None:
    platform = Platform()
    assert [store.get("a", platform) for _ in range(3)] == ["token-1"] * 3
    assert platform.calls == 1


def test_many_workers_cause_one_refresh(store: TokenStore) -> None:
    platform = Platform()
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: store.get("a", platform), range(24)))
    assert tokens == {"token-1"}
    assert platform.calls == 1


def test_a_refused_token_is_replaced_once_for_all(store: TokenStore) -> None:
    platform = Platform()
    old = store.get("a", platform)
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: store.get("a", platform, failed=old), range(16)))
    assert tokens == {"token-2"}
    assert platform.calls == 2


def test_a_token_near_its_end_is_not_asked_for_at_every_call(store: TokenStore) -> None:
    platform = Platform(expires_in=200.0)
    assert [store.get("a", platform) for _ in range(5)] == ["token-1"] * 5


def test_a_token_about_to_die_is_not_used(store: TokenStore) -> None:
    platform = Platform(expires_in=4.0)
    store.get("a", platform)
    assert store.get("a", platform) == "token-2"


def test_accounts_are_apart(store: TokenStore) -> None:
    platform = Platform()
    assert store.get("a", platform) != store.get("b", platform)


def test_a_failed_refresh_leaves_the_lock_free(store: TokenStore) -> None:
    def dead(failed: str) -> FreshToken:
        raise CredentialsExpired("wrong secret")

    with pytest.raises(CredentialsExpired):
        store.get("a", dead)
    assert store.get("a", Platform()) == "token-1"
