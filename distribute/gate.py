"""Which approved posts may really go out now, and what becomes of the others. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from contentcenter.domain.channels import AudienceState
from contentcenter.domain.posts import PostState
from contentcenter.store.cards import AudienceCard, ItemCard
from distribute.facts import Verdict, check
from distribute.ledger import Step
from distribute.rules import DeliveryRules
from distribute.tables import PostRow
from distribute.timing import QuietHours, in_quiet_hours, quiet_end


@dataclass(frozen=True)
class Gated:
    """`go` may be sent; `steps` move the others; `later` holds posts back until a time."""

    go: tuple[PostRow, ...]
    steps: tuple[Step, ...]
    later: Mapping[int, tuple[datetime, str]]


def gate(
    posts: Sequence[PostRow],
    *,
    audiences: Mapping[int, AudienceCard],
    items: Mapping[int, ItemCard],
    told: Mapping[int, set[int]],
    now: datetime,
    rules: DeliveryRules,
) -> Gated:
    """Sort approved posts of one channel by what may happen to them now."""
    go: list[PostRow] = []
    steps: list[Step] = []
    later: dict[int, tuple[datetime, str]] = {}
    for post in posts:
        audience = audiences[post.audience_id]
        if held := _held(post, audience, now, rules):
            later[post.id] = held
        elif _moment(post) + rules.late < now:
            steps.append(Step(post.id, PostState.CANCELLED, "missed", "Its hour has passed"))
        else:
            verdict = _verdict(post, audience, items.get(post.item_id), told)
            if verdict.go:
                go.append(post)
            else:
                steps.append(_turned_down(post, verdict, now))
    return Gated(tuple(go), tuple(steps), later)


def _held(
    post: PostRow, audience: AudienceCard, now: datetime, rules: DeliveryRules
) -> tuple[datetime, str] | None:
    if audience.state != AudienceState.ACTIVE:
        return now + rules.probe_gap, "audience_paused"
    quiet = QuietHours(audience.quiet_from, audience.quiet_until)
    # An operator may put a slot into quiet hours on purpose; lateness may not.
    if post.slot_at + rules.lease < now and in_quiet_hours(now, audience.timezone, quiet):
        return quiet_end(now, audience.timezone, quiet), "quiet_hours"
    return None


def _moment(post: PostRow) -> datetime:
    """When the post was to go out, after all the waiting we asked of it ourselves."""
    return max(post.slot_at, post.not_before or post.slot_at, post.approved_at or post.slot_at)


def _verdict(
    post: PostRow,
    audience: AudienceCard,
    item: ItemCard | None,
    told: Mapping[int, set[int]],
) -> Verdict:
    told_already = bool(set(post.work_ids) & told.get(post.audience_id, set()))
    return check(
        item,
        post.content,
        post.facts,
        at=post.slot_at,
        channel_kind=audience.channel_kind,
        told_already=told_already,
    )


def _turned_down(post: PostRow, verdict: Verdict, now: datetime) -> Step:
    if not verdict.void:
        return Step(post.id, PostState.REFUSED, verdict.reason, "Found before sending")
    shown = [asdict(difference) for difference in verdict.differences]
    names = ", ".join(difference.fact for difference in verdict.differences)
    return Step(
        post.id,
        PostState.PLANNED,
        verdict.reason,
        f"The approval is void, changed: {names}",
        values={
            "progress": {**post.progress, "differences": shown},
            "approved_by": "",
            "approved_at": None,
            "updated_at": now,
        },
    )
