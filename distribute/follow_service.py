"""After the send: probe what stayed unknown, follow what was accepted, sweep what was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select, update

from contentcenter.clock import Clock
from contentcenter.domain.errors import (
    ContentCenterError,
    CredentialsExpired,
    Refused,
)
from contentcenter.domain.posts import FOLLOWED_STATES, PostState
from contentcenter.jobs.names import JobName
from contentcenter.jobs.ports import JobQueue
from contentcenter.store.database import Database
from distribute import batches
from distribute.batches import Loaded
from distribute.channel_service import ChannelService
from distribute.delivery_service import Senders
from distribute.ledger import PostLedger, Step
from distribute.ports import ChannelSender, FollowUp, Outgoing, ProbeAnswer
from distribute.rules import DeliveryRules, look_after
from distribute.senders.wecom import WeComMassSender
from distribute.tables import PostRow

log = structlog.get_logger()
# The job's name and the states it looks at.
LOOKS: Mapping[JobName, tuple[PostState, ...]] = {
    JobName.PROBE: (PostState.UNKNOWN,),
    JobName.FOLLOW_UP: tuple(FOLLOWED_STATES),
}


class FollowService:
    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        queue: JobQueue,
        ledger: PostLedger,
        senders: Senders,
        channels: ChannelService,
        rules: DeliveryRules,
    ) -> None:
        self._db = db
        self._clock = clock
        self._queue = queue
        self._ledger = ledger
        self._senders = senders
        self._channels = channels
        self._rules = rules

    # -- ticks ---------------------------------------------------------------------------

    def enqueue_looks(self, job: JobName) -> int:
        """Queue the probes or follow-ups that are due. Returns how many posts."""
        now = self._clock.now()
        query = (
            select(PostRow.id, PostRow.channel_id)
            .where(PostRow.state.in_(LOOKS[job]), PostRow.next_look_at <= now)
            .order_by(PostRow.next_look_at)
            .limit(self._rules.due_limit)
        )
        by_channel: dict[int, list[int]] = {}
        with self._db.reading() as session:
            for post_id, channel_id in session.execute(query):
                by_channel.setdefault(channel_id, []).append(post_id)
        for ids in by_channel.values():
            for start in range(0, len(ids), self._rules.batch):
                batch = ids[start : start + self._rules.batch]
                self._queue.enqueue(job, post_ids=batch)
                self._look_again(batch, now + self._rules.lease, only_due=now)
        return sum(len(ids) for ids in by_channel.values())

    def enqueue_sweep(self) -> None:
        self._queue.enqueue(JobName.SWEEP, key="all")

    def sweep(self) -> int:
        """Turn posts of lost workers into `unknown`, and drop plans nobody decided on in time.
        Returns how many workers' posts were found."""
        now = self._clock.now()
        lost = select(PostRow.id).where(
            PostRow.state == PostState.SENDING, PostRow.claimed_at < now - self._rules.stuck
        )
        undecided = select(PostRow.id).where(
            PostRow.state == PostState.PLANNED, PostRow.slot_at < now - self._rules.undecided
        )
        with self._db.transaction() as session:
            found = self._ledger.move_all(
                session,
                now,
                list(session.scalars(lost)),
                Step(
                    0,
                    PostState.UNKNOWN,
                    "worker_lost",
                    "The worker went away in the middle of the call",
                    values={"next_look_at": now},
                ),
            )
            self._ledger.move_all(
                session,
                now,
                list(session.scalars(undecided)),
                Step(0, PostState.CANCELLED, "never_approved", "Nobody approved it in time"),
            )
        return len(found)

    # -- probing -------------------------------------------------------------------------

    def probe(self, post_ids: Sequence[int]) -> None:
        """Ask the platforms what became of sends without an answer."""
        with self._db.reading() as session:
            loaded = batches.load(session, post_ids, [PostState.UNKNOWN])
        for channel_id, posts in loaded.by_channel().items():
            sender = self._senders[loaded.channels[channel_id].kind]
            if not sender.capabilities.can_probe:
                self._give_up(posts)
                continue
            answers = self._asked(loaded, sender, posts)
            if answers is None:
                wait = self._rules.first_look
                self._look_again([post.id for post in posts], self._clock.now() + wait)
            else:
                self._conclude(posts, answers)

    def _asked(
        self, loaded: Loaded, sender: ChannelSender, posts: Sequence[PostRow]
    ) -> Mapping[int, ProbeAnswer] | None:
        """The platform's answers; None when it cannot say now."""
        try:
            return sender.probe([loaded.outgoing(post, self.remember) for post in posts])
        except CredentialsExpired as error:
            self._channels.need_attention(posts[0].channel_id, error.message)
        except ContentCenterError as error:
            log.warning("probe_postponed", channel=posts[0].channel_id, reason=error.message)
        return None

    def _conclude(self, posts: Sequence[PostRow], answers: Mapping[int, ProbeAnswer]) -> None:
        now = self._clock.now()
        with self._db.transaction() as session:
            for post in posts:
                step = self._probe_step(post, answers[post.id], now)
                if step is not None:
                    self._ledger.move(session, now, step)
                else:
                    progress = {**post.progress}
                    if answers[post.id].took_effect is False:
                        progress.setdefault("absent_at", now.isoformat())
                    self._note(session, post.id, now + self._rules.probe_gap, progress)

    def _probe_step(self, post: PostRow, answer: ProbeAnswer, now: datetime) -> Step | None:
        if answer.took_effect:
            values = {
                "reference": answer.reference,
                "sent_at": post.claimed_at or now,
                "next_look_at": now + look_after(self._rules, 0),
            }
            return Step(
                post.id,
                PostState.SENT,
                "found_by_probe",
                answer.message,
                attempt=post.attempts,
                values=values,
            )
        if answer.took_effect is False and (answer.certain or self._absent_twice(post, now)):
            progress = {key: v for key, v in post.progress.items() if key != "absent_at"}
            values = {"progress": progress, "not_before": now, "next_look_at": None}
            return Step(
                post.id,
                PostState.APPROVED,
                "no_effect_proved",
                answer.message,
                attempt=post.attempts,
                values=values,
            )
        return None

    def _absent_twice(self, post: PostRow, now: datetime) -> bool:
        """Absent in two reads a good while apart: it did not take effect (wecom.md 4.4)."""
        first = post.progress.get("absent_at")
        if not isinstance(first, str):
            return False
        return now - datetime.fromisoformat(first) >= self._rules.probe_gap

    def _give_up(self, posts: Sequence[PostRow]) -> None:
        step = Step(
            0,
            PostState.FAILED,
            "outcome_unknowable",
            "This platform cannot be asked; not sent again, so that nobody gets it twice",
        )
        with self._db.transaction() as session:
            self._ledger.move_all(session, self._clock.now(), [post.id for post in posts], step)

    # -- following -----------------------------------------------------------------------

    def follow_up(self, post_ids: Sequence[int]) -> None:
        """Ask the platforms where accepted posts stand."""
        with self._db.reading() as session:
            loaded = batches.load(session, post_ids, tuple(FOLLOWED_STATES))
        for channel_id, posts in loaded.by_channel().items():
            sender = self._senders[loaded.channels[channel_id].kind]
            self._follow_channel(loaded, sender, posts)

    def _follow_channel(
        self, loaded: Loaded, sender: ChannelSender, posts: Sequence[PostRow]
    ) -> None:
        now = self._clock.now()
        with ThreadPoolExecutor(max_workers=sender.capabilities.threads) as pool:
            looks = [
                pool.submit(self._look, sender, post, loaded.outgoing(post, self.remember), now)
                for post in posts
            ]
            answers = [look.result() for look in looks]
        with self._db.transaction() as session:
            for post, answer in zip(posts, answers, strict=True):
                self._apply(session, post, answer, now)

    def _look(
        self, sender: ChannelSender, post: PostRow, outgoing: Outgoing, now: datetime
    ) -> FollowUp:
        """Where a post stands; no answer means: as before."""
        as_before = FollowUp(PostState(post.state), post.reason, post.message)
        try:
            answer = sender.follow_up(outgoing)
            if answer.state == PostState.WAITING_OWNER:
                return self._waiting(sender, post, outgoing, answer, now)
        except CredentialsExpired as error:
            self._channels.need_attention(post.channel_id, error.message)
            return as_before
        except Refused as error:
            return FollowUp(PostState.FAILED, error.reason, error.message)
        except ContentCenterError as error:
            log.info("follow_up_postponed", post_id=post.id, reason=error.message)
            return as_before
        return answer

    def _waiting(
        self,
        sender: ChannelSender,
        post: PostRow,
        outgoing: Outgoing,
        answer: FollowUp,
        now: datetime,
    ) -> FollowUp:
        """Remind the member who has to confirm; after a day take the task back."""
        if not isinstance(sender, WeComMassSender) or post.sent_at is None:
            return answer
        waited = now - post.sent_at
        if waited > self._rules.confirm_within:
            sender.cancel(outgoing)
            return FollowUp(PostState.FAILED, "owner_did_not_confirm", "Taken back after a day")
        reminded = int(post.progress.get("reminded", 0))
        due = self._rules.remind_after * (2**reminded)
        if reminded < self._rules.reminders and waited > due:
            sender.remind(outgoing)
            return FollowUp(
                answer.state, answer.reason, answer.message, progress={"reminded": reminded + 1}
            )
        return answer

    def report(self, post_id: int, answer: FollowUp) -> bool:
        """Apply what a callback said about an accepted post. False when it moved nothing."""
        now = self._clock.now()
        with self._db.transaction() as session:
            post = session.get(PostRow, post_id)
            if post is None or post.state not in FOLLOWED_STATES:
                return False
            return self._apply(session, post, answer, now)

    def _apply(self, session: Any, post: PostRow, answer: FollowUp, now: datetime) -> bool:
        looks = int(post.progress.get("looks", 0)) + 1
        progress = {**post.progress, **answer.progress, "looks": looks}
        next_look = now + look_after(self._rules, looks)
        if answer.state == post.state:
            self._note(session, post.id, next_look, progress)
            return False
        values: dict[str, Any] = {"progress": progress, "next_look_at": next_look}
        if answer.state not in FOLLOWED_STATES:
            values = {"progress": progress}
        if answer.reached is not None:
            values["reached"] = answer.reached
        step = Step(post.id, answer.state, answer.reason, answer.message, values=values)
        return self._ledger.move(session, now, step)

    # -- small writes --------------------------------------------------------------------

    def remember(self, post_id: int, progress: Mapping[str, Any]) -> None:
        with self._db.transaction() as session:
            self._ledger.remember(session, post_id, progress)

    def _note(
        self, session: Any, post_id: int, next_look: datetime, progress: Mapping[str, Any]
    ) -> None:
        session.execute(
            update(PostRow)
            .where(PostRow.id == post_id)
            .values(next_look_at=next_look, progress=dict(progress))
            .execution_options(synchronize_session=False)
        )

    def _look_again(
        self, ids: Sequence[int], moment: datetime, only_due: datetime | None = None
    ) -> None:
        with self._db.transaction() as session:
            for start in range(0, len(ids), batches.CHUNK):
                query = update(PostRow).where(PostRow.id.in_(ids[start : start + batches.CHUNK]))
                if only_due is not None:
                    # A fast worker may have looked already and set its own next look.
                    query = query.where(PostRow.next_look_at <= only_due)
                session.execute(
                    query.values(next_look_at=moment).execution_options(synchronize_session=False)
                )
