"""The main job from end to end, over HTTP, in the real processes: a supplier's list and an
editor's article become a post in the right reader group and an answer in the feed."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contentcenter.text.build import build_analyser
from tests.fixtures.product import Product

SHANGHAI = ZoneInfo("Asia/Shanghai")
EVENING = datetime(2026, 12, 5, 20, 5, tzinfo=SHANGHAI).astimezone(UTC)
CORP = "wwspine0000000001"
SECRET, TOKEN, AES_KEY = "secret", "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
STARS, CRADLE = "wrSTARS", "wrCRADLE"

BOOKS = [
    ["书号", "书名", "作者", "出版社", "定价", "分类", "标签", "内容简介"],
    ["9787536692930", "三体", "刘慈欣", "重庆出版社", "23.00", "科幻奇幻", "科幻;宇宙",
     "地球向深空发出信号，得到的回应改变了人类的命运，科学家们开始为四百年后的相遇做准备。"],
    ["9787544270878", "解忧杂货店", "东野圭吾", "南海出版公司", "39.50", "小说", "治愈;日本文学",
     "三个小偷躲进一家废弃的杂货店，意外收到三十年前寄来的求助信。"],
    ["9787020002207", "红楼梦", "曹雪芹", "人民文学出版社", "59.70", "古典国学", "古典;名著",
     "大观园里的悲欢离合，一个家族由盛而衰的长卷。"],
    ["9787508684031", "小王子", "圣埃克苏佩里", "中信出版社", "32.00", "童书绘本", "童话;亲子",
     "来自小行星的孩子一路遇见奇怪的大人，也遇见了一只等人驯养的狐狸。"],
]  # fmt: skip

STAR_ARTICLE = {
    "title": "黑暗森林里的一声呼喊",
    "body": (
        "天文台的老工程师把天线对准了半人马座。四年以后，屏幕上跳出第一行回信：不要回答。\n\n"
        "《三体》写的不只是舰队与恒星，它把一个冷静的问题摆在每个人面前：如果夜空里真的有别的文明，"
        "我们该不该打招呼？刘慈欣用物理学家的口吻讲了一个悲伤的故事，读完会忍不住抬头看一眼银河。"
    ),
    "kind": "pgc", "form": "article", "source": "编辑部", "category": "scifi",
    "tags": ["科幻", "宇宙"], "books": ["9787536692930"], "source_ref": "spine-stars",
}  # fmt: skip
CRADLE_ARTICLE = {
    "title": "睡前十分钟，和孩子读一页小王子",
    "body": (
        "孩子三岁以后，睡前的十分钟最安静。《小王子》的每一章都很短，正好读一页、聊两句。\n\n"
        "问问孩子：狐狸为什么想被驯养？玫瑰为什么爱撒谎？他们的回答常常让爸爸妈妈笑出声。"
    ),
    "kind": "pgc", "form": "article", "source": "编辑部", "category": "children",
    "tags": ["亲子", "绘本"], "books": ["9787508684031"], "source_ref": "spine-cradle",
}  # fmt: skip
QUESTION = "外星人会不会攻打我们"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("product", [EVENING], indirect=True)
def test_from_a_book_list_to_a_post_in_a_group_and_a_changed_feed(product: Product) -> None:
    teach_twin(product)
    stars, cradle = make_audiences(product)
    import_books(product)
    star_item, cradle_item = [publish(product, raw) for raw in (STAR_ARTICLE, CRADLE_ARTICLE)]
    found_by_meaning(product, star_item)

    post = planned_for_the_right_group(product, stars, cradle, star_item)
    delivered_after_the_owner_confirms(product, post)
    a_click_moves_persona_and_feed(product, stars, post, star_item)
    assert product.get("/items", state="published")["items"]
    assert cradle_item != star_item


def teach_twin(product: Product) -> None:
    product.twin.setup({
        "settings": {"dispatch_seconds": 0.5},
        "corps": [{
            "corpid": CORP, "secret": SECRET, "agentid": 1000002, "name": "书店",
            "members": [{"userid": "he", "name": "何"}],
            "groups": [
                {"chat_id": STARS, "name": "星海", "owner": "he", "size": 40},
                {"chat_id": CRADLE, "name": "摇篮", "owner": "he", "size": 40},
            ],
        }],
    })  # fmt: skip


def make_audiences(product: Product) -> tuple[int, int]:
    channel = product.post("/channels", {
        "kind": "wecom_groups", "name": "书店客户群", "account": CORP,
        "credentials": {"secret": SECRET, "token": TOKEN, "aes_key": AES_KEY},
    }, 201)  # fmt: skip
    groups = [
        (STARS, "星海 · 科幻迷", "爱读硬科幻，聊宇宙、物理和外星文明", ["科幻", "宇宙"], ["scifi"]),
        (CRADLE, "摇篮 · 亲子共读", "孩子的父母，睡前一起读绘本", ["亲子", "绘本"], ["children"]),
    ]  # fmt: skip
    made = [
        product.post("/audiences", {
            "channel_id": channel["id"], "kind": "group", "platform_ref": chat, "name": name,
            "description": text, "tags": tags, "categories": categories, "owner_userid": "he",
            "size": 40, "price_ceiling_fen": 6000, "auto_approve": False,
        }, 201)
        for chat, name, text, tags, categories in groups
    ]  # fmt: skip
    return made[0]["id"], made[1]["id"]


def import_books(product: Product) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(BOOKS)
    file = ("books.csv", text.getvalue().encode("gb18030"), "text/csv")
    answer = product.call("POST", "/imports", 202, files={"file": file}, data={"source": "书商"})
    path = f"/imports/{answer['id']}"
    product.wait("the import did not finish", lambda: product.get(path)["state"] == "done")
    assert product.get(path)["created"] == len(BOOKS) - 1


def publish(product: Product, raw: dict[str, Any]) -> int:
    item_id: int = product.post("/items", raw, 202)["id"]
    path = f"/items/{item_id}"
    product.wait("the item did not become ready", lambda: product.get(path)["state"] == "ready")
    product.post(f"{path}/approve")
    assert product.get(path)["state"] == "published"
    return item_id


def found_by_meaning(product: Product, item_id: int) -> None:
    analyser = build_analyser()
    text = f"{STAR_ARTICLE['title']} {STAR_ARTICLE['body']}"
    shared = set(analyser.highlight_words(QUESTION)) & set(analyser.highlight_words(text))
    assert not {word for word in shared if len(word) > 1}, "the question shares a word"

    def first() -> bool:
        hits = product.get("/search", q=QUESTION, kind="pgc", size=5)["items"]
        return bool(hits) and hits[0]["id"] == item_id

    product.wait("the article was not found by its meaning", first, 30)


def planned_for_the_right_group(
    product: Product, stars: int, cradle: int, star_item: int
) -> dict[str, Any]:
    slot = (product.now() + timedelta(seconds=75)).astimezone(SHANGHAI).strftime("%H:%M")
    for audience in (stars, cradle):
        body = {"slots": [{"weekdays": list(range(7)), "local_time": slot}]}
        product.call("PATCH", f"/audiences/{audience}", json=body)
    plan = product.post("/plans", {"days": 1}, 202)
    path = f"/plans/{plan['id']}"
    product.wait("the plan did not finish", lambda: product.get(path)["state"] == "done")
    posts = product.get("/posts", plan_id=plan["id"])["items"]
    told = {post["audience_id"]: post for post in posts}
    assert told[stars]["item_id"] == star_item
    assert told[cradle]["item_id"] != star_item
    return dict(told[stars])


def delivered_after_the_owner_confirms(product: Product, post: dict[str, Any]) -> None:
    path = f"/posts/{post['id']}"
    assert state(product, path) == "planned"
    product.post(f"{path}/approve")
    product.wait("the post was not sent", lambda: state(product, path) == "waiting_owner", 150)
    assert product.twin.received(chat_id=STARS)["total"] == 0
    product.twin.confirm()
    product.wait("the post was not delivered", lambda: state(product, path) == "delivered", 120)
    received = product.twin.received(chat_id=STARS)
    assert received["total"] == 1


def state(product: Product, path: str) -> str:
    found: str = product.get(path)["post"]["state"]
    return found


def a_click_moves_persona_and_feed(
    product: Product, stars: int, post: dict[str, Any], star_item: int
) -> None:
    reader = {"app_id": "app-1", "external_userid": "wmREADER1"}
    product.post("/events", {"events": [
        {"event_id": "e-join", "kind": "join", "reader": reader, "audience_id": stars},
    ]})  # fmt: skip
    before = product.get(f"/audiences/{stars}/persona")
    feed_before = [entry["id"] for entry in feed(product)]
    assert star_item in feed_before

    code = product.get(f"/posts/{post['id']}")["post"]["code"]
    click = product.http.get(
        f"{product.url}/t/{code}?external_userid=wmREADER1", allow_redirects=False, timeout=30
    )
    assert click.status_code in (302, 303)

    def moved() -> bool:
        after = product.get(f"/audiences/{stars}/persona")
        return bool(after["evidence"] > before["evidence"])

    product.wait("the persona did not move", moved, 60)
    feed_after = [entry["id"] for entry in feed(product)]
    assert star_item not in feed_after
    assert feed_after != feed_before


def feed(product: Product) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = product.get("/feed", reader_id="app-1", size=10)["items"]
    assert all(entry["reason"] for entry in items)
    return items
