"""What people do with posts: look, approve, cancel, try again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.clock import Clock
from contentcenter.domain.content import ItemState
from contentcenter.domain.errors import Conflict, NotFound
from contentcenter.domain.posts import POST_MOVES, PostState
from contentcenter.store import audit
from contentcenter.store.cards import ItemCard, load_items
from contentcenter.store.database import Database
from contentcenter.store.tables import ChannelRow
from distribute import batches
from distribute.delivery_service import Senders
from distribute.facts import differences, facts_of
from distribute.ledger import PostLedger, Step
from distribute.posts_view import PostCard, PostFilter, StoryLine, get_post, list_posts, story_of
from distribute.senders.wecom import WeComMassSender
from distribute.tables import PostRow


@dataclass(frozen=True)
class PostStory:
    """A post, every step of it, and what changed since the facts were last written down."""

    post: PostCard
    steps: tuple[StoryLine, ...]
    differences: tuple[Mapping[str, Any], ...]


class PostService:
    def __init__(self, *, db: Database, clock: Clock, ledger: PostLedger, senders: Senders) -> None:
        self._db = db
        self._clock = clock
        self._ledger = ledger
        self._senders = senders

    def recent(
        self, wanted: PostFilter, *, before_id: int | None = None, limit: int = 50
    ) -> list[PostCard]:
        """Posts, newest first, with ids below `before_id`."""
        with self._db.reading() as session:
            return list_posts(session, wanted, before_id=before_id, limit=limit)

    def story(self, post_id: int) -> PostStory:
        with self._db.reading() as session:
            card = get_post(session, post_id)
            steps = story_of(session, post_id)
            row = _row(session, post_id)
            facts = self._facts(session, row, card.channel_kind)
        changed = differences(card.facts, facts) if facts else ()
        return PostStory(card, tuple(steps), tuple(asdict(one) for one in changed))

    def approve(self, actor: str, post_id: int) -> PostCard:
        """Approve a planned post as the facts stand now. `Conflict` says what is wrong: the
        post's state, an item that is withdrawn or sold out, a licence that does not cover it."""
        now = self._clock.now()
        with self._db.transaction() as session:
            row = _row(session, post_id)
            self._allowed(row, PostState.APPROVED, "approved", {PostState.PLANNED})
            self._approve(session, row, now, actor, reason="approved")
            audit.log(session, now, actor, "approved", ("post", post_id))
            return get_post(session, post_id)

    def cancel(self, actor: str, post_id: int) -> PostCard:
        """Take a post back: planned, approved or failed ones here, one that waits for its owner
        on the platform too. `Conflict` for what is under way or has reached readers."""
        now = self._clock.now()
        with self._db.reading() as session:
            row = _row(session, post_id)
            self._allowed(row, PostState.CANCELLED, "cancelled")
        if row.state == PostState.WAITING_OWNER:
            self._cancel_on_platform(row)
        with self._db.transaction() as session:
            step = Step(post_id, PostState.CANCELLED, "by_operator", actor=actor)
            if not self._ledger.move(session, now, step):
                raise Conflict("The post has moved on meanwhile", post_id=post_id)
            audit.log(session, now, actor, "cancelled", ("post", post_id))
            session.expire_all()
            return get_post(session, post_id)

    def retry(self, actor: str, post_id: int) -> PostCard:
        """One more try of a failed post, under a new idempotency key; for an unknown one, ask
        the platform now."""
        now = self._clock.now()
        with self._db.transaction() as session:
            row = _row(session, post_id)
            if row.state == PostState.UNKNOWN:
                row.next_look_at = now
            else:
                self._allowed(row, PostState.APPROVED, "tried again", {PostState.FAILED})
                fresh = {
                    "client_key": f"cc-{row.code}-{row.attempts}",
                    "progress": {},
                    "reference": "",
                    "not_before": now,
                    "next_look_at": None,
                    "settled_at": None,
                }
                self._approve(session, row, now, actor, reason="retry", fresh=fresh)
            audit.log(session, now, actor, "retried", ("post", post_id))
            session.flush()
            session.expire_all()
            return get_post(session, post_id)

    def _approve(
        self,
        session: Session,
        row: PostRow,
        now: datetime,
        actor: str,
        *,
        reason: str,
        fresh: Mapping[str, Any] | None = None,
    ) -> None:
        kind = _channel_kind(session, row.channel_id)
        item = load_items(session, [row.item_id]).get(row.item_id)
        if problem := _problem(item, row, kind):
            raise Conflict(f"This post cannot go out: {problem}", reason=problem, post_id=row.id)
        values = {
            "approved_by": actor,
            "approved_at": now,
            "facts": self._facts(session, row, kind),
            "progress": {key: v for key, v in row.progress.items() if key != "differences"},
            **(fresh or {}),
        }
        step = Step(row.id, PostState.APPROVED, reason, actor=actor, values=values)
        if not self._ledger.move(session, now, step):
            raise Conflict("The post has moved on meanwhile", post_id=row.id)
        session.expire_all()

    def _facts(self, session: Session, row: PostRow, channel_kind: str) -> dict[str, Any]:
        item = load_items(session, [row.item_id]).get(row.item_id)
        return facts_of(item, row.content, row.slot_at, channel_kind) if item else {}

    def _allowed(
        self,
        row: PostRow,
        target: PostState,
        done: str,
        only_from: set[PostState] | None = None,
    ) -> None:
        state = PostState(row.state)
        if target not in POST_MOVES[state] or (only_from and state not in only_from):
            raise Conflict(f"A post that is {state} cannot be {done}", state=str(state))

    def _cancel_on_platform(self, row: PostRow) -> None:
        """Stop the member's task first: a post is not cancelled while it can still go out."""
        with self._db.reading() as session:
            loaded = batches.load(session, [row.id], [PostState.WAITING_OWNER])
        for post in loaded.posts:
            sender = self._senders[loaded.channels[post.channel_id].kind]
            if isinstance(sender, WeComMassSender):
                sender.cancel(loaded.outgoing(post, lambda _post_id, _progress: None))


def _problem(item: ItemCard | None, row: PostRow, channel_kind: str) -> str:
    """Why a post must not be approved, as a machine code; empty when it may."""
    if item is None or item.state != ItemState.PUBLISHED:
        return "not_published"
    if not item.in_stock:
        return "out_of_stock"
    if not item.allowed(row.slot_at, channel_kind):
        return "rights_closed"
    return ""


def _channel_kind(session: Session, channel_id: int) -> str:
    return str(session.scalars(select(ChannelRow.kind).where(ChannelRow.id == channel_id)).one())


def _row(session: Session, post_id: int) -> PostRow:
    row = session.get(PostRow, post_id)
    if row is None:
        raise NotFound(f"No post {post_id}", post_id=post_id)
    return row
