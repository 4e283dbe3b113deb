"""All WeCom calls behind one door: `/wecom/cgi-bin/...`."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sandbox.clock import Clock
from sandbox.settings import Settings
from sandbox.wecom.appmsg import AppMessages
from sandbox.wecom.chats import Chats
from sandbox.wecom.contacts import Contacts
from sandbox.wecom.corps import Corps
from sandbox.wecom.groupmsg import GroupMessages
from sandbox.wecom.media import WeComMedia
from sandbox.wecom.moments import Moments
from sandbox.wecom.robot import Robots
from sandbox.wecom.tokens import Tokens
from sandbox.wecom.welcome import Welcomes
from sandbox.wire import Call, Endpoint, JsonObject, PlatformError

HINT = "more info at https://open.work.weixin.qq.com/devtool/query?e="
OWN_APPLICATION = ("gettoken", "webhook/", "media/", "message/")


class WeCom:
    """The platform: knows its endpoints, checks tokens and rates, words its errors."""

    name = "wecom"

    def __init__(
        self,
        *,
        clock: Clock,
        settings: Settings,
        corps: Corps,
        tokens: Tokens,
        media: WeComMedia,
        messages: GroupMessages,
        chats: Chats,
        contacts: Contacts,
        robots: Robots,
        apps: AppMessages,
        moments: Moments,
        welcomes: Welcomes,
    ) -> None:
        self._clock = clock
        self.settings = settings
        self.corps = corps
        self.tokens = tokens
        self.media = media
        self.messages = messages
        self.chats = chats
        self.contacts = contacts
        self.robots = robots
        self.apps = apps
        self.moments = moments
        self.welcomes = welcomes
        self._minute: Counter[tuple[str, str]] = Counter()
        self._minute_number = 0
        self.endpoints = self._endpoints()

    def owner_of(self, call: Call) -> str:
        """Whose call this is, before any check; for faults aimed at one account."""
        owner = self.tokens.owner(call.args.get("access_token", ""))
        return owner or call.args.get("corpid", "") or call.args.get("key", "")

    def authorise(self, call: Call) -> None:
        call.owner = self.tokens.check(call)
        own = call.endpoint.startswith(OWN_APPLICATION)
        if not own and not self.corps.table.rows[call.owner].contact_right:
            raise PlatformError(48002, "api forbidden for this application")

    def admit(self, call: Call) -> None:
        """At most so many calls a minute per enterprise and interface: 45009."""
        limit = self.settings.wecom_calls_per_minute
        minute = int(self._clock.now() // 60)
        if minute != self._minute_number:
            self._minute.clear()
            self._minute_number = minute
        key = (call.owner, call.endpoint)
        self._minute[key] += 1
        if 0 < limit < self._minute[key]:
            raise PlatformError(45009, "api freq out of limit")

    def error(self, failure: PlatformError, call: Call, endpoint: Endpoint | None) -> JsonObject:
        """Failures carry the empty default fields and the hint tail."""
        hint = f"hint: [{self._clock.seconds()}], from ip: {call.ip}, {HINT}{failure.code}"
        fields: dict[str, Any] = {"errcode": failure.code, "errmsg": f"{failure.text}, {hint}"}
        if endpoint is not None:
            fields.update(endpoint.defaults)
        return {**fields, **failure.extra}

    def forget_all(self) -> None:
        self._minute.clear()
        self.robots.forget_all()
        self.apps.forget_all()

    def _endpoints(self) -> dict[str, Endpoint]:
        table = {
            "gettoken": Endpoint(
                self.tokens.gettoken,
                "GET",
                needs_token=False,
                json_body=False,
                defaults={"access_token": "", "expires_in": 0},
            ),
            "media/upload": _upload(self.media.upload),
            "media/uploadimg": _upload(self.media.uploadimg),
            "media/upload_attachment": _upload(self.media.upload_attachment),
            "webhook/send": Endpoint(self.robots.send, needs_token=False),
            "webhook/upload_media": Endpoint(
                self.robots.upload, needs_token=False, json_body=False
            ),
            "message/send": Endpoint(self.apps.send),
            "message/recall": Endpoint(self.apps.recall),
        }
        table.update({f"externalcontact/{k}": v for k, v in self._contact_endpoints().items()})
        table.update({f"externalcontact/{k}": v for k, v in self._moment_endpoints().items()})
        return {path: _with_ok(endpoint) for path, endpoint in table.items()}

    def _contact_endpoints(self) -> dict[str, Endpoint]:
        messages, chats, contacts = self.messages, self.chats, self.contacts
        return {
            "add_msg_template": Endpoint(messages.add, defaults={"fail_list": [], "msgid": ""}),
            "get_groupmsg_list_v2": Endpoint(
                messages.listed, defaults={"group_msg_list": [], "next_cursor": ""}
            ),
            "get_groupmsg_task": Endpoint(
                messages.task, defaults={"task_list": [], "next_cursor": ""}
            ),
            "get_groupmsg_send_result": Endpoint(
                messages.result, defaults={"send_list": [], "next_cursor": ""}
            ),
            "remind_groupmsg_send": Endpoint(messages.remind),
            "cancel_groupmsg_send": Endpoint(messages.cancel),
            "groupchat/list": Endpoint(
                chats.listed, defaults={"group_chat_list": [], "next_cursor": ""}
            ),
            "groupchat/get": Endpoint(chats.get),
            "get_follow_user_list": _read(contacts.follow_users, {"follow_user": []}),
            "list": _read(contacts.listed, {"external_userid": []}),
            "get": _read(contacts.get, {}),
            "batch/get_by_user": Endpoint(
                contacts.batch, defaults={"external_contact_list": [], "next_cursor": ""}
            ),
            "mark_tag": Endpoint(contacts.mark_tag),
            "get_corp_tag_list": Endpoint(contacts.tag_list, defaults={"tag_group": []}),
            "add_corp_tag": Endpoint(contacts.add_tags),
        }

    def _moment_endpoints(self) -> dict[str, Endpoint]:
        moments = self.moments
        empty = {"next_cursor": ""}
        return {
            "send_welcome_msg": Endpoint(self.welcomes.send),
            "add_moment_task": Endpoint(moments.add, defaults={"jobid": ""}),
            "get_moment_task_result": _read(moments.job, {"status": 0}),
            "get_moment_list": Endpoint(moments.listed, defaults={"moment_list": [], **empty}),
            "get_moment_task": Endpoint(moments.tasks, defaults={"task_list": [], **empty}),
            "get_moment_send_result": Endpoint(
                moments.results, defaults={"customer_list": [], **empty}
            ),
            "cancel_moment_task": Endpoint(moments.cancel),
        }


def _upload(handler: Any) -> Endpoint:
    return Endpoint(handler, json_body=False)


def _read(handler: Any, defaults: JsonObject) -> Endpoint:
    return Endpoint(handler, "GET", json_body=False, defaults=defaults)


def _with_ok(endpoint: Endpoint) -> Endpoint:
    """WeCom answers errcode 0 and errmsg ok beside every success."""
    inner = endpoint.handler

    def handler(call: Call) -> JsonObject:
        return {"errcode": 0, "errmsg": "ok", **inner(call)}

    return Endpoint(
        handler,
        endpoint.method,
        endpoint.needs_token,
        endpoint.json_body,
        endpoint.defaults,
        endpoint.daily,
    )
