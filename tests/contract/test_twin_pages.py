"""The pages people look at: both languages, buttons that work, nothing fetched elsewhere."""

from __future__ import annotations

import re

import pytest
import requests

from tests.contract.twin_world import APPID, CORPID, SECRET, account, corp, link
from tests.fixtures.twin import TwinProcess


@pytest.fixture
def shop(twin: TwinProcess) -> TwinProcess:
    settings = {"dispatch_seconds": 0.0}
    twin.setup({"corps": [corp()], "official_accounts": [account()], "settings": settings})
    token = twin.wecom_token(CORPID, SECRET)
    body = {
        "chat_type": "group",
        "sender": "zhang",
        "chat_id_list": ["wrSciFi"],
        "text": {"content": "<b>夜读</b> https://shop.example/t/page1"},
        "attachments": [link("page1")],
    }
    twin.call(
        f"{twin.wecom_url}/cgi-bin/externalcontact/add_msg_template", body, access_token=token
    )
    return twin


def page(twin: TwinProcess, path: str) -> str:
    answer = requests.get(twin.base + path, timeout=5)
    answer.raise_for_status()
    return answer.text


def test_an_empty_twin_says_how_to_begin(twin: TwinProcess) -> None:
    assert "还没有账号或群" in page(twin, "/")
    assert "No accounts or groups yet" in page(twin, "/?lang=en")


def test_the_owner_confirms_with_a_button(shop: TwinProcess) -> None:
    assert "群主确认" in page(shop, "/tasks")
    before = page(shop, "/c/group/wrSciFi")
    assert "还没有收到消息" in before
    msgid = re.findall(r'name="msgid" value="([^"]+)"', before)[0]
    form = {"msgid": msgid, "userid": "zhang"}
    answer = requests.post(f"{shop.base}/do/confirm", data=form, timeout=5, allow_redirects=False)
    assert answer.status_code == 303
    after = page(shop, "/c/group/wrSciFi")
    assert "三体：科幻长篇" in after
    assert "&lt;b&gt;夜读" in after
    assert 'href="https://shop.example/t/page1"' in after
    assert "没有待确认的任务" in page(shop, "/tasks")


def test_faults_are_switched_by_form(shop: TwinProcess) -> None:
    form = {"platform": "wecom", "kind": "45009", "endpoint": "*", "times": "", "seconds": ""}
    requests.post(f"{shop.base}/do/fault", data=form, timeout=5).raise_for_status()
    assert "配额用尽 45009" in page(shop, "/faults")
    assert shop.look("faults")["faults"][0]["times"] is None
    requests.post(f"{shop.base}/do/fault/clear", timeout=5).raise_for_status()
    assert shop.look("faults")["faults"] == []


def test_other_sites_cannot_press_buttons(shop: TwinProcess) -> None:
    answer = requests.post(
        f"{shop.base}/do/confirm", headers={"Origin": "https://evil.example"}, timeout=5
    )
    assert answer.status_code == 403
    assert shop.received(chat_id="wrSciFi")["total"] == 0


@pytest.mark.parametrize(
    "path", ["/", "/tasks", "/faults", f"/c/account/{APPID}", "/c/robot/robot-key"]
)
def test_pages_load_only_their_own_files(shop: TwinProcess, path: str) -> None:
    shop.confirm()
    for language in ("zh", "en"):
        text = page(shop, f"{path}?lang={language}")
        loaded = re.findall(r'<(?:img|script|link)[^>]+(?:src|href)="([^"]+)"', text)
        assert loaded
        for address in {one.replace("&amp;", "&") for one in loaded}:
            assert address.startswith("/")
            assert requests.get(shop.base + address, timeout=5).ok, address


def test_a_missing_article_is_404_in_words(twin: TwinProcess) -> None:
    answer = requests.get(f"{twin.base}/official-account/s/none/0", timeout=5)
    assert answer.status_code == 404
    assert "内容不存在" in answer.text
