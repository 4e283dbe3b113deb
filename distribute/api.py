"""Channels, audiences, plans and posts over HTTP."""

# flask-smorest has no types: its decorators are Any to mypy.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g
from flask_smorest import Blueprint

from contentcenter.domain.roles import Scope
from contentcenter.web.api import API_PREFIX
from contentcenter.web.auth import require
from distribute import schemas
from distribute.audience_service import AudienceView, SlotView
from distribute.channel_service import ChannelView
from distribute.ext import get_distribute
from distribute.plan_service import PlanView
from distribute.post_service import PostStory
from distribute.posts_view import PostCard, PostFilter
from recommend.cursors import pack_cursor, unpack_cursor

Page = dict[str, Any]

channels = Blueprint("channels", __name__, url_prefix=API_PREFIX, description="Accounts we send by")
audiences = Blueprint("audiences", __name__, url_prefix=API_PREFIX, description="Whom we reach")
plans = Blueprint("plans", __name__, url_prefix=API_PREFIX, description="What goes where, and why")
posts = Blueprint("posts", __name__, url_prefix=API_PREFIX, description="Posts and their delivery")


@channels.route("/channels")
@require(Scope.READ)
@channels.response(200, schemas.ChannelPage)
def list_channels() -> Page:
    """All channels, with the state of each."""
    return {"items": get_distribute().channels.list(), "next_cursor": None}


@channels.route("/channels", methods=["POST"])
@require(Scope.DISTRIBUTE)
@channels.arguments(schemas.ChannelBody)
@channels.response(201, schemas.ChannelSchema)
def create_channel(body: dict[str, Any]) -> ChannelView:
    """Add a channel. Its credentials never come back out."""
    return get_distribute().channels.create(g.actor, **body)


@channels.route("/channels/<int:channel_id>", methods=["PATCH"])
@require(Scope.DISTRIBUTE)
@channels.arguments(schemas.ChannelChange)
@channels.response(200, schemas.ChannelSchema)
def change_channel(body: dict[str, Any], channel_id: int) -> ChannelView:
    """Rename a channel, renew a secret, change a setting."""
    return get_distribute().channels.update(g.actor, channel_id, **body)


@channels.route("/channels/<int:channel_id>/pause", methods=["POST"])
@require(Scope.DISTRIBUTE)
@channels.response(200, schemas.ChannelSchema)
def pause_channel(channel_id: int) -> ChannelView:
    """Send nothing through this channel for now."""
    return get_distribute().channels.pause(g.actor, channel_id)


@channels.route("/channels/<int:channel_id>/resume", methods=["POST"])
@require(Scope.DISTRIBUTE)
@channels.response(200, schemas.ChannelSchema)
def resume_channel(channel_id: int) -> ChannelView:
    """Send again; also after the channel stopped by itself."""
    return get_distribute().channels.resume(g.actor, channel_id)


@audiences.route("/audiences")
@require(Scope.READ)
@audiences.arguments(schemas.AudienceQuery, location="query")
@audiences.response(200, schemas.AudiencePage)
def list_audiences(query: dict[str, Any]) -> Page:
    """Audiences with their rules and slots, by id."""
    size, after = query["size"], _after(query["cursor"])
    views = get_distribute().audiences.list(
        channel_id=query["channel_id"], after=after or 0, limit=size
    )
    return _page([_flat(view) for view in views], size)


@audiences.route("/audiences", methods=["POST"])
@require(Scope.DISTRIBUTE)
@audiences.arguments(schemas.AudienceBody)
@audiences.response(201, schemas.AudienceSchema)
def create_audience(body: dict[str, Any]) -> Page:
    """Add an audience with its slots."""
    body["slots"] = _slots(body.get("slots", ()))
    return _flat(get_distribute().audiences.create(g.actor, **body))


@audiences.route("/audiences/<int:audience_id>")
@require(Scope.READ)
@audiences.response(200, schemas.AudienceSchema)
def get_audience(audience_id: int) -> Page:
    """One audience."""
    return _flat(get_distribute().audiences.get(audience_id))


@audiences.route("/audiences/<int:audience_id>", methods=["PATCH"])
@require(Scope.DISTRIBUTE)
@audiences.arguments(schemas.AudienceChange)
@audiences.response(200, schemas.AudienceSchema)
def change_audience(body: dict[str, Any], audience_id: int) -> Page:
    """Change what is given; `slots` replaces all of them, `state` pauses and resumes."""
    if "slots" in body:
        body["slots"] = _slots(body["slots"])
    return _flat(get_distribute().audiences.change(g.actor, audience_id, **body))


@plans.route("/plans")
@require(Scope.READ)
@plans.arguments(schemas.PageQuery, location="query")
@plans.response(200, schemas.PlanPage)
def list_plans(query: dict[str, Any]) -> Page:
    """Plans, newest first."""
    size, before = query["size"], _after(query["cursor"])
    views = get_distribute().plans.recent(before_id=before, limit=size)
    return _page(views, size)


@plans.route("/plans", methods=["POST"])
@require(Scope.DISTRIBUTE)
@plans.arguments(schemas.PlanBody)
@plans.response(202, schemas.PlanSchema)
def request_plan(body: dict[str, Any]) -> PlanView:
    """Ask for a plan; a job makes it."""
    return get_distribute().plans.request(g.actor, **body)


@plans.route("/plans/<int:plan_id>")
@require(Scope.READ)
@plans.arguments(schemas.PlanQuery, location="query")
@plans.response(200, schemas.PlanDetail)
def get_plan(query: dict[str, Any], plan_id: int) -> Page:
    """A plan, and why slots stayed empty or strong items were not chosen."""
    view, refusals = get_distribute().plans.detail(
        plan_id, audience_id=query["audience_id"], limit=query["size"]
    )
    return {**vars(view), "refusals": refusals}


@posts.route("/posts")
@require(Scope.READ)
@posts.arguments(schemas.PostQuery, location="query")
@posts.response(200, schemas.PostPage)
def list_posts(query: dict[str, Any]) -> Page:
    """Posts, newest first, filtered."""
    size, before = query.pop("size"), _after(query.pop("cursor"))
    cards = get_distribute().posts.recent(PostFilter(**query), before_id=before, limit=size)
    return _page(cards, size)


@posts.route("/posts/<int:post_id>")
@require(Scope.READ)
@posts.response(200, schemas.StorySchema)
def get_post(post_id: int) -> PostStory:
    """One post with every step of its delivery, and what changed since its approval."""
    return get_distribute().posts.story(post_id)


@posts.route("/posts/<int:post_id>/approve", methods=["POST"])
@require(Scope.DISTRIBUTE)
@posts.response(200, schemas.PostSchema)
def approve_post(post_id: int) -> PostCard:
    """Approve a planned post with its text, price, stock and rights as they are now."""
    return get_distribute().posts.approve(g.actor, post_id)


@posts.route("/posts/<int:post_id>/cancel", methods=["POST"])
@require(Scope.DISTRIBUTE)
@posts.response(200, schemas.PostSchema)
def cancel_post(post_id: int) -> PostCard:
    """Take a post back, on the platform too where a member has not confirmed it yet."""
    return get_distribute().posts.cancel(g.actor, post_id)


@posts.route("/posts/<int:post_id>/retry", methods=["POST"])
@require(Scope.DISTRIBUTE)
@posts.response(200, schemas.PostSchema)
def retry_post(post_id: int) -> PostCard:
    """Try a failed post once more; for an unknown one, ask the platform now."""
    return get_distribute().posts.retry(g.actor, post_id)


def _after(cursor: str | None) -> int | None:
    if not cursor:
        return None
    value = unpack_cursor(cursor).get("id")
    return value if isinstance(value, int) else None


def _page(items: Sequence[Any], size: int) -> Page:
    """A full page may have a next one; its cursor is the last id."""
    full = len(items) == size
    last = items[-1] if full else None
    last_id = last["id"] if isinstance(last, Mapping) else getattr(last, "id", None)
    return {"items": items, "next_cursor": pack_cursor({"id": last_id}) if full else None}


def _slots(raw: Sequence[Mapping[str, Any]]) -> list[SlotView]:
    return [SlotView(**{**slot, "weekdays": tuple(slot["weekdays"])}) for slot in raw]


def _flat(view: AudienceView) -> Page:
    return {**vars(view.card), "slots": view.slots}


BLUEPRINTS = [channels, audiences, plans, posts]
