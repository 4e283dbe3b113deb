"""Publishing without a push (contract, section 5): a delayed job with its event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.base import Base
from sandbox.media import fresh_media_id
from sandbox.official.accounts import Accounts
from sandbox.official.drafts import Draft, Drafts, shown
from sandbox.official.mass import text_or_number
from sandbox.official.media import page_of
from sandbox.wire import Call, JsonObject, PlatformError, int_of, text_of

SUCCESS, RUNNING, DELETED = 0, 1, 5


@dataclass
class Publication:
    publish_id: str
    appid: str
    draft_id: str
    at: float
    status: int = RUNNING
    article_id: str = ""
    failed: list[int] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)


class Publishing:
    def __init__(self, base: Base, accounts: Accounts, drafts: Drafts) -> None:
        self._clock = base.clock
        self._scheduler = base.scheduler
        self._callbacks = base.callbacks
        self.settings = base.settings
        self._accounts = accounts
        self._drafts = drafts
        self.table = base.store.table("oa_publications", Publication)
        self.base_url = ""
        base.scheduler.on("oa_publish_finish", self.finish)

    def submit(self, call: Call) -> JsonObject:
        self._entitled(call.owner)
        draft = self._drafts.need(call.owner, text_of(call.body, "media_id", 40007))
        if draft.auto_saved:
            raise PlatformError(53505, "save the draft by hand first")
        number = str(2_247_483_000 + len(self.table) + 1)
        self.table.put(number, Publication(number, call.owner, draft.media_id, self._clock.now()))
        self._drafts.use(draft, f"publish:{number}")
        self.base_url = call.base_url
        self._scheduler.later(self.settings.publish_seconds, "oa_publish_finish", number)
        return {"errcode": 0, "errmsg": "ok", "publish_id": number, "msg_data_id": int(number)}

    def finish(self, publish_id: str) -> None:
        job = self.table.get(publish_id)
        account = self._accounts.table.get(job.appid) if job else None
        draft = self._drafts.known(job.appid, job.draft_id) if job else None
        if job is None or account is None or draft is None or job.status != RUNNING:
            return
        job.status = account.publish_result
        if job.status == SUCCESS:
            job.article_id = fresh_media_id()
        else:
            self._drafts.use(draft, "")  # it returns to the box
            if job.status in (2, 4):
                job.failed = [1]
        self.table.put(publish_id, job)
        fields: dict[str, Any] = {
            "ToUserName": account.original_id,
            "FromUserName": "mphelper",
            "CreateTime": self._clock.seconds(),
            "MsgType": "event",
            "Event": "PUBLISHJOBFINISH",
            "PublishEventInfo": self._info(job, draft),
        }
        self._callbacks.send("official-account", job.appid, fields)

    def get(self, call: Call) -> JsonObject:
        self._entitled(call.owner)
        job = self.table.get(text_or_number(call.body, "publish_id"))
        if job is None or job.appid != call.owner:
            raise PlatformError(40002, "invalid publish_id")
        answer: JsonObject = {
            "publish_id": job.publish_id,
            "publish_status": job.status,
            "fail_idx": job.failed,
        }
        draft = self._drafts.known(job.appid, job.draft_id)
        if job.article_id and draft is not None:
            pages = [
                {"idx": index + 1, "article_url": item["url"]}
                for index, item in enumerate(shown(draft, call.base_url, bare=True))
            ]
            answer["article_id"] = job.article_id
            answer["article_detail"] = {"count": len(pages), "item": pages}
        return answer

    def batchget(self, call: Call) -> JsonObject:
        self._entitled(call.owner)
        offset, count = page_of(call.body)
        bare = int_of(call.body, "no_content", 0, 47001) == 1
        done = [p for p in self.table if p.appid == call.owner and p.article_id]
        done.sort(key=lambda job: job.at, reverse=True)
        items = [
            {
                "article_id": job.article_id,
                "content": {"news_item": self._news(job, call, bare)},
                "update_time": int(job.at),
            }
            for job in done[offset : offset + count]
        ]
        return {"total_count": len(done), "item_count": len(items), "item": items}

    def getarticle(self, call: Call) -> JsonObject:
        self._entitled(call.owner)
        return {"news_item": self._news(self._published(call), call, False)}

    def delete(self, call: Call) -> JsonObject:
        self._entitled(call.owner)
        job = self._published(call)
        index = int_of(call.body, "index", 0, 40114)
        draft = self._drafts.known(job.appid, job.draft_id)
        everything = list(range(1, len(draft.articles) + 1)) if draft else []
        job.deleted = sorted({*job.deleted, *(everything if index == 0 else [index])})
        if set(job.deleted) >= set(everything):
            job.status = DELETED
        self.table.put(job.publish_id, job)
        return {"errcode": 0, "errmsg": "ok"}

    def _published(self, call: Call) -> Publication:
        wanted = text_of(call.body, "article_id", 53600)
        for job in self.table:
            if job.appid == call.owner and wanted and job.article_id == wanted:
                return job
        raise PlatformError(53600, "invalid article_id")

    def _news(self, job: Publication, call: Call, bare: bool) -> list[dict[str, Any]]:
        draft = self._drafts.known(job.appid, job.draft_id)
        items = shown(draft, call.base_url, bare) if draft else []
        return [
            {**item, "is_deleted": index + 1 in job.deleted} for index, item in enumerate(items)
        ]

    def _info(self, job: Publication, draft: Draft) -> dict[str, Any]:
        info: dict[str, Any] = {"publish_id": job.publish_id, "publish_status": job.status}
        if job.article_id:
            pages = [
                {"idx": index + 1, "article_url": item["url"]}
                for index, item in enumerate(shown(draft, self.base_url, bare=True))
            ]
            info["article_id"] = job.article_id
            info["article_detail"] = {"count": len(pages), "item": pages}
        if job.failed:
            info["fail_idx"] = job.failed
        return info

    def _entitled(self, appid: str) -> None:
        if not self._accounts.need(appid).verified:
            raise PlatformError(48001, "api unauthorized")
