"""The console in a real browser: no foreign request, no script error, nothing too wide."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, FilePayload, Page, sync_playwright
from werkzeug.serving import make_server

from contentcenter.floor import Floor
from tests.flows.console_world import PASSWORD, Shop, fill, make_console

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed on this machine"),
]
SIZES = {"desk": (1440, 900), "phone": (390, 844)}


@dataclass
class Visit:
    """A page with everything that went wrong on it."""

    page: Page
    base: str
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("request", self._request)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._said)

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.base, "data:")):
            self.foreign.append(request.url)

    def _said(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def sign_in(self) -> None:
        self.page.goto(f"{self.base}/login")
        self.page.fill("#username", "admin")
        self.page.fill("#password", PASSWORD)
        self.page.click("button.primary")
        self.page.wait_for_url(f"{self.base}/")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as tool:
        options = ["--no-sandbox", "--disable-background-networking"]
        chromium = tool.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


@pytest.fixture
def app(floor: Floor) -> Flask:
    return make_console(floor)


@pytest.fixture
def shop(app: Flask) -> Shop:
    return fill(app)


@pytest.fixture
def base(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def visit(browser: Browser, base: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    width, height = SIZES[getattr(request, "param", "desk")]
    context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
    context.set_default_timeout(20_000)
    found = Visit(context.new_page(), base)
    found.watch()
    yield found
    context.close()


@pytest.mark.parametrize("visit", SIZES, indirect=True)
def test_every_page_stays_at_home_and_in_its_width(visit: Visit, shop: Shop) -> None:
    visit.sign_in()
    paths = (
        "/", "/items", "/items?q=活着", f"/items/{shop.item_id}", "/items/new", "/imports",
        f"/imports/{shop.import_id}", "/search?q=活着&tag=小说&price_band=2000-2999&state=all",
        "/search?q=活着", "/audiences",
        f"/audiences/{shop.audience_id}", "/channels", "/plan", f"/plans/{shop.plan_id}", "/posts",
        f"/posts/{shop.post_id}", "/experiments", "/experiments/new", "/models", "/settings",
    )  # fmt: skip
    too_wide = []
    for path in paths:
        visit.page.goto(visit.base + path, wait_until="networkidle")
        width = visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if width > 0:
            too_wide.append(f"{path}: {width}")
    assert visit.foreign == []
    assert visit.errors == []
    assert too_wide == []


def test_matches_arrive_as_a_fragment(visit: Visit, shop: Shop) -> None:
    visit.sign_in()
    visit.page.goto(f"{visit.base}/items/{shop.item_id}")
    visit.page.wait_for_selector(".match svg.stacked")
    assert "青灯读史" in visit.page.inner_text(".match")


def test_a_dangerous_step_asks_first(visit: Visit, shop: Shop) -> None:
    visit.sign_in()
    visit.page.goto(f"{visit.base}/posts/{shop.post_id}")
    visit.page.click("form[data-confirm] button")
    visit.page.click("#confirm button[value=no]")
    assert visit.page.inner_text(".head-meta .chip") == "待批准"
    visit.page.click("form[data-confirm] button")
    visit.page.click("#confirm button[value=yes]")
    visit.page.wait_for_selector(".flash.good")
    assert visit.page.inner_text(".head-meta .chip") == "已取消"


def test_a_draft_survives_leaving_the_page(visit: Visit) -> None:
    visit.sign_in()
    visit.page.goto(f"{visit.base}/items/new")
    visit.page.fill("#title", "还没写完的标题")
    visit.page.fill("#body", "**写到一半**")
    visit.page.wait_for_selector("#preview strong")
    visit.page.wait_for_function("localStorage.getItem('draft:item-new')")
    visit.page.goto(f"{visit.base}/items")
    visit.page.goto(f"{visit.base}/items/new")
    assert visit.page.input_value("#title") == "还没写完的标题"
    visit.page.click("aside button.primary")
    visit.page.wait_for_selector(".flash.good")
    visit.page.goto(f"{visit.base}/items/new")
    assert visit.page.input_value("#title") == ""


def test_a_file_is_uploaded_by_the_page(visit: Visit) -> None:
    visit.sign_in()
    visit.page.goto(f"{visit.base}/imports")
    visit.page.fill("#source", "晨光图书")
    content = "书名,定价\n活着,28.00\n".encode()
    file = FilePayload(name="list.csv", mimeType="text/csv", buffer=content)
    visit.page.set_input_files("#file", files=file)
    visit.page.wait_for_url("**/imports/1")
    assert visit.page.inner_text("h1") == "list.csv"
    assert visit.errors == []


@pytest.mark.parametrize("visit", ["phone"], indirect=True)
def test_a_phone_shows_one_day_and_opens_the_menu(visit: Visit, shop: Shop) -> None:
    visit.sign_in()
    visit.page.goto(f"{visit.base}/plan")
    shown = "td[data-day='0']:visible, td[data-day='1']:visible"
    assert {cell.get_attribute("data-day") for cell in visit.page.query_selector_all(shown)} == {
        "0"
    }
    visit.page.click(".day-tabs [data-day='1']")
    assert {cell.get_attribute("data-day") for cell in visit.page.query_selector_all(shown)} == {
        "1"
    }
    visit.page.click("[data-menu]")
    visit.page.wait_for_selector("#side a >> text=健康", state="visible")
