"""The Official Account side of the twin, spoken to over HTTP as a connector would."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import requests

from tests.contract.twin_world import AES_KEY, APPID, JPG, PNG, SECRET, TOKEN, account, receiver
from tests.fixtures.twin import TwinProcess, wait_for

RID = re.compile(r" rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$")


class Desk:
    """An account's connector: its token, its pictures, its calls."""

    def __init__(self, twin: TwinProcess, appid: str = APPID) -> None:
        self.twin = twin
        self.token = twin.official_token(appid, SECRET)

    def __call__(self, endpoint: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        query.setdefault("access_token", self.token)
        method = "GET" if body is None else "POST"
        url = f"{self.twin.official_url}/cgi-bin/{endpoint}"
        return self.twin.call(url, body, method, **query)

    def upload(self, endpoint: str, data: bytes, name: str = "cover.png", **query: str) -> Any:
        url = f"{self.twin.official_url}/cgi-bin/{endpoint}"
        query["access_token"] = self.token
        return requests.post(url, params=query, files={"media": (name, data)}, timeout=5).json()

    def cover(self) -> str:
        media_id: str = self.upload("material/add_material", PNG, type="image")["media_id"]
        return media_id

    def article(self, **more: Any) -> dict[str, Any]:
        return {
            "title": "三体：重读的理由",
            "author": "编辑部",
            "content": "<p>科幻长篇，¥39.80，值得再读。</p>",
            "content_source_url": "https://shop.example/t/art1?x=1",
            "thumb_media_id": more.pop("cover", None) or self.cover(),
            **more,
        }

    def draft(self, **more: Any) -> str:
        media_id: str = self("draft/add", {"articles": [self.article(**more)]})["media_id"]
        return media_id

    def send_all(self, media_id: str, client_id: str | None = None, **more: Any) -> Any:
        body = {
            "filter": {"is_to_all": True},
            "msgtype": "mpnews",
            "mpnews": {"media_id": media_id},
            **more,
        }
        if client_id is not None:
            body["clientmsgid"] = client_id
        return self("message/mass/sendall", body)


@pytest.fixture
def desk(twin: TwinProcess) -> Desk:
    settings = {"mass_seconds": 0.0, "publish_seconds": 0.0}
    twin.setup({"official_accounts": [account()], "settings": settings})
    return Desk(twin)


# -- tokens ------------------------------------------------------------------------------


def test_token_refusals_in_order(twin: TwinProcess) -> None:
    twin.setup({"official_accounts": [account()]})

    def ask(**body: Any) -> int:
        code: int = twin.call(f"{twin.official_url}/cgi-bin/stable_token", body)["errcode"]
        return code

    grant = {"grant_type": "client_credential"}
    assert ask(grant_type="password") == 40002
    assert ask(**grant) == 41002
    assert ask(**grant, appid=APPID) == 41004
    assert ask(**grant, appid="nobody", secret="x") == 40013
    assert ask(**grant, appid=APPID, secret="x") == 40125
    get = twin.call(f"{twin.official_url}/cgi-bin/stable_token", method="GET")
    assert get["errcode"] == 43002
    twin.setup({"official_accounts": [account(ip_whitelist=["10.1.1.1"])]})
    assert ask(**grant, appid=APPID, secret=SECRET) == 40164


def test_stable_token_stays_and_overlaps_at_the_end(desk: Desk) -> None:
    twin = desk.twin
    assert twin.official_token(APPID, SECRET) == desk.token
    twin.advance(7200 - 299)
    fresh = twin.official_token(APPID, SECRET)
    assert fresh != desk.token
    assert "errcode" not in desk("draft/count")
    twin.advance(301)
    assert desk("draft/count")["errcode"] == 42001
    assert "errcode" not in Desk(twin)("draft/count")


def test_forced_refresh_kills_the_old_and_is_limited(desk: Desk) -> None:
    twin = desk.twin
    url = f"{twin.official_url}/cgi-bin/stable_token"
    body = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}
    first = twin.call(url, {**body, "force_refresh": True})["access_token"]
    assert first != desk.token
    assert desk("draft/count")["errcode"] == 40001
    assert twin.call(url, {**body, "force_refresh": True})["access_token"] == first
    changed = 0
    for _ in range(25):
        twin.advance(31)
        again = twin.call(url, {**body, "force_refresh": True})["access_token"]
        changed += again != first
        first = again
    assert changed == 19


def test_plain_tokens_replace_each_other_after_five_minutes(desk: Desk) -> None:
    query: dict[str, Any] = {
        "grant_type": "client_credential",
        "appid": APPID,
        "secret": SECRET,
    }
    url = f"{desk.twin.official_url}/cgi-bin/token"
    old = desk.twin.call(url, method="GET", **query)["access_token"]
    new = desk.twin.call(url, method="GET", **query)["access_token"]
    assert "errcode" not in desk("draft/count", access_token=old)
    desk.twin.advance(301)
    assert desk("draft/count", access_token=old)["errcode"] == 42001
    assert "errcode" not in desk("draft/count", access_token=new)
    assert "errcode" not in desk("draft/count")


def test_errors_have_status_200_a_rid_and_come_before_the_body(desk: Desk) -> None:
    for token, code in (("", 41001), ("short", 40014), ("A" * 60, 40001)):
        answer = desk("draft/add", {"nonsense": 1}, access_token=token)
        assert answer["errcode"] == code
        assert RID.search(answer["errmsg"])


# -- media and drafts --------------------------------------------------------------------


def test_picture_rules(desk: Desk) -> None:
    assert desk.upload("media/uploadimg", b"GIF89a" + b"0" * 20)["errcode"] == 40005
    assert desk.upload("media/uploadimg", PNG + b"0" * 1024 * 1024)["errcode"] == 40009
    assert desk.upload("material/add_material", PNG, type="poem")["errcode"] == 40004
    assert desk.upload("material/add_material", PNG, type="thumb")["errcode"] == 40005
    thumb = desk.upload("material/add_material", JPG, type="thumb")
    assert "errcode" not in thumb
    url = desk.upload("media/uploadimg", JPG)["url"]
    assert requests.get(url, timeout=5).content == JPG
    made = desk.upload("material/add_material", PNG, name="deadbeef.png", type="image")
    listed = desk("material/batchget_material", {"type": "image", "offset": 0, "count": 20})
    assert [(i["media_id"], i["name"]) for i in listed["item"]] == [
        (made["media_id"], "deadbeef.png")
    ]
    assert desk("material/batchget_material", {"type": "image", "count": 21})["errcode"] == 40007


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"title": "长" * 33}, 45003),
        ({"title": ""}, 45003),
        ({"author": "人" * 17}, 45110),
        ({"digest": "要" * 129}, 45004),
        ({"content": "字" * 20_001}, 45166),
        ({"content": ""}, 44004),
        ({"content_source_url": "https://a.example/" + "x" * 1020}, 41039),
        ({"cover": "no-such-media"}, 40007),
        ({"article_type": "newspic"}, 40007),
    ],
)
def test_draft_refusals(desk: Desk, change: dict[str, Any], code: int) -> None:
    assert desk("draft/add", {"articles": [desk.article(**change)]})["errcode"] == code


def test_draft_counts_comments_and_escapes(desk: Desk) -> None:
    assert desk("draft/add", {"articles": []})["errcode"] == 44003
    cover = desk.cover()
    many = [desk.article(cover=cover)] * 9
    assert desk("draft/add", {"articles": many})["errcode"] == 45008
    url = f"{desk.twin.official_url}/cgi-bin/draft/add"
    query = {"access_token": desk.token}
    escaped = requests.post(url, params=query, json={"articles": [{"title": "书"}]}, timeout=5)
    assert escaped.json()["errcode"] == 40033
    desk.twin.setup({"official_accounts": [account(comment_right=False)]})
    commented = desk.article(cover=cover, need_open_comment=1)
    assert desk("draft/add", {"articles": [commented]})["errcode"] == 88000


def test_the_draft_box_keeps_filtered_html(desk: Desk) -> None:
    good = desk.upload("media/uploadimg", PNG)["url"]
    html = (
        '<p onclick="x()">好书<script>alert(1)</script></p>'
        f'<img src="{good}"><img src="https://elsewhere.example/a.png">'
        '<a href="javascript:x()">点</a>'
    )
    media_id = desk.draft(content=html)
    item = desk("draft/get", {"media_id": media_id})["news_item"][0]
    assert item["content"] == f'<p>好书</p><img src="{good}"><a>点</a>'
    assert item["digest"] == "好书 点"
    assert requests.get(item["url"], timeout=5).ok
    listed = desk("draft/batchget", {"offset": 0, "count": 20, "no_content": 0})
    source = listed["item"][0]["content"]["news_item"][0]["content_source_url"]
    assert source == "https://shop.example/t/art1?x=1"
    changed = {"media_id": media_id, "index": 1, "articles": desk.article()}
    assert desk("draft/update", changed)["errcode"] == 40114
    assert desk("draft/update", {**changed, "index": 0})["errcode"] == 0
    assert desk("draft/count") == {"total_count": 1}
    assert desk("draft/delete", {"media_id": media_id})["errcode"] == 0
    assert desk("draft/delete", {"media_id": media_id})["errcode"] == 40007


# -- mass sending ------------------------------------------------------------------------


def test_a_mass_send_consumes_the_draft_delivers_and_reports(twin: TwinProcess) -> None:
    with receiver() as got:
        owner = account(callback_url=got.url, token=TOKEN)
        twin.setup({"official_accounts": [owner], "settings": {"mass_seconds": 0.0}})
        desk = Desk(twin)
        media_id = desk.draft()
        sent = desk.send_all(media_id, "task-1")
        assert (sent["errcode"], sent["errmsg"]) == (0, "send job submission success")
        assert sent["msg_data_id"]
        assert desk("draft/get", {"media_id": media_id})["errcode"] == 40007
        wait_for(lambda: got.got)
        state = desk("message/mass/get", {"msg_id": str(sent["msg_id"])})
    assert state["msg_status"] == "SEND_SUCCESS"
    xml = got.got[0][1]
    assert f"<MsgID>{sent['msg_id']}</MsgID>" in xml
    assert "<Status><![CDATA[send success]]></Status>" in xml
    assert "<TotalCount>6</TotalCount>" in xml
    assert "<SentCount>6</SentCount>" in xml
    received = twin.received(account=APPID)
    assert len(received["messages"][0]["recipients"]) == 6
    assert all(counts == {"art1": 1} for counts in received["counts"].values())
    assert desk("message/mass/get", {"msg_id": "5"})["errcode"] == 40059


def test_clientmsgid_makes_a_repeat_harmless(desk: Desk) -> None:
    media_id = desk.draft()
    sent = desk.send_all(media_id, "once")
    assert desk.send_all(media_id, "once")["errcode"] == 45066
    desk.twin.advance(61)
    repeat = desk.send_all(media_id, "once")
    assert (repeat["errcode"], repeat["msg_id"]) == (45065, sent["msg_id"])
    assert desk.send_all(media_id, "x" * 33)["errcode"] == 45067
    wait_for(lambda: desk.twin.received(account=APPID)["total"])
    assert desk.twin.received()["doubled"] == {}
    desk.twin.advance(86400)
    assert Desk(desk.twin).send_all(media_id, "once")["errcode"] == 40007


def test_without_a_clientmsgid_the_same_content_is_refused(desk: Desk) -> None:
    first = desk.send_all(desk.draft())
    assert first["errcode"] == 0
    desk.twin.advance(61)
    again = desk.send_all(desk.draft())
    assert (again["errcode"], again["msg_id"]) == (45065, first["msg_id"])


def test_a_failed_send_leaves_no_trace(desk: Desk) -> None:
    assert desk.send_all("no-such-draft", "retry")["errcode"] == 40007
    assert desk.send_all(desk.draft(), "retry")["errcode"] == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"msgtype": "poem"}, 40008),
        ({"msgtype": "wxcard"}, 45113),
        ({"filter": {"is_to_all": False, "tag_id": 777}}, 40152),
        ({"msgtype": "text", "text": {"content": ""}}, 44004),
        ({"msgtype": "voice", "voice": {"media_id": "none"}}, 40007),
    ],
)
def test_mass_refusals(desk: Desk, change: dict[str, Any], code: int) -> None:
    assert desk.send_all(desk.draft(), "c", **change)["errcode"] == code


def test_a_subscription_account_sends_once_a_day(twin: TwinProcess) -> None:
    twin.setup({"official_accounts": [account(account_type="SUB")]})
    twin.admin("clock", {"now": "2026-11-18T12:00:00+08:00"})
    desk = Desk(twin)
    tag = desk("tags/create", {"tag": {"name": "科幻"}})["tag"]["id"]
    to_tag = {"filter": {"is_to_all": False, "tag_id": tag}}
    assert desk.send_all(desk.draft(), "a", **to_tag)["errcode"] == 0
    assert desk.send_all(desk.draft(title="第二篇"), "b")["errcode"] == 45028
    by_list = {"touser": ["a", "b"], "msgtype": "text", "text": {"content": "x"}}
    assert desk("message/mass/send", by_list)["errcode"] == 48001
    twin.advance(86400)
    desk = Desk(twin)
    assert desk.send_all(desk.draft(title="第三篇"), "c")["errcode"] == 0


def test_a_service_account_reaches_each_follower_four_times_a_month(desk: Desk) -> None:
    desk.twin.admin("clock", {"now": "2026-11-02T12:00:00+08:00"})
    desk = Desk(desk.twin)
    openids = desk("user/get")["data"]["openid"][:2]
    for number in range(5):
        body = {
            "touser": openids,
            "msgtype": "text",
            "text": {"content": f"第{number}封"},
            "clientmsgid": f"m{number}",
        }
        assert desk("message/mass/send", body)["errcode"] == 0
    wait_for(lambda: desk.twin.received(account=APPID)["total"] == 5)
    messages = desk.twin.received(account=APPID)["messages"]
    assert [len(m["recipients"]) for m in messages] == [2, 2, 2, 2, 0]
    codes = []
    for day in range(6):
        codes.append(
            Desk(desk.twin).send_all(desk.draft(title=f"全体{day}"), f"all{day}")["errcode"]
        )
        codes.append(desk.send_all(desk.draft(title=f"同日{day}"), f"same{day}")["errcode"])
        desk.twin.advance(86400)
        desk = Desk(desk.twin)
    assert codes == [0, 45028] * 4 + [45028] * 4


def test_openid_lists_have_their_limits(desk: Desk) -> None:
    body = {"msgtype": "text", "text": {"content": "x"}, "touser": ["one"]}
    assert desk("message/mass/send", body)["errcode"] == 40130
    assert desk("message/mass/send", {**body, "touser": ["a", "b"]})["errcode"] == 40031
    many = [f"o{number}" for number in range(10_001)]
    assert desk("message/mass/send", {**body, "touser": many})["errcode"] == 40032


def test_unverified_accounts_may_not(twin: TwinProcess) -> None:
    twin.setup({"official_accounts": [account(verified=False)]})
    desk = Desk(twin)
    media_id = desk.draft()
    assert desk.send_all(media_id)["errcode"] == 48001
    assert desk("freepublish/submit", {"media_id": media_id})["errcode"] == 48001


def test_protected_accounts_wait_for_the_administrator(desk: Desk) -> None:
    desk.twin.setup({"official_accounts": [account(protected=True)]})
    waiting = desk.send_all(desk.draft(), "p1")
    assert waiting["errcode"] == 89504
    asked = {"msg_id": waiting["msg_id"]}
    assert desk("message/mass/get", asked)["errcode"] == 89504
    desk.twin.admin("approve", {"appid": APPID, **asked})
    wait_for(lambda: desk("message/mass/get", asked).get("msg_status") == "SEND_SUCCESS")
    silent = {"msg_id": desk.send_all(desk.draft(title="沉默"), "p2", **tagged(desk))["msg_id"]}
    desk.twin.advance(1801)
    wait_for(lambda: desk("message/mass/get", silent).get("msg_status") == "SEND_FAIL")


def tagged(desk: Desk) -> dict[str, Any]:
    tag = desk("tags/create", {"tag": {"name": "少数"}})["tag"]["id"]
    return {"filter": {"is_to_all": False, "tag_id": tag}}


def test_tags_choose_the_followers(desk: Desk) -> None:
    openids = desk("user/get")["data"]["openid"]
    tag = desk("tags/create", {"tag": {"name": "悬疑"}})["tag"]["id"]
    assert desk("tags/create", {"tag": {"name": "悬疑"}})["errcode"] == 45157
    assert desk("tags/create", {"tag": {"name": "长" * 11}})["errcode"] == 45158
    members = {"openid_list": openids[:3], "tagid": tag}
    assert desk("tags/members/batchtagging", members)["errcode"] == 0
    assert desk("tags/members/batchtagging", {**members, "tagid": 9})["errcode"] == 45159
    too_many = {"openid_list": openids[:1] * 51, "tagid": tag}
    assert desk("tags/members/batchtagging", too_many)["errcode"] == 40032
    assert desk("user/info", openid=openids[0])["tagid_list"] == [tag]
    desk.send_all(desk.draft(), "t", filter={"is_to_all": False, "tag_id": tag})
    wait_for(lambda: desk.twin.received(account=APPID)["total"])
    message = desk.twin.received(account=APPID)["messages"][0]
    assert sorted(message["recipients"]) == sorted(openids[:3])


# -- publishing, customer messages, quotas ------------------------------------------------


def test_publishing_is_a_delayed_job_with_an_event(twin: TwinProcess) -> None:
    with receiver() as got:
        owner = account(callback_url=got.url, token=TOKEN)
        twin.setup({"official_accounts": [owner], "settings": {"publish_seconds": 0.2}})
        desk = Desk(twin)
        media_id = desk.draft()
        job = desk("freepublish/submit", {"media_id": media_id})
        asked = {"publish_id": job["publish_id"]}
        assert desk("freepublish/get", asked)["publish_status"] == 1
        assert desk("draft/get", {"media_id": media_id})["errcode"] == 40007
        wait_for(lambda: desk("freepublish/get", asked)["publish_status"] == 0)
        wait_for(lambda: got.got)
    assert "PUBLISHJOBFINISH" in got.got[0][1]
    done = desk("freepublish/get", asked)
    page = done["article_detail"]["item"][0]["article_url"]
    assert requests.get(page, timeout=5).ok
    listed = desk("freepublish/batchget", {"offset": 0, "count": 20, "no_content": 0})
    assert listed["item"][0]["article_id"] == done["article_id"]
    assert twin.received(account=APPID)["total"] == 0


def test_a_refused_publication_returns_the_draft(desk: Desk) -> None:
    desk.twin.setup({"official_accounts": [account(publish_result=4)]})
    media_id = desk.draft()
    asked = {"publish_id": desk("freepublish/submit", {"media_id": media_id})["publish_id"]}
    wait_for(lambda: desk("freepublish/get", asked)["publish_status"] == 4)
    assert desk("freepublish/get", asked)["fail_idx"] == [1]
    assert "errcode" not in desk("draft/get", {"media_id": media_id})


def test_customer_messages_need_an_open_window(desk: Desk) -> None:
    openid = desk("user/get")["data"]["openid"][0]
    body = {"touser": openid, "msgtype": "text", "text": {"content": "您好"}}

    def send() -> int:
        code: int = desk("message/custom/send", body)["errcode"]
        return code

    assert send() == 45015
    desk.twin.admin("interact", {"appid": APPID, "openid": openid, "kind": "click"})
    assert [send() for _ in range(4)] == [0, 0, 0, 45047]
    desk.twin.advance(61)
    assert send() == 45015
    desk.twin.admin("interact", {"appid": APPID, "openid": openid, "kind": "message"})
    assert [send() for _ in range(6)] == [0] * 5 + [45047]
    assert desk("message/custom/send", {**body, "touser": "nobody"})["errcode"] == 40003


def test_preview_reaches_one_and_costs_no_quota(desk: Desk) -> None:
    openid = desk("user/get")["data"]["openid"][0]
    media_id = desk.draft()
    body = {"touser": openid, "msgtype": "mpnews", "mpnews": {"media_id": media_id}}
    assert desk("message/mass/preview", body)["errcode"] == 0
    assert desk.twin.received(account=APPID)["messages"][0]["recipients"] == [openid]
    assert desk.send_all(media_id, "after")["errcode"] == 0


def test_quotas_are_counted_told_and_cleared(desk: Desk) -> None:
    desk.twin.setup({"official_accounts": [account(quotas={"draft/count": 3})]})
    path = {"cgi_path": "/cgi-bin/draft/count"}
    assert ["errcode" in desk("draft/count") for _ in range(4)] == [False] * 3 + [True]
    assert desk("draft/count")["errcode"] == 45009
    assert desk("openapi/quota/get", path)["quota"] == {"daily_limit": 3, "used": 3, "remain": 0}
    assert desk("openapi/quota/get", {"cgi_path": "/nowhere"})["errcode"] == 76021
    assert desk("openapi/quota/clear", path)["errcode"] == 0
    assert desk("draft/count") == {"total_count": 0}


def test_mass_calls_are_limited_per_minute(desk: Desk) -> None:
    desk.twin.settings(mass_calls_per_minute=2)
    second = int(time.time()) % 60
    if second > 50:  # stay inside one minute of the twin's clock
        desk.twin.advance(15)
    codes = [desk("message/mass/get", {"msg_id": "1"})["errcode"] for _ in range(3)]
    assert codes == [40059, 40059, 45011]


# -- callbacks ---------------------------------------------------------------------------


def test_callbacks_in_aes_mode_open_with_the_account_key(twin: TwinProcess) -> None:
    from sandbox.crypto import decrypt, signature

    with receiver() as got:
        owner = account(callback_url=f"{got.url}/in?x=1", token=TOKEN, aes_key=AES_KEY)
        twin.setup({"official_accounts": [owner]})
        openid = Desk(twin)("user/get")["data"]["openid"][0]
        twin.admin(
            "interact", {"appid": APPID, "openid": openid, "kind": "message", "text": "在吗"}
        )
        wait_for(lambda: got.got)
        query, body = got.got[0]
    cipher_text = body.split("<Encrypt><![CDATA[", 1)[1].split("]]>", 1)[0]
    signed = signature(TOKEN, query["timestamp"], query["nonce"], cipher_text)
    assert query["msg_signature"] == signed
    assert query["encrypt_type"] == "aes"
    assert query["x"] == "1"
    assert "在吗" in decrypt(AES_KEY, APPID, cipher_text)


def test_callbacks_are_tried_three_times(twin: TwinProcess) -> None:
    with receiver() as got:
        got.answers = [(500, "broken"), (200, "busy"), (200, "success")]
        twin.setup({"official_accounts": [account(callback_url=got.url, token=TOKEN)]})
        desk = Desk(twin)
        openid = desk("user/get")["data"]["openid"][0]
        twin.admin("interact", {"appid": APPID, "openid": openid, "kind": "subscribe"})
        wait_for(lambda: len(got.got) == 3)
        twin.admin("interact", {"appid": APPID, "openid": openid, "kind": "unsubscribe"})
        wait_for(lambda: len(got.got) == 4)
    assert len({body for _, body in got.got[:3]}) == 1
    assert "unsubscribe" in got.got[3][1]
    assert openid not in desk("user/get")["data"]["openid"]


def test_the_address_check(twin: TwinProcess) -> None:
    with receiver() as got:
        twin.setup({"official_accounts": [account(callback_url=got.url, token=TOKEN)]})
        wanted = {"platform": "official-account", "account": APPID}
        assert twin.admin("verify_callback", wanted)["ok"]
        got.echo = False
        assert not twin.admin("verify_callback", wanted)["ok"]
