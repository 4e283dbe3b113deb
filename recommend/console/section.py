"""The room's pages hang on those of items and audiences; only search has an entry."""

from __future__ import annotations

from contentcenter.console.sections import NavEntry, Place, Section
from recommend.console import matches, personas, search
from recommend.console.base import blueprint

PAGES = (matches, personas, search)

SECTION = Section(
    blueprint=blueprint,
    entries=(NavEntry("搜索", "recommend_console.search", "search", Place.CONTENT + 1),),
)
