"""Official Account: an article as a draft, sent to all followers or to one tag.

Three steps (picture, draft, mass send), each remembered on the post before the next, so that a
repeat goes on where the last attempt stopped. The mass send has an idempotency key
(`clientmsgid`, 24 hours): after a call without an answer the same request is sent again, and
45065 with the old msg_id means that it had taken effect (official-account.md 4, 6.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from contentcenter.clock import Clock
from contentcenter.domain.channels import AudienceKind
from contentcenter.domain.errors import (
    AlreadySent,
    CredentialsExpired,
    OutcomeUnknown,
    Refused,
    RetryLater,
)
from contentcenter.domain.posts import PostState
from distribute.media_cache import Jpeg, MediaCache, Pictures
from distribute.ports import (
    Accepted,
    Capabilities,
    ChannelAccess,
    FollowUp,
    Outgoing,
    ProbeAnswer,
)
from distribute.rates import OFFICIAL_ACCOUNT_MASS, RateGate
from distribute.senders.codes import OFFICIAL_ACCOUNT, check, code_of
from distribute.senders.http import Json, PlatformHttp, Upload
from distribute.tokens import FreshToken, TokenStore

ALREADY, WAITS_FOR_ADMIN, ADMIN_REFUSED, BAD_MEDIA = 45065, 89504, 89505, 40007
# The platform keeps a clientmsgid for 24 hours; a repeat after that would be a second send.
KEY_LIFE = timedelta(hours=23)
DRAFT_PAGE = 20
STATES = {
    "SEND_SUCCESS": FollowUp(PostState.DELIVERED),
    "SENDING": FollowUp(PostState.SENT, message="The platform is sending"),
    "SEND_FAIL": FollowUp(PostState.FAILED, "platform_failed", "The platform could not send it"),
    "DELETE": FollowUp(PostState.FAILED, "deleted_on_platform", "Deleted on the platform"),
}


class OfficialAccountClient:
    """Calls of one account, with one refresh and one repeat for a dead token."""

    def __init__(self, http: PlatformHttp, tokens: TokenStore) -> None:
        self._http = http
        self._tokens = tokens

    def call(
        self, channel: ChannelAccess, path: str, body: Mapping[str, Any], *, effect: bool = False
    ) -> Json:
        """The answer, whatever its code but a dead token's."""
        return self._twice(
            channel,
            path,
            lambda token: self._http.post(
                f"/cgi-bin/{path}", {"access_token": token}, body, effect=effect
            ),
        )

    def upload(self, channel: ChannelAccess, path: str, file: Upload, **query: str) -> Json:
        answer = self._twice(
            channel,
            path,
            lambda token: self._http.upload(
                f"/cgi-bin/{path}", {"access_token": token, **query}, file
            ),
        )
        check(answer, OFFICIAL_ACCOUNT, path)
        return answer

    def token(self, channel: ChannelAccess, failed: str = "") -> str:
        def fetch(failed: str) -> FreshToken:
            fresh = self._stable_token(channel, force=False)
            if fresh.value == failed:  # the platform thinks it is good; the calls say otherwise
                fresh = self._stable_token(channel, force=True)
            return fresh

        return self._tokens.get(f"oa-{channel.account}", fetch, failed=failed)

    def _twice(self, channel: ChannelAccess, path: str, ask: Any) -> Json:
        token = self.token(channel)
        answer: Json = ask(token)
        if not _token_is_dead(answer, path):
            return answer
        again: Json = ask(self.token(channel, failed=token))
        if _token_is_dead(again, path):
            check(again, OFFICIAL_ACCOUNT, path)
        return again

    def _stable_token(self, channel: ChannelAccess, force: bool) -> FreshToken:
        body = {
            "grant_type": "client_credential",
            "appid": channel.account,
            "secret": channel.secret("secret"),
            "force_refresh": force,
        }
        answer = self._http.post("/cgi-bin/stable_token", {}, body, effect=False)
        check(answer, OFFICIAL_ACCOUNT, "stable_token")
        return FreshToken(str(answer["access_token"]), float(answer["expires_in"]))


class OfficialAccountSender:
    # One at a time: there are few sends, and each is several steps.
    capabilities = Capabilities(claim_size=1, can_probe=True, can_follow_up=True)

    def __init__(
        self,
        client: OfficialAccountClient,
        gate: RateGate,
        pictures: Pictures,
        cache: MediaCache,
        clock: Clock,
    ) -> None:
        self._client = client
        self._gate = gate
        self._pictures = pictures
        self._cache = cache
        self._clock = clock

    def check(self, channel: ChannelAccess) -> None:
        self._client.token(channel)

    def take_turns(self, channel: ChannelAccess, wanted: int) -> tuple[int, float]:
        return self._gate.take(f"oa:{channel.account}:mass", OFFICIAL_ACCOUNT_MASS, wanted)

    def send(self, post: Outgoing) -> Accepted:
        draft = self._draft(post)
        if not post.progress.get("mass_tried_at"):
            post.remember({"mass_tried_at": self._clock.now().isoformat()})
        try:
            return self._mass(post, draft)
        except Refused as error:
            if error.platform_code != BAD_MEDIA:
                raise
            post.remember({"draft": "", "draft_tried": False})
            raise RetryLater("The draft is gone, it is made anew", after_seconds=5) from error
        except (RetryLater, CredentialsExpired):
            # Nothing took effect: a worker lost before the next try has nothing to ask about.
            post.remember({"mass_tried_at": ""})
            raise

    def probe(self, posts: Sequence[Outgoing]) -> Mapping[int, ProbeAnswer]:
        return {post.post_id: self._probe_one(post) for post in posts}

    def follow_up(self, post: Outgoing) -> FollowUp:
        if not post.reference:
            return FollowUp(PostState.SENT, message="Sent, but the platform's id was lost")
        answer = self._client.call(post.channel, "message/mass/get", {"msg_id": post.reference})
        code = code_of(answer)
        if code == WAITS_FOR_ADMIN:
            return FollowUp(PostState.WAITING_OWNER, message="Waiting for the administrator")
        if code == ADMIN_REFUSED:
            return FollowUp(PostState.FAILED, "administrator_refused")
        check(answer, OFFICIAL_ACCOUNT, "mass/get")
        state = str(answer.get("msg_status", ""))
        return STATES.get(state, FollowUp(PostState.SENT, message=f"Unknown status {state}"))

    # -- steps ---------------------------------------------------------------------------

    def _draft(self, post: Outgoing) -> str:
        """The post's draft: remembered, found by our marker, or made now."""
        known = str(post.progress.get("draft") or "")
        if not known and post.progress.get("draft_tried"):
            known = self._find_draft(post)
        if known:
            return known
        article = self._article(post)
        post.remember({"draft_tried": True})
        try:
            answer = self._client.call(
                post.channel, "draft/add", {"articles": [article]}, effect=True
            )
        except OutcomeUnknown as error:
            # A draft nobody sees: the next attempt looks for it, so nothing is at stake.
            raise RetryLater(error.message, after_seconds=15) from error
        if code_of(answer) == BAD_MEDIA:
            self._cache.forget(post.channel.account, article["thumb_media_id"])
            raise RetryLater("The cover is gone from the library", after_seconds=5)
        check(answer, OFFICIAL_ACCOUNT, "draft/add")
        draft = str(answer["media_id"])
        post.remember({"draft": draft})
        return draft

    def _find_draft(self, post: Outgoing) -> str:
        """Our marker is the tracked link behind "read original"."""
        body = {"offset": 0, "count": DRAFT_PAGE, "no_content": 1}
        answer = self._client.call(post.channel, "draft/batchget", body)
        check(answer, OFFICIAL_ACCOUNT, "draft/batchget")
        marker = f"/t/{post.code}"
        for item in answer.get("item") or []:
            articles = (item.get("content") or {}).get("news_item") or []
            if any(str(one.get("content_source_url", "")).endswith(marker) for one in articles):
                draft = str(item["media_id"])
                post.remember({"draft": draft})
                return draft
        return ""

    def _article(self, post: Outgoing) -> Json:
        content = post.content
        return {
            "article_type": "news",
            "title": content["title"],
            "author": content["author"],
            "digest": content["digest"],
            "content": self._with_cover(post, str(content["html"])),
            "content_source_url": content["source_url"],
            "thumb_media_id": self._thumb(post),
        }

    def _thumb(self, post: Outgoing) -> str:
        def upload(picture: Jpeg) -> str:
            file = (picture.name, picture.data, "image/jpeg")
            answer = self._client.upload(post.channel, "material/add_material", file, type="thumb")
            return str(answer["media_id"])

        picture = self._pictures.thumb(str(post.content.get("cover", "")))
        return self._cache.reference(post.channel.account, "thumb", picture, upload)

    def _with_cover(self, post: Outgoing, html: str) -> str:
        """Only pictures that came through uploadimg are shown (official-account.md 4)."""
        picture = self._pictures.body(str(post.content.get("cover", "")))
        if picture is None:
            return html

        def upload(picture: Jpeg) -> str:
            file = (picture.name, picture.data, "image/jpeg")
            return str(self._client.upload(post.channel, "media/uploadimg", file)["url"])

        url = self._cache.reference(post.channel.account, "body", picture, upload)
        return f'<p><img src="{url}"/></p>{html}'

    def _mass(self, post: Outgoing, draft: str) -> Accepted:
        body = {
            "filter": _filter(post),
            "mpnews": {"media_id": draft},
            "msgtype": "mpnews",
            "send_ignore_reprint": 1,
            "clientmsgid": post.client_key,
        }
        answer = self._client.call(post.channel, "message/mass/sendall", body, effect=True)
        code, reference = code_of(answer), str(answer.get("msg_id") or "")
        if code == ALREADY:
            raise AlreadySent("The platform has this send already", reference=reference)
        if code == WAITS_FOR_ADMIN:
            return Accepted(reference, "Waiting for the account's administrator")
        check(answer, OFFICIAL_ACCOUNT, "mass/sendall")
        return Accepted(reference)

    # -- after a time-out ----------------------------------------------------------------

    def _probe_one(self, post: Outgoing) -> ProbeAnswer:
        draft, tried = post.progress.get("draft"), post.progress.get("mass_tried_at")
        if not tried or not draft:
            return ProbeAnswer(False, message="It never came to the mass send", certain=True)
        if self._clock.now() - datetime.fromisoformat(str(tried)) > KEY_LIFE:
            return self._draft_says(post, str(draft))
        return self._repeat(post, str(draft))

    def _repeat(self, post: Outgoing, draft: str) -> ProbeAnswer:
        """The same request with the same key: the platform's own way to ask."""
        try:
            accepted = self._mass(post, draft)
        except AlreadySent as error:
            return ProbeAnswer(True, error.reference, error.message)
        except Refused as error:
            if error.platform_code == BAD_MEDIA:
                return ProbeAnswer(True, "", "The draft was used up by the send")
            return ProbeAnswer(False, message=error.message, certain=True)
        except (RetryLater, OutcomeUnknown) as error:
            took_effect = False if error.details.get("quota") else None
            return ProbeAnswer(took_effect, message=error.message, certain=True)
        return ProbeAnswer(True, accepted.reference, "Sent by the repeat with the same key")

    def _draft_says(self, post: Outgoing, draft: str) -> ProbeAnswer:
        """Too late for the key: a draft leaves the box when it is sent."""
        answer = self._client.call(post.channel, "draft/get", {"media_id": draft})
        if code_of(answer) == BAD_MEDIA:
            return ProbeAnswer(True, "", "The draft was used up by the send")
        check(answer, OFFICIAL_ACCOUNT, "draft/get")
        return ProbeAnswer(False, message="The draft is still in the box", certain=True)


def _filter(post: Outgoing) -> Json:
    if post.audience_kind == AudienceKind.FOLLOWERS:
        return {"is_to_all": True}
    return {"is_to_all": False, "tag_id": int(post.platform_ref)}


def _token_is_dead(answer: Mapping[str, Any], path: str) -> bool:
    try:
        check(answer, OFFICIAL_ACCOUNT, path)
    except CredentialsExpired as error:
        return bool(error.details.get("token"))
    except (RetryLater, Refused):
        return False
    return False
