"""The pages' routes. They show and press buttons; the twin does the work."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sandbox.faults import CALL_KINDS, CALLBACK_KINDS
from sandbox.pages import covers
from sandbox.pages.present import (
    SHOWN_CONVERSATIONS,
    SHOWN_TASKS,
    bubbles,
    click_rate,
    entries,
    picture_of,
    task_row,
    today_text,
    totals,
)
from sandbox.pages.texts import LANGUAGES, translator
from sandbox.twin import Twin

CODES = ("-1", "40001", "42001", "45009", "45011", "48001")
POLICY = (
    "default-src 'self'; img-src 'self' data: http://127.0.0.1:* http://localhost:*; "
    "style-src 'self' 'unsafe-inline'; script-src 'self'; frame-ancestors 'self'"
)


def pages_blueprint(twin: Twin) -> Blueprint:
    pages = Blueprint(
        "pages",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/pages",
    )
    _reading(pages, twin)
    _pressing(pages, twin)
    _drawing(pages)

    @pages.after_request
    def guarded(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        if request.args.get("lang") in LANGUAGES:
            response.set_cookie("lang", request.args["lang"], samesite="Lax")
        return response

    return pages


def _reading(pages: Blueprint, twin: Twin) -> None:
    @pages.get("/")
    @pages.get("/c/<kind>/<path:name>")
    def conversation(kind: str = "", name: str = "") -> ResponseReturnValue:
        wanted = request.args.get("q", "")
        found = entries(twin, wanted)
        chosen = next((e for e in found if e.key == f"{kind}:{name}"), None)
        opened = chosen is not None
        if chosen is None and not kind and found:
            chosen = found[0]
        messages = twin.inbox.conversation(chosen.key) if chosen else []
        counts = totals(messages)
        tasks = _tasks(twin, chosen.name) if chosen and chosen.waiting else []
        return _page(
            twin,
            "conversation.html",
            page="inbox",
            entries=found[:SHOWN_CONVERSATIONS],
            hidden=max(0, len(found) - SHOWN_CONVERSATIONS),
            chosen=chosen,
            opened=opened,
            query=wanted,
            messages=bubbles(messages),
            counts=counts,
            rate=click_rate(counts),
            tasks=tasks,
        )

    @pages.get("/tasks")
    def tasks() -> ResponseReturnValue:
        return _page(twin, "tasks.html", page="tasks", tasks=_tasks(twin), jobs=_protected(twin))

    @pages.get("/faults")
    def faults() -> ResponseReturnValue:
        paths = sorted({*twin.wecom.endpoints, *twin.official.endpoints, "callback"})
        return _page(
            twin,
            "faults.html",
            page="faults",
            faults=twin.faults.listed(),
            kinds=CALL_KINDS + CALLBACK_KINDS + CODES,
            paths=paths,
        )

    @pages.get("/official-account/s/<media_id>/<int:index>")
    def article(media_id: str, index: int) -> ResponseReturnValue:
        draft = twin.official.drafts.table.get(media_id)
        if draft is None or index >= len(draft.articles):
            return _page(twin, "article.html", page="", article=None), 404
        account = twin.accounts.table.get(draft.appid)
        shown = draft.articles[index]
        return _page(
            twin,
            "article.html",
            page="",
            article=shown,
            account=account.name if account else draft.appid,
            appid=draft.appid,
            cover=picture_of(shown["thumb_url"], shown["title"]),
            pictures=shown.get("image_urls", []),
        )

    @pages.get("/version")
    def version() -> ResponseReturnValue:
        """Changes whenever a page would look different."""
        reactions = sum(n for kind, n in twin.simulator.counts.items() if " " not in kind)
        tasks = len(twin.wecom.messages.waiting(limit=2000))
        return jsonify(version=f"{twin.inbox.total}-{reactions}-{tasks}")


def _pressing(pages: Blueprint, twin: Twin) -> None:
    @pages.before_request
    def own_pages_only() -> None:
        """A foreign web page must not press our buttons."""
        origin = request.headers.get("Origin")
        if request.method == "POST" and origin and urlsplit(origin).netloc != request.host:
            abort(403)

    @pages.post("/do/confirm")
    def confirm() -> ResponseReturnValue:
        msgid = request.form.get("msgid")
        for task, userid in twin.wecom.messages.waiting(limit=100_000):
            if msgid in (None, task.msgid) and request.form.get("userid", userid) == userid:
                twin.wecom.messages.confirm(task.msgid, userid)
        return _back()

    @pages.post("/do/approve")
    def approve() -> ResponseReturnValue:
        agreed = request.form.get("agree") == "1"
        if request.form.get("msgid"):
            twin.wecom.messages.approve(request.form["msgid"], agreed)
        else:
            with twin.store.lock:
                twin.official.mass.approve(request.form["appid"], request.form["msg_id"], agreed)
        return _back()

    _switching(pages, twin)


def _switching(pages: Blueprint, twin: Twin) -> None:
    @pages.post("/do/fault")
    def fault() -> ResponseReturnValue:
        wanted: dict[str, Any] = request.form.to_dict()
        wanted["times"] = wanted.get("times") or None
        wanted["seconds"] = wanted.get("seconds") or 10
        try:
            twin.faults.add(wanted)
        except ValueError:
            abort(400)
        return _back()

    @pages.post("/do/fault/clear")
    def clear() -> ResponseReturnValue:
        number = request.form.get("id")
        twin.faults.remove(int(number) if number else None)
        return _back()


def _drawing(pages: Blueprint) -> None:
    @pages.get("/covers/cover.svg")
    def cover() -> Response:
        return _svg(covers.cover(request.args.get("t", "")))

    @pages.get("/covers/thumb.svg")
    def thumb() -> Response:
        return _svg(covers.thumb(request.args.get("t", "")))

    @pages.get("/covers/badge.svg")
    def badge() -> Response:
        return _svg(covers.badge(request.args.get("t", ""), request.args.get("square") == "1"))


def _tasks(twin: Twin, target: str = "") -> list[dict[str, Any]]:
    pairs = twin.wecom.messages.waiting(limit=2000)
    return [
        task_row(twin, task, userid)
        for task, userid in pairs
        if not target or target in task.work[userid]["targets"]
    ][:SHOWN_TASKS]


def _protected(twin: Twin) -> list[dict[str, Any]]:
    """Official Account mass sends that wait for their administrator."""
    rows = []
    for job in twin.official.mass.jobs:
        account = twin.accounts.table.get(job.appid)
        if job.state == "waiting" and account is not None:
            title = next((str(part["title"]) for part in job.parts if part.get("title")), "")
            rows.append(
                {"appid": job.appid, "msg_id": job.msg_id, "account": account.name, "title": title}
            )
    return rows


def _page(twin: Twin, template: str, **values: Any) -> str:
    wanted = request.args.get("lang") or request.cookies.get("lang") or "zh"
    language = wanted if wanted in LANGUAGES else "zh"
    return render_template(
        template,
        t=translator(language),
        language=language,
        waiting=len(twin.wecom.messages.waiting(limit=1000)),
        fault_count=len(twin.faults.listed()),
        clock=today_text(twin.clock.local()),
        **values,
    )


def _back() -> ResponseReturnValue:
    path = urlsplit(request.referrer or "/").path
    return redirect(path if path.startswith("/") and not path.startswith("//") else "/", 303)


def _svg(text: str) -> Response:
    return Response(
        text, content_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"}
    )
