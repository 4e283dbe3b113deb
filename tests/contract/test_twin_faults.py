"""The twin's bad days: faults, callbacks gone wrong, restarts and kills."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.contract.twin_world import APPID, CORPID, SECRET, TOKEN, account, corp, link, receiver
from tests.fixtures.twin import TwinProcess, wait_for

ADD = "externalcontact/add_msg_template"


def mass_body(code: str) -> dict[str, Any]:
    return {
        "chat_type": "group",
        "sender": "zhang",
        "chat_id_list": ["wrSciFi"],
        "text": {"content": "夜读"},
        "attachments": [link(code)],
    }


def add(twin: TwinProcess, code: str, timeout: float = 10.0) -> requests.Response:
    import json

    return requests.post(
        f"{twin.wecom_url}/cgi-bin/{ADD}",
        params={"access_token": twin.wecom_token(CORPID, SECRET)},
        data=json.dumps(mass_body(code), ensure_ascii=False).encode(),
        timeout=timeout,
    )


@pytest.fixture
def shop(twin: TwinProcess) -> TwinProcess:
    twin.setup({"corps": [corp()], "settings": {"dispatch_seconds": 0.0}})
    return twin


@pytest.mark.parametrize(
    ("kind", "tasks"), [("timeout_before_effect", 0), ("timeout_after_effect", 1)]
)
def test_a_time_out_has_or_has_not_taken_effect(shop: TwinProcess, kind: str, tasks: int) -> None:
    shop.fault("wecom", ADD, kind, seconds=20)
    with pytest.raises(requests.ReadTimeout):
        add(shop, "t1", timeout=0.4)
    assert shop.stats()["tasks"] == tasks
    assert add(shop, "t2").json()["errcode"] == 0


@pytest.mark.parametrize(
    ("kind", "tasks"), [("timeout_before_effect", 0), ("timeout_after_effect", 1)]
)
def test_the_connection_is_dropped_without_an_answer(
    shop: TwinProcess, kind: str, tasks: int
) -> None:
    shop.fault("wecom", ADD, kind, seconds=0.1)
    with pytest.raises(requests.ConnectionError):
        add(shop, "t1")
    assert shop.stats()["tasks"] == tasks


@pytest.mark.parametrize("code", [-1, 40001, 42001, 45009, 45011, 48001])
def test_error_codes_once(shop: TwinProcess, code: int) -> None:
    shop.fault("wecom", ADD, code)
    assert add(shop, "e1").json()["errcode"] == code
    assert add(shop, "e2").json()["errcode"] == 0
    assert shop.stats()["tasks"] == 1


def test_a_fault_for_ever_lasts_until_cleared(shop: TwinProcess) -> None:
    shop.fault("wecom", ADD, 40001, times=None)
    assert {add(shop, f"f{n}").json()["errcode"] for n in range(3)} == {40001}
    assert shop.look("faults")["faults"][0]["hits"] == 3
    shop.clear_faults()
    assert add(shop, "f9").json()["errcode"] == 0


def test_a_bad_gateway_is_html(shop: TwinProcess) -> None:
    shop.fault("*", "*", "html_502", account=CORPID)
    answer = add_with_token(shop)
    assert answer.status_code == 502
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def add_with_token(shop: TwinProcess) -> requests.Response:
    """The token call itself belongs to the account, so it meets the fault first."""
    url = f"{shop.wecom_url}/cgi-bin/gettoken"
    return requests.get(url, params={"corpid": CORPID, "corpsecret": SECRET}, timeout=5)


def test_a_slow_answer_is_still_an_answer(shop: TwinProcess) -> None:
    shop.fault("wecom", ADD, "slow", seconds=0.3)
    answer = add(shop, "slow")
    assert answer.elapsed.total_seconds() >= 0.3
    assert answer.json()["errcode"] == 0


def test_a_wrong_fault_is_refused(shop: TwinProcess) -> None:
    assert "unknown fault" in shop.admin("faults", {"kind": "earthquake"}, status=400)["error"]


# -- callbacks ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "bodies"),
    [
        ("callback_duplicate", ["a", "a", "b"]),
        ("callback_lost", ["b"]),
        ("callback_reorder", ["b", "a"]),
    ],
)
def test_callbacks_gone_wrong(twin: TwinProcess, fault: str, bodies: list[str]) -> None:
    with receiver() as got:
        twin.setup({"official_accounts": [account(callback_url=got.url, token=TOKEN)]})
        openids = people(twin)
        twin.fault("official-account", "callback", fault, seconds=10)
        for openid, text in zip(openids, ("letter-a", "letter-b"), strict=False):
            twin.admin(
                "interact", {"appid": APPID, "openid": openid, "kind": "message", "text": text}
            )
        wait_for(lambda: len(got.got) >= len(bodies))
    found = [body.split("letter-", 1)[1][0] for _, body in got.got]
    assert found == bodies


def people(twin: TwinProcess) -> list[str]:
    token = twin.official_token(APPID, SECRET)
    url = f"{twin.official_url}/cgi-bin/user/get"
    found: list[str] = twin.call(url, method="GET", access_token=token)["data"]["openid"]
    return found


def test_a_false_signature(twin: TwinProcess) -> None:
    from sandbox.crypto import signature

    with receiver() as got:
        twin.setup({"official_accounts": [account(callback_url=got.url, token=TOKEN)]})
        twin.fault("official-account", "callback", "callback_bad_signature")
        openid = people(twin)[0]
        for _ in range(2):
            twin.admin("interact", {"appid": APPID, "openid": openid, "kind": "click"})
        wait_for(lambda: len(got.got) == 2)
    right = [q["signature"] == signature(TOKEN, q["timestamp"], q["nonce"]) for q, _ in got.got]
    assert right == [False, True]


# -- restarts ----------------------------------------------------------------------------


@pytest.fixture
def own_twin(tmp_path: Path) -> Iterator[TwinProcess]:
    process = TwinProcess(tmp_path)
    process.start()
    yield process
    process.stop()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_lost_by_a_restart_or_a_kill(own_twin: TwinProcess, how: signal.Signals) -> None:
    rule = {"enabled": True, "min_seconds": 1.0, "max_seconds": 1.2, "slow_share": 0.0}
    own_twin.setup({"corps": [corp(auto_confirm=rule)], "settings": {"dispatch_seconds": 0.0}})
    token = own_twin.wecom_token(CORPID, SECRET)
    for number in range(5):
        assert add(own_twin, f"r{number}").json()["errcode"] == 0
    own_twin.restart(how)
    assert own_twin.wecom_token(CORPID, SECRET) == token
    assert own_twin.stats()["tasks"] == 5
    wait_for(lambda: own_twin.received(chat_id="wrSciFi")["total"] == 5)
    assert own_twin.received()["doubled"] == {}
    own_twin.restart()
    assert own_twin.received(chat_id="wrSciFi")["total"] == 5


def test_sigterm_ends_it_cleanly(own_twin: TwinProcess) -> None:
    assert own_twin.stop() == 0


def test_setup_twice_changes_nothing(shop: TwinProcess) -> None:
    shop.admin(f"groups/{CORPID}/wrSciFi/join", {"external_userids": ["wmNew"]})
    document = {"corps": [corp()], "official_accounts": [account()]}
    shop.setup(document)
    shop.setup(document)
    token = shop.wecom_token(CORPID, SECRET)
    url = f"{shop.wecom_url}/cgi-bin/externalcontact/groupchat/get"
    chat = shop.call(url, {"chat_id": "wrSciFi"}, access_token=token)["group_chat"]
    assert len(chat["member_list"]) == 1 + 8 + 1
    assert int(chat["member_version"], 16) == 2
    assert len(people(shop)) == 6
    refused = shop.admin("setup", {"corps": [{"corpid": "x"}]}, status=400)
    assert "secret" in refused["error"]
