"""Steering and looking inside, for tests and the demo: `/admin/...`, JSON."""

from __future__ import annotations

import resource
from datetime import datetime
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.clock import utc_text
from sandbox.messages import Message
from sandbox.official.service import WINDOWS
from sandbox.setup import apply_setup
from sandbox.twin import Twin
from sandbox.wire import PlatformError


def admin_blueprint(twin: Twin) -> Blueprint:
    admin = Blueprint("admin", __name__, url_prefix="/admin")
    _steering(admin, twin)
    _people(admin, twin)
    _looking(admin, twin)

    @admin.errorhandler(ValueError)
    @admin.errorhandler(PlatformError)
    def refused(error: Exception) -> ResponseReturnValue:
        return jsonify(error=str(error)), 400

    return admin


def _steering(admin: Blueprint, twin: Twin) -> None:
    _world(admin, twin)
    _faults(admin, twin)

    @admin.post("/expire_token")
    def expire_token() -> ResponseReturnValue:
        account = _text(_body(), "account")
        with twin.store.lock:
            twin.official.tokens.expire(account)
            twin.wecom.tokens.expire(account)
        return jsonify(ok=True)

    @admin.post("/verify_callback")
    def verify_callback() -> ResponseReturnValue:
        body = _body()
        platform = _text(body, "platform")
        return jsonify(ok=twin.callbacks.verify(platform, _text(body, "account")))


def _world(admin: Blueprint, twin: Twin) -> None:
    @admin.get("/health")
    def health() -> ResponseReturnValue:
        return jsonify(ok=True, now=utc_text(twin.clock.now()))

    @admin.post("/setup")
    def setup() -> ResponseReturnValue:
        return jsonify(apply_setup(twin, _body()))

    @admin.post("/clock")
    def clock() -> ResponseReturnValue:
        body = _body()
        with twin.store.lock:
            twin.set_clock(_offset(twin, body))
        return jsonify(now=utc_text(twin.clock.now()), offset_seconds=twin.clock.offset)

    @admin.post("/reset")
    def reset() -> ResponseReturnValue:
        twin.reset()
        return jsonify(ok=True)


def _faults(admin: Blueprint, twin: Twin) -> None:
    @admin.get("/faults")
    def faults() -> ResponseReturnValue:
        return jsonify(faults=twin.faults.listed())

    @admin.post("/faults")
    def add_fault() -> ResponseReturnValue:
        return jsonify(id=twin.faults.add(_body()).id)

    @admin.delete("/faults")
    def clear_faults() -> ResponseReturnValue:
        twin.faults.remove()
        return jsonify(ok=True)

    @admin.delete("/faults/<int:fault_id>")
    def remove_fault(fault_id: int) -> ResponseReturnValue:
        twin.faults.remove(fault_id)
        return jsonify(ok=True)


def _people(admin: Blueprint, twin: Twin) -> None:
    @admin.post("/confirm")
    def confirm() -> ResponseReturnValue:
        """A member sends: one task, or everything that waits (for one member, or all)."""
        body = _body()
        userid, msgid = body.get("userid"), body.get("msgid")
        if msgid and userid:
            why = twin.wecom.messages.confirm(msgid, userid, body.get("targets"))
            return (jsonify(error=why), 409) if why else jsonify(confirmed=1)
        pairs = [
            (task.msgid, member)
            for task, member in twin.wecom.messages.waiting(limit=100_000)
            if userid in (None, member) and msgid in (None, task.msgid)
        ]
        outcomes = [twin.wecom.messages.confirm(task, member) for task, member in pairs]
        return jsonify(confirmed=outcomes.count(""), refused=len(outcomes) - outcomes.count(""))

    @admin.post("/approve")
    def approve() -> ResponseReturnValue:
        """The administrator's answer to a protected mass send or a WeCom task."""
        body = _body()
        agreed = bool(body.get("agree", True))
        if body.get("msgid"):
            done = twin.wecom.messages.approve(_text(body, "msgid"), agreed)
        else:
            with twin.store.lock:
                done = twin.official.mass.approve(
                    _text(body, "appid"), str(body.get("msg_id")), agreed
                )
        return jsonify(ok=done), 200 if done else 409

    @admin.post("/interact")
    def interact() -> ResponseReturnValue:
        """A follower acts: message, click, subscribe, scan or unsubscribe."""
        body = _body()
        appid, openid, act = _text(body, "appid"), _text(body, "openid"), _text(body, "kind")
        if act == "unsubscribe":
            twin.official.service.unsubscribe(appid, openid)
        elif act in WINDOWS:
            twin.official.service.interact(appid, openid, act, str(body.get("text", "")))
        else:
            raise ValueError(f"unknown kind {act}")
        return jsonify(ok=True)

    _groups(admin, twin)


def _groups(admin: Blueprint, twin: Twin) -> None:
    @admin.post("/groups/<corpid>/<chat_id>/join")
    def join(corpid: str, chat_id: str) -> ResponseReturnValue:
        body = _body()
        group = twin.wecom.chats.join(
            corpid, chat_id, _names(body), int(body.get("scene", 3)), str(body.get("state", ""))
        )
        return jsonify(version=group.version, size=len(group.customers()))

    @admin.post("/contacts/<corpid>/<userid>/add")
    def add_contact(corpid: str, userid: str) -> ResponseReturnValue:
        body = _body()
        external = _text(body, "external_userid")
        code = twin.wecom.welcomes.add_contact(corpid, userid, external, str(body.get("state", "")))
        return jsonify(welcome_code=code)

    @admin.post("/contacts/<corpid>/<userid>/remove")
    def remove_contact(corpid: str, userid: str) -> ResponseReturnValue:
        twin.wecom.welcomes.remove_contact(corpid, userid, _text(_body(), "external_userid"))
        return jsonify(ok=True)

    @admin.post("/publish_moment")
    def publish_moment() -> ResponseReturnValue:
        body = _body()
        why = twin.wecom.moments.publish(_text(body, "moment_id"), _text(body, "userid"))
        return (jsonify(error=why), 409) if why else jsonify(published=1)

    @admin.post("/groups/<corpid>/<chat_id>/leave")
    def leave(corpid: str, chat_id: str) -> ResponseReturnValue:
        body = _body()
        group = twin.wecom.chats.leave(corpid, chat_id, _names(body), bool(body.get("removed")))
        return jsonify(version=group.version, size=len(group.customers()))


def _looking(admin: Blueprint, twin: Twin) -> None:
    @admin.get("/received")
    def received() -> ResponseReturnValue:
        names = _conversations(request.args.to_dict())
        if not names:
            return jsonify(
                total=twin.inbox.total,
                conversations=twin.inbox.conversations(),
                doubled=twin.inbox.doubled(),
            )
        messages = [one for name in names for one in twin.inbox.conversation(name)]
        source = request.args.get("source")
        if source:
            messages = [one for one in messages if one.source == source]
        targets = {target for one in messages for target in one.recipients}
        return jsonify(
            total=len(messages),
            messages=[shown_message(one) for one in messages],
            counts=twin.inbox.counts(targets),
        )

    @admin.get("/tasks")
    def tasks() -> ResponseReturnValue:
        rows = [
            {
                "msgid": task.msgid,
                "corpid": task.corpid,
                "userid": userid,
                "targets": task.work[userid]["targets"],
                "created": utc_text(task.created),
                "approved": task.approved,
            }
            for task, userid in twin.wecom.messages.waiting(limit=1000)
        ]
        return jsonify(waiting=rows)

    @admin.get("/callbacks")
    def callbacks() -> ResponseReturnValue:
        return jsonify(attempts=list(twin.callbacks.log), waiting=twin.callbacks.waiting())

    @admin.get("/stats")
    def stats() -> ResponseReturnValue:
        return jsonify(stats_of(twin))


def stats_of(twin: Twin) -> dict[str, Any]:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "now": utc_text(twin.clock.now()),
        "messages": twin.inbox.total,
        "tasks": len(twin.wecom.messages.tasks),
        "mass_jobs": len(twin.official.mass.jobs),
        "jobs_waiting": twin.scheduler.waiting(),
        "callbacks_waiting": twin.callbacks.waiting(),
        "calls": dict(twin.gateway.calls),
        "errors": dict(twin.gateway.errors),
        "readers": {
            "enabled": twin.simulator.enabled,
            "waiting": twin.simulator.waiting(),
            **twin.simulator.counts,
        },
        "memory_bytes": memory,
    }


def shown_message(message: Message) -> dict[str, Any]:
    return {**vars(message), "at": utc_text(message.at)}


def _conversations(args: dict[str, str]) -> list[str]:
    kinds = {
        "account": "account",
        "appid": "account",
        "chat_id": "group",
        "external_userid": "customer",
        "robot": "robot",
        "userid": "member",
        "moments": "moments",
    }
    return [f"{kinds[name]}:{value}" for name, value in args.items() if name in kinds]


def _offset(twin: Twin, body: dict[str, Any]) -> float:
    """advance_seconds, offset_seconds, or now (ISO with zone, or epoch seconds)."""
    if "advance_seconds" in body:
        return twin.clock.offset + float(body["advance_seconds"])
    if "offset_seconds" in body:
        return float(body["offset_seconds"])
    now = body.get("now")
    if isinstance(now, str):
        moment = datetime.fromisoformat(now)
        if moment.tzinfo is None:
            raise ValueError("now needs a time zone")
        now = moment.timestamp()
    if not isinstance(now, (int, float)):
        raise ValueError(  # noqa: TRY004 - one family for all bad requests
            "give advance_seconds, offset_seconds or now"
        )
    return float(now) - (twin.clock.now() - twin.clock.offset)


def _body() -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        if not request.get_data():
            return {}
        raise ValueError("the body must be a JSON object")
    return body


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"missing {name}")
    return value


def _names(body: dict[str, Any]) -> list[str]:
    value = body.get("external_userids")
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("external_userids must be a list of texts")
    return value
