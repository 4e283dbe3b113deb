"""The planner: which item for which audience in which slot, and why not the others.

Pure: data in, data with reasons out. Greedy over all (audience, slot) pairs by the best score
still possible, so a scarce thing (a quota, a work's daily share) goes where it fits best.
An optimiser may replace `plan` behind the same input and result.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from contentcenter.store.cards import RightsCard
from distribute.timing import QuietHours, in_quiet_hours, local_day, local_week


class Refusal(StrEnum):
    """Machine codes: why a slot stayed empty, or an item was not chosen for it."""

    CAP_ZERO = "cap_zero"
    CAP_DAY = "cap_day"
    CAP_WEEK = "cap_week"
    COOL_DOWN = "cool_down"
    QUIET_HOURS = "quiet_hours"
    SLOT_TAKEN = "slot_taken"
    QUOTA = "quota"
    NO_CANDIDATES = "no_candidates"
    NONE_LEFT = "none_left"
    BELOW_FLOOR = "below_floor"
    TOLD_BEFORE = "told_before"
    WORK_RECENTLY = "work_recently"
    RIGHTS = "rights"
    WORK_SHARE = "work_share"
    CATEGORY_DAY = "category_day"
    LOWER_SCORE = "lower_score"


@dataclass(frozen=True)
class Candidate:
    item_id: int
    score: float
    parts: Mapping[str, float]


@dataclass(frozen=True)
class ItemFacts:
    """What the rules need to know of an item."""

    works: tuple[int, ...]
    category: str
    rights: tuple[RightsCard, ...] = ()

    def allowed(self, at: datetime, channel_kind: str) -> bool:
        return not self.rights or any(window.allows(at, channel_kind) for window in self.rights)


@dataclass(frozen=True)
class PastPost:
    """A post that exists already: told, or to be told. It is never moved by a plan."""

    audience_id: int
    item_id: int
    works: tuple[int, ...]
    category: str
    at: datetime


@dataclass(frozen=True)
class AudienceRules:
    """Caps count posts of any kind: 0 means nothing is sent, None means no cap."""

    audience_id: int
    channel_kind: str
    timezone: str
    quiet: QuietHours
    cap_per_day: int | None
    cap_per_week: int | None
    cool_down: timedelta


@dataclass(frozen=True)
class QuotaBucket:
    """A dated count of the platform, as it stands before the plan."""

    name: str
    limit: int
    used: int = 0


@dataclass(frozen=True)
class Opening:
    """One slot of one audience, with the quota buckets a post in it would use."""

    audience_id: int
    at: datetime
    buckets: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlanRules:
    """House rules above the audiences' own.

    work_share: the largest part of one day's openings that may speak of one work, but never
    fewer than `work_share_least`. category_per_day: posts of one category to one audience and
    local day; None = no such rule. explained: alternatives explained for each opening.
    """

    floor: float = 0.0
    work_days: int = 30
    work_share: float = 0.2
    work_share_least: int = 20
    category_per_day: int | None = 2
    explained: int = 2


@dataclass(frozen=True)
class PlanInput:
    audiences: Mapping[int, AudienceRules]
    openings: Sequence[Opening]
    candidates: Mapping[int, Sequence[Candidate]]  # by audience, best first
    items: Mapping[int, ItemFacts]
    history: Sequence[PastPost] = ()
    quotas: Mapping[str, QuotaBucket] = field(default_factory=dict)
    rules: PlanRules = PlanRules()


@dataclass(frozen=True)
class PlannedPost:
    audience_id: int
    item_id: int
    at: datetime
    score: float
    parts: Mapping[str, float]
    buckets: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    """`item_id` None: the opening itself stayed empty."""

    audience_id: int
    at: datetime
    item_id: int | None
    reason: Refusal
    details: Mapping[str, object]


@dataclass(frozen=True)
class PlanResult:
    posts: tuple[PlannedPost, ...]
    refusals: tuple[Refused, ...]


def plan(data: PlanInput) -> PlanResult:
    """Fill the openings. An opening whose best item is below the floor stays empty: telling
    nothing is a plan too."""
    return _Greedy(data).run()


@dataclass
class _Diary:
    """What one audience has been, or will be, told."""

    items: set[int] = field(default_factory=set)
    times: set[datetime] = field(default_factory=set)
    works: dict[int, list[datetime]] = field(default_factory=dict)
    days: dict[str, int] = field(default_factory=dict)
    weeks: dict[str, int] = field(default_factory=dict)
    categories: dict[tuple[str, str], int] = field(default_factory=dict)


class _Greedy:
    def __init__(self, data: PlanInput) -> None:
        self._data = data
        self._rules = data.rules
        self._diaries = {audience_id: _Diary() for audience_id in data.audiences}
        self._used = {name: bucket.used for name, bucket in data.quotas.items()}
        self._work_days: dict[tuple[str, int], int] = {}
        self._openings_a_day: dict[str, int] = {}
        self._posts: dict[int, PlannedPost] = {}
        self._refusals: list[Refused] = []
        self._passed: dict[int, list[tuple[Candidate, Refusal, Mapping[str, object]]]] = {}

    def run(self) -> PlanResult:
        for past in self._data.history:
            if past.audience_id in self._diaries:
                self._note(past.audience_id, past.item_id, past.works, past.category, past.at)
        for opening in self._data.openings:
            day = _day(opening.at)
            self._openings_a_day[day] = self._openings_a_day.get(day, 0) + 1
        heap = [
            entry for number in range(len(self._data.openings)) if (entry := self._entry(number, 0))
        ]
        heapq.heapify(heap)
        while heap:
            _, _, _, number, position = heapq.heappop(heap)
            if again := self._try(number, position):
                heapq.heappush(heap, again)
        posts = tuple(sorted(self._posts.values(), key=lambda post: (post.at, post.audience_id)))
        return PlanResult(posts, tuple(self._refusals))

    def _entry(self, number: int, position: int) -> tuple[float, datetime, int, int, int] | None:
        """A heap entry: best score first, then earliest, then the smaller audience id."""
        opening = self._data.openings[number]
        candidates = self._data.candidates.get(opening.audience_id, ())
        if position < len(candidates) and candidates[position].score >= self._rules.floor:
            score = candidates[position].score
            return (-score, opening.at, opening.audience_id, number, position)
        self._leave_empty(number, position)
        return None

    def _try(self, number: int, position: int) -> tuple[float, datetime, int, int, int] | None:
        opening = self._data.openings[number]
        if closed := self._closed(opening):
            self._refuse(opening, None, *closed)
            return None
        candidate = self._data.candidates[opening.audience_id][position]
        if problem := self._unsuited(opening, candidate):
            passed = self._passed.setdefault(number, [])
            if len(passed) < self._rules.explained:
                passed.append((candidate, *problem))
            return self._entry(number, position + 1)
        self._choose(number, position, candidate)
        return None

    def _closed(self, opening: Opening) -> tuple[Refusal, Mapping[str, object]] | None:
        """Why nothing at all may be told in this opening, or None."""
        rules = self._data.audiences[opening.audience_id]
        diary = self._diaries[opening.audience_id]
        if rules.cap_per_day == 0 or rules.cap_per_week == 0:
            return Refusal.CAP_ZERO, {}
        if in_quiet_hours(opening.at, rules.timezone, rules.quiet):
            return Refusal.QUIET_HOURS, {"from": rules.quiet.start, "until": rules.quiet.end}
        if opening.at in diary.times:
            return Refusal.SLOT_TAKEN, {}
        return (
            self._capped(opening, rules, diary)
            or _too_soon(opening, rules, diary)
            or self._quota_full(opening)
        )

    def _capped(
        self, opening: Opening, rules: AudienceRules, diary: _Diary
    ) -> tuple[Refusal, Mapping[str, object]] | None:
        day, week = local_day(opening.at, rules.timezone), local_week(opening.at, rules.timezone)
        if rules.cap_per_day is not None and diary.days.get(day, 0) >= rules.cap_per_day:
            return Refusal.CAP_DAY, {"cap": rules.cap_per_day, "day": day}
        if rules.cap_per_week is not None and diary.weeks.get(week, 0) >= rules.cap_per_week:
            return Refusal.CAP_WEEK, {"cap": rules.cap_per_week, "week": week}
        return None

    def _quota_full(self, opening: Opening) -> tuple[Refusal, Mapping[str, object]] | None:
        for name in opening.buckets:
            bucket = self._data.quotas.get(name)
            if bucket is not None and self._used[name] >= bucket.limit:
                return Refusal.QUOTA, {"bucket": name, "limit": bucket.limit}
        return None

    def _unsuited(
        self, opening: Opening, candidate: Candidate
    ) -> tuple[Refusal, Mapping[str, object]] | None:
        """Why this item may not be told in this opening, or None."""
        diary = self._diaries[opening.audience_id]
        rules = self._data.audiences[opening.audience_id]
        item = self._data.items.get(candidate.item_id)
        if item is None or not item.allowed(opening.at, rules.channel_kind):
            return Refusal.RIGHTS, {}
        if candidate.item_id in diary.items:
            return Refusal.TOLD_BEFORE, {}
        near = timedelta(days=self._rules.work_days)
        for work in item.works:
            if any(abs(opening.at - told) < near for told in diary.works.get(work, ())):
                return Refusal.WORK_RECENTLY, {"work_id": work, "days": self._rules.work_days}
        return self._crowded(opening, rules, diary, item)

    def _crowded(
        self, opening: Opening, rules: AudienceRules, diary: _Diary, item: ItemFacts
    ) -> tuple[Refusal, Mapping[str, object]] | None:
        day = _day(opening.at)
        share = int(self._rules.work_share * self._openings_a_day.get(day, 0))
        limit = max(self._rules.work_share_least, share)
        for work in item.works:
            if self._work_days.get((day, work), 0) >= limit:
                return Refusal.WORK_SHARE, {"work_id": work, "limit": limit, "day": day}
        own_day = local_day(opening.at, rules.timezone)
        told = diary.categories.get((own_day, item.category), 0)
        if self._rules.category_per_day is not None and told >= self._rules.category_per_day:
            return Refusal.CATEGORY_DAY, {"category": item.category, "day": own_day}
        return None

    def _choose(self, number: int, position: int, candidate: Candidate) -> None:
        opening = self._data.openings[number]
        item = self._data.items[candidate.item_id]
        self._note(opening.audience_id, candidate.item_id, item.works, item.category, opening.at)
        for name in opening.buckets:
            self._used[name] = self._used.get(name, 0) + 1
        self._posts[number] = PlannedPost(
            opening.audience_id,
            candidate.item_id,
            opening.at,
            candidate.score,
            candidate.parts,
            opening.buckets,
        )
        self._explain(number, position, candidate)

    def _explain(self, number: int, position: int, chosen: Candidate) -> None:
        """Say why the items above the chosen one were passed over, and what the next lacked."""
        opening = self._data.openings[number]
        passed = self._passed.pop(number, [])
        for candidate, reason, details in passed:
            self._refuse(opening, candidate, reason, details)
        candidates = self._data.candidates[opening.audience_id]
        if len(passed) < self._rules.explained and position + 1 < len(candidates):
            runner_up = candidates[position + 1]
            lacks = {
                name: round(runner_up.parts.get(name, 0.0) - value, 4)
                for name, value in chosen.parts.items()
            }
            details = {"score": runner_up.score, "chosen_score": chosen.score, "lacks": lacks}
            self._refuse(opening, runner_up, Refusal.LOWER_SCORE, details)

    def _leave_empty(self, number: int, position: int) -> None:
        opening = self._data.openings[number]
        if closed := self._closed(opening):
            self._refuse(opening, None, *closed)
            return
        candidates = self._data.candidates.get(opening.audience_id, ())
        for candidate, reason, details in self._passed.pop(number, []):
            self._refuse(opening, candidate, reason, details)
        if not candidates:
            self._refuse(opening, None, Refusal.NO_CANDIDATES, {})
        elif position < len(candidates):
            best = candidates[position]
            details = {"best": best.score, "item_id": best.item_id, "floor": self._rules.floor}
            self._refuse(opening, None, Refusal.BELOW_FLOOR, details)
        else:
            self._refuse(opening, None, Refusal.NONE_LEFT, {"looked_at": len(candidates)})

    def _refuse(
        self,
        opening: Opening,
        candidate: Candidate | None,
        reason: Refusal,
        details: Mapping[str, object],
    ) -> None:
        item_id = candidate.item_id if candidate else None
        if candidate is not None:
            details = {"score": candidate.score, **details}
        self._refusals.append(Refused(opening.audience_id, opening.at, item_id, reason, details))

    def _note(
        self, audience_id: int, item_id: int, works: tuple[int, ...], category: str, at: datetime
    ) -> None:
        diary, rules = self._diaries[audience_id], self._data.audiences[audience_id]
        day, week = local_day(at, rules.timezone), local_week(at, rules.timezone)
        diary.items.add(item_id)
        diary.times.add(at)
        diary.days[day] = diary.days.get(day, 0) + 1
        diary.weeks[week] = diary.weeks.get(week, 0) + 1
        diary.categories[day, category] = diary.categories.get((day, category), 0) + 1
        for work in works:
            diary.works.setdefault(work, []).append(at)
            key = (_day(at), work)
            self._work_days[key] = self._work_days.get(key, 0) + 1


def _too_soon(
    opening: Opening, rules: AudienceRules, diary: _Diary
) -> tuple[Refusal, Mapping[str, object]] | None:
    for told in diary.times:
        if abs(opening.at - told) < rules.cool_down:
            return Refusal.COOL_DOWN, {"other_post_at": told.isoformat()}
    return None


def _day(at: datetime) -> str:
    return at.date().isoformat()
