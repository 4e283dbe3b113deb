"""The console's search page: facets to choose and give up, drafts, orders, parts, pages."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import unquote

import pytest
from flask import Flask

from contentcenter.domain.roles import Role
from contentcenter.floor import Floor
from recommend.console import search as search_page
from tests.flows.console_world import Visitor, make_console, visitor
from tests.unit.recommend.building import Piece, add_items

BOOK = {"work": "三体", "publisher": "重庆出版社", "published_on": "2008"}


@pytest.fixture
def app(floor: Floor) -> Flask:
    app = make_console(floor)
    pieces = [
        Piece("三体读后", "科幻。", "scifi", ("科幻",), price_fen=2300, **BOOK),
        Piece("三体漫谈", "科幻。", "scifi", ("科幻", "杂谈"), price_fen=12_800, kind="ugc"),
        Piece("三体待审", "科幻。", "scifi", ("科幻",), price_fen=1500, state="ready"),
    ]
    add_items(floor, pieces)
    return app


def titles(page: str) -> list[str]:
    found = re.findall(r'class="item-title"[^>]*>(.*?)</a>', page)
    return [re.sub(r"<[^>]+>", "", title) for title in found]


def link(page: str, text: str) -> str:
    """Where the link of exactly this text leads."""
    found = re.search(rf'<a[^>]*href="([^"]+)"[^>]*>{re.escape(text)}</a>', page)
    assert found is not None, f"no link {text}"
    return unquote(unescape(found[1]))


def test_facets_are_chosen_and_given_up_by_links(app: Flask) -> None:
    viewer = visitor(app, Role.VIEWER)
    page = viewer.get("/search?q=三体&sort=price").text
    assert titles(page) == ["三体读后", "三体漫谈"]
    assert titles(viewer.get("/search?q=三体&sort=price_desc").text)[0] == "三体漫谈"
    for value in ("重庆出版社", "2008", "杂谈", "用户内容", "编辑部"):
        assert link(page, value)
    page = viewer.get(link(page, "¥20 – ¥29.99")).text
    assert titles(page) == ["三体读后"]
    assert link(page, "¥100 及以上"), "another band stays to choose"
    page = viewer.get(link(page, "¥100 及以上")).text
    assert titles(page) == ["三体漫谈"], "one band takes the place of the other"
    page = viewer.get(link(page, "杂谈")).text
    assert "price_band=10000-" in link(page, "科幻"), "choices add up"
    page = viewer.get(link(page, "¥100 及以上 ×")).text
    assert "price_band" not in link(page, "杂谈 ×")
    page = viewer.get(link(page, "清除条件")).text
    assert titles(page) == ["三体读后", "三体漫谈"]
    assert "search-chosen" not in page


def test_drafts_are_for_those_who_edit(app: Flask) -> None:
    editor, viewer = visitor(app, Role.EDITOR), visitor(app, Role.VIEWER)
    assert "三体待审" not in titles(editor.get("/search?q=三体").text)
    page = editor.get("/search?q=三体&state=all").text
    assert "三体待审" in titles(page)
    assert "待审核" in page
    assert "含待审" in page
    page = viewer.get("/search?q=三体&state=all").text
    assert "三体待审" not in titles(page)
    assert "含待审" not in page


def test_parts_of_a_score_can_be_opened_and_add_up(app: Flask) -> None:
    page = visitor(app, Role.VIEWER).get("/search?q=三体读后").text
    details = re.search(r"<summary>得分 ([\d.]+)</summary><ul>(.*?)</ul>", page)
    assert details is not None
    parts = [float(value) for value in re.findall(r"<span>(\d[\d.]*)</span>", details[2])]
    assert len(parts) >= 3
    assert sum(parts) == pytest.approx(float(details[1]), abs=0.002)
    assert "书名或书号一致" in details[2]


def test_pages_keep_what_was_chosen(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_page, "PAGE", 1)
    viewer: Visitor = visitor(app, Role.VIEWER)
    page = viewer.get("/search?tag=科幻&tag=没有").text
    assert titles(page) == ["三体漫谈"]
    found = re.search(r'href="([^"]+)" rel="next"', page)
    assert found is not None
    following = viewer.get(unescape(found[1])).text
    assert len({*titles(page), *titles(following)}) == 2
    assert {"科幻 ×", "没有 ×"} <= set(re.findall(r"[^>]+ ×", following))
