"""Customer groups: one task for each group, sent by its owner (wecom.md 4.4)."""

from __future__ import annotations

from distribute.ports import Outgoing
from distribute.senders.http import Json
from distribute.senders.wecom import WeComMassSender


class WeComGroupSender(WeComMassSender):
    chat_type = "group"

    def targets(self, post: Outgoing) -> Json:
        return {"sender": post.owner_userid, "chat_id_list": [post.platform_ref]}
