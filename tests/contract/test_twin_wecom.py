"""The WeCom side of the twin, spoken to over HTTP as a connector would."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from typing import Any

import pytest
import requests

from tests.contract.twin_world import AES_KEY, CORPID, PNG, SECRET, TOKEN, corp, link, receiver
from tests.fixtures.twin import TwinProcess, wait_for

EXTERNAL = "/cgi-bin/externalcontact/"


class Shop:
    """The enterprise's application: its token and its calls."""

    def __init__(self, twin: TwinProcess) -> None:
        self.twin = twin
        self.token = twin.wecom_token(CORPID, SECRET)

    def __call__(self, endpoint: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        query.setdefault("access_token", self.token)
        method = "GET" if body is None else "POST"
        return self.twin.call(f"{self.twin.wecom_url}/cgi-bin/{endpoint}", body, method, **query)

    def mass(self, code: str, **more: Any) -> Any:
        body = {
            "chat_type": "group",
            "sender": "zhang",
            "chat_id_list": ["wrSciFi"],
            "text": {"content": "今晚聊科幻"},
            "attachments": [link(code)],
            **more,
        }
        body = {name: value for name, value in body.items() if value is not None}
        return self("externalcontact/add_msg_template", body)

    def listed(self, chat_type: str = "group", **more: Any) -> Any:
        now = int(time.time())
        body = {"chat_type": chat_type, "start_time": now - 600, "end_time": now + 600, **more}
        return self("externalcontact/get_groupmsg_list_v2", body)


@pytest.fixture
def shop(twin: TwinProcess) -> Shop:
    twin.setup({"corps": [corp()], "settings": {"dispatch_seconds": 0.0}})
    return Shop(twin)


def test_gettoken_checks_the_secret_before_the_corpid(twin: TwinProcess) -> None:
    twin.setup({"corps": [corp()]})

    def ask(**query: Any) -> int:
        answer = twin.call(f"{twin.wecom_url}/cgi-bin/gettoken", method="GET", **query)
        code: int = answer["errcode"]
        return code

    assert ask() == 41004
    assert ask(corpid="nobody", corpsecret="x") == 40013
    assert ask(corpid=CORPID, corpsecret="wrong") == 40001
    assert twin.wecom_token(CORPID, SECRET) == twin.wecom_token(CORPID, SECRET)


def test_token_errors_come_first_and_carry_default_fields_and_hint(shop: Shop) -> None:
    missing = shop("externalcontact/get_groupmsg_list_v2", {}, access_token="")
    assert missing["errcode"] == 41001
    wrong = shop("externalcontact/list", access_token="nonsense")
    assert wrong["errcode"] == 40014
    assert wrong["external_userid"] == []
    assert "more info at https://open.work.weixin.qq.com/devtool/query?e=40014" in wrong["errmsg"]
    in_body = shop("externalcontact/groupchat/list", {"access_token": shop.token}, access_token="")
    assert in_body["errcode"] == 41001


def test_an_expired_token_is_42001_and_a_new_one_works(shop: Shop) -> None:
    shop.twin.admin("expire_token", {"account": CORPID})
    assert shop.mass("a")["errcode"] == 42001
    assert Shop(shop.twin).mass("a")["errcode"] == 0


def test_unknown_paths_are_404_with_an_empty_body(shop: Shop) -> None:
    answer = requests.get(f"{shop.twin.wecom_url}/cgi-bin/nothing/here", timeout=5)
    assert (answer.status_code, answer.content) == (404, b"")


def test_bodies_need_real_characters_and_json(shop: Shop) -> None:
    url = f"{shop.twin.wecom_url}{EXTERNAL}add_msg_template"
    query = {"access_token": shop.token}
    escaped = requests.post(url, params=query, json={"text": {"content": "书"}}, timeout=5)
    assert escaped.json()["errcode"] == 40033
    broken = requests.post(url, params=query, data=b"{", timeout=5)
    assert broken.json()["errcode"] == 47001
    empty = requests.post(url, params=query, data=b"", timeout=5)
    assert empty.json()["errcode"] == 44002


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sender": None}, 40058),
        ({"sender": ""}, 40058),
        ({"sender": "ghost"}, 60111),
        ({"chat_type": "crowd"}, 40058),
        ({"chat_id_list": ["wrOther"]}, 41048),
        ({"chat_id_list": ["c"] * 2001}, 40058),
        ({"text": None, "attachments": None}, 41088),
        ({"text": {"content": "书" * 1334}}, 45002),
        ({"attachments": [link("x")] * 10}, 41064),
        ({"attachments": [{"msgtype": "poem"}]}, 41065),
        ({"attachments": [{"msgtype": "link", "link": {"title": "t"}}]}, 40058),
        (
            {"attachments": [{"msgtype": "link", "link": {"title": "书" * 43, "url": "http://a"}}]},
            40058,
        ),
        ({"attachments": [{"msgtype": "image", "image": {"media_id": "none"}}]}, 40007),
    ],
)
def test_mass_message_refusals(shop: Shop, change: dict[str, Any], code: int) -> None:
    assert shop.mass("x", **change)["errcode"] == code


def test_invalid_targets_are_named_and_the_rest_is_accepted(shop: Shop) -> None:
    made = shop.mass("mixed", chat_id_list=["wrSciFi", "wrOther", "wrNone"])
    assert made["errcode"] == 0
    assert made["fail_list"] == ["wrOther", "wrNone"]


def test_a_task_is_dispatched_waits_is_confirmed_and_delivered(shop: Shop) -> None:
    shop.twin.settings(dispatch_seconds=30)
    made = shop.mass("life")
    asked = {"msgid": made["msgid"]}
    assert shop("externalcontact/get_groupmsg_task", asked)["errcode"] == 41063
    assert shop.listed()["errcode"] == 41063
    shop.twin.settings(list_while_dispatching="omit")
    assert shop.listed()["group_msg_list"] == []
    shop.twin.advance(31)
    row = shop.listed()["group_msg_list"][0]
    assert row["msgid"] == made["msgid"]
    assert row["attachments"] == [link("life")]
    assert "creator" not in row
    waiting = shop("externalcontact/get_groupmsg_task", asked)["task_list"]
    assert waiting == [{"userid": "zhang", "status": 0}]
    assert shop.twin.received(chat_id="wrSciFi")["total"] == 0
    assert shop.twin.confirm(made["msgid"], "zhang") == {"confirmed": 1}
    assert shop("externalcontact/get_groupmsg_task", asked)["task_list"][0]["status"] == 2
    results = shop("externalcontact/get_groupmsg_send_result", {**asked, "userid": "zhang"})
    assert [(r["chat_id"], r["status"]) for r in results["send_list"]] == [("wrSciFi", 1)]
    assert shop.twin.received(chat_id="wrSciFi")["counts"] == {"wrSciFi": {"life": 1}}


@pytest.mark.parametrize(("rule", "most"), [("daily", 1), ("weekly", 7)])
def test_above_the_ledger_rule_a_target_gets_status_3(shop: Shop, rule: str, most: int) -> None:
    shop.twin.setup({"corps": [corp(mass_rule=rule)]})
    shop.twin.admin("clock", {"now": "2026-11-18T12:00:00+08:00"})  # a Wednesday
    token_shop = Shop(shop.twin)
    statuses = []
    for number in range(most + 1):
        msgid = token_shop.mass(f"m{number}")["msgid"]
        shop.twin.confirm(msgid, "zhang")
        asked = {"msgid": msgid, "userid": "zhang"}
        answer = token_shop("externalcontact/get_groupmsg_send_result", asked)
        statuses.append(answer["send_list"][0]["status"])
    assert statuses == [1] * most + [3]
    shop.twin.advance(7 * 86400)
    later = Shop(shop.twin)
    msgid = later.mass("later")["msgid"]
    shop.twin.confirm(msgid, "zhang")
    answer = later("externalcontact/get_groupmsg_send_result", {"msgid": msgid, "userid": "zhang"})
    assert answer["send_list"][0]["status"] == 1


def test_the_default_rule_is_the_days_of_the_month(shop: Shop) -> None:
    shop.twin.admin("clock", {"now": "2026-11-18T12:00:00+08:00"})
    shop = Shop(shop.twin)
    ids = [shop.mass(f"d{number}")["msgid"] for number in range(31)]
    assert shop.twin.confirm()["confirmed"] == 31
    assert shop.twin.received(chat_id="wrSciFi")["total"] == 30
    last = {"userid": "zhang"}
    found = [
        shop("externalcontact/get_groupmsg_send_result", {**last, "msgid": m})["send_list"][0]
        for m in ids
    ]
    assert sorted(row["status"] for row in found) == [1] * 30 + [3]


def test_lists_page_by_cursor(shop: Shop) -> None:
    ids = [shop.mass(f"p{number}")["msgid"] for number in range(5)]
    seen, cursor = [], ""
    while True:
        page = shop.listed(limit=2, cursor=cursor)
        seen += [row["msgid"] for row in page["group_msg_list"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == ids
    assert shop.listed(limit=101)["errcode"] == 40058
    assert shop.listed(filter_type=1)["group_msg_list"] == []


def test_cancel_stops_members_and_later_reads_say_41093(shop: Shop) -> None:
    asked = {"msgid": shop.mass("gone")["msgid"]}
    assert shop("externalcontact/cancel_groupmsg_send", asked)["errcode"] == 0
    assert shop("externalcontact/get_groupmsg_task", asked)["errcode"] == 41093
    refused = shop.twin.admin("confirm", {**asked, "userid": "zhang"}, status=409)
    assert refused["error"] == "cancelled"
    assert shop("externalcontact/get_groupmsg_task", {"msgid": "msgX"})["errcode"] == 41046


def test_remind_three_times_a_day(shop: Shop) -> None:
    asked = {"msgid": shop.mass("remind")["msgid"]}
    codes = [shop("externalcontact/remind_groupmsg_send", asked)["errcode"] for _ in range(4)]
    assert codes == [0, 0, 0, 41094]


def test_customers_get_a_task_of_the_member_they_talked_to(shop: Shop) -> None:
    made = shop.mass(
        "single", chat_type="single", sender=None, chat_id_list=None, external_userid=["wmC1", "x"]
    )
    assert made["fail_list"] == ["x"]
    shop.twin.confirm(made["msgid"], "zhang")
    assert shop.twin.received(external_userid="wmC1")["total"] == 1
    assert shop.mass("none", chat_type="single", sender=None, chat_id_list=None)["errcode"] == 40058
    everyone = shop.mass("all", chat_type="single", chat_id_list=None)
    shop.twin.confirm(everyone["msgid"], "zhang")
    assert shop.twin.received(external_userid="wmC2")["total"] == 1


def test_owners_confirm_by_themselves_when_switched_on(shop: Shop) -> None:
    rule = {"enabled": True, "min_seconds": 0.0, "max_seconds": 0.2, "slow_share": 0.0, "seed": 3}
    shop.twin.setup({"corps": [corp(auto_confirm=rule)]})
    for number in range(5):
        shop.mass(f"auto{number}")
    wait_for(lambda: shop.twin.received(chat_id="wrSciFi")["total"] == 5)
    assert shop.twin.received()["doubled"] == {}


def test_media_rules(shop: Shop) -> None:
    url = f"{shop.twin.wecom_url}/cgi-bin/media/upload"

    def upload(data: bytes, kind: str) -> Any:
        query = {"access_token": shop.token, "type": kind}
        files = {"media": ("a.png", data)}
        return requests.post(url, params=query, files=files, timeout=5).json()

    assert upload(PNG, "poem")["errcode"] == 40004
    assert upload(b"", "image")["errcode"] == 44001
    assert upload(b"1234", "image")["errcode"] == 40006
    assert upload(b"plain words", "image")["errcode"] == 40005
    good = upload(PNG, "image")
    assert isinstance(good["created_at"], str)
    picture = {"msgtype": "image", "image": {"media_id": good["media_id"]}}
    assert shop.mass("pic", attachments=[picture, link("pic")])["errcode"] == 0
    shop.twin.advance(3 * 86400 + 1)
    assert Shop(shop.twin).mass("old", attachments=[picture])["errcode"] == 40007


def test_groups_and_members_can_be_read(shop: Shop) -> None:
    assert shop("externalcontact/groupchat/list", {})["errcode"] == 40058
    page = shop("externalcontact/groupchat/list", {"limit": 2})
    rest = shop("externalcontact/groupchat/list", {"limit": 2, "cursor": page["next_cursor"]})
    ids = [row["chat_id"] for row in page["group_chat_list"] + rest["group_chat_list"]]
    assert sorted(ids) == ["wrKids", "wrOther", "wrSciFi"]
    chat = shop("externalcontact/groupchat/get", {"chat_id": "wrSciFi"})["group_chat"]
    assert chat["owner"] == "zhang"
    assert [m["type"] for m in chat["member_list"]] == [1] + [2] * 8
    assert all(m["unionid"] for m in chat["member_list"][1:])


def test_groups_outside_the_range_are_missing_without_a_word(shop: Shop) -> None:
    members = [{"userid": "li", "name": "李编辑", "visible": False}]
    shop.twin.setup({"corps": [corp(members=[{"userid": "zhang"}, *members])]})
    listed = shop("externalcontact/groupchat/list", {"limit": 100})["group_chat_list"]
    assert "wrOther" not in [row["chat_id"] for row in listed]
    assert shop.mass("x", sender="li", chat_id_list=["wrOther"])["errcode"] == 60011


def test_customers_and_tags(shop: Shop) -> None:
    shop.twin.setup({"corps": [corp(tags=[{"id": "etSciFi", "name": "科幻", "group": "口味"}])]})
    assert shop("externalcontact/list", userid="zhang")["external_userid"] == [
        "wmC0",
        "wmC1",
        "wmC2",
    ]
    assert shop("externalcontact/list", userid="li")["errcode"] == 84061
    assert shop("externalcontact/get", external_userid="nobody")["errcode"] == 40096
    pair = {"userid": "zhang", "external_userid": "wmC0", "add_tag": ["etSciFi"]}
    assert shop("externalcontact/mark_tag", pair)["errcode"] == 0
    assert shop("externalcontact/mark_tag", pair)["errcode"] == 0
    assert shop("externalcontact/mark_tag", {**pair, "userid": "li"})["errcode"] == 84061
    found = shop("externalcontact/get", external_userid="wmC0")
    assert found["follow_user"][0]["tags"] == ["etSciFi"]
    assert found["external_contact"]["unionid"] == "uC0"
    tagged = {"group_list": [{"tag_list": ["etSciFi"]}]}
    made = shop.mass("t", chat_type="single", sender=None, chat_id_list=None, tag_filter=tagged)
    shop.twin.confirm(made["msgid"])
    assert shop.twin.received()["conversations"] == {"customer:wmC0": 1}


def test_robot_keys_limits_and_types(shop: Shop) -> None:
    def send(body: dict[str, Any], key: str = "robot-key") -> int:
        url = f"{shop.twin.wecom_url}/cgi-bin/webhook/send"
        code: int = shop.twin.call(url, body, key=key)["errcode"]
        return code

    text = {"msgtype": "text", "text": {"content": "库存告急"}}
    assert send(text, key="wrong") == 93000
    assert send({"msgtype": "text", "text": {"content": "长" * 700}}) == 40058
    assert send({"msgtype": "news", "news": {"articles": [{"title": "no url"}]}}) == 40058
    image = {
        "base64": base64.b64encode(PNG).decode(),
        "md5": hashlib.md5(PNG, usedforsecurity=False).hexdigest(),
    }
    codes = [send({"msgtype": "image", "image": image})] + [send(text) for _ in range(20)]
    assert codes == [0] * 20 + [45009]
    shop.twin.advance(61)
    assert send(text) == 0
    empty = requests.post(
        f"{shop.twin.wecom_url}/cgi-bin/webhook/upload_media",
        params={"key": "wrong", "type": "file"},
        files={"media": ("a.txt", b"")},
        timeout=5,
    )
    assert empty.json()["errcode"] == 44001


def test_application_messages(shop: Shop) -> None:
    body = {
        "touser": "zhang|Ghost",
        "msgtype": "text",
        "agentid": 1000002,
        "text": {"content": "有三条推文待确认"},
        "enable_duplicate_check": 1,
    }
    first = shop("message/send", body)
    assert (first["errcode"], first["invaliduser"]) == (0, "ghost")
    assert shop("message/send", body)["msgid"] == first["msgid"]
    assert shop.twin.received(userid="zhang")["total"] == 1
    assert shop("message/send", {**body, "agentid": 5})["errcode"] == 301002
    assert shop("message/send", {**body, "touser": "ghost"})["errcode"] == 81013
    free = {**body, "touser": "li", "enable_duplicate_check": 0}
    assert {shop("message/send", free)["errcode"] for _ in range(32)} == {0}
    assert shop.twin.received(userid="li")["total"] == 30


def test_rate_limit_per_interface(shop: Shop) -> None:
    shop.twin.settings(wecom_calls_per_minute=2)
    codes = [shop("externalcontact/get_follow_user_list")["errcode"] for _ in range(3)]
    assert codes == [0, 0, 45009]


def test_45033_above_n_calls_at_once(shop: Shop) -> None:
    shop.twin.fault("wecom", "externalcontact/groupchat/list", "concurrency", None, limit=1)
    shop.twin.fault("wecom", "externalcontact/groupchat/list", "slow", 1, seconds=1.0)
    codes: list[int] = []

    def ask() -> None:
        url = f"{shop.twin.wecom_url}{EXTERNAL}groupchat/list"
        query = {"access_token": shop.token}
        answer = requests.post(url, params=query, data=b'{"limit": 1}', timeout=10)
        codes.append(answer.json()["errcode"])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes.count(45033) >= 1
    assert codes.count(0) >= 1


def test_people_who_leave_and_join_raise_versions(twin: TwinProcess) -> None:
    with receiver() as got:
        twin.setup({"corps": [corp(callback_url=got.url, token=TOKEN, aes_key=AES_KEY)]})
        twin.admin(f"groups/{CORPID}/wrSciFi/join", {"external_userids": ["wmNew"]})
        state = twin.admin(f"groups/{CORPID}/wrSciFi/leave", {"external_userids": ["wmNew"]})
        assert state["version"] == 3
        wait_for(lambda: len(got.got) == 2)
    versions = [plain_of(body) for _, body in got.got]
    assert "<UpdateDetail><![CDATA[add_member]]>" in versions[0]
    assert "<UpdateDetail><![CDATA[del_member]]>" in versions[1]
    assert "<MemChangeList><Item><![CDATA[wmNew]]></Item></MemChangeList>" in versions[1]


def plain_of(body: str) -> str:
    from sandbox.crypto import decrypt

    cipher_text = body.split("<Encrypt><![CDATA[", 1)[1].split("]]>", 1)[0]
    return decrypt(AES_KEY, CORPID, cipher_text)


def test_a_welcome_code_works_once_and_within_20_seconds(shop: Shop) -> None:
    def new_code(name: str) -> str:
        added = shop.twin.admin(f"contacts/{CORPID}/zhang/add", {"external_userid": name})
        code: str = added["welcome_code"]
        return code

    body = {"welcome_code": new_code("wmNew1"), "text": {"content": "欢迎来书店"}}
    assert shop("externalcontact/send_welcome_msg", body)["errcode"] == 0
    assert shop("externalcontact/send_welcome_msg", body)["errcode"] == 41051
    assert shop.twin.received(external_userid="wmNew1")["total"] == 1
    late = {**body, "welcome_code": new_code("wmNew2")}
    shop.twin.advance(21)
    assert shop("externalcontact/send_welcome_msg", late)["errcode"] == 41050
    assert (
        shop("externalcontact/send_welcome_msg", {**body, "welcome_code": "x"})["errcode"] == 41050
    )


def test_a_customer_who_deleted_the_member_gets_status_2(shop: Shop) -> None:
    made = shop.mass(
        "gone", chat_type="single", sender="zhang", chat_id_list=None, external_userid=["wmC0"]
    )
    shop.twin.admin(f"contacts/{CORPID}/zhang/remove", {"external_userid": "wmC0"})
    shop.twin.confirm(made["msgid"], "zhang")
    asked = {"msgid": made["msgid"], "userid": "zhang"}
    answer = shop("externalcontact/get_groupmsg_send_result", asked)
    assert [row["status"] for row in answer["send_list"]] == [2]
    assert shop.twin.received(external_userid="wmC0")["total"] == 0


def test_moments_are_a_job_that_members_publish(shop: Shop) -> None:
    shop.twin.settings(dispatch_seconds=30)
    url = f"{shop.twin.wecom_url}/cgi-bin/media/upload_attachment"
    query = {"access_token": shop.token, "media_type": "image", "attachment_type": "1"}
    files = {"media": ("a.png", PNG)}
    media_id = requests.post(url, params=query, files=files, timeout=5).json()["media_id"]
    picture = {"msgtype": "image", "image": {"media_id": media_id}}
    body = {"text": {"content": "新书到店"}, "attachments": [picture]}
    assert shop("externalcontact/add_moment_task", {})["errcode"] == 41089
    many = {**body, "attachments": [picture] * 10}
    assert shop("externalcontact/add_moment_task", many)["errcode"] == 41064
    ordinary = requests.post(
        f"{shop.twin.wecom_url}/cgi-bin/media/upload",
        params={"access_token": shop.token, "type": "image"},
        files=files,
        timeout=5,
    ).json()["media_id"]
    wrong = {**body, "attachments": [{"msgtype": "image", "image": {"media_id": ordinary}}]}
    assert shop("externalcontact/add_moment_task", wrong)["errcode"] == 40007
    job = shop("externalcontact/add_moment_task", body)["jobid"]
    assert shop("externalcontact/get_moment_task_result", jobid=job)["status"] == 1
    shop.twin.advance(31)
    done = shop("externalcontact/get_moment_task_result", jobid=job)
    assert done["status"] == 3
    asked = {"moment_id": done["result"]["moment_id"], "userid": "zhang"}
    assert shop("externalcontact/get_moment_send_result", asked)["errcode"] == 41062
    shop.twin.admin("publish_moment", asked)
    rows = shop("externalcontact/get_moment_task", asked)["task_list"]
    assert {row["userid"]: row["publish_status"] for row in rows} == {"zhang": 1, "li": 0}
    reached = shop("externalcontact/get_moment_send_result", asked)["customer_list"]
    assert len(reached) == 3
