"""The dated quota ledger: planning reserves, sending commits, failure releases.

The platforms do not show these quotas in advance (wecom.md 4.2, official-account.md 6.1), so we
keep count ourselves, in the platforms' calendar (Beijing time).
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from contentcenter.domain.channels import AudienceKind, ChannelKind
from contentcenter.domain.posts import PostState
from distribute.tables import QuotaRow
from distribute.timing import (
    PLATFORM_ZONE,
    next_platform_day,
    next_platform_month,
    next_platform_week,
    platform_day,
)

RESERVED, COMMITTED, RELEASED = "reserved", "committed", "released"
FOLLOWER_MONTH = 4  # mass messages one follower of a service account may get a month
TAG_CALLS_DAY = 100
CHUNK = 400
# One lock for all buckets on PostgreSQL; SQLite's write lock does the same.
_LOCK_NUMBER = 7_340_021


@dataclass(frozen=True)
class Bucket:
    """One dated count. `resets_at`: when the next such bucket opens."""

    name: str
    limit: int
    resets_at: datetime


@dataclass(frozen=True)
class QuotaSubject:
    """Whom a post goes to, as the platforms count."""

    channel_kind: ChannelKind
    account: str
    account_type: str  # SUB or SVC for an Official Account
    audience_id: int
    audience_kind: str
    platform_ref: str


def buckets_for(subject: QuotaSubject, at: datetime, wecom_rule: str) -> tuple[Bucket, ...]:
    """The buckets a post at `at` counts in; empty where the platform has no such quota."""
    if subject.channel_kind == ChannelKind.OFFICIAL_ACCOUNT:
        return _official_account(subject, at)
    if subject.channel_kind == ChannelKind.WECOM_GROUPS:
        return (_wecom(f"wecom:{subject.account}:chat:{subject.platform_ref}", at, wecom_rule),)
    if subject.channel_kind == ChannelKind.WECOM_CUSTOMERS:
        return (_wecom(f"wecom:{subject.account}:member:{subject.platform_ref}", at, wecom_rule),)
    return ()


def _official_account(subject: QuotaSubject, at: datetime) -> tuple[Bucket, ...]:
    day = f"oa:{subject.account}:day:{platform_day(at)}"
    month = platform_day(at)[:7]
    if subject.account_type != "SVC":
        return (Bucket(day, 1, next_platform_day(at)),)
    if subject.audience_kind == AudienceKind.FOLLOWERS:
        whole = f"oa:{subject.account}:all:month:{month}"
        return (
            Bucket(day, 1, next_platform_day(at)),
            Bucket(whole, FOLLOWER_MONTH, next_platform_month(at)),
        )
    own = f"oa:{subject.account}:audience:{subject.audience_id}:month:{month}"
    calls = f"oa:{subject.account}:calls:{platform_day(at)}"
    return (
        Bucket(own, FOLLOWER_MONTH, next_platform_month(at)),
        Bucket(calls, TAG_CALLS_DAY, next_platform_day(at)),
    )


def _wecom(prefix: str, at: datetime, rule: str) -> Bucket:
    local = at.astimezone(PLATFORM_ZONE)
    if rule == "weekly_7":
        year, week, _ = local.isocalendar()
        return Bucket(f"{prefix}:week:{year}-W{week:02d}", 7, next_platform_week(at))
    if rule == "month_days":
        days = calendar.monthrange(local.year, local.month)[1]
        return Bucket(f"{prefix}:month:{local:%Y-%m}", days, next_platform_month(at))
    return Bucket(f"{prefix}:day:{local:%Y-%m-%d}", 1, next_platform_day(at))


class QuotaLedger:
    """Works inside the caller's transaction."""

    def used(self, session: Session, names: Iterable[str]) -> dict[str, int]:
        """Reserved and committed amounts by bucket; buckets without any are left out."""
        found: dict[str, int] = {}
        wanted = list(dict.fromkeys(names))
        for start in range(0, len(wanted), CHUNK):
            query = (
                select(QuotaRow.bucket, func.sum(QuotaRow.amount))
                .where(
                    QuotaRow.bucket.in_(wanted[start : start + CHUNK]),
                    QuotaRow.state.in_((RESERVED, COMMITTED)),
                )
                .group_by(QuotaRow.bucket)
            )
            found.update({bucket: int(amount) for bucket, amount in session.execute(query)})
        return found

    def reserve(
        self, session: Session, now: datetime, wanted: Mapping[int, Sequence[Bucket]]
    ) -> dict[int, Bucket]:
        """Make sure each post (by id) holds exactly these buckets.

        Returns the posts that could not, with the bucket that is full; they hold nothing. What
        a post holds in other buckets (an earlier day) is given back.
        """
        self._lock(session)
        held = self._held(session, list(wanted))
        missing = {
            post_id: buckets
            for post_id, buckets in wanted.items()
            if held.get(post_id, set()) != {bucket.name for bucket in buckets}
        }
        if not missing:
            return {}
        self._give_back(session, missing)
        used = self.used(session, (b.name for buckets in missing.values() for b in buckets))
        rows, clashes = _allot(missing, used, now)
        if rows:
            session.execute(insert(QuotaRow.__table__), rows)  # type: ignore[arg-type]
        return clashes

    def settle(self, session: Session, ids: Sequence[int], state: PostState) -> None:
        """Follow a post's move: sent commits, an end without effect releases."""
        if state in {PostState.SENT, PostState.WAITING_OWNER, PostState.DELIVERED}:
            self._mark(session, ids, COMMITTED)
        elif state in {PostState.CANCELLED, PostState.REFUSED, PostState.FAILED}:
            self._mark(session, ids, RELEASED)

    def _mark(self, session: Session, ids: Sequence[int], state: str) -> None:
        session.execute(
            update(QuotaRow)
            .where(QuotaRow.post_id.in_(ids), QuotaRow.state != state)
            .values(state=state)
            .execution_options(synchronize_session=False)
        )

    def _held(self, session: Session, ids: Sequence[int]) -> dict[int, set[str]]:
        held: dict[int, set[str]] = {}
        for start in range(0, len(ids), CHUNK):
            query = select(QuotaRow.post_id, QuotaRow.bucket).where(
                QuotaRow.post_id.in_(ids[start : start + CHUNK]), QuotaRow.state != RELEASED
            )
            for post_id, bucket in session.execute(query):
                held.setdefault(post_id, set()).add(bucket)
        return held

    def _give_back(self, session: Session, ids: Iterable[int]) -> None:
        """Drop all rows of these posts: they are written anew, and (bucket, post) is unique."""
        wanted = list(ids)
        for start in range(0, len(wanted), CHUNK):
            session.execute(
                delete(QuotaRow)
                .where(QuotaRow.post_id.in_(wanted[start : start + CHUNK]))
                .execution_options(synchronize_session=False)
            )

    def _lock(self, session: Session) -> None:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})"))


def _allot(
    wanted: Mapping[int, Sequence[Bucket]], used: dict[str, int], now: datetime
) -> tuple[list[dict[str, object]], dict[int, Bucket]]:
    rows: list[dict[str, object]] = []
    clashes: dict[int, Bucket] = {}
    for post_id, buckets in wanted.items():
        full = next((b for b in buckets if used.get(b.name, 0) >= b.limit), None)
        if full is not None:
            clashes[post_id] = full
            continue
        for bucket in buckets:
            used[bucket.name] = used.get(bucket.name, 0) + 1
            rows.append({"bucket": bucket.name, "post_id": post_id, "state": RESERVED, "at": now})
    return rows, clashes
