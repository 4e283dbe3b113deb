"""The room's HTTP doors, end to end on a real floor."""

from __future__ import annotations

import io

import pytest
from openapi_spec_validator import validate

from contentcenter.domain.roles import Scope
from contentcenter.floor import Floor
from contentcenter.web.auth import EXTENSION
from ingest.ext import IngestServices
from tests.flows.ingest_world import Door, make_app, make_door, png

BODY = {
    "title": "夏天",
    "body": "读完这本书，我想起很多年前的一个夏天。那时候的夜晚很长，星星很低。",
    "source": "编辑部",
    "source_ref": "a-1",
    "tags": ["随笔"],
}


@pytest.fixture
def door(floor: Floor) -> Door:
    return make_door(make_app(floor))


def services(door: Door) -> IngestServices:
    return door.client.application.extensions["ingest"]


def work_off(door: Door, *ids: int) -> None:
    services(door).pipeline.process(list(ids))
    services(door).indexer.index(list(ids))


def test_create_read_change_approve_withdraw(door: Door) -> None:
    made = door.call("POST", "/items", json=BODY)
    assert made.status_code == 202, made.text
    assert made.json == {"id": made.json["id"], "created": True, "state": "received", "version": 1}
    item = made.json["id"]
    again = door.call("POST", "/items", json=BODY)
    assert (again.json["id"], again.json["created"]) == (item, False)

    work_off(door, item)
    seen = door.call("GET", f"/items/{item}").json
    assert (seen["state"], seen["indexed"], seen["tags"][0]["origin"]) == ("ready", True, "author")
    assert [line["action"] for line in seen["trail"]] == ["received", "processed"]

    approved = door.call("POST", f"/items/{item}/approve")
    assert (approved.status_code, approved.json["state"]) == (200, "published")
    stale = door.call("PATCH", f"/items/{item}", json={"tags": ["新"], "version": 1})
    assert stale.status_code == 409
    assert stale.json["error"]["details"]["version"] == approved.json["version"]
    changed = door.call(
        "PATCH", f"/items/{item}", json={"tags": ["新"], "version": approved.json["version"]}
    )
    assert (changed.status_code, changed.json["state"]) == (202, "published")
    assert door.call("DELETE", f"/items/{item}").json["state"] == "withdrawn"
    listed = door.call("GET", "/items?state=withdrawn").json
    assert ([one["id"] for one in listed["items"]], listed["next_cursor"]) == ([item], None)


def test_rejecting_needs_a_reason(door: Door) -> None:
    item = door.call("POST", "/items", json=BODY).json["id"]
    bare = door.call("POST", f"/items/{item}/reject", json={})
    assert bare.status_code == 422
    assert "reason" in bare.json["error"]["details"]["fields"]
    done = door.call("POST", f"/items/{item}/reject", json={"reason": "重复投稿"})
    assert done.json["state"] == "rejected"


FAULTY: list[tuple[dict[str, object], str]] = [
    ({"title": ""}, "title"),
    ({"title": "长" * 201}, "title"),
    ({"title": "😀😀"}, "title"),
    ({"body": "", "summary": ""}, "body"),
    ({"body": "字" * 300_001}, "body"),
    ({"category": "星座"}, "category"),
    ({"kind": "book"}, "kind"),
    ({"tags": ["标" * 41]}, "tags"),
    ({"books": ["9787020042495"]}, "books"),
    ({"rights": [{"starts_at": "2026-02-01"}]}, "rights"),
    ({"surprise": 1}, "surprise"),
]


def test_faulty_items_are_refused_by_field(door: Door) -> None:
    for change, field in FAULTY:
        answer = door.call("POST", "/items", json={**BODY, **change})
        assert answer.status_code == 422, field
        assert field in answer.json["error"]["details"]["fields"]
    assert door.call("GET", "/items").json["items"] == []


def test_every_door_asks_for_a_key_and_a_scope(door: Door) -> None:
    assert door.client.get("/api/v1/items").status_code == 401
    app = door.client.application
    reader = Door(door.client, app.extensions[EXTENSION].create_key("reader", [Scope.READ], "test"))
    assert reader.call("GET", "/items").status_code == 200
    assert reader.call("POST", "/items", json=BODY).status_code == 403
    assert reader.upload(b"x", "a.csv", source="s").status_code == 403
    item = door.call("POST", "/items", json=BODY).json["id"]
    assert reader.call("POST", f"/items/{item}/approve").status_code == 403


def test_an_import_reports_progress_and_rows(door: Door) -> None:
    data = "书号,书名,定价\n9787020002207,红楼梦,59.70\n9787020002208,错号,10\n,没有书号,免费\n"
    made = door.upload(data.encode(), "书目.csv", source="某社")
    assert made.status_code == 202, made.text
    assert (made.json["state"], made.json["filename"]) == ("uploaded", "书目.csv")
    same = door.upload(data.encode(), "copy.csv", source="某社")
    assert same.json["id"] == made.json["id"]
    services(door).imports.run(made.json["id"])
    view = door.call("GET", f"/imports/{made.json['id']}?size=2").json
    assert (view["state"], view["created"], view["rejected"]) == ("done", 1, 2)
    assert (view["done_rows"], view["total_rows"], view["faults"]) == (3, 3, 3)
    first = view["errors"]["items"][0]
    assert (first["row"], first["field"], first["fatal"]) == (3, "书号", True)
    assert "校验位" in first["reason"]
    rest = door.call("GET", f"/imports/{view['id']}?cursor={view['errors']['next_cursor']}").json
    assert [line["row"] for line in rest["errors"]["items"]] == [4]
    listed = door.call("GET", "/imports").json
    assert [one["id"] for one in listed["items"]] == [view["id"]]


def test_an_upload_needs_a_file_and_a_source(door: Door) -> None:
    assert door.upload(b"", "empty.csv", source="s").status_code == 422
    missing = door.call("POST", "/imports", data={"file": (io.BytesIO(b"a"), "a.csv")})
    assert missing.status_code == 422
    assert "source" in missing.json["error"]["details"]["fields"]
    assert door.call("POST", "/imports", data={"source": "s"}).status_code == 422
    assert door.call("GET", "/imports/77").status_code == 404


def test_pictures_are_kept_and_served(door: Door) -> None:
    answer = door.call("POST", "/pictures", data={"file": (io.BytesIO(png()), "a.png")})
    assert answer.status_code == 201
    with door.client.get(answer.json["address"]) as picture:
        assert (picture.data, picture.mimetype) == (png(), "image/png")
        assert "immutable" in picture.headers["Cache-Control"]
    fake = door.call("POST", "/pictures", data={"file": (io.BytesIO(b"<html>"), "a.png")})
    assert fake.status_code == 422
    assert door.client.get("/media/" + "0" * 64).status_code == 404
    assert door.client.get("/media/..%2f..%2fsecret").status_code == 404


def test_the_document_is_valid_openapi(door: Door) -> None:
    document = door.client.get("/api/v1/openapi.json").json
    validate(document)
    assert {"/api/v1/items", "/api/v1/items/{item_id}", "/api/v1/imports"} <= set(document["paths"])
