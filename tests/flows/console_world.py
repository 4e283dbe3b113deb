"""What the console flows share: the whole application, a browser that keeps its cookie, and a
small shop in which every page has something to show."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from contentcenter.accounts import AccountService
from contentcenter.domain.roles import Role
from contentcenter.floor import Floor
from contentcenter.web.auth import EXTENSION
from distribute.audience_service import SlotView
from distribute.ext import get_distribute
from distribute.posts_view import PostFilter
from ingest.drafts import ItemChanges, ItemDraft
from ingest.ext import get_ingest
from recommend.ext import get_recommend
from wsgi import create_app

PASSWORD = "a long password"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')

BOOKS = """书号,书名,作者,出版社,定价,分类,标签,内容简介,库存
9787506365437,活着,余华,作家出版社,28.00,小说,余华;命运,一个叫福贵的老人在田埂上讲自己的一生。,65
9787544270878,解忧杂货店,[日] 东野圭吾,南海出版公司,39.50,小说,治愈,一家可以寄信的杂货店。,20
9787020002207,坏书号,某人,某社,免费,小说,,这一行的书号校验位不对。,3
"""


@dataclass
class Visitor:
    """A person at a browser."""

    client: FlaskClient

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def token(self, path: str = "/login") -> str:
        found = _TOKEN.search(self.client.get(path).text)
        assert found is not None, f"no form on {path}"
        return found[1]

    def post(self, path: str, on: str = "/settings", **form: Any) -> TestResponse:
        """Submit a form as a browser does: with the token of a page that was looked at."""
        values = {"csrf_token": self.token(on), **form}
        return self.client.post(path, data=values, follow_redirects=True)

    def sign_in(self, name: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/login", on="/login", username=name, password=password)


def make_console(floor: Floor) -> Flask:
    app = create_app(floor=floor)
    app.testing = False  # error pages are part of what is tested
    accounts: AccountService = app.extensions[EXTENSION]
    for role in Role:
        accounts.create_user(str(role), PASSWORD, role, "test")
    return app


def visitor(app: Flask, role: Role | None = None) -> Visitor:
    guest = Visitor(app.test_client())
    if role is not None:
        assert guest.sign_in(str(role)).status_code == 200
    return guest


@dataclass(frozen=True)
class Shop:
    """Ids of what was put in."""

    import_id: int
    item_id: int
    ready_id: int
    audience_id: int
    plan_id: int
    post_id: int


def fill(app: Flask) -> Shop:
    """An import, an article with two drafts, channels, an audience, a plan with posts."""
    with app.app_context():
        import_id = _import()
        item_id, ready_id = _items()
        audience_id = _audience()
        plans, posts = get_distribute().plans, get_distribute().posts
        plan_id = plans.request("operator", days=3).id
        plans.run(plan_id)
        post_id = posts.recent(PostFilter(plan_id=plan_id))[0].id
        return Shop(import_id, item_id, ready_id, audience_id, plan_id, post_id)


def _import() -> int:
    imports = get_ingest().imports
    import_id = imports.receive(io.BytesIO(BOOKS.encode()), "books.csv", "晨光图书", "editor")
    imports.run(import_id)
    return import_id


def _items() -> tuple[int, int]:
    ingest = get_ingest()
    body = "《活着》写一个人如何活下去。\n\n余华的文字干净，读完要缓很久。"
    made = ingest.items.create(ItemDraft(title="重读活着", body=body, source="编辑部"), "editor")
    other = ItemDraft(
        title="等待审核的一篇", body="雨夜里读完的一本书，想了很久。", source="编辑部"
    )
    ready = ingest.items.create(other, "editor")
    ingest.pipeline.process([made.item_id, ready.item_id])
    changes = ItemChanges(body=body + "\n\n后来补上的一段。")
    ingest.items.change(made.item_id, changes, "editor")
    ingest.pipeline.process([made.item_id])
    ingest.items.approve(made.item_id, "editor")
    ingest.indexer.index([made.item_id, ready.item_id])
    return made.item_id, ready.item_id


def _audience() -> int:
    distribute = get_distribute()
    channel = distribute.channels.create(
        "operator",
        kind="wecom_groups",
        name="一页灯书店",
        account="ww1",
        credentials={"secret": "s"},
    )
    view = distribute.audiences.create(
        "operator",
        channel_id=channel.id,
        kind="group",
        name="青灯读史",
        platform_ref="wr1",
        owner_userid="zhang",
        size=120,
        description="爱读小说的人",
        tags=["小说"],
        categories=["fiction"],
        slots=[SlotView(tuple(range(7)), "20:30"), SlotView(tuple(range(7)), "23:00")],
    )
    get_recommend().personas.refresh([view.card.id])
    return view.card.id
