"""Sign-in, sessions, form tokens, roles, languages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from contentcenter.accounts import AccountService
from contentcenter.clock import FixedClock
from contentcenter.console.session import CONSOLE_MARK
from contentcenter.domain.roles import Role
from contentcenter.floor import Floor
from contentcenter.web.auth import EXTENSION
from tests.flows.console_world import PASSWORD, make_console, visitor

OPEN_VIEWS = {
    "console.sign_in", "console.sign_in_post", "console.sign_out", "console.switch_language",
}  # fmt: skip


@pytest.fixture
def app(floor: Floor) -> Flask:
    return make_console(floor)


@pytest.fixture
def users(app: Flask) -> AccountService:
    service: AccountService = app.extensions[EXTENSION]
    return service


def test_signing_in_leads_to_the_page_that_was_asked_for(app: Flask) -> None:
    guest = visitor(app)
    sent = guest.get("/posts?state=planned")
    assert sent.status_code == 302
    assert sent.location == "/login?next=/posts?state%3Dplanned"
    answer = guest.post(
        "/login", on="/login", username="editor", password=PASSWORD, next="/posts?state=planned"
    )
    assert answer.request.full_path == "/posts?state=planned"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_signing_in_never_leads_to_another_site(app: Flask, target: str) -> None:
    guest = visitor(app)
    form = {"username": "editor", "password": PASSWORD, "next": target}
    answer = guest.client.post("/login", data={"csrf_token": guest.token(), **form})
    assert answer.location == "/"


def test_wrong_passwords_make_the_next_try_wait(app: Flask, clock: FixedClock) -> None:
    guest = visitor(app)
    for _ in range(3):
        answer = guest.sign_in("editor", "not the password")
        assert answer.status_code == 401
        assert "用户名或密码不正确" in answer.text
    locked = guest.sign_in("editor")
    assert locked.status_code == 401
    assert "秒后再试" in locked.text
    clock.advance(timedelta(seconds=10))
    assert "首页" in guest.sign_in("editor").text


def test_an_unknown_name_is_told_like_a_wrong_password(app: Flask) -> None:
    guest = visitor(app)
    unknown, wrong = guest.sign_in("nobody"), guest.sign_in("editor", "not the password")
    assert unknown.status_code == wrong.status_code == 401
    assert "用户名或密码不正确" in unknown.text


def test_a_form_without_its_token_is_refused(app: Flask) -> None:
    admin = visitor(app, Role.ADMIN)
    answer = admin.client.post("/settings/keys", data={"name": "app", "scopes": "read"})
    assert answer.status_code == 400
    assert "表单已过期" in answer.text
    header = {"X-CSRFToken": admin.token("/settings")}
    accepted = admin.client.post(
        "/settings/keys", data={"name": "app", "scopes": "read"}, headers=header
    )
    assert accepted.status_code == 200


def test_every_console_view_asks_for_a_right(app: Flask) -> None:
    consoles = {"console", "ingest_console", "recommend_console", "distribute_console"}
    unguarded = {
        endpoint
        for endpoint, view in app.view_functions.items()
        if endpoint.partition(".")[0] in consoles and not hasattr(view, CONSOLE_MARK)
    }
    assert unguarded == OPEN_VIEWS


@pytest.mark.parametrize(
    ("role", "path", "allowed"),
    [
        (Role.VIEWER, "/items/new", False),
        (Role.EDITOR, "/items/new", True),
        (Role.EDITOR, "/audiences/new", False),
        (Role.OPERATOR, "/audiences/new", True),
        (Role.OPERATOR, "/items/new", False),
        (Role.VIEWER, "/posts", True),
    ],
)
def test_a_role_sees_what_it_may(app: Flask, role: Role, path: str, allowed: bool) -> None:
    answer = visitor(app, role).get(path)
    assert answer.status_code == (200 if allowed else 403)
    if not allowed:
        assert "没有权限" in answer.text


def test_an_editor_cannot_approve_posts_nor_make_keys(app: Flask) -> None:
    editor = visitor(app, Role.EDITOR)
    for path in ("/posts/batch", "/settings/keys", "/settings/users", "/plan"):
        assert editor.post(path).status_code == 403, path
    assert "API 密钥" not in editor.get("/settings").text


def test_a_new_password_ends_every_other_session(app: Flask, users: AccountService) -> None:
    editor = visitor(app, Role.EDITOR)
    users.set_password("editor", "another long password", "admin")
    assert editor.get("/").status_code == 302


def test_changing_the_own_password_keeps_this_session(app: Flask) -> None:
    here, there = visitor(app, Role.EDITOR), visitor(app, Role.EDITOR)
    changed = here.post("/settings/password", current=PASSWORD, password="another long one")
    assert "密码已更换" in changed.text
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302
    refused = here.post("/settings/password", current="wrong", password="yet another one")
    assert 'class="flash bad"' in refused.text


def test_signing_out_ends_the_session(app: Flask) -> None:
    editor = visitor(app, Role.EDITOR)
    assert "已退出登录" in editor.post("/logout").text
    assert editor.get("/").status_code == 302


def test_the_language_is_kept_on_the_user(app: Flask) -> None:
    editor = visitor(app, Role.EDITOR)
    assert 'lang="zh-CN"' in editor.get("/").text
    editor.post("/language", language="en")
    assert 'lang="en"' in editor.get("/").text
    elsewhere = visitor(app, Role.EDITOR)
    page = elsewhere.get("/items").text
    assert 'lang="en"' in page
    assert "No content yet" in page


def test_a_guest_chooses_the_language_of_the_sign_in(app: Flask) -> None:
    guest = visitor(app)
    guest.post("/language", on="/login", language="en")
    assert "Password" in guest.get("/login").text


def test_a_key_is_shown_once_and_can_be_revoked(app: Flask, users: AccountService) -> None:
    admin = visitor(app, Role.ADMIN)
    made = admin.post("/settings/keys", name="app", scopes=["read", "events"])
    secret = made.text.partition('id="new-key">')[2].partition("<")[0]
    assert users.find_key(secret).name == "key:app"
    assert secret not in admin.get("/settings").text
    admin.post(f"/settings/keys/{users.keys()[0].id}/revoke")
    assert "已吊销" in admin.get("/settings").text


def test_a_fragment_without_a_session_moves_the_whole_page(app: Flask) -> None:
    answer = visitor(app).get("/health", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login"


def test_pages_forbid_foreign_and_inline_scripts(app: Flask) -> None:
    answer = visitor(app, Role.ADMIN).get("/")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "<script>" not in answer.text
    assert " onclick=" not in answer.text


@pytest.mark.parametrize("path", ["/static/console/../shell.py", "/static/nowhere/a.css"])
def test_browser_files_cannot_be_climbed_out_of(app: Flask, path: str) -> None:
    assert visitor(app).get(path).status_code == 404
