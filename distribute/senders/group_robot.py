"""Group robots of internal groups: a webhook with a key, no token, no query (wecom.md 9).

After a call without an answer the outcome cannot be known; posts here are marketing, so we give
up instead of telling a group the same thing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contentcenter.domain.posts import PostState
from distribute.ports import (
    Accepted,
    Capabilities,
    ChannelAccess,
    FollowUp,
    Outgoing,
    ProbeAnswer,
)
from distribute.rates import GROUP_ROBOT, RateGate
from distribute.senders.codes import WECOM, check
from distribute.senders.http import PlatformHttp


class GroupRobotSender:
    # One at a time: a worker that dies must leave at most one post in doubt.
    capabilities = Capabilities(claim_size=1, can_probe=False, can_follow_up=True)

    def __init__(self, http: PlatformHttp, gate: RateGate) -> None:
        self._http = http
        self._gate = gate

    def check(self, channel: ChannelAccess) -> None:
        """A robot has no call without effect; its key is known good after the first post."""

    def take_turns(self, channel: ChannelAccess, wanted: int) -> tuple[int, float]:
        return self._gate.take(f"robot:{channel.id}", GROUP_ROBOT, wanted)

    def send(self, post: Outgoing) -> Accepted:
        body = {"msgtype": "markdown", "markdown": {"content": post.content["markdown"]}}
        key = {"key": post.channel.secret("key")}
        answer = self._http.post("/cgi-bin/webhook/send", key, body, effect=True)
        check(answer, WECOM, "webhook/send")
        return Accepted(f"robot-{post.code}")

    def probe(self, posts: Sequence[Outgoing]) -> Mapping[int, ProbeAnswer]:
        return {
            post.post_id: ProbeAnswer(None, message="A robot cannot be asked") for post in posts
        }

    def follow_up(self, post: Outgoing) -> FollowUp:  # noqa: ARG002 - the port's shape
        """An accepted robot message is in the group at once."""
        return FollowUp(PostState.DELIVERED)
