"""The room's place in the navigation and on the home page."""

from __future__ import annotations

from flask import url_for

from contentcenter.console.labels import label
from contentcenter.console.sections import Figure, NavEntry, Panel, PanelRow, Place, Section
from contentcenter.console.views.base import console
from distribute.console import audiences, channels, experiments, posts, week
from distribute.console.base import blueprint, reading
from distribute.ext import get_distribute
from distribute.posts_view import PostFilter

PAGES = (audiences, channels, experiments, posts, week)
ROWS = 5
_FIGURES = (("planned", "amber"), ("approved", "brand"), ("delivered", ""), ("failed", "seal"))


def posts_panel() -> Panel:
    """What waits for approval, and what went wrong."""
    counts = reading().post_counts()
    waiting = get_distribute().posts.recent(PostFilter(state="planned"), limit=ROWS)
    when = console().times.when
    rows = [
        PanelRow(
            text=post.content.get("title") or post.item,
            href=url_for("distribute_console.post", post_id=post.id),
            note=f"{when(post.slot_at)} · {post.audience}",
        )
        for post in waiting
    ]
    return Panel(
        title="推文",
        place=Place.CONTENT + 1,
        href=url_for("distribute_console.posts"),
        figures=tuple(_figure(state, tone, counts.get(state, 0)) for state, tone in _FIGURES),
        rows=tuple(rows),
        rows_title="等待批准",
        empty="没有等待批准的推文",
        empty_href=url_for("distribute_console.week"),
        empty_action="看排期",
    )


def _figure(state: str, tone: str, value: int) -> Figure:
    href = url_for("distribute_console.posts", state=state)
    return Figure(label("post_state", state).text, value, href, tone if value else "")


def reach_panel() -> Panel:
    """Channels and audiences, those that need a person first."""
    found = get_distribute().channels.list()
    counts = reading().audience_counts()
    troubled = [one for one in found if one.state != "active"]
    rows = [
        PanelRow(
            text=one.name,
            href=url_for("distribute_console.channels"),
            note=one.state_reason or label("channel_kind", one.kind).text,
            chip=label("channel_state", one.state).text,
            tone=label("channel_state", one.state).tone,
        )
        for one in troubled
    ]
    channels_href = url_for("distribute_console.channels")
    figures = (
        Figure("触达对象", counts.get("active", 0), url_for("distribute_console.audiences")),
        Figure("渠道", len(found), channels_href),
        Figure("需要处理", len(troubled), channels_href, "seal" if troubled else ""),
    )
    return Panel(
        title="触达",
        place=Place.AUDIENCES,
        href=url_for("distribute_console.audiences"),
        figures=figures,
        rows=tuple(rows),
        rows_title="没有在运行的渠道",
        empty="所有渠道都正常" if found else "还没有渠道，先接入一个公众号或企业微信",
        empty_href="" if found else channels_href,
        empty_action="" if found else "去接入",
    )


SECTION = Section(
    blueprint=blueprint,
    entries=(
        NavEntry(
            "触达",
            "distribute_console.audiences",
            "people",
            Place.AUDIENCES,
            marks=("distribute_console.audience", "distribute_console.new_audience"),
        ),
        NavEntry(
            "渠道",
            "distribute_console.channels",
            "broadcast",
            Place.CHANNELS,
            marks=("distribute_console.channel",),
        ),
        NavEntry(
            "排期",
            "distribute_console.week",
            "calendar-week",
            Place.PLAN,
            marks=("distribute_console.plan",),
            thumb=True,
        ),
        NavEntry(
            "实验",
            "distribute_console.experiments",
            "graph-up",
            Place.PLAN + 5,
            marks=("distribute_console.experiment", "distribute_console.new_experiment"),
        ),
        NavEntry(
            "推文",
            "distribute_console.posts",
            "send",
            Place.POSTS,
            marks=("distribute_console.post",),
            thumb=True,
        ),
    ),
    panels=(posts_panel, reach_panel),
)
