"""Sending: due posts to jobs, jobs to the platform, answers to the ledger.

A post is claimed by compare-and-set, the database is free while the platform is asked, and the
outcome is written afterwards. A worker that dies in between leaves `sending`; the sweep turns
that into `unknown`, and only a probe decides what happens next. Nothing is sent blindly twice.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from contentcenter.clock import Clock
from contentcenter.domain.channels import ChannelKind, ChannelState
from contentcenter.domain.posts import PostState
from contentcenter.jobs.names import JobName
from contentcenter.jobs.ports import JobQueue
from contentcenter.store.database import Database
from contentcenter.store.tables import ChannelRow, NoteRow
from distribute import batches
from distribute.batches import Loaded
from distribute.channel_service import ChannelService
from distribute.gate import gate
from distribute.health import ChannelHealth
from distribute.ledger import PostLedger, due_posts
from distribute.outcomes import Outcome, attempt
from distribute.ports import ChannelSender
from distribute.quota import Bucket, QuotaLedger, buckets_for
from distribute.rules import DeliveryRules
from distribute.tables import PostRow

Senders = Mapping[ChannelKind, ChannelSender]


class DeliveryService:
    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        queue: JobQueue,
        ledger: PostLedger,
        quota: QuotaLedger,
        senders: Senders,
        channels: ChannelService,
        health: ChannelHealth,
        rules: DeliveryRules,
    ) -> None:
        self._db = db
        self._clock = clock
        self._queue = queue
        self._ledger = ledger
        self._quota = quota
        self._senders = senders
        self._channels = channels
        self._health = health
        self._rules = rules

    # -- the due tick --------------------------------------------------------------------

    def enqueue_due(self) -> int:
        """Put posts whose hour has come on the queue, in batches of one channel. Returns how
        many. A batch the queue loses is put there again when its lease ends."""
        now = self._clock.now()
        with self._db.reading() as session:
            due = due_posts(session, now, self._rules.due_limit)
        count = 0
        for channel_id, ids in due.items():
            if self._health.resting(channel_id):
                continue
            for start in range(0, len(ids), self._rules.batch):
                batch = ids[start : start + self._rules.batch]
                self._queue.enqueue(JobName.DELIVER, post_ids=batch)
                self._lease(batch, PostState.APPROVED, now)
                count += len(batch)
        return count

    def _active_channels(self, session: Any) -> set[int]:
        query = select(ChannelRow.id).where(ChannelRow.state == ChannelState.ACTIVE)
        return set(session.scalars(query))

    def _lease(self, ids: Sequence[int], state: PostState, now: datetime) -> None:
        with self._db.transaction() as session:
            for start in range(0, len(ids), batches.CHUNK):
                session.execute(
                    update(PostRow)
                    .where(
                        PostRow.id.in_(ids[start : start + batches.CHUNK]), PostRow.state == state
                    )
                    .values(next_look_at=now + self._rules.lease)
                    .execution_options(synchronize_session=False)
                )

    # -- sending -------------------------------------------------------------------------

    def deliver(self, post_ids: Sequence[int]) -> None:
        """Send the approved, due posts among these. Safe to repeat."""
        now = self._clock.now()
        with self._db.reading() as session:
            loaded = batches.load(session, post_ids, [PostState.APPROVED])
            due = tuple(post for post in loaded.posts if _is_due(post, now))
            loaded = replace(loaded, posts=due)
            active = self._active_channels(session)
        for channel_id, posts in loaded.by_channel().items():
            if channel_id in active and not self._health.resting(channel_id):
                self._deliver_channel(loaded, channel_id, posts)

    def _deliver_channel(self, loaded: Loaded, channel_id: int, posts: Sequence[PostRow]) -> None:
        ready = self._gated(loaded, posts)
        sender = self._senders[loaded.channels[channel_id].kind]
        threads = sender.capabilities.threads
        with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="send") as pool:
            while ready:
                ready, healthy = self._send_some(loaded, sender, pool, ready)
                if not healthy:
                    return

    def _gated(self, loaded: Loaded, posts: Sequence[PostRow]) -> list[PostRow]:
        """Quiet hours, lateness and the truth check; returns the posts that may go."""
        now = self._clock.now()
        with self._db.reading() as session:
            items = batches.load_item_cards(session, posts)
            told = batches.told_works(session, posts, now, self._rules.work_days)
        gated = gate(
            posts,
            audiences=loaded.audiences,
            items=items,
            told=told,
            now=now,
            rules=self._rules,
        )
        if gated.steps or gated.later:
            with self._db.transaction() as session:
                for step in gated.steps:
                    self._ledger.move(session, now, step)
                for post_id, (moment, reason) in gated.later.items():
                    self._hold(session, [post_id], moment, reason)
        return list(gated.go)

    def _send_some(
        self, loaded: Loaded, sender: ChannelSender, pool: ThreadPoolExecutor, ready: list[PostRow]
    ) -> tuple[list[PostRow], bool]:
        """Claim and send as many as one claim and the rate gate allow. Returns the rest, and
        whether the channel is fit to go on."""
        channel = loaded.channels[ready[0].channel_id]
        granted = self._turns(sender, channel.id, loaded, ready)
        if not granted:
            return [], False
        piece, rest = ready[:granted], ready[granted:]
        claimed = self._claim(loaded, piece)
        outgoing = [loaded.outgoing(post, self.remember) for post in claimed]
        outcomes = list(
            pool.map(lambda post: attempt(sender, post, self._clock, self._rules), outgoing)
        )
        self._settle(outcomes)
        return rest, self._judge(channel.id, outcomes)

    def _turns(
        self, sender: ChannelSender, channel_id: int, loaded: Loaded, ready: list[PostRow]
    ) -> int:
        """Turns at the platform's rate gate, waiting a little for the first of them."""
        wanted = min(len(ready), sender.capabilities.claim_size)
        channel = loaded.channels[channel_id]
        granted, wait = sender.take_turns(channel, wanted)
        if not granted and wait <= self._rules.patience_seconds:
            time.sleep(wait)
            granted, wait = sender.take_turns(channel, wanted)
        if not granted:
            with self._db.transaction() as session:
                moment = self._clock.now() + timedelta(seconds=wait)
                self._hold(session, [post.id for post in ready], moment, "rate")
        return granted

    def _claim(self, loaded: Loaded, posts: Sequence[PostRow]) -> list[PostRow]:
        """Reserve quota and take the posts: from here on they are ours, or `unknown`."""
        now = self._clock.now()
        wanted = {
            post.id: buckets_for(loaded.subject(post), now, self._rules.wecom_rule)
            for post in posts
        }
        with self._db.transaction() as session:
            clashes = self._quota.reserve(session, now, wanted)
            for post_id, bucket in clashes.items():
                self._park(session, post_id, bucket)
            free = [post.id for post in posts if post.id not in clashes]
            taken = set(self._ledger.claim(session, now, free))
        for post in posts:
            if post.id in taken:
                post.claimed_at = now
                post.attempts += 1
        return [post for post in posts if post.id in taken]

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        if not outcomes:
            return
        now = self._clock.now()
        with self._db.transaction() as session:
            self._ledger.move_each(session, now, [outcome.step for outcome in outcomes])

    def _judge(self, channel_id: int, outcomes: Sequence[Outcome]) -> bool:
        """Stop a channel whose credentials are dead, rest one that keeps failing."""
        dead = next((outcome.credentials for outcome in outcomes if outcome.credentials), "")
        if dead:
            self._channels.need_attention(channel_id, dead)
            return False
        errors = sum(1 for outcome in outcomes if outcome.trouble)
        if not self._health.record(channel_id, errors, len(outcomes) - errors):
            return True
        with self._db.transaction() as session:
            session.add(
                NoteRow(
                    at=self._clock.now(),
                    level="warning",
                    topic="channel_resting",
                    message="Too many errors in a row; the channel rests for a minute",
                    subject_type="channel",
                    subject_id=channel_id,
                )
            )
        return False

    def remember(self, post_id: int, progress: Mapping[str, Any]) -> None:
        """Keep a step done on the platform, at once."""
        with self._db.transaction() as session:
            self._ledger.remember(session, post_id, progress)

    # -- holding back --------------------------------------------------------------------

    def _hold(self, session: Any, ids: Sequence[int], until: datetime, reason: str) -> None:
        """Keep approved posts back until a time; not a move, so no line in the story."""
        for start in range(0, len(ids), batches.CHUNK):
            session.execute(
                update(PostRow)
                .where(
                    PostRow.id.in_(ids[start : start + batches.CHUNK]),
                    PostRow.state == PostState.APPROVED,
                )
                .values(not_before=until, next_look_at=None, reason=reason)
                .execution_options(synchronize_session=False)
            )

    def _park(self, session: Any, post_id: int, bucket: Bucket) -> None:
        """Quota full: wait for the next bucket, at the same distance into it as the slot."""
        post = session.get(PostRow, post_id)
        if post is None:
            return
        self._hold(session, [post_id], _same_time(post.slot_at, bucket.resets_at), "quota")


def _same_time(slot_at: datetime, opens_at: datetime) -> datetime:
    """The slot's time of day on the first day at or after `opens_at`."""
    days = max(0, -(-(opens_at - slot_at) // timedelta(days=1)))
    return slot_at + timedelta(days=days)


def _is_due(post: PostRow, now: datetime) -> bool:
    return post.slot_at <= now and (post.not_before is None or post.not_before <= now)
