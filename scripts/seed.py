"""The sample content of the demo, through the product's own doors.

python -m scripts.seed                 content, people, channels, audiences (once)
python -m scripts.seed --twin URL      the twin's accounts and readers, and the week's plan
"""

from __future__ import annotations

import argparse
import io
import json
import secrets
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from contentcenter.domain.content import ItemKind
from contentcenter.domain.roles import Role, Scope
from contentcenter.floor import Floor
from contentcenter.jobs import worker
from contentcenter.jobs.names import QueueName
from contentcenter.jobs.relay import Relay
from contentcenter.web.app import FLOOR
from contentcenter.web.auth import accounts
from distribute.audience_service import SlotView
from distribute.ext import get_distribute
from ingest.ext import get_ingest
from scripts.demo import PUBLIC, TWIN_DOCUMENT
from wsgi import LISTENERS, create_app

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
ACTOR = "demo"
# Credentials of the twin's accounts: they open nothing but the twin on this machine.
SECRET = "twin-secret"  # noqa: S105
TOKEN = "twintoken"  # noqa: S105
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
CUSTOMERS_SHOWN = 40
EARLIEST_QUIET_END = "06:00"


def samples(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


def say(text: str) -> None:
    print(f"[seed] {text}", flush=True)


# -- content ------------------------------------------------------------------------------


def import_content(app: Flask, floor: Floor) -> None:
    """Supplier list, articles, reader notes: received as uploads, processed by the real jobs."""
    ingest = get_ingest()
    for name, kind in (("示例书商", ItemKind.SUPPLIER), ("一页灯编辑部", ItemKind.PGC)):
        ingest.sources.trust(name, kind, True, ACTOR)
    books = (SAMPLES / "books.csv").read_bytes()
    notes = (SAMPLES / "ugc.jsonl").read_bytes()
    uploads = [
        (books, "books.csv", "示例书商", ItemKind.SUPPLIER),
        (articles_zip(), "articles.zip", "一页灯编辑部", ItemKind.PGC),
        (notes, "ugc.jsonl", "读者笔记", ItemKind.UGC),
    ]
    for data, name, source, kind in uploads:
        import_id = ingest.imports.receive(io.BytesIO(data), name, source, ACTOR, kind)
        run_jobs(app, floor)
        view = ingest.imports.get(import_id)
        say(f"{name}: {view.created} new, {view.updated} changed, {view.rejected} refused rows")
        if view.failure:
            raise SystemExit(f"[seed] {name}: {view.failure}")


def articles_zip() -> bytes:
    """The articles folder as the zip an editor would upload."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((SAMPLES / "articles").rglob("*")):
            if path.is_file():
                # A fixed date: the same samples are the same upload.
                info = zipfile.ZipInfo(str(path.relative_to(SAMPLES / "articles")))
                archive.writestr(info, path.read_bytes())
    return buffer.getvalue()


def run_jobs(app: Flask, floor: Floor) -> None:
    """Relay and work until nothing is left, in this process."""
    relay = Relay(floor.db, floor.queue, floor.clock, LISTENERS)
    started, told = time.monotonic(), 1
    while told:
        told = relay.run_once()
        worker.work(app, floor.settings.redis_url, QueueName.all(), burst=True)
    say(f"processed in {time.monotonic() - started:.0f} s")


# -- people, channels, audiences ------------------------------------------------------------


def make_access(floor: Floor, public_url: str, sandbox_url: str) -> None:
    """An administrator, keys for the app and the twin, and `demo.json` with all of it."""
    password = secrets.token_urlsafe(9)
    accounts().create_user("demo", password, Role.ADMIN, ACTOR)
    accounts().create_user("editor", password, Role.EDITOR, ACTOR)
    accounts().create_user("operator", password, Role.OPERATOR, ACTOR)
    access = {
        "console_url": f"{public_url}/",
        "api_url": f"{public_url}/api/v1",
        "sandbox_url": f"{sandbox_url}/",
        "api_key": accounts().create_key("demo", list(Scope), ACTOR),
        "user": "demo",
        "password": password,
    }
    write_private(floor.settings.data_dir / "demo.json", access)


def write_private(path: Path, content: Mapping[str, Any]) -> None:
    path.touch(mode=0o600)
    text = json.dumps(content, ensure_ascii=False, indent=2)
    path.write_text(text + "\n", encoding="utf-8")


def make_channels(document: Mapping[str, Any]) -> dict[str, int]:
    """Channel ids by what an audience's platform id belongs to."""
    channels = get_distribute().channels
    corp = document["wecom"]
    secrets_of_corp = {
        "secret": SECRET, "agentid": str(corp["agentid"]), "token": TOKEN, "aes_key": AES_KEY,
    }  # fmt: skip
    ids: dict[str, int] = {}
    for account in document["accounts"]:
        ids[account["appid"]] = channels.create(
            ACTOR, kind="official_account", name=account["name"], account=account["appid"],
            credentials={"secret": SECRET, "token": TOKEN, "aes_key": AES_KEY},
            settings={"account_type": account["type"]},
        ).id  # fmt: skip
    for kind, label in (("wecom_groups", "客户群"), ("wecom_customers", "客户")):
        ids[kind] = channels.create(
            ACTOR, kind=kind, name=f"{corp['name']} · {label}", account=corp["corpid"],
            credentials=secrets_of_corp,
        ).id  # fmt: skip
    ids["group_robot"] = channels.create(
        ACTOR, kind="group_robot", name="编辑部机器人", account="robot-editors",
        credentials={"key": "robot-editors"},
    ).id  # fmt: skip
    return ids


def make_audiences(document: Mapping[str, Any], channels: Mapping[str, int]) -> None:
    service = get_distribute().audiences
    corp = document["wecom"]
    for member in corp["members"]:
        service.add_member(corp["corpid"], member["userid"], member["name"])
    for raw in document["audiences"]:
        channel, reference = place(raw, channels)
        slots = [
            SlotView(tuple(day - 1 for day in slot["weekdays"]), slot["time"])
            for slot in raw["slots"]
        ]
        early = any(slot.local_time < "08:00" for slot in slots)
        service.create(
            ACTOR, channel_id=channel, kind=raw["kind"], name=raw["name"],
            platform_ref=reference, slots=slots, description=raw["description"],
            owner_userid=raw.get("owner", raw.get("userid", "")), size=raw["size"],
            tags=raw["tags"], categories=raw["categories"],
            price_ceiling_fen=raw["price_ceiling_fen"], timezone=raw["timezone"],
            auto_approve=True, quiet_until=EARLIEST_QUIET_END if early else "08:00",
        )  # fmt: skip


def place(raw: Mapping[str, Any], channels: Mapping[str, int]) -> tuple[int, str]:
    """The channel of an audience and its id on the platform."""
    places: dict[str, Callable[[], tuple[int, str]]] = {
        "group": lambda: (channels["wecom_groups"], raw["chat_id"]),
        "customers": lambda: (channels["wecom_customers"], raw["userid"]),
        "followers": lambda: (channels[raw["appid"]], raw["appid"]),
        "internal_group": lambda: (channels["group_robot"], raw["robot_key"]),
    }
    return places[raw["kind"]]()


# -- the twin --------------------------------------------------------------------------------


def twin_document(
    document: Mapping[str, Any], tastes: Mapping[str, Any], key: str
) -> dict[str, Any]:
    """What the twin has to know. Saying it again changes nothing there."""
    ids = {channel.account: channel.id for channel in get_distribute().channels.list()}
    callback = {"token": TOKEN, "aes_key": AES_KEY}
    corp = document["wecom"]
    groups = [raw for raw in document["audiences"] if raw["kind"] == "group"]
    return {
        "settings": {"dispatch_seconds": 1.0},
        "official_accounts": [
            {
                "appid": account["appid"], "secret": SECRET, "name": account["name"],
                "account_type": account["type"], "verified": True,
                "followers": account["followers"], "hidden": tastes.get(account["appid"], {}),
                "callback_url": f"{PUBLIC}/callbacks/official-account/{ids[account['appid']]}",
                **callback,
            }
            for account in document["accounts"]
        ],
        "corps": [
            {
                "corpid": corp["corpid"], "secret": SECRET, "agentid": corp["agentid"],
                "name": corp["name"], "mass_rule": "daily",
                "auto_confirm": {"enabled": True, "min_seconds": 3.0, "max_seconds": 12.0},
                "callback_url": f"{PUBLIC}/callbacks/wecom/{ids[corp['corpid']]}", **callback,
                "members": [
                    {"userid": one["userid"], "name": one["name"]} for one in corp["members"]
                ],
                "groups": [
                    {
                        "chat_id": raw["chat_id"], "name": raw["name"], "owner": raw["owner"],
                        "size": raw["size"], "hidden": tastes[raw["chat_id"]],
                    }
                    for raw in groups
                ],
                "customers": customers(document, tastes),
                "robots": [{"key": "robot-editors", "name": "编辑部晨会群", "size": 17}],
            }
        ],
        "readers": {
            "enabled": True, "speed": 60.0, "seed": 20261121, "max_readers": 40,
            "events_url": f"{PUBLIC}/api/v1/events", "api_key": key, "link_base": PUBLIC,
        },
    }  # fmt: skip


def customers(document: Mapping[str, Any], tastes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A visible part of each member's customers, with the member's hidden taste."""
    return [
        {
            "external_userid": f"wm{raw['userid']}{number:04d}",
            "follow_userid": raw["userid"],
            "name": f"读者{number:02d}",
            "hidden": tastes[raw["userid"]],
        }
        for raw in document["audiences"]
        if raw["kind"] == "customers"
        for number in range(1, CUSTOMERS_SHOWN + 1)
    ]


def write_twin_document(floor: Floor) -> None:
    """What the twin has to be told, kept for later starts; PUBLIC stands for our address."""
    key = accounts().create_key("twin readers", [Scope.EVENTS], ACTOR)
    document = twin_document(samples("audiences.json"), samples("hidden_tastes.json"), key)
    write_private(floor.settings.data_dir / TWIN_DOCUMENT, document)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sandbox-url", default="")
    options = parser.parse_args()
    app = create_app()
    floor: Floor = app.extensions[FLOOR]
    with app.app_context():
        make_audiences(samples("audiences.json"), make_channels(samples("audiences.json")))
        import_content(app, floor)
        write_twin_document(floor)
        make_access(floor, floor.settings.public_url, options.sandbox_url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
