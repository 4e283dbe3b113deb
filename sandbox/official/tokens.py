"""Access tokens of Official Accounts (contract, section 2)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from sandbox.clock import Clock
from sandbox.official.accounts import Account, Accounts
from sandbox.settings import Settings
from sandbox.store import Store
from sandbox.wire import Call, JsonObject, PlatformError

OVERLAP_SECONDS = 300


@dataclass
class Token:
    value: str
    appid: str
    family: str  # "stable" or "plain": the two never touch each other
    expires: float
    killed: bool = False


@dataclass
class TokenState:
    """What an account's token calls left behind."""

    appid: str
    stable: str = ""
    plain: str = ""
    forced_at: float = 0.0
    forced_days: dict[str, int] = field(default_factory=dict)


class Tokens:
    def __init__(self, store: Store, clock: Clock, accounts: Accounts, settings: Settings) -> None:
        self._clock = clock
        self._accounts = accounts
        self.settings = settings
        self._tokens = store.table("oa_tokens", Token)
        self._states = store.table("oa_token_states", TokenState)

    def owner(self, value: str) -> str:
        """The appid behind a token, whatever its state; "" when nobody's."""
        token = self._tokens.get(value)
        return token.appid if token else ""

    def check(self, value: str) -> str:
        """The appid of a living token; 41001, 40014, 40001 or 42001 otherwise."""
        if not value:
            raise PlatformError(41001, "access_token missing")
        token = self._tokens.get(value)
        if token is None:
            malformed = len(value) < 16 or not value.replace("_", "a").replace("-", "a").isalnum()
            if malformed:
                raise PlatformError(40014, "invalid access_token")
            raise PlatformError(40001, "invalid credential, access_token is invalid or not latest")
        if token.killed:
            raise PlatformError(40001, "invalid credential, access_token is invalid or not latest")
        if token.expires <= self._clock.now():
            raise PlatformError(42001, "access_token expired")
        return token.appid

    def expire(self, appid: str) -> None:
        """Early loss of both current tokens, as an administrator's switch."""
        state = self._states.get(appid)
        for value in (state.stable, state.plain) if state else ():
            token = self._tokens.get(value)
            if token is not None:
                token.expires = self._clock.now()
                self._tokens.put(value, token)

    def stable_token(self, call: Call) -> JsonObject:
        body = call.body
        account = self._caller(call, body)
        state = self._state(account.appid)
        current = self._tokens.get(state.stable)
        now = self._clock.now()
        if body.get("force_refresh") is True and self._may_force(state, now):
            if current is not None:
                current.killed = True
                self._tokens.put(current.value, current)
            current = None
        elif current is not None and (current.killed or current.expires <= now):
            current = None
        elif current is not None and current.expires - now <= OVERLAP_SECONDS:
            current.expires = now + OVERLAP_SECONDS  # old and new both work
            self._tokens.put(current.value, current)
            current = None
        if current is None:
            current = self._mint(account.appid, "stable")
            state.stable = current.value
            self._states.put(account.appid, state)
        return {"access_token": current.value, "expires_in": int(current.expires - now)}

    def plain_token(self, call: Call) -> JsonObject:
        account = self._caller(call, dict(call.args))
        state = self._state(account.appid)
        old = self._tokens.get(state.plain)
        now = self._clock.now()
        if old is not None and old.expires > now + OVERLAP_SECONDS:
            old.expires = now + OVERLAP_SECONDS
            self._tokens.put(old.value, old)
        token = self._mint(account.appid, "plain")
        state.plain = token.value
        self._states.put(account.appid, state)
        return {"access_token": token.value, "expires_in": self.settings.token_seconds}

    def _caller(self, call: Call, fields: JsonObject) -> Account:
        if fields.get("grant_type") != "client_credential":
            raise PlatformError(40002, "invalid grant_type")
        appid, secret = fields.get("appid"), fields.get("secret")
        if not appid:
            raise PlatformError(41002, "appid missing")
        if not secret:
            raise PlatformError(41004, "appsecret missing")
        account = self._accounts.need(str(appid))
        if account.secret != secret:
            raise PlatformError(40125, "invalid appsecret")
        if account.ip_whitelist and call.ip not in account.ip_whitelist:
            raise PlatformError(40164, f"invalid ip {call.ip}, not in whitelist")
        call.owner = account.appid
        return account

    def _state(self, appid: str) -> TokenState:
        return self._states.get(appid) or TokenState(appid)

    def _may_force(self, state: TokenState, now: float) -> bool:
        """At most so many a day, and not too close; otherwise nothing is refreshed."""
        day = self._clock.day()
        used = state.forced_days.get(day, 0)
        if used >= self.settings.forced_refresh_per_day:
            return False
        if now - state.forced_at < self.settings.forced_refresh_gap_seconds:
            return False
        state.forced_at = now
        state.forced_days = {day: used + 1}
        return True

    def _mint(self, appid: str, family: str) -> Token:
        now = self._clock.now()
        for dead in [t for t in self._tokens if t.expires < now - 86400]:
            self._tokens.drop(dead.value)
        value = "9A_" + secrets.token_urlsafe(96)
        return self._tokens.put(
            value, Token(value, appid, family, now + self.settings.token_seconds)
        )
