"""The draft box (contract, section 4)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.media import fresh_media_id
from sandbox.official.accounts import Accounts
from sandbox.official.markup import filtered, text_only
from sandbox.official.media import OfficialMedia, page_of
from sandbox.settings import Settings
from sandbox.store import Store
from sandbox.wire import Call, JsonObject, PlatformError, int_of, list_of, object_of, text_of

ARTICLES_MAX = 8
CONTENT_BYTES = 1024 * 1024
DIGEST_CHARACTERS, AUTHOR_CHARACTERS, MADE_DIGEST = 128, 16, 54
NEWSPIC_IMAGES = 20


@dataclass
class Draft:
    """A draft; used_by names the mass send or publication that took it out of the box."""

    media_id: str
    appid: str
    articles: list[dict[str, Any]]
    created: int
    updated: int
    used_by: str = ""
    auto_saved: bool = False

    def digest(self) -> str:
        """Tells equal contents apart from different ones (platform's repeat check)."""
        facts = [(a["title"], a["content"], a["content_source_url"]) for a in self.articles]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


class Drafts:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        accounts: Accounts,
        media: OfficialMedia,
        settings: Settings,
    ) -> None:
        self._clock = clock
        self._accounts = accounts
        self._media = media
        self.settings = settings
        self.table = store.table("oa_drafts", Draft)

    def add(self, call: Call) -> JsonObject:
        raw = list_of(call.body, "articles", 47001)
        if not raw:
            raise PlatformError(44003, "empty news data")
        if len(raw) > ARTICLES_MAX:
            raise PlatformError(45008, "article size out of limit")
        articles = [self._article(call, one, len(raw)) for one in raw]
        now = self._clock.seconds()
        draft = Draft(fresh_media_id(), call.owner, articles, now, now)
        self.table.put(draft.media_id, draft)
        return {"media_id": draft.media_id, "item": []}

    def update(self, call: Call) -> JsonObject:
        draft = self.need(call.owner, text_of(call.body, "media_id", 40007))
        index = int_of(call.body, "index", 0, 40114)
        if not 0 <= index < len(draft.articles):
            raise PlatformError(40114, "invalid article index")
        article = object_of(call.body, "articles", 47001)
        draft.articles[index] = self._article(call, article, len(draft.articles))
        draft.updated = self._clock.seconds()
        self.table.put(draft.media_id, draft)
        return {"errcode": 0, "errmsg": "ok"}

    def get(self, call: Call) -> JsonObject:
        draft = self.need(call.owner, text_of(call.body, "media_id", 40007))
        return {
            "news_item": shown(draft, call.base_url),
            "create_time": draft.created,
            "update_time": draft.updated,
        }

    def delete(self, call: Call) -> JsonObject:
        draft = self.need(call.owner, text_of(call.body, "media_id", 40007))
        self.table.drop(draft.media_id)
        return {"errcode": 0, "errmsg": "ok"}

    def batchget(self, call: Call) -> JsonObject:
        offset, count = page_of(call.body)
        bare = int_of(call.body, "no_content", 0, 47001) == 1
        box = sorted(self.box(call.owner), key=lambda d: (-d.updated, d.media_id))
        items = [
            {
                "media_id": draft.media_id,
                "content": {
                    "news_item": shown(draft, call.base_url, bare),
                    "create_time": draft.created,
                    "update_time": draft.updated,
                },
                "update_time": draft.updated,
            }
            for draft in box[offset : offset + count]
        ]
        return {"item": items, "total_count": len(box), "item_count": len(items)}

    def count(self, call: Call) -> JsonObject:
        return {"total_count": len(self.box(call.owner))}

    def box(self, appid: str) -> list[Draft]:
        return [draft for draft in self.table if draft.appid == appid and not draft.used_by]

    def need(self, appid: str, media_id: str) -> Draft:
        """A draft still in the box; 40007 when never there, deleted or used."""
        draft = self.table.get(media_id)
        if draft is None or draft.appid != appid or draft.used_by:
            raise PlatformError(40007, "invalid media_id")
        return draft

    def known(self, appid: str, media_id: str) -> Draft | None:
        """The draft whether used or not."""
        draft = self.table.get(media_id)
        return draft if draft is not None and draft.appid == appid else None

    def use(self, draft: Draft, used_by: str) -> None:
        draft.used_by = used_by
        self.table.put(draft.media_id, draft)

    def _article(self, call: Call, raw: Any, siblings: int) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise PlatformError(47001, "data format error")
        kind = text_of(raw, "article_type", 47001) or "news"
        if kind not in ("news", "newspic"):
            raise PlatformError(40008, "invalid article type")
        title = text_of(raw, "title", 45003)
        if not title.strip() or len(title) > self.settings.title_characters:
            raise PlatformError(45003, "title size out of limit")
        article: dict[str, Any] = {"article_type": kind, "title": title}
        article["author"] = _limited(raw, "author", AUTHOR_CHARACTERS, 45110)
        article["content"] = self._content(call, raw)
        article["digest"] = _digest(raw, article["content"], siblings)
        article["content_source_url"] = _source_url(raw)
        article.update(self._comments(call, raw))
        article.update(self._pictures(call, raw, kind))
        return article

    def _content(self, call: Call, raw: JsonObject) -> str:
        content = text_of(raw, "content", 44004)
        if not content.strip():
            raise PlatformError(44004, "empty content")
        too_long = len(content) > self.settings.content_characters
        if too_long or len(content.encode()) > CONTENT_BYTES:
            raise PlatformError(45166, "content size out of limit")
        return filtered(content, lambda address: self._media.minted(call.owner, address))

    def _comments(self, call: Call, raw: JsonObject) -> dict[str, int]:
        opened = int_of(raw, "need_open_comment", 0, 47001)
        if opened and not self._accounts.need(call.owner).comment_right:
            raise PlatformError(88000, "without comment privilege")
        return {
            "need_open_comment": opened,
            "only_fans_can_comment": int_of(raw, "only_fans_can_comment", 0, 47001),
        }

    def _pictures(self, call: Call, raw: JsonObject, kind: str) -> dict[str, Any]:
        if kind == "news":
            thumb = self._media.permanent_image(call.owner, text_of(raw, "thumb_media_id", 40007))
            return {"thumb_media_id": thumb.id, "thumb_url": thumb.url}
        images = list_of(object_of(raw, "image_info", 40007), "image_list", 40007)
        if not images or len(images) > NEWSPIC_IMAGES:
            raise PlatformError(40215 if images else 40007, "invalid number of pictures")
        found = [
            self._media.permanent_image(call.owner, text_of(one, "image_media_id", 40007))
            for one in images
            if isinstance(one, dict)
        ]
        return {
            "thumb_media_id": found[0].id,
            "thumb_url": found[0].url,
            "image_info": {"image_list": [{"image_media_id": one.id} for one in found]},
            "image_urls": [one.url for one in found],
        }


def _limited(raw: JsonObject, name: str, most: int, code: int) -> str:
    value = text_of(raw, name, code)
    if len(value) > most:
        raise PlatformError(code, f"{name} size out of limit")
    return value


def _digest(raw: JsonObject, content: str, siblings: int) -> str:
    """Kept for a single article only; an empty one becomes the first 54 characters."""
    digest = text_of(raw, "digest", 45004)
    if len(digest) > DIGEST_CHARACTERS:
        raise PlatformError(45004, "description size out of limit")
    if siblings > 1:
        return ""
    return digest or text_only(content)[:MADE_DIGEST]


def _source_url(raw: JsonObject) -> str:
    address = text_of(raw, "content_source_url", 41039)
    if len(address.encode()) > 1024 or (address and not address.startswith("http")):
        raise PlatformError(41039, "invalid content_source_url")
    return address


def shown(draft: Draft, base_url: str, bare: bool = False) -> list[dict[str, Any]]:
    """`news_item` as the read calls return it, with a preview address of each article."""
    items = []
    for index, article in enumerate(draft.articles):
        item = {**article, "url": f"{base_url}/official-account/s/{draft.media_id}/{index}"}
        if bare:
            item.pop("content")
        items.append(item)
    return items
