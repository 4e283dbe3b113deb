"""Posts: what waits, what went out, what became of it."""

from __future__ import annotations

from flask import render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from contentcenter.console.session import back, signed_in
from contentcenter.console.views.base import account
from contentcenter.domain.channels import ChannelKind
from contentcenter.domain.posts import POST_MOVES, PostState
from contentcenter.domain.roles import Scope
from distribute.console.base import blueprint, each, reading
from distribute.console.words import reason_text
from distribute.ext import get_distribute
from distribute.posts_view import PostCard, PostFilter
from distribute.reading import Deeds

PAGE = 40
TABS = (
    "planned", "approved", "sending", "unknown", "waiting_owner", "sent", "delivered", "failed",
    "refused", "cancelled",
)  # fmt: skip


@blueprint.get("/posts")
@signed_in(Scope.READ)
def posts() -> str:
    state = request.args.get("state") or None
    channel_id = request.args.get("channel", type=int)
    wanted = PostFilter(
        state=state,
        channel_id=channel_id,
        audience_id=request.args.get("audience", type=int),
        plan_id=request.args.get("plan", type=int),
    )
    before = request.args.get("before", type=int)
    found = get_distribute().posts.recent(wanted, before_id=before, limit=PAGE + 1)
    shown = found[:PAGE]
    return render_template(
        "distribute/posts.html",
        posts=shown,
        more=shown[-1].id if len(found) > PAGE else None,
        before=before,
        state=state,
        counts=reading().post_counts(),
        tabs=TABS,
        deeds=reading().deeds_of_posts([post.id for post in shown]),
        nothing=Deeds(),
        channels=[(one.id, one.name) for one in get_distribute().channels.list()],
        channel_id=channel_id,
        filtered=any((state, channel_id, wanted.audience_id, wanted.plan_id)),
        reason_text=reason_text,
    )


@blueprint.get("/posts/<int:post_id>")
@signed_in(Scope.READ)
def post(post_id: int) -> str:
    story = get_distribute().posts.story(post_id)
    card = story.post
    deeds = reading().deeds_of_posts([post_id]).get(post_id, Deeds())
    return render_template(
        "distribute/post.html",
        post=card,
        story=story,
        deeds=deeds,
        article=_article(card),
        may_approve=card.state == PostState.PLANNED,
        may_cancel=PostState.CANCELLED in POST_MOVES[PostState(card.state)],
        may_retry=card.state in {PostState.FAILED, PostState.UNKNOWN},
        reason_text=reason_text,
    )


def _article(card: PostCard) -> Markup:
    """The article's markup. The composer escapes every text it puts there."""
    html = card.content.get("html", "") if card.channel_kind == ChannelKind.OFFICIAL_ACCOUNT else ""
    return Markup(html)  # noqa: S704 - made by distribute.tailor.compose from escaped texts


@blueprint.get("/items/<int:item_id>/posts")
@signed_in(Scope.READ)
def item_posts(item_id: int) -> str:
    """A fragment for the page of an item: where it went and what it brought."""
    found = get_distribute().posts.recent(PostFilter(item_id=item_id), limit=30)
    return render_template(
        "distribute/item_posts.html",
        posts=found,
        deeds=reading().deeds_of_posts([one.id for one in found]),
        nothing=Deeds(),
    )


@blueprint.post("/posts/<int:post_id>/approve")
@signed_in(Scope.DISTRIBUTE)
def approve_post(post_id: int) -> Response:
    each([post_id], lambda one: get_distribute().posts.approve(account().name, one), "已批准")
    return back("distribute_console.post", post_id=post_id)


@blueprint.post("/posts/<int:post_id>/cancel")
@signed_in(Scope.DISTRIBUTE)
def cancel_post(post_id: int) -> Response:
    each([post_id], lambda one: get_distribute().posts.cancel(account().name, one), "已取消")
    return back("distribute_console.post", post_id=post_id)


@blueprint.post("/posts/<int:post_id>/retry")
@signed_in(Scope.DISTRIBUTE)
def retry_post(post_id: int) -> Response:
    text = "已安排再试；结果未知的会先向平台查询"
    each([post_id], lambda one: get_distribute().posts.retry(account().name, one), text)
    return back("distribute_console.post", post_id=post_id)


@blueprint.post("/posts/batch")
@signed_in(Scope.DISTRIBUTE)
def batch_posts() -> Response:
    ids = request.form.getlist("ids", type=int)
    service, actor = get_distribute().posts, account().name
    if request.form.get("act") == "cancel":
        each(ids, lambda one: service.cancel(actor, one), "已取消 {count} 条")
    else:
        each(ids, lambda one: service.approve(actor, one), "已批准 {count} 条")
    return back("distribute_console.posts")
