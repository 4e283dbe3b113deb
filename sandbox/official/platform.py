"""All Official Account calls behind one door: `/official-account/cgi-bin/...`."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.official.accounts import Accounts
from sandbox.official.drafts import Drafts
from sandbox.official.mass import MassSending
from sandbox.official.media import OfficialMedia
from sandbox.official.people import People
from sandbox.official.publish import Publishing
from sandbox.official.service import ServiceMessages
from sandbox.official.tokens import Tokens
from sandbox.settings import Settings
from sandbox.store import Store
from sandbox.wire import Call, Endpoint, JsonObject, PlatformError, text_of

# Daily limits of one account, for orientation (contract, section 11).
DEFAULT_DAILY = 1_000_000
MASS = "message/mass/"
CLEARS_PER_MONTH = 10


@dataclass
class Usage:
    """Calls of one account and path on one day."""

    day: str
    used: int


@dataclass
class Clears:
    month: str
    used: int


class OfficialAccounts:
    """The platform: knows its endpoints, checks tokens and quotas, words its errors."""

    name = "official-account"

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        settings: Settings,
        accounts: Accounts,
        tokens: Tokens,
        media: OfficialMedia,
        drafts: Drafts,
        mass: MassSending,
        publishing: Publishing,
        service: ServiceMessages,
    ) -> None:
        self._clock = clock
        self.settings = settings
        self.accounts = accounts
        self.tokens = tokens
        self.media = media
        self.drafts = drafts
        self.mass = mass
        self.publishing = publishing
        self.service = service
        self._people = People(accounts)
        self._usage: dict[tuple[str, str], Usage] = {}
        self._minute: Counter[tuple[str, str, int]] = Counter()
        self._clears = store.table("oa_clears", Clears)
        self.endpoints = self._endpoints()

    def owner_of(self, call: Call) -> str:
        """Whose call this is, before any check; for faults aimed at one account."""
        owner = self.tokens.owner(call.args.get("access_token", ""))
        return owner or call.args.get("appid", "")

    def authorise(self, call: Call) -> None:
        call.owner = self.tokens.check(call.args.get("access_token", ""))

    def admit(self, call: Call) -> None:
        """Count the call; 45009 over the day's quota, 45011 over the minute's."""
        owner = call.owner or str(call.body.get("appid") or call.args.get("appid", ""))
        minute = int(self._clock.now() // 60)
        group = MASS if call.endpoint.startswith(MASS) else call.endpoint
        key = (owner, group, minute)
        if key not in self._minute and len(self._minute) > 1000:
            self._minute.clear()
        self._minute[key] += 1
        if self._minute[key] > self._minute_limit(group):
            raise PlatformError(45011, "api minute-quota reach limit, must slower")
        usage = self._today(owner, call.endpoint)
        if usage.used >= self._daily(owner, call.endpoint):
            raise PlatformError(45009, "reach max api daily quota limit")
        usage.used += 1

    def error(self, failure: PlatformError, _call: Call, _endpoint: Endpoint | None) -> JsonObject:
        rid = "-".join(secrets.token_hex(4) for _ in range(3))
        return {"errcode": failure.code, "errmsg": f"{failure.text} rid: {rid}", **failure.extra}

    def quota_get(self, call: Call) -> JsonObject:
        path = self._path(call)
        limit = self._daily(call.owner, path)
        used = self._today(call.owner, path).used
        return {
            "errcode": 0,
            "errmsg": "ok",
            "quota": {"daily_limit": limit, "used": used, "remain": max(0, limit - used)},
            "rate_limit": {"call_count": self._minute_limit(path), "refresh_second": 60},
        }

    def quota_clear(self, call: Call) -> JsonObject:
        """One interface, or all of the account when the body names an appid."""
        month = self._clock.month()
        clears = self._clears.get(call.owner)
        if clears is None or clears.month != month:
            clears = Clears(month, 0)
        if clears.used >= CLEARS_PER_MONTH:
            raise PlatformError(48006, "forbid to clear quota because of reaching the limit")
        only = self._path(call) if "cgi_path" in call.body else ""
        clears.used += 1
        self._clears.put(call.owner, clears)
        for owner, path in list(self._usage):
            if owner == call.owner and only in ("", path):
                del self._usage[(owner, path)]
        return {"errcode": 0, "errmsg": "ok"}

    def forget_all(self) -> None:
        self._usage.clear()
        self._minute.clear()

    def _path(self, call: Call) -> str:
        path = text_of(call.body, "cgi_path", 76021)
        name = path.removeprefix("/cgi-bin/")
        if not path.startswith("/cgi-bin/") or name not in self.endpoints:
            raise PlatformError(76021, "cgi_path not found, please check")
        return name

    def _daily(self, owner: str, path: str) -> int:
        account = self.accounts.table.get(owner)
        own = account.quotas.get(path) if account else None
        if own is not None:
            return own
        return self.endpoints[path].daily or DEFAULT_DAILY

    def _minute_limit(self, group: str) -> int:
        if group.startswith(MASS):
            return self.settings.mass_calls_per_minute
        return 10_000 if group == "stable_token" else 100_000

    def _today(self, owner: str, path: str) -> Usage:
        day = self._clock.day()
        usage = self._usage.get((owner, path))
        if usage is None or usage.day != day:
            usage = self._usage[(owner, path)] = Usage(day, 0)
        return usage

    def _endpoints(self) -> dict[str, Endpoint]:
        media, people, drafts = self.media, self._people, self.drafts
        return {
            "token": Endpoint(
                self.tokens.plain_token, "GET", needs_token=False, json_body=False, daily=2000
            ),
            "stable_token": Endpoint(
                self.tokens.stable_token, "POST", needs_token=False, daily=500_000
            ),
            "media/uploadimg": Endpoint(media.uploadimg, json_body=False, daily=5000),
            "media/upload": Endpoint(media.upload, json_body=False, daily=5000),
            "material/add_material": Endpoint(media.add_material, json_body=False, daily=5000),
            "material/batchget_material": Endpoint(media.batchget),
            "material/get_materialcount": Endpoint(media.count, "GET", json_body=False),
            "material/del_material": Endpoint(media.delete),
            "draft/add": Endpoint(drafts.add),
            "draft/update": Endpoint(drafts.update),
            "draft/get": Endpoint(drafts.get),
            "draft/delete": Endpoint(drafts.delete),
            "draft/batchget": Endpoint(drafts.batchget),
            "draft/count": Endpoint(drafts.count, "GET", json_body=False),
            "freepublish/submit": Endpoint(self.publishing.submit),
            "freepublish/get": Endpoint(self.publishing.get),
            "freepublish/batchget": Endpoint(self.publishing.batchget),
            "freepublish/getarticle": Endpoint(self.publishing.getarticle),
            "freepublish/delete": Endpoint(self.publishing.delete),
            "message/mass/sendall": Endpoint(self.mass.sendall, daily=100),
            "message/mass/send": Endpoint(self.mass.send, daily=100),
            "message/mass/get": Endpoint(self.mass.get),
            "message/mass/delete": Endpoint(self.mass.delete),
            "message/mass/preview": Endpoint(self.service.preview),
            "message/custom/send": Endpoint(self.service.send, daily=500_000),
            "user/info": Endpoint(people.info, "GET", json_body=False, daily=5_000_000),
            "user/info/batchget": Endpoint(people.info_batch),
            "user/get": Endpoint(people.get, "GET", json_body=False, daily=500),
            "user/tag/get": Endpoint(people.tag_users, daily=500),
            "tags/create": Endpoint(people.tag_create),
            "tags/get": Endpoint(people.tag_list, "GET", json_body=False),
            "tags/update": Endpoint(people.tag_update),
            "tags/delete": Endpoint(people.tag_delete),
            "tags/getidlist": Endpoint(people.tags_of),
            "tags/members/batchtagging": Endpoint(people.batch_tag),
            "tags/members/batchuntagging": Endpoint(people.batch_untag),
            "openapi/quota/get": Endpoint(self.quota_get),
            "openapi/quota/clear": Endpoint(self.quota_clear),
            "clear_quota": Endpoint(self.quota_clear),
        }
