"""What platforms tell us: finished mass sends, readers who join and leave.

Every effect is safe to repeat: platforms repeat callbacks, and lose them too, which is why
follow-ups poll as well.
"""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy import select

from contentcenter.clock import Clock
from contentcenter.domain.channels import AudienceKind, ChannelKind
from contentcenter.domain.errors import InvalidInput, NotFound
from contentcenter.domain.events import EventKind
from contentcenter.domain.posts import FOLLOWED_STATES, PostState
from contentcenter.store.database import Database
from contentcenter.store.tables import AudienceRow, ChannelRow, MemberRow
from distribute.channel_service import load_access
from distribute.envelope import decrypt, parse, require_signature
from distribute.follow_service import FollowService
from distribute.ports import ChannelAccess, EventsPort, FollowUp, ReaderEvent
from distribute.tables import PostRow

log = structlog.get_logger()
Query = Mapping[str, str]
OFFICIAL = frozenset({ChannelKind.OFFICIAL_ACCOUNT})
WECOM = frozenset({ChannelKind.WECOM_GROUPS, ChannelKind.WECOM_CUSTOMERS})


class CallbackService:
    def __init__(
        self, db: Database, clock: Clock, follow: FollowService, events: EventsPort
    ) -> None:
        self._db = db
        self._clock = clock
        self._follow = follow
        self._events = events

    # -- doors ---------------------------------------------------------------------------

    def echo_official(self, channel_id: int, query: Query) -> str:
        """The answer to the address check: `echostr` as it came."""
        channel = self._channel(channel_id, OFFICIAL)
        self._check_plain(channel, query)
        return query.get("echostr", "")

    def echo_wecom(self, channel_id: int, query: Query) -> str:
        """The answer to the address check: `echostr`, decrypted."""
        channel = self._channel(channel_id, WECOM)
        return self._opened(channel, query, query.get("echostr", ""))

    def receive_official(self, channel_id: int, query: Query, body: str) -> None:
        """One message or event of an Official Account, plain or encrypted."""
        channel = self._channel(channel_id, OFFICIAL)
        message = parse(body)
        sealed = message.findtext("Encrypt")
        if sealed is not None:
            message = parse(self._opened(channel, query, sealed))
        elif channel.secret("aes_key"):
            raise InvalidInput("This account's callbacks are encrypted; a plain one is not ours")
        else:
            self._check_plain(channel, query)
        self._official_event(channel, message)

    def receive_wecom(self, channel_id: int, query: Query, body: str) -> None:
        """One event of an enterprise; always encrypted."""
        channel = self._channel(channel_id, WECOM)
        sealed = parse(body).findtext("Encrypt") or ""
        self._wecom_event(channel, parse(self._opened(channel, query, sealed)))

    # -- Official Account ----------------------------------------------------------------

    def _official_event(self, channel: ChannelAccess, message: ET.Element) -> None:
        # Documents and traffic differ in the case of event names.
        event = message.findtext("Event", "").lower()
        if event == "masssendjobfinish":
            self._mass_finished(channel, message)
        elif event in {"subscribe", "unsubscribe"}:
            kind = EventKind.JOIN if event == "subscribe" else EventKind.LEAVE
            openid, at = message.findtext("FromUserName", ""), _created(message)
            audience_id = self._audience(channel, AudienceKind.FOLLOWERS)
            if audience_id is not None and openid:
                name = _event_id("oa", channel.account, openid, event, str(at.timestamp()))
                self._events.record(
                    [ReaderEvent(name, kind, at, openid=openid, audience_id=audience_id)]
                )
        else:
            log.info("callback_ignored", channel=channel.id, callback_event=event)

    def _mass_finished(self, channel: ChannelAccess, message: ET.Element) -> None:
        reference = message.findtext("MsgID") or message.findtext("MsgId") or ""
        query = select(PostRow.id).where(
            PostRow.channel_id == channel.id,
            PostRow.reference == reference,
            PostRow.state.in_(FOLLOWED_STATES),
        )
        with self._db.reading() as session:
            post_id = session.scalars(query).first()
        if post_id is not None and reference:
            self._follow.report(post_id, _mass_report(message))

    # -- WeCom ---------------------------------------------------------------------------

    def _wecom_event(self, channel: ChannelAccess, message: ET.Element) -> None:
        event, change = message.findtext("Event", ""), message.findtext("ChangeType", "")
        handlers: dict[tuple[str, str], Callable[[ChannelAccess, ET.Element], None]] = {
            ("change_external_chat", "update"): self._group_changed,
            ("change_external_contact", "add_external_contact"): self._contact_changed,
            ("change_external_contact", "del_follow_user"): self._contact_changed,
        }
        handler = handlers.get((event, change))
        if handler is None:
            log.info("callback_ignored", channel=channel.id, callback_event=f"{event}/{change}")
            return
        handler(channel, message)

    def _group_changed(self, channel: ChannelAccess, message: ET.Element) -> None:
        detail = message.findtext("UpdateDetail", "")
        kinds = {"add_member": EventKind.JOIN, "del_member": EventKind.LEAVE}
        chat_id = message.findtext("ChatId", "")
        audience_id = self._audience(channel, AudienceKind.GROUP, chat_id)
        if detail not in kinds or audience_id is None:
            return
        at = _created(message)
        changed = self._customers(channel, [item.text or "" for item in message.iter("Item")])
        version = message.findtext("CurMemVer", "")
        self._events.record(
            [
                ReaderEvent(
                    _event_id("chat", chat_id, userid, detail, version or str(at.timestamp())),
                    kinds[detail],
                    at,
                    external_userid=userid,
                    audience_id=audience_id,
                )
                for userid in changed
            ]
        )

    def _contact_changed(self, channel: ChannelAccess, message: ET.Element) -> None:
        added = message.findtext("ChangeType") == "add_external_contact"
        userid, external = message.findtext("UserID", ""), message.findtext("ExternalUserID", "")
        audience_id = self._audience(channel, AudienceKind.CUSTOMERS, userid)
        if audience_id is None or not external:
            return
        at = _created(message)
        name = _event_id("contact", userid, external, str(added), str(at.timestamp()))
        kind = EventKind.JOIN if added else EventKind.LEAVE
        self._events.record(
            [ReaderEvent(name, kind, at, external_userid=external, audience_id=audience_id)]
        )

    # -- inside --------------------------------------------------------------------------

    def _channel(self, channel_id: int, kinds: frozenset[ChannelKind]) -> ChannelAccess:
        with self._db.reading() as session:
            channel = load_access(session, [channel_id]).get(channel_id)
        if channel is None or channel.kind not in kinds:
            raise NotFound(f"No channel {channel_id} here", channel_id=channel_id)
        return channel

    def _audience(self, channel: ChannelAccess, kind: AudienceKind, ref: str = "") -> int | None:
        """An enterprise registers one callback address for all its channels, so the audience
        is looked for in all channels of the same account."""
        query = (
            select(AudienceRow.id)
            .join(ChannelRow, ChannelRow.id == AudienceRow.channel_id)
            .where(ChannelRow.account == channel.account, AudienceRow.kind == kind)
            .order_by(AudienceRow.id)
        )
        if ref:
            query = query.where(AudienceRow.platform_ref == ref)
        with self._db.reading() as session:
            return session.scalars(query).first()

    def _customers(self, channel: ChannelAccess, ids: Sequence[str]) -> list[str]:
        """Staff come and go too; they are no readers."""
        query = select(MemberRow.userid).where(
            MemberRow.corp == channel.account, MemberRow.userid.in_(ids)
        )
        with self._db.reading() as session:
            staff = set(session.scalars(query))
        return [userid for userid in ids if userid and userid not in staff]

    def _check_plain(self, channel: ChannelAccess, query: Query) -> None:
        require_signature(
            query.get("signature", ""),
            channel.secret("token"),
            query.get("timestamp", ""),
            query.get("nonce", ""),
        )

    def _opened(self, channel: ChannelAccess, query: Query, sealed: str) -> str:
        require_signature(
            query.get("msg_signature", ""),
            channel.secret("token"),
            query.get("timestamp", ""),
            query.get("nonce", ""),
            sealed,
        )
        return decrypt(channel.secret("aes_key"), channel.account, sealed)


def _mass_report(message: ET.Element) -> FollowUp:
    """official-account.md 6.3: `send success`, `send fail` or `err(N)`."""
    status = message.findtext("Status", "")
    if status.replace(" ", "").lower() == "sendsuccess":
        return FollowUp(PostState.DELIVERED, reached=int(message.findtext("SentCount", "0") or 0))
    reason = status.replace("(", "_").replace(")", "").replace(" ", "_")[:64]
    return FollowUp(PostState.FAILED, reason or "platform_failed", f"The platform says: {status}")


def _created(message: ET.Element) -> datetime:
    return datetime.fromtimestamp(int(message.findtext("CreateTime", "0") or 0), UTC)


def _event_id(*parts: str) -> str:
    """A stable id of at most 80 characters: a repeated callback is the same event."""
    digest = hashlib.sha256("|".join(parts).encode()).hexdigest()[:48]
    return f"cb-{parts[0]}-{digest}"
