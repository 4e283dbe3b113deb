"""gettoken and the check of every later call (contract, section 2)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.settings import Settings
from sandbox.store import Store
from sandbox.wecom.corps import Corps
from sandbox.wire import Call, JsonObject, PlatformError


@dataclass
class Token:
    value: str
    corpid: str
    expires: float


class Tokens:
    def __init__(self, store: Store, clock: Clock, corps: Corps, settings: Settings) -> None:
        self._clock = clock
        self._corps = corps
        self.settings = settings
        self._tokens = store.table("wecom_tokens", Token)
        self._current = store.table("wecom_current_tokens", Token)

    def owner(self, value: str) -> str:
        token = self._tokens.get(value)
        return token.corpid if token else ""

    def check(self, call: Call) -> str:
        """The corpid of a living token; 41001, 40014, 42001 or 60020 otherwise."""
        value = call.args.get("access_token", "")
        if not value:
            raise PlatformError(41001, "access_token missing")
        token = self._tokens.get(value)
        if token is None:
            raise PlatformError(40014, "invalid access_token")
        if token.expires <= self._clock.now():
            raise PlatformError(42001, "access_token expired")
        corp = self._corps.table.get(token.corpid)
        if corp is None:
            raise PlatformError(40014, "invalid access_token")
        if corp.trusted_ips and call.ip not in corp.trusted_ips:
            raise PlatformError(60020, f"not allow to access from your ip {call.ip}")
        return token.corpid

    def gettoken(self, call: Call) -> JsonObject:
        """The same token until it expires; the secret is checked before the corpid."""
        corpid, secret = call.args.get("corpid", ""), call.args.get("corpsecret", "")
        if not secret:
            raise PlatformError(41004, "corpsecret missing")
        if not corpid:
            raise PlatformError(41002, "corpid missing")
        corp = self._corps.table.get(corpid)
        if corp is None:
            raise PlatformError(40013, "invalid corpid")
        if corp.secret != secret:
            raise PlatformError(40001, "invalid credential")
        now = self._clock.now()
        token = self._current.get(corpid)
        if token is None or token.expires <= now + 1:
            value = secrets.token_urlsafe(160)
            token = Token(value, corpid, now + self.settings.token_seconds)
            self._tokens.put(value, token)
            self._current.put(corpid, token)
        return {"access_token": token.value, "expires_in": int(token.expires - now)}

    def expire(self, corpid: str) -> None:
        """Early loss of the token, as the platform may do at any time."""
        token = self._current.get(corpid)
        if token is not None:
            self._current.drop(corpid)
            self._tokens.put(token.value, Token(token.value, corpid, self._clock.now()))
