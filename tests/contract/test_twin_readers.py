"""Simulated readers click tracked links and report the rest to an events interface."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.contract.twin_world import CORPID, SECRET, Receiver, corp, receiver
from tests.fixtures.twin import TwinProcess, wait_for

TASTES = {
    "topics": {"scifi": 1.0},
    "activity": 0.98,
    "budget_fen": 20_000,
    "hours": list(range(24)),
}


def prepare(twin: TwinProcess, got: Receiver) -> None:
    group = {"chat_id": "wrSciFi", "name": "科幻", "owner": "zhang", "size": 400, "hidden": TASTES}
    readers = {
        "enabled": True,
        "speed": 2000.0,
        "seed": 5,
        "max_readers": 400,  # enough that somebody orders, whatever the draw
        "events_url": f"{got.url}/api/v1/events",
        "api_key": "key-1",
        "link_base": got.url,
    }
    settings = {"dispatch_seconds": 0.0}
    twin.setup({"corps": [corp(groups=[group])], "settings": settings, "readers": readers})


def send(twin: TwinProcess, code: str) -> None:
    token = twin.wecom_token(CORPID, SECRET)
    card = {"title": "三体", "desc": "科幻 外星 宇宙飞船", "url": f"https://shop.example/t/{code}"}
    body = {
        "chat_type": "group",
        "sender": "zhang",
        "chat_id_list": ["wrSciFi"],
        "text": {"content": "科幻长篇，今晚 ¥39.80"},
        "attachments": [{"msgtype": "link", "link": card}],
    }
    url = f"{twin.wecom_url}/cgi-bin/externalcontact/add_msg_template"
    assert twin.call(url, body, access_token=token)["errcode"] == 0
    twin.confirm()


def clicks(got: Receiver) -> list[str]:
    return [path for path in list(got.paths) if path.startswith("/t/")]


def events(got: Receiver) -> list[dict[str, Any]]:
    return [event for _, body in list(got.got) for event in json.loads(body)["events"]]


def test_readers_click_and_report(twin: TwinProcess) -> None:
    with receiver() as got:
        prepare(twin, got)
        send(twin, "c1")
        wait_for(lambda: twin.stats()["readers"]["waiting"] == 0 and len(clicks(got)) > 5)
        wait_for(lambda: any(event["kind"] == "order" for event in events(got)))
        counts = twin.stats()["readers"]
        wait_for(lambda: len(clicks(got)) == counts["click"])
    clickers = {parse_qs(urlsplit(path).query)["external_userid"][0] for path in clicks(got)}
    assert len(clickers) == counts["click"]
    found = events(got)
    assert {event["post_code"] for event in found} == {"c1"}
    assert {event["audience_ref"] for event in found} == {"wrSciFi"}
    assert "click" not in {event["kind"] for event in found}
    assert len({event["event_id"] for event in found}) == len(found)
    orders = [event for event in found if event["kind"] == "order"]
    assert {event["value_fen"] for event in orders} == {3980}
    assert {event["reader"]["external_userid"] for event in orders} <= clickers


def test_a_product_in_trouble_is_asked_again(twin: TwinProcess) -> None:
    with receiver() as got:
        prepare(twin, got)
        got.answers = [(503, "later")]
        send(twin, "c2")
        wait_for(lambda: twin.stats()["readers"].get("report 2xx", 0) >= 1)
    bodies = [body for _, body in got.got]
    assert bodies[0] == bodies[1]


def test_without_a_product_the_platform_goes_on(twin: TwinProcess) -> None:
    with receiver() as got:
        prepare(twin, got)
    send(twin, "c3")
    wait_for(lambda: twin.stats()["readers"].get("click ConnectionError", 0) >= 1)
    send(twin, "c4")
    assert twin.received(chat_id="wrSciFi")["total"] == 2
