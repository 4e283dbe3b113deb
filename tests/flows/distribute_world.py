"""A small shop for the flows of distribution: items and books in the store, channels and
audiences that exist on the platform twin too, and a hand on the clock of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from contentcenter.clock import FixedClock
from contentcenter.domain.channels import AudienceKind, ChannelKind
from contentcenter.domain.content import ItemState
from contentcenter.floor import Floor
from contentcenter.store.tables import (
    BookRow,
    ItemBookRow,
    ItemRow,
    SourceRow,
    WorkRow,
)
from distribute.audience_service import AudienceView, SlotView
from distribute.channel_service import ChannelView
from distribute.ports import Match
from distribute.posts_view import PostCard, PostFilter
from distribute.reader_events import RecommendEvents
from distribute.rules import DeliveryRules
from distribute.services import DistributeServices, build_services
from distribute.timing import zone
from recommend.events.service import EventService
from tests.fixtures.twin import TwinProcess

CORPID, CORP_SECRET = "wwshop0000000001", "corp-secret"
APPID, APP_SECRET = "wxshop0000000001", "app-secret"
TOKEN, AES_KEY = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
ROBOT_KEY = "robot-key-1"
OWNERS = ("zhang", "li")


@dataclass
class ShelfOrder:
    """Matches published items in the order of their ids: what is asked of these flows is
    delivery, not taste. A real `MatchPort`, only with a simple opinion."""

    floor: Floor

    def match_items_for_audience(
        self,
        audience_id: int,  # noqa: ARG002 - every audience gets the same order
        limit: int,
        channel_kind: str | None = None,  # noqa: ARG002
        at: datetime | None = None,  # noqa: ARG002
    ) -> Sequence[Match]:
        query = select(ItemRow.id).where(ItemRow.state == ItemState.PUBLISHED).order_by(ItemRow.id)
        with self.floor.db.reading() as session:
            ids = list(session.scalars(query.limit(limit)))
        return [
            Match(item_id, 1.0 - place / 1000, {"quality": 1.0, "place": -place / 1000})
            for place, item_id in enumerate(ids)
        ]

    def match_many(
        self, audience_ids: Sequence[int], limit: int, at: datetime | None = None
    ) -> Mapping[int, Sequence[Match]]:
        found = self.match_items_for_audience(0, limit, None, at)
        return dict.fromkeys(audience_ids, found)


@dataclass
class Shop:
    floor: Floor
    services: DistributeServices
    clock: FixedClock
    twin: TwinProcess
    items: list[int] = field(default_factory=list)

    # -- the store -----------------------------------------------------------------------

    def add_items(self, count: int, price_fen: int = 4500) -> list[int]:
        """Published items of a trusted source, each about a book of its own."""
        now = self.clock.now()
        made: list[int] = []
        with self.floor.db.transaction() as session:
            source = session.scalars(select(SourceRow)).first()
            if source is None:
                source = SourceRow(name="编辑部", kind="desk", trusted=True, created_at=now)
                session.add(source)
                session.flush()
            for number in range(len(self.items), len(self.items) + count):
                made.append(_add_item(session, source.id, number, price_fen, now))
        self.items += made
        return made

    def set_price(self, item_id: int, price_fen: int) -> None:
        with self.floor.db.transaction() as session:
            books = select(ItemBookRow.book_id).where(ItemBookRow.item_id == item_id)
            session.execute(
                update(BookRow).where(BookRow.id.in_(books)).values(price_fen=price_fen)
            )

    # -- channels and audiences ----------------------------------------------------------

    def wecom_channel(self, kind: ChannelKind = ChannelKind.WECOM_GROUPS) -> ChannelView:
        return self.services.channels.create(
            "tester",
            kind=kind,
            name=f"企业微信 {kind}",
            account=CORPID,
            credentials={"secret": CORP_SECRET, "token": TOKEN, "aes_key": AES_KEY},
        )

    def official_channel(self, account_type: str = "SVC") -> ChannelView:
        return self.services.channels.create(
            "tester",
            kind=ChannelKind.OFFICIAL_ACCOUNT,
            name="公众号",
            account=APPID,
            credentials={"secret": APP_SECRET, "token": TOKEN, "aes_key": AES_KEY},
            settings={"account_type": account_type},
        )

    def robot_channel(self) -> ChannelView:
        return self.services.channels.create(
            "tester",
            kind=ChannelKind.GROUP_ROBOT,
            name="机器人",
            account="robot-1",
            credentials={"key": ROBOT_KEY},
        )

    def audience(
        self, channel: ChannelView, kind: AudienceKind, ref: str, **fields: Any
    ) -> AudienceView:
        """An audience with one slot a minute from now, that may be told at any hour."""
        local = (self.clock.now() + timedelta(minutes=1)).astimezone(zone("Asia/Shanghai"))
        slot = SlotView((), local.strftime("%H:%M"), on_date=local.date().isoformat())
        defaults: dict[str, Any] = {
            "quiet_from": "00:00",
            "quiet_until": "00:00",
            "auto_approve": True,
        }
        return self.services.audiences.create(
            "tester",
            channel_id=channel.id,
            kind=kind,
            name=f"群 {ref}",
            platform_ref=ref,
            slots=[slot],
            **{**defaults, **fields},
        )

    def groups(self, count: int, **fields: Any) -> list[AudienceView]:
        """A WeCom channel with groups that exist on the twin."""
        self.set_up_twin(groups=count)
        channel = self.wecom_channel()
        return [
            self.audience(
                channel,
                AudienceKind.GROUP,
                f"wr{number:05d}",
                owner_userid=OWNERS[number % 2],
                **fields,
            )
            for number in range(count)
        ]

    def set_up_twin(self, groups: int = 0, followers: int = 5, **settings: Any) -> None:
        corp = {
            "corpid": CORPID,
            "secret": CORP_SECRET,
            "agentid": 1000002,
            "name": "云上书店",
            "mass_rule": "daily",
            "members": [{"userid": owner, "name": owner} for owner in OWNERS],
            "groups": [
                {
                    "chat_id": f"wr{number:05d}",
                    "name": f"群{number}",
                    "owner": OWNERS[number % 2],
                    "size": 3,
                }
                for number in range(groups)
            ],
            "customers": [
                {"external_userid": f"wmC{n}", "unionid": f"uC{n}", "follow_userid": "zhang"}
                for n in range(3)
            ],
            "robots": [{"key": ROBOT_KEY, "name": "机器人"}],
        }
        account = {
            "appid": APPID,
            "secret": APP_SECRET,
            "name": "云上书店",
            "account_type": "SVC",
            "verified": True,
            "followers": followers,
        }
        values = {"dispatch_seconds": 0.0, "mass_seconds": 0.0, **settings}
        self.twin.setup({"corps": [corp], "official_accounts": [account], "settings": values})
        self.twin.admin("clock", {"now": self.clock.now().timestamp()})

    # -- time and jobs -------------------------------------------------------------------

    def advance(self, **step: float) -> None:
        """Move our clock and the platform's."""
        self.clock.advance(timedelta(**step))
        self.twin.admin("clock", {"now": self.clock.now().timestamp()})

    def plan(self, days: int = 1, **more: Any) -> None:
        view = self.services.plans.request("tester", days=days, **more)
        done = self.services.plans.run(view.id)
        assert done.state == "done"

    def deliver(self) -> None:
        """What the due tick and a worker do, here and now."""
        ids = [post.id for post in self.posts() if post.state == "approved"]
        self.services.delivery.deliver(ids)

    def follow(self) -> None:
        ids = [post.id for post in self.posts() if post.state in {"sent", "waiting_owner"}]
        self.services.follow.follow_up(ids)

    def follow_to(self, state: str) -> bool:
        """Look once more; whether the only post has come to a state."""
        self.follow()
        return self.only_post().state == state

    def probe(self) -> None:
        ids = [post.id for post in self.posts() if post.state == "unknown"]
        self.services.follow.probe(ids)

    # -- looking -------------------------------------------------------------------------

    def posts(self) -> list[PostCard]:
        return self.services.posts.recent(PostFilter(), limit=10_000)

    def only_post(self) -> PostCard:
        (post,) = self.posts()
        return post

    def states(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for post in self.posts():
            found[post.state] = found.get(post.state, 0) + 1
        return found

    def steps(self, post_id: int) -> list[tuple[str, str]]:
        story = self.services.posts.story(post_id)
        return [(line.state, line.reason) for line in story.steps]

    def tasks(self) -> list[dict[str, Any]]:
        """Mass tasks that wait for a member on the twin."""
        waiting: list[dict[str, Any]] = self.twin.look("tasks")["waiting"]
        return waiting

    def group_messages(self, ref: str) -> int:
        return int(self.twin.received(chat_id=ref)["total"])


def make_shop(floor: Floor, clock: FixedClock, twin: TwinProcess, **rules: Any) -> Shop:
    """`rules` replaces delivery rules; short gaps so that a clock step is enough."""
    values = {"probe_gap": timedelta(seconds=120), "patience_seconds": 0.2, **rules}
    events = EventService(floor)
    services = build_services(
        floor,
        matcher=ShelfOrder(floor),
        events=RecommendEvents(events),
        rules=DeliveryRules(**values),
    )
    return Shop(floor, services, clock, twin)


def _add_item(session: Any, source_id: int, number: int, price_fen: int, now: datetime) -> int:
    work = WorkRow(key=f"work-{number}", title=f"书 {number}", author="作者")
    session.add(work)
    session.flush()
    book = BookRow(
        work_id=work.id,
        isbn=None,
        title=f"夜读之书 第{number}卷",
        author="林之",
        price_fen=price_fen,
        stock=20,
        source_id=source_id,
        source_ref=f"book-{number}",
        record_hash="0",
        created_at=now,
        updated_at=now,
    )
    item = ItemRow(
        kind="pgc",
        form="article",
        state=ItemState.PUBLISHED,
        title=f"为什么今晚值得读《夜读之书 第{number}卷》",
        summary="一本适合夜里慢慢读的书。",
        text="第一段讲故事的开头。第二段讲人物。\n第三段讲为什么值得读。",
        author="编辑小周",
        category=("fiction", "history", "science", "life")[number % 4],
        source_id=source_id,
        source_ref=f"item-{number}",
        content_hash=f"hash-{number}",
        risks=[],
        created_at=now,
        updated_at=now,
        published_at=now,
    )
    session.add_all([book, item])
    session.flush()
    session.add(ItemBookRow(item_id=item.id, book_id=book.id, origin="editor"))
    return item.id
