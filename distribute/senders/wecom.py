"""WeCom calls with a token: the client, and what customer and group mass messages share.

A mass message is a task that a member must confirm; the call has no idempotency key. Our marker
is the code of the tracked link in the link attachment (wecom.md 4.1-4.4).
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from contentcenter.domain.errors import CredentialsExpired, Refused, RetryLater
from contentcenter.domain.posts import PostState
from distribute.ports import (
    Accepted,
    Capabilities,
    ChannelAccess,
    FollowUp,
    Outgoing,
    ProbeAnswer,
)
from distribute.rates import WECOM as WECOM_RATE
from distribute.rates import RateGate
from distribute.senders.codes import WECOM, check
from distribute.senders.http import Json, PlatformHttp
from distribute.tokens import FreshToken, TokenStore

_MARKER = re.compile(r"/t/([A-Za-z0-9_-]+)")
_PREFIX = "/cgi-bin/externalcontact/"
# The listing is asked a little around the attempt: the two clocks need not agree.
LIST_MARGIN = timedelta(minutes=15)
LIST_PAGE = 100
RESULT_PAGE = 1_000
NOT_SENT, SENT, NOT_FRIEND, TOO_MANY = 0, 1, 2, 3


class WeComClient:
    """Calls of one enterprise application, with one refresh and one repeat for a dead token."""

    def __init__(self, http: PlatformHttp, tokens: TokenStore) -> None:
        self._http = http
        self._tokens = tokens

    def call(
        self, channel: ChannelAccess, path: str, body: Mapping[str, Any], *, effect: bool = False
    ) -> Json:
        token = self.token(channel)
        try:
            return self._once(path, token, body, effect)
        except CredentialsExpired as error:
            if not error.details.get("token"):
                raise
        return self._once(path, self.token(channel, failed=token), body, effect)

    def token(self, channel: ChannelAccess, failed: str = "") -> str:
        def fetch(_failed: str) -> FreshToken:
            secrets = {"corpid": channel.account, "corpsecret": channel.secret("secret")}
            answer = self._http.get("/cgi-bin/gettoken", secrets)
            check(answer, WECOM, "gettoken")
            return FreshToken(str(answer["access_token"]), float(answer["expires_in"]))

        return self._tokens.get(_token_key(channel), fetch, failed=failed)

    def _once(self, path: str, token: str, body: Mapping[str, Any], effect: bool) -> Json:
        answer = self._http.post(path, {"access_token": token}, body, effect=effect)
        check(answer, WECOM, path.rsplit("/", 1)[-1])
        return answer


class WeComMassSender(ABC):
    """`ChannelSender` for mass messages; subclasses say whom they reach."""

    capabilities = Capabilities(claim_size=50, can_probe=True, can_follow_up=True, threads=8)
    chat_type = ""

    def __init__(self, client: WeComClient, gate: RateGate) -> None:
        self._client = client
        self._gate = gate

    def check(self, channel: ChannelAccess) -> None:
        self._client.token(channel)

    def take_turns(self, channel: ChannelAccess, wanted: int) -> tuple[int, float]:
        return self._gate.take(f"wecom:{channel.account}:add_msg_template", WECOM_RATE, wanted)

    @abstractmethod
    def targets(self, post: Outgoing) -> Json:
        """The part of the request that says who is reached."""

    def send(self, post: Outgoing) -> Accepted:
        link = {name: value for name, value in post.content["link"].items() if value}
        body = {
            "chat_type": self.chat_type,
            **self.targets(post),
            "text": {"content": post.content["text"]},
            "attachments": [{"msgtype": "link", "link": link}],
        }
        answer = self._client.call(post.channel, _PREFIX + "add_msg_template", body, effect=True)
        if answer.get("fail_list") and self.chat_type == "group":
            raise Refused(
                "The platform does not know this group of this owner", reason="unknown_group"
            )
        return Accepted(str(answer["msgid"]))

    def probe(self, posts: Sequence[Outgoing]) -> Mapping[int, ProbeAnswer]:
        """One listing answers for all posts of a channel."""
        found: dict[str, str] = {}
        channel = posts[0].channel
        for task in self._tasks(channel, [post.claimed_at for post in posts]):
            found.update({marker: str(task["msgid"]) for marker in markers_of(task)})
        return {post.post_id: _probe_answer(found.get(post.code)) for post in posts}

    def follow_up(self, post: Outgoing) -> FollowUp:
        confirmed = self._confirmed(post)
        if confirmed is None:
            return FollowUp(PostState.FAILED, "cancelled_on_platform", "The task was cancelled")
        if not confirmed:
            return FollowUp(PostState.WAITING_OWNER, message="Waiting for the owner to confirm")
        return _outcome(self._results(post))

    def remind(self, post: Outgoing) -> None:
        """Ask the member again. At most three times in 24 hours (`Refused` above)."""
        body = {"msgid": post.reference}
        self._client.call(post.channel, _PREFIX + "remind_groupmsg_send", body)

    def cancel(self, post: Outgoing) -> None:
        """Stop a task whose member has not sent yet."""
        body = {"msgid": post.reference}
        self._client.call(post.channel, _PREFIX + "cancel_groupmsg_send", body)

    def _confirmed(self, post: Outgoing) -> bool | None:
        """Whether every member of the task has sent; None when it was cancelled."""
        try:
            rows = list(
                self._pages(
                    post.channel, "get_groupmsg_task", {"msgid": post.reference}, "task_list"
                )
            )
        except Refused as error:
            if error.platform_code == 41093:
                return None
            raise
        return bool(rows) and all(row.get("status") == 2 for row in rows)

    def _results(self, post: Outgoing) -> list[int]:
        body = {"msgid": post.reference, "userid": post.owner_userid, "limit": RESULT_PAGE}
        rows = self._pages(post.channel, "get_groupmsg_send_result", body, "send_list")
        return [int(row.get("status", NOT_SENT)) for row in rows]

    def _tasks(self, channel: ChannelAccess, moments: Sequence[datetime]) -> Iterator[Json]:
        body = {
            "chat_type": self.chat_type,
            "start_time": int((min(moments) - LIST_MARGIN).timestamp()),
            "end_time": int((max(moments) + LIST_MARGIN).timestamp()),
            "filter_type": 0,
            "limit": LIST_PAGE,
        }
        return self._pages(channel, "get_groupmsg_list_v2", body, "group_msg_list")

    def _pages(
        self, channel: ChannelAccess, name: str, body: Mapping[str, Any], rows: str
    ) -> Iterator[Json]:
        cursor = ""
        while True:
            asked = {**body, "cursor": cursor} if cursor else dict(body)
            answer = self._client.call(channel, _PREFIX + name, asked)
            yield from answer.get(rows) or []
            following = str(answer.get("next_cursor") or "")
            if not following:
                return
            if following == cursor:
                raise RetryLater(f"{name} repeats its cursor", after_seconds=60)
            cursor = following


def _token_key(channel: ChannelAccess) -> str:
    """One token for each application secret: several channels of an enterprise may share it."""
    secret = hashlib.sha256(channel.secret("secret").encode()).hexdigest()[:12]
    return f"wecom-{channel.account}-{secret}"


def markers_of(task: Mapping[str, Any]) -> set[str]:
    """The codes of tracked links in a listed task."""
    links = [str((part.get("link") or {}).get("url", "")) for part in task.get("attachments") or []]
    return {code for link in links for code in _MARKER.findall(link)}


def _probe_answer(msgid: str | None) -> ProbeAnswer:
    if msgid is None:
        return ProbeAnswer(False, message="Not in the platform's list of tasks")
    return ProbeAnswer(True, msgid, "Found in the platform's list of tasks")


def _outcome(statuses: Sequence[int]) -> FollowUp:
    """Send result is the only proof of delivery: status 1 reached, 2 and 3 did not."""
    reached = sum(1 for status in statuses if status == SENT)
    if reached:
        return FollowUp(PostState.DELIVERED, reached=reached)
    if not statuses or NOT_SENT in statuses:
        return FollowUp(PostState.WAITING_OWNER, message="Confirmed, results are not out yet")
    if TOO_MANY in statuses:
        return FollowUp(PostState.FAILED, "received_other_posts", reached=0)
    return FollowUp(PostState.FAILED, "not_reachable", reached=0)
