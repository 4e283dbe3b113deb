"""All customers of one member. `sender` alone means everybody this member follows."""

from __future__ import annotations

from distribute.ports import Outgoing
from distribute.senders.http import Json
from distribute.senders.wecom import WeComMassSender


class WeComCustomerSender(WeComMassSender):
    chat_type = "single"

    def targets(self, post: Outgoing) -> Json:
        return {"sender": post.owner_userid or post.platform_ref}
