"""Mass sending: who may, how often, once only, and what the follow-up reports say
(contract, section 6)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sandbox.base import Base
from sandbox.clock import day_of
from sandbox.messages import Message
from sandbox.official.accounts import SERVICE, SUBSCRIPTION, Account, Accounts, Follower
from sandbox.official.branches import Branches, Content
from sandbox.official.drafts import Drafts
from sandbox.wire import Call, JsonObject, PlatformError, int_of, object_of, strings_of, text_of

MONTHLY_PER_FOLLOWER = 4
MONTHLY_TO_ALL = 4
CLIENT_ID_BYTES = 32
OPENIDS_MAX = 10_000
STATE_WORDS = {
    "waiting": "SENDING",
    "sending": "SENDING",
    "success": "SEND_SUCCESS",
    "failed": "SEND_FAIL",
    "deleted": "DELETE",
}


@dataclass
class MassJob:
    """One accepted mass send. audience: `all`, `tag:ID` or `openids`."""

    msg_id: int
    msg_data_id: int
    appid: str
    at: float
    audience: str
    msgtype: str
    parts: list[dict[str, Any]]
    client_id: str
    openids: list[str] = field(default_factory=list)
    draft_id: str = ""
    state: str = "sending"
    status: str = ""
    counts: dict[str, int] = field(default_factory=dict)


@dataclass
class ClientId:
    msg_id: int
    at: float


class MassSending:
    def __init__(self, base: Base, accounts: Accounts, drafts: Drafts, branches: Branches) -> None:
        self._clock = base.clock
        self._inbox = base.inbox
        self._scheduler = base.scheduler
        self._callbacks = base.callbacks
        self.settings = base.settings
        self._accounts = accounts
        self._drafts = drafts
        self._branches = branches
        self.jobs = base.store.table("oa_mass_jobs", MassJob)
        self._client_ids = base.store.table("oa_client_ids", ClientId)
        self._received: Counter[tuple[str, str, str]] = Counter()
        base.scheduler.on("oa_mass_finish", self.finish)
        base.scheduler.on("oa_mass_silence", self.silence)

    def rebuild(self) -> None:
        """Per-follower monthly counts, from what was delivered."""
        self._received.clear()
        for message in self._inbox.table:
            if message.source == "mass":
                month = day_of(message.at)[:7]
                for openid in message.recipients:
                    self._received[(message.owner, month, openid)] += 1

    # -- calls ---------------------------------------------------------------------------

    def sendall(self, call: Call) -> JsonObject:
        account = self._entitled(call.owner)
        wanted = object_of(call.body, "filter", 40035)
        if wanted.get("is_to_all") is True:
            audience = "all"
        else:
            audience = f"tag:{int_of(wanted, 'tag_id', -1, 40152)}"
        return self._accept(call, account, audience, [])

    def send(self, call: Call) -> JsonObject:
        account = self._entitled(call.owner)
        if account.account_type != SERVICE:
            raise PlatformError(48001, "api unauthorized")
        openids = list(dict.fromkeys(strings_of(call.body, "touser", 40031)))
        if len(openids) < 2:
            raise PlatformError(40130, "invalid openid list size, at least two openid")
        if len(openids) > OPENIDS_MAX:
            raise PlatformError(40032, "invalid openid list size")
        if not any(self._accounts.follower(account.appid, one) for one in openids):
            raise PlatformError(40031, "invalid openid list")
        return self._accept(call, account, "openids", openids)

    def get(self, call: Call) -> JsonObject:
        job = self._job(call.owner, text_or_number(call.body, "msg_id"))
        if job.state == "waiting":
            raise PlatformError(89504, "waiting for the administrator's confirmation")
        return {"msg_id": job.msg_id, "msg_status": STATE_WORDS[job.state]}

    def delete(self, call: Call) -> JsonObject:
        job = self._job(call.owner, text_or_number(call.body, "msg_id"))
        if job.state != "success" or job.msgtype not in ("mpnews", "mpvideo"):
            raise PlatformError(40060, "delete msg failed")
        index = int_of(call.body, "article_idx", 0, 40065)
        if not 0 <= index <= len(job.parts):
            raise PlatformError(40065, "invalid article_idx")
        job.state = "deleted"
        self._save(job)
        return {"errcode": 0, "errmsg": "ok"}

    # -- the life of a job ---------------------------------------------------------------

    def approve(self, appid: str, msg_id: str, agreed: bool) -> bool:
        """The administrator's answer to a protected mass send."""
        job = self.jobs.get(f"{appid}/{msg_id}")
        if job is None or job.state != "waiting":
            return False
        if agreed:
            job.state = "sending"
            self._save(job)
            self._scheduler.later(self.settings.mass_seconds, "oa_mass_finish", appid, msg_id)
        else:
            self._fail(job, "err(40001)")
        return True

    def silence(self, appid: str, msg_id: str) -> None:
        job = self.jobs.get(f"{appid}/{msg_id}")
        if job is not None and job.state == "waiting":
            self._fail(job, "err(40002)")

    def finish(self, appid: str, msg_id: str) -> None:
        job = self.jobs.get(f"{appid}/{msg_id}")
        account = self._accounts.table.get(appid)
        if job is None or account is None or job.state != "sending":
            return
        if account.mass_result != "send success":
            self._fail(job, account.mass_result)
            return
        targets = self._targets(job)
        month = self._clock.month()
        sent = [one for one in targets if self._accepts(account, one, month)]
        wrong = sum(1 for one in job.openids if self._accounts.follower(appid, one) is None)
        self._deliver(job, account, [one.openid for one in sent], month)
        job.state, job.status = "success", "send success"
        job.counts = {
            "TotalCount": len(targets) + wrong,
            "FilterCount": len(sent) + wrong,
            "SentCount": len(sent),
            "ErrorCount": wrong,
        }
        self._save(job)
        self._report(job, account)

    def _accept(
        self, call: Call, account: Account, audience: str, openids: list[str]
    ) -> JsonObject:
        client_id = text_of(call.body, "clientmsgid", 45067)
        if len(client_id.encode()) > CLIENT_ID_BYTES:
            raise PlatformError(45067, "clientmsgid size out of limit")
        msgtype = self._branches.msgtype(call.body)
        key = client_id or self._derived(call, account.appid, audience, openids, msgtype)
        self._refuse_repeat(account.appid, key)
        self._check_quota(account, audience)
        content = self._branches.read(call, msgtype)
        self._check_audience(account.appid, audience)
        return self._start(account, audience, openids, content, key)

    def _start(
        self, account: Account, audience: str, openids: list[str], content: Content, key: str
    ) -> JsonObject:
        msg_id = 1_000_000_001 + len(self.jobs)
        job = MassJob(
            msg_id=msg_id,
            msg_data_id=2_247_483_648 + len(self.jobs),
            appid=account.appid,
            at=self._clock.now(),
            audience=audience,
            msgtype=content.msgtype,
            parts=content.parts,
            client_id=key,
            openids=openids,
            draft_id=content.draft.media_id if content.draft else "",
            state="waiting" if account.protected else "sending",
        )
        self._save(job)
        self._client_ids.put(f"{account.appid}/{key}", ClientId(msg_id, job.at))
        if content.draft is not None:
            self._drafts.use(content.draft, f"mass:{msg_id}")
        answer: JsonObject = {"msg_id": msg_id}
        if content.draft is not None:
            answer["msg_data_id"] = job.msg_data_id
        if account.protected:
            self._scheduler.later(
                self.settings.approval_seconds, "oa_mass_silence", account.appid, str(msg_id)
            )
            raise PlatformError(89504, "waiting for the administrator's confirmation", **answer)
        self._scheduler.later(
            self.settings.mass_seconds, "oa_mass_finish", account.appid, str(msg_id)
        )
        return {"errcode": 0, "errmsg": "send job submission success", **answer}

    # -- checks --------------------------------------------------------------------------

    def _entitled(self, appid: str) -> Account:
        account = self._accounts.need(appid)
        if not account.verified:
            raise PlatformError(48001, "api unauthorized")
        return account

    def _derived(
        self, call: Call, appid: str, audience: str, openids: list[str], msgtype: str
    ) -> str:
        """Without a clientmsgid the platform makes one from range and content."""
        content: Any = call.body.get(msgtype)
        if msgtype == "mpnews" and isinstance(content, dict):
            draft = self._drafts.known(appid, str(content.get("media_id", "")))
            content = draft.digest() if draft else content
        facts = json.dumps([audience, sorted(openids), msgtype, content], sort_keys=True)
        return "auto-" + hashlib.sha256(facts.encode()).hexdigest()[:27]

    def _refuse_repeat(self, appid: str, key: str) -> None:
        known = self._client_ids.get(f"{appid}/{key}")
        now = self._clock.now()
        if known is None or now - known.at > self.settings.clientmsgid_life_seconds:
            return
        if now - known.at < self.settings.clientmsgid_wait_seconds:
            raise PlatformError(45066, "retry too fast, wait one minute")
        raise PlatformError(45065, "clientmsgid exist", msg_id=known.msg_id)

    def _check_quota(self, account: Account, audience: str) -> None:
        mine = [j for j in self.jobs if j.appid == account.appid and j.state != "failed"]
        today = [j for j in mine if day_of(j.at) == self._clock.day()]
        if account.account_type == SUBSCRIPTION:
            if today:
                raise PlatformError(45028, "has no masssend quota")
            return
        if audience != "all":
            return
        month = [j for j in mine if day_of(j.at)[:7] == self._clock.month()]
        to_all_today = [j for j in today if j.audience == "all"]
        to_all_month = [j for j in month if j.audience == "all"]
        if to_all_today or len(to_all_month) >= MONTHLY_TO_ALL:
            raise PlatformError(45028, "has no masssend quota")

    def _check_audience(self, appid: str, audience: str) -> None:
        if audience.startswith("tag:"):
            number = int(audience[4:])
            if number not in (0, 1, 2) and self._accounts.find_tag(appid, number) is None:
                raise PlatformError(40152, "invalid tag_id")

    def _job(self, appid: str, msg_id: str) -> MassJob:
        job = self.jobs.get(f"{appid}/{msg_id}")
        if job is None:
            raise PlatformError(40059, "invalid msg id")
        return job

    # -- delivery ------------------------------------------------------------------------

    def _targets(self, job: MassJob) -> list[Follower]:
        if job.audience == "all":
            return self._accounts.fans(job.appid)
        if job.audience.startswith("tag:"):
            return self._accounts.fans(job.appid, int(job.audience[4:]))
        found = (self._accounts.follower(job.appid, one) for one in job.openids)
        return [one for one in found if one is not None and one.subscribed]

    def _accepts(self, account: Account, follower: Follower, month: str) -> bool:
        if follower.refuses:
            return False
        had = self._received[(account.appid, month, follower.openid)]
        return account.account_type != SERVICE or had < MONTHLY_PER_FOLLOWER

    def _deliver(self, job: MassJob, account: Account, openids: list[str], month: str) -> None:
        message = Message(
            id=f"mass-{job.appid}-{job.msg_id}",
            at=self._clock.now(),
            platform="official-account",
            owner=job.appid,
            conversation=f"account:{job.appid}",
            source="mass",
            reference=str(job.msg_id),
            sender=account.name,
            parts=job.parts,
            recipients=openids,
        )
        for openid in openids:
            self._received[(account.appid, month, openid)] += 1
        self._inbox.deliver(message)

    def _fail(self, job: MassJob, status: str) -> None:
        job.state, job.status = "failed", status
        job.counts = {"TotalCount": 0, "FilterCount": 0, "SentCount": 0, "ErrorCount": 0}
        self._save(job)
        account = self._accounts.table.get(job.appid)
        if account is not None:
            self._report(job, account)

    def _report(self, job: MassJob, account: Account) -> None:
        """The event MASSSENDJOBFINISH (contract, 6.3)."""
        urls = [
            {"ArticleIdx": index + 1, "ArticleUrl": part["page"]}
            for index, part in enumerate(job.parts)
            if part.get("page")
        ]
        fields: dict[str, Any] = {
            "ToUserName": account.original_id,
            "FromUserName": "mphelper",
            "CreateTime": self._clock.seconds(),
            "MsgType": "event",
            "Event": "MASSSENDJOBFINISH",
            "MsgID": job.msg_id,
            "Status": job.status,
            **job.counts,
            "CopyrightCheckResult": {"Count": 0, "ResultList": {}, "CheckState": 0},
            "ArticleUrlResult": {"Count": len(urls), "ResultList": {"item": urls}},
        }
        self._callbacks.send("official-account", account.appid, fields)

    def _save(self, job: MassJob) -> None:
        self.jobs.put(f"{job.appid}/{job.msg_id}", job)


def text_or_number(body: JsonObject, name: str) -> str:
    """Ids arrive as numbers or strings; the samples show both."""
    value = body.get(name, "")
    if isinstance(value, bool) or not isinstance(value, (int, str)) or value == "":
        raise PlatformError(40059, f"invalid {name}")
    return str(value)
