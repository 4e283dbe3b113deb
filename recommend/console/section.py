"""The room's pages hang on those of items and audiences; only search has an entry."""

from __future__ import annotations

from flask import url_for

from contentcenter.console.links import url_if
from contentcenter.console.sections import Figure, NavEntry, Panel, Place, Section
from recommend.console import matches, models, personas, readers, search, words
from recommend.console.base import blueprint
from recommend.ext import get_recommend

PAGES = (matches, models, personas, readers, search, words)


def panel() -> Panel:
    """Whether what readers did has been learned from, and every persona is up to date."""
    services = get_recommend()
    pending, stale = services.learning.pending(), len(services.personas.stale())
    audiences = url_if("distribute_console.audiences")
    return Panel(
        title="画像与搜索",
        place=Place.HEALTH,
        href=url_for("recommend_console.search"),
        figures=(
            Figure("待学习的行为", pending, tone="amber" if pending else ""),
            Figure("待更新的画像", stale, audiences, "amber" if stale else ""),
            *_unclear(),
        ),
        empty="" if pending or stale else "行为都已学习，画像都是最新的",
    )


def _unclear() -> tuple[Figure, ...]:
    """Readers whose ids contradict each other, when there are some."""
    waiting = len(get_recommend().identity.conflicts())
    page = url_for("recommend_console.readers")
    return (Figure("编号矛盾的读者", waiting, page, "amber"),) if waiting else ()


SECTION = Section(
    blueprint=blueprint,
    entries=(
        NavEntry("搜索", "recommend_console.search", "search", Place.CONTENT + 1),
        NavEntry("搜索词表", "recommend_console.words", "journal-text", Place.CONTENT + 2),
        NavEntry("读者", "recommend_console.readers", "person-circle", Place.AUDIENCES + 1),
        NavEntry(
            "模型",
            "recommend_console.models",
            "cpu",
            Place.HEALTH + 1,
            marks=("recommend_console.model",),
        ),
    ),
    panels=(panel,),
)
