"""The room's place in the navigation and on the home page."""

from __future__ import annotations

from flask import url_for

from contentcenter.console.labels import label
from contentcenter.console.language import t
from contentcenter.console.sections import Figure, NavEntry, Panel, PanelRow, Place, Section
from ingest.console import editor, imports, index, items
from ingest.console.base import blueprint, state_counts
from ingest.ext import get_ingest
from ingest.views import ItemFilter

PAGES = (items, editor, imports, index)
ROWS = 5


def panel() -> Panel:
    """What waits for an editor."""
    counts = state_counts()
    waiting = get_ingest().items.list(ItemFilter(state="ready"), ROWS).items
    rows = [
        PanelRow(
            text=card.title,
            href=url_for("ingest_console.item", item_id=card.id),
            note=f"{card.source} · {label('item_form', card.form).text}",
            chip=t("疑似重复") if card.duplicate_of else "",
            tone="seal",
        )
        for card in waiting
    ]
    return Panel(
        title="内容",
        place=Place.CONTENT,
        href=url_for("ingest_console.items"),
        figures=tuple(_figure(state, tone, counts) for state, tone in _FIGURES),
        rows=tuple(rows),
        rows_title="等待审核",
        empty="没有等待审核的内容" if counts else "还没有内容，先导入一份书目或写一篇",
        empty_href=url_for("ingest_console.imports"),
        empty_action="去导入",
    )


_FIGURES = (("ready", "amber"), ("published", ""), ("received", ""), ("failed", "seal"))


def _figure(state: str, tone: str, counts: dict[str, int]) -> Figure:
    value = counts.get(state, 0)
    href = url_for("ingest_console.items", state=state)
    return Figure(label("item_state", state).text, value, href, tone if value else "")


SECTION = Section(
    blueprint=blueprint,
    entries=(
        NavEntry(
            "内容",
            "ingest_console.items",
            "journal-text",
            Place.CONTENT,
            marks=(
                "ingest_console.item",
                "ingest_console.write",
                "ingest_console.edit",
                "ingest_console.revision",
            ),
            thumb=True,
        ),
        NavEntry(
            "导入",
            "ingest_console.imports",
            "cloud-upload",
            Place.IMPORTS,
            marks=("ingest_console.import_page",),
        ),
        NavEntry("索引", "ingest_console.index_page", "search", Place.HEALTH - 1),
    ),
    panels=(panel,),
)
