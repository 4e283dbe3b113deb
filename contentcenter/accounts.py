"""Console users and API keys.

Passwords: argon2id with OWASP's smaller parameters (19 MiB, t=2, p=1), 45 ms here.
A wrong password makes the next try wait longer, in the database, so that a restart does not
forget it. API keys: 32 random bytes, shown once; only their SHA-256 is stored.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import select, update

from contentcenter.clock import Clock
from contentcenter.domain.errors import Conflict, InvalidInput, NotAuthenticated, NotFound
from contentcenter.domain.roles import ROLE_SCOPES, Role, Scope
from contentcenter.store import audit
from contentcenter.store.database import Database
from contentcenter.store.tables import ApiKeyRow, UserRow

KEY_MARK = "cck_"
PASSWORD_LENGTH = 10
FREE_TRIES = 3
LONGEST_WAIT_SECONDS = 900
KEY_USE_NOTED = timedelta(minutes=5)
# A key that was right a moment ago is not looked up again: a revocation by another process is
# heard within this time.
KEY_TRUST_SECONDS = 1.0
_USERNAME = re.compile(r"[A-Za-z0-9_.@-]{2,80}")
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
# Checked when a name is unknown, so that the answer takes as long as for a known one.
_DECOY = _hasher.hash("nobody's password")


@dataclass(frozen=True)
class Account:
    """Who is acting: a user or an API key."""

    id: int
    name: str
    role: Role | None
    scopes: frozenset[Scope]
    language: str = "zh"
    session_epoch: int = 0

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes


class AccountService:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._trusted: dict[str, tuple[float, Account]] = {}

    def create_user(self, username: str, password: str, role: Role, actor: str) -> int:
        """Raises `InvalidInput` for a bad name or a short password, `Conflict` for a taken name."""
        if not _USERNAME.fullmatch(username):
            raise InvalidInput(
                "用户名须为 2–80 个字母、数字或 _ . @ -", field="username", value=username
            )
        _check_password(password)
        with self._db.transaction() as session:
            if session.scalar(select(UserRow.id).where(UserRow.username == username)):
                raise Conflict(f"用户名 {username} 已存在", field="username")
            user = UserRow(
                username=username,
                display_name=username,
                password_hash=_hasher.hash(password),
                role=str(role),
                created_at=self._clock.now(),
            )
            session.add(user)
            session.flush()
            audit.log(session, self._clock.now(), actor, "user_created", ("user", user.id))
            return user.id

    def sign_in(self, username: str, password: str) -> Account:
        """Check a password. `NotAuthenticated` says neither whether the name exists nor which
        half was wrong; after three misses the wait doubles up to 15 minutes."""
        now = self._clock.now()
        with self._db.reading() as session:
            user = session.scalar(select(UserRow).where(UserRow.username == username))
        if user is not None and user.locked_until is not None and user.locked_until > now:
            seconds = int((user.locked_until - now).total_seconds()) + 1
            raise NotAuthenticated(f"尝试次数过多，请 {seconds} 秒后再试", after_seconds=seconds)
        right = _verify(user.password_hash if user else _DECOY, password)
        if user is None or not right or not user.active:
            if user is not None:
                self._note_miss(user.id, now)
            raise NotAuthenticated("用户名或密码不正确")
        self._note_success(user.id)
        return _user_account(user)

    def user(self, user_id: int) -> Account | None:
        """The active user behind a session, or None."""
        with self._db.reading() as session:
            user = session.get(UserRow, user_id)
        return _user_account(user) if user is not None and user.active else None

    def users(self) -> Sequence[UserRow]:
        with self._db.reading() as session:
            return session.scalars(select(UserRow).order_by(UserRow.username)).all()

    def set_language(self, user_id: int, language: str) -> None:
        if language not in {"zh", "en"}:
            raise InvalidInput("语言只能是 zh 或 en", field="language", value=language)
        with self._db.transaction() as session:
            session.execute(update(UserRow).where(UserRow.id == user_id).values(language=language))

    def set_password(self, username: str, password: str, actor: str) -> None:
        """A new password ends all sessions of the user."""
        _check_password(password)
        with self._db.transaction() as session:
            user = session.scalar(select(UserRow).where(UserRow.username == username))
            if user is None:
                raise NotFound(f"没有用户 {username}")
            user.password_hash = _hasher.hash(password)
            user.session_epoch += 1
            user.failed_logins, user.locked_until = 0, None
            audit.log(session, self._clock.now(), actor, "password_set", ("user", user.id))

    def create_key(self, name: str, scopes: Iterable[Scope], actor: str) -> str:
        """Make an API key and return its secret, which cannot be read again."""
        secret = KEY_MARK + secrets.token_urlsafe(32)
        with self._db.transaction() as session:
            key = ApiKeyRow(
                name=name,
                prefix=secret[:12],
                sha256=_digest(secret),
                scopes=sorted(str(scope) for scope in scopes),
                created_at=self._clock.now(),
            )
            session.add(key)
            session.flush()
            audit.log(session, self._clock.now(), actor, "key_created", ("api_key", key.id))
        return secret

    def find_key(self, secret: str) -> Account:
        """The account behind an API key; `NotAuthenticated` for an unknown or revoked one. A
        key revoked by another process may still pass for `KEY_TRUST_SECONDS`."""
        digest, now = _digest(secret), time.monotonic()
        known = self._trusted.get(digest)
        if known is not None and now - known[0] < KEY_TRUST_SECONDS:
            return known[1]
        account = self._looked_up(digest)
        self._trusted[digest] = (now, account)
        return account

    def _looked_up(self, digest: str) -> Account:
        with self._db.reading() as session:
            key = session.scalar(select(ApiKeyRow).where(ApiKeyRow.sha256 == digest))
        if key is None or key.revoked_at is not None:
            raise NotAuthenticated(
                "The API key is unknown or revoked; ask an administrator for one"
            )
        now = self._clock.now()
        if key.last_used_at is None or now - key.last_used_at > KEY_USE_NOTED:
            with self._db.transaction() as session:
                session.execute(
                    update(ApiKeyRow).where(ApiKeyRow.id == key.id).values(last_used_at=now)
                )
        scopes = frozenset(Scope(scope) for scope in key.scopes)
        return Account(key.id, f"key:{key.name}", None, scopes)

    def keys(self) -> Sequence[ApiKeyRow]:
        with self._db.reading() as session:
            return session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.id)).all()

    def revoke_key(self, key_id: int, actor: str) -> None:
        with self._db.transaction() as session:
            key = session.get(ApiKeyRow, key_id)
            if key is None:
                raise NotFound(f"No API key {key_id}")
            key.revoked_at = self._clock.now()
            self._trusted.pop(key.sha256, None)
            audit.log(session, self._clock.now(), actor, "key_revoked", ("api_key", key_id))

    def _note_miss(self, user_id: int, now: datetime) -> None:
        with self._db.transaction() as session:
            user = session.get_one(UserRow, user_id)
            user.failed_logins += 1
            over = user.failed_logins - FREE_TRIES
            if over >= 0:
                wait = min(2.0**over * 5, LONGEST_WAIT_SECONDS)
                user.locked_until = now + timedelta(seconds=wait)

    def _note_success(self, user_id: int) -> None:
        with self._db.transaction() as session:
            session.execute(
                update(UserRow)
                .where(UserRow.id == user_id)
                .values(failed_logins=0, locked_until=None)
            )


def _check_password(password: str) -> None:
    if len(password) < PASSWORD_LENGTH:
        raise InvalidInput(f"密码至少 {PASSWORD_LENGTH} 个字符", field="password")


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except VerificationError:
        return False


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _user_account(user: UserRow) -> Account:
    role = Role(user.role)
    return Account(
        user.id, user.username, role, ROLE_SCOPES[role], user.language, user.session_epoch
    )
