"""Every page of the console, full and empty, for those who may see it, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from contentcenter.domain.roles import Role
from contentcenter.floor import Floor
from distribute.ext import get_distribute
from tests.flows.console_world import Shop, Visitor, fill, make_console, visitor

EMPTY_PAGES = {
    "/": "没有等待批准的推文",
    "/items": "还没有内容",
    "/items?state=ready": "没有符合条件的内容",
    "/items/new": "正文",
    "/imports": "还没有导入过文件",
    "/search": "还没有已发布的内容",
    "/search/words": "初始词表",
    "/audiences": "先接入一个渠道",
    "/channels": "还没有渠道",
    "/plan": "还没有触达对象",
    "/posts": "还没有推文",
    "/health": "没有失败的任务",
    "/models": "还没有训练过",
    "/index": "还没有重建过",
    "/settings": "还没有密钥",
}


@pytest.fixture
def app(floor: Floor) -> Flask:
    return make_console(floor)


@pytest.fixture
def shop(app: Flask) -> Shop:
    return fill(app)


@pytest.fixture
def admin(app: Flask) -> Visitor:
    return visitor(app, Role.ADMIN)


@pytest.mark.parametrize("path", EMPTY_PAGES)
def test_an_empty_page_says_what_to_do_next(admin: Visitor, path: str) -> None:
    answer = admin.get(path)
    assert answer.status_code == 200
    assert EMPTY_PAGES[path] in answer.text


def full_pages(shop: Shop) -> dict[str, str]:
    return {
        "/": "重读活着",
        "/items": "重读活着",
        "/items?state=ready": "等待审核的一篇",
        f"/items/{shop.item_id}": "活着",
        f"/items/{shop.item_id}/edit": "重读活着",
        f"/items/{shop.item_id}/revisions/1": "<ins>后来补上的一段。</ins>",
        f"/items/{shop.item_id}/audiences": "青灯读史",
        f"/items/{shop.item_id}/posts": "青灯读史",
        "/imports": "books.csv",
        f"/imports/{shop.import_id}": "怎么改",
        "/search?q=活着": "<mark>",
        "/audiences": "青灯读史",
        f"/audiences/{shop.audience_id}": "保存档期",
        f"/audiences/{shop.audience_id}/persona": "购买力",
        f"/audiences/{shop.audience_id}/items": "重读活着",
        "/audiences/new": "平台编号",
        "/channels": "一页灯书店",
        "/plan": "处在安静时段 22:30–08:00",
        f"/plans/{shop.plan_id}": "处在安静时段",
        "/posts": "青灯读史",
        f"/posts/{shop.post_id}": "读者看到的",
        "/health": "索引与模型",
        "/index": "数据库中应入索引",
    }


def test_every_page_shows_its_data_in_both_languages(admin: Visitor, shop: Shop) -> None:
    for path, expected in full_pages(shop).items():
        answer = admin.get(path)
        assert answer.status_code == 200, path
        assert expected in answer.text, path
    admin.post("/language", language="en")
    left: set[str] = set()
    for path in full_pages(shop):
        answer = admin.get(path)
        assert answer.status_code == 200, path
        left |= _chinese_controls(answer.text)
    assert left == set()


def _chinese_controls(page: str) -> set[str]:
    """Chinese left on headings, buttons and labels of an English page; data stays Chinese."""
    found = re.findall(r"<(?:h2|button|legend|dt|th)[^>]*>(.*?)</", page, re.DOTALL)
    data = r"<[^>]+>|\s+|中文|青灯读史|一页灯书店"
    texts = (re.sub(data, "", text) for text in found)
    return {text for text in texts if re.search(r"[\u4e00-\u9fff]", text)}


def test_match_parts_on_the_page_add_up_to_the_score(admin: Visitor, shop: Shop) -> None:
    page = admin.get(f"/items/{shop.item_id}/audiences").text
    score = float(re.search(r'class="score">([\d.]+)<', page)[1])  # type: ignore[index]
    parts = [float(value) for value in re.findall(r"([+-]\d+\.\d+)</span>", page)]
    assert abs(sum(parts) - score) < 0.005 * (len(parts) + 1)


def test_approving_a_post_and_an_item_from_the_pages(
    app: Flask, admin: Visitor, shop: Shop
) -> None:
    answer = admin.post(f"/posts/{shop.post_id}/approve", on=f"/posts/{shop.post_id}")
    assert "已批准" in answer.text
    with app.app_context():
        assert get_distribute().posts.story(shop.post_id).post.state == "approved"
    answer = admin.post(f"/items/{shop.ready_id}/approve", on=f"/items/{shop.ready_id}")
    assert "已批准发布" in answer.text
    again = admin.post(f"/posts/{shop.post_id}/approve", on=f"/posts/{shop.post_id}")
    assert 'class="flash bad"' in again.text


def test_a_cancelled_post_is_folded_away_on_its_items_page(admin: Visitor, shop: Shop) -> None:
    page = f"/items/{shop.item_id}/posts"
    assert "<details>" not in admin.get(page).text
    admin.post(f"/posts/{shop.post_id}/cancel", on=f"/posts/{shop.post_id}")
    before, _, folded = admin.get(page).text.partition("<details>")
    link = f'href="/posts/{shop.post_id}"'
    assert link in folded
    assert link not in before


def test_slots_and_persona_are_set_by_hand(app: Flask, admin: Visitor, shop: Shop) -> None:
    page = f"/audiences/{shop.audience_id}"
    form = {"time-0": "19:00", "days-0": ["0", "4"], "on-0": "on", "time-1": ""}
    assert "档期已保存" in admin.post(f"{page}/slots", on=page, **form).text
    with app.app_context():
        slots = get_distribute().audiences.get(shop.audience_id).slots
    assert [(slot.weekdays, slot.local_time) for slot in slots] == [((0, 4), "19:00")]
    admin.post(f"{page}/persona", on=page, field="price", p20="20", p50="45.5", p80="90")
    persona = admin.get(f"{page}/persona").text
    assert "手工设定" in persona
    assert "¥46" in persona
    admin.post(f"{page}/persona", on=page, field="price", release="1")
    assert "交还系统" not in admin.get(f"{page}/persona").text


def test_an_article_is_written_and_a_faulty_one_keeps_its_text(admin: Visitor) -> None:
    bad = admin.post("/items/new", on="/items/new", title="", body="写了很久的正文")
    assert bad.status_code == 422
    assert "写了很久的正文" in bad.text
    good = admin.post("/items/new", on="/items/new", title="新的一篇", body="**正文**在这里")
    assert "正在查重" in good.text
    token = admin.token("/items/new")
    preview = admin.client.post(
        "/items/preview", data={"body": "**粗**<script>1</script>", "csrf_token": token}
    )
    assert "<strong>粗</strong>" in preview.text
    assert "<script>" not in preview.text


def test_an_upload_answers_where_its_report_is(admin: Visitor, tmp_path: Path) -> None:
    token = admin.token("/imports")
    file = tmp_path / "list.csv"
    file.write_text("书名,定价\n活着,28.00\n", encoding="utf-8")
    with file.open("rb") as stream:
        answer = admin.client.post(
            "/imports",
            data={"file": (stream, "list.csv"), "source": "晨光", "csrf_token": token},
            headers={"X-Requested-With": "upload"},
        )
    assert answer.status_code == 200
    assert admin.get(answer.json["url"]).status_code == 200  # type: ignore[index]
    missing = admin.client.post(
        "/imports", data={"csrf_token": token}, headers={"X-Requested-With": "upload"}
    )
    assert missing.status_code == 422
    assert missing.json["message"] == "请选择一个文件"  # type: ignore[index]


def test_the_fault_report_downloads_as_csv(admin: Visitor, shop: Shop) -> None:
    answer = admin.get(f"/imports/{shop.import_id}/errors.csv")
    lines = answer.text.splitlines()
    assert lines[0] == "\ufeff行号,字段,值,原因,怎么改,整行未导入"
    assert any("免费" in line and "如 45.00" in line for line in lines[1:])


def test_an_unknown_page_and_an_unknown_thing_are_told_in_html(admin: Visitor) -> None:
    for path in ("/nowhere", "/items/999999", "/posts/999999", "/audiences/999999"):
        answer = admin.get(path)
        assert answer.status_code == 404, path
        assert answer.mimetype == "text/html", path
    assert admin.get("/api/v1/nowhere").mimetype == "application/json"
