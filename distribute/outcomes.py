"""One send, and what its answer means for the post and for the channel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from contentcenter.clock import Clock
from contentcenter.domain.errors import (
    AlreadySent,
    ContentCenterError,
    CredentialsExpired,
    Refused,
    RetryLater,
)
from contentcenter.domain.posts import PostState
from distribute.ledger import Step
from distribute.ports import ChannelSender, Outgoing
from distribute.rules import DeliveryRules, look_after, retry_after

log = structlog.get_logger()


@dataclass(frozen=True)
class Outcome:
    """The ledger's step, and what it says about the channel: `trouble` counts towards a rest,
    `credentials` (a message) stops it."""

    step: Step
    trouble: bool = False
    credentials: str = ""


def attempt(sender: ChannelSender, post: Outgoing, clock: Clock, rules: DeliveryRules) -> Outcome:
    """Send one claimed post. Never raises: whatever happens has to reach the ledger."""
    try:
        accepted = sender.send(post)
    except ContentCenterError as error:
        return after_error(post, error, clock.now(), rules)
    except Exception:  # a fault of ours after the claim: the platform may have been reached
        log.exception("send_failed", post_id=post.post_id)
        return _unknown(post, "internal_error", "See the log", clock.now(), rules)
    return sent(post, accepted.reference, clock.now(), rules, message=accepted.message)


def after_error(
    post: Outgoing, error: ContentCenterError, now: datetime, rules: DeliveryRules
) -> Outcome:
    """Each family of errors asks for one move."""
    if isinstance(error, AlreadySent):
        return sent(post, error.reference, now, rules, reason="already_sent", message=error.message)
    if isinstance(error, CredentialsExpired):
        step = _again(post, "credentials", error, asked_seconds=60.0, now=now, rules=rules)
        return Outcome(step, trouble=True, credentials=error.message)
    if isinstance(error, RetryLater):
        reason = "quota" if error.details.get("quota") else "retry_later"
        step = _again(post, reason, error, asked_seconds=error.after_seconds, now=now, rules=rules)
        return Outcome(step, trouble=reason == "retry_later")
    if isinstance(error, Refused):
        return Outcome(_step(post, PostState.REFUSED, error.reason, error))
    return _unknown(post, "no_answer", error.message, now, rules)


def sent(
    post: Outgoing,
    reference: str,
    now: datetime,
    rules: DeliveryRules,
    *,
    reason: str = "",
    message: str = "",
) -> Outcome:
    values = {
        "reference": reference,
        "sent_at": now,
        "next_look_at": now + look_after(rules, 0),
    }
    step = Step(post.post_id, PostState.SENT, reason, message, attempt=post.attempt, values=values)
    return Outcome(step)


def _unknown(
    post: Outgoing, reason: str, message: str, now: datetime, rules: DeliveryRules
) -> Outcome:
    values = {"next_look_at": now + rules.first_look}
    step = Step(
        post.post_id, PostState.UNKNOWN, reason, message, attempt=post.attempt, values=values
    )
    return Outcome(step, trouble=True)


def _again(
    post: Outgoing,
    reason: str,
    error: ContentCenterError,
    *,
    asked_seconds: float,
    now: datetime,
    rules: DeliveryRules,
) -> Step:
    """Nothing took effect: back to approved for a later hour, or failed after many tries."""
    if post.attempt >= rules.tries:
        return _step(post, PostState.FAILED, "gave_up", error)
    wait = retry_after(rules, asked_seconds, post.attempt)
    values = {"not_before": now + wait, "next_look_at": None}
    return replace(_step(post, PostState.APPROVED, reason, error), values=values)


def _step(post: Outgoing, to: PostState, reason: str, error: ContentCenterError) -> Step:
    code = error.details.get("platform_code")
    platform_code = code if isinstance(code, int) else None
    return Step(post.post_id, to, reason, error.message, platform_code, attempt=post.attempt)
