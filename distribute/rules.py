"""The numbers of delivery, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from contentcenter.settings import Settings


@dataclass(frozen=True)
class DeliveryRules:
    """batch: posts in one job. lease: how long a queued job keeps its posts from being queued
    again. late: after so long a post has missed its moment. tries: attempts that took no
    effect before a person has to look. confirm_within: how long a member may take."""

    batch: int = 200
    due_limit: int = 2_000
    lease: timedelta = timedelta(seconds=60)
    stuck: timedelta = timedelta(seconds=120)
    probe_gap: timedelta = timedelta(seconds=120)
    late: timedelta = timedelta(hours=6)
    undecided: timedelta = timedelta(hours=2)
    tries: int = 10
    retry_most: timedelta = timedelta(minutes=30)
    first_look: timedelta = timedelta(seconds=10)
    slowest_look: timedelta = timedelta(minutes=30)
    remind_after: timedelta = timedelta(minutes=30)
    reminders: int = 3
    confirm_within: timedelta = timedelta(hours=24)
    work_days: int = 30
    patience_seconds: float = 5.0  # longest wait for a rate gate inside a job
    wecom_rule: str = "daily_1"


def rules_from(settings: Settings) -> DeliveryRules:
    return DeliveryRules(
        stuck=timedelta(seconds=settings.sending_stuck_seconds),
        probe_gap=timedelta(seconds=settings.probe_gap_seconds),
        wecom_rule=settings.wecom_receive_rule,
    )


def look_after(rules: DeliveryRules, looks: int) -> timedelta:
    """Back-off of follow-ups: doubling from the first look to the slowest."""
    doubled: timedelta = rules.first_look * float(2 ** min(looks, 20))
    return min(doubled, rules.slowest_look)


def retry_after(rules: DeliveryRules, asked_seconds: float, attempts: int) -> timedelta:
    """At least what the platform asked for, doubling with every attempt."""
    wait = timedelta(seconds=max(1.0, asked_seconds) * 2 ** min(max(attempts - 1, 0), 10))
    return max(timedelta(seconds=asked_seconds), min(wait, rules.retry_most))
