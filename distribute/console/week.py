"""The week: audiences down, days across; what is planned, and why a slot is empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from contentcenter.console.language import t
from contentcenter.console.session import back, signed_in
from contentcenter.console.views.base import account, console
from contentcenter.domain.errors import InvalidInput
from contentcenter.domain.roles import Scope
from distribute.audience_service import AudienceView
from distribute.console.base import blueprint, each, reading
from distribute.console.words import reason_text
from distribute.ext import get_distribute
from distribute.posts_view import PostCard, PostFilter
from distribute.reading import EmptySlot
from distribute.timing import Habit, expand

DAYS = 7
PAGE = 30
HIDDEN = frozenset({"cancelled"})


@dataclass
class Cell:
    """One audience on one day."""

    posts: list[PostCard] = field(default_factory=list)
    empty: list[EmptySlot] = field(default_factory=list)
    open: list[datetime] = field(default_factory=list)


@dataclass(frozen=True)
class Line:
    audience: AudienceView
    cells: tuple[Cell, ...]


@blueprint.get("/plan")
@signed_in(Scope.READ)
def week() -> str:
    first = _first_day()
    start = _midnight(first)
    end = _midnight(first + timedelta(days=DAYS))
    channel_id = request.args.get("channel", type=int)
    after = request.args.get("after", default=0, type=int)
    found = get_distribute().audiences.list(channel_id=channel_id, after=after, limit=PAGE + 1)
    shown = found[:PAGE]
    posts = _posts(shown, start, end)
    lines = lay_out(shown, posts, _empty(shown, start, end), first)
    plans = get_distribute().plans.recent(limit=5)
    return render_template(
        "distribute/week.html",
        lines=lines,
        days=[first + timedelta(days=number) for number in range(DAYS)],
        first=first,
        step=timedelta(days=DAYS),
        chosen=_chosen_day(),
        waiting=[post.id for post in posts if post.state == "planned"],
        plans=plans,
        busy=any(plan.state in {"requested", "running"} for plan in plans),
        channels=[(one.id, one.name) for one in get_distribute().channels.list()],
        channel_id=channel_id,
        more=shown[-1].card.id if len(found) > PAGE else None,
        after=after,
        reason_text=reason_text,
        now=console().floor.clock.now(),
    )


def _first_day() -> date:
    """The day the grid begins with: as asked, else today."""
    text = request.args.get("from", "")
    try:
        return date.fromisoformat(text) if text else console().times.today()
    except ValueError as error:
        raise InvalidInput(t("{value} 不是日期", value=text), field="from") from error


def _chosen_day() -> int:
    """Which of the seven a phone shows."""
    return min(max(request.args.get("day", default=0, type=int), 0), DAYS - 1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=console().times.zone).astimezone(UTC)


def _posts(shown: Sequence[AudienceView], start: datetime, end: datetime) -> list[PostCard]:
    found = reading().posts_between([one.card.id for one in shown], start, end)
    return [post for post in found if post.state not in HIDDEN]


def _empty(shown: Sequence[AudienceView], start: datetime, end: datetime) -> list[EmptySlot]:
    return reading().empty_slots([one.card.id for one in shown], start, end)


def lay_out(
    audiences: Sequence[AudienceView],
    posts: Sequence[PostCard],
    empty: Sequence[EmptySlot],
    first: date,
) -> list[Line]:
    """Everything in its cell, by the screen's calendar. A slot with a post is never empty."""
    times = console().times
    cells = {one.card.id: tuple(Cell() for _ in range(DAYS)) for one in audiences}
    taken = set()
    for post in sorted(posts, key=lambda one: one.slot_at):
        day = (times.local(post.slot_at).date() - first).days
        if post.audience_id in cells and 0 <= day < DAYS:
            cells[post.audience_id][day].posts.append(post)
            taken.add((post.audience_id, post.slot_at))
    for slot in sorted(empty, key=lambda one: one.slot_at):
        day = (times.local(slot.slot_at).date() - first).days
        if (slot.audience_id, slot.slot_at) not in taken and 0 <= day < DAYS:
            cells[slot.audience_id][day].empty.append(slot)
            taken.add((slot.audience_id, slot.slot_at))
    for one in audiences:
        _open_slots(one, cells[one.card.id], taken, first)
    return [Line(one, cells[one.card.id]) for one in audiences]


def _open_slots(
    view: AudienceView, cells: tuple[Cell, ...], taken: set[tuple[int, datetime]], first: date
) -> None:
    """Slots that no plan has looked at yet."""
    habits = [
        Habit(frozenset(slot.weekdays), slot.local_time, slot.on_date)
        for slot in view.slots
        if slot.active
    ]
    times = console().times
    end = _midnight(first + timedelta(days=DAYS))
    for at in expand(habits, view.card.timezone, _midnight(first), end):
        day = (times.local(at).date() - first).days
        if (view.card.id, at) not in taken and 0 <= day < DAYS:
            cells[day].open.append(at)


@blueprint.post("/plan")
@signed_in(Scope.DISTRIBUTE)
def run_plan() -> Response:
    days = request.form.get("days", default=DAYS, type=int)
    replace = request.form.get("replace") == "on"
    plan = get_distribute().plans.request(account().name, days=days, replace=replace)
    flash(t("计划 {id} 已提交，正在计算", id=plan.id), "ok")
    return redirect(url_for("distribute_console.week"))


@blueprint.post("/plan/approve")
@signed_in(Scope.DISTRIBUTE)
def approve_week() -> Response:
    """Approve all that was planned on the screen; ids come from the page, so nothing that was
    planned meanwhile is approved unseen."""
    ids = request.form.getlist("ids", type=int)
    actor = account().name
    each(ids, lambda one: get_distribute().posts.approve(actor, one), "已批准 {count} 条")
    return back("distribute_console.week")


@blueprint.get("/plans/<int:plan_id>")
@signed_in(Scope.READ)
def plan(plan_id: int) -> str:
    view = get_distribute().plans.get(plan_id)
    found = get_distribute().plans.refusals(plan_id)
    # Slots that stayed empty first, then strong items that were passed over.
    refusals = sorted(found, key=lambda one: one.item_id is not None)
    return render_template(
        "distribute/plan.html",
        plan=view,
        refusals=refusals,
        posts=get_distribute().posts.recent(PostFilter(plan_id=plan_id), limit=100),
        names=reading().audience_names(one.audience_id for one in refusals),
        reason_text=reason_text,
    )
