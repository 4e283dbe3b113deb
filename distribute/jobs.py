"""The room's jobs: ids in, one service call each. All are safe to repeat."""

from __future__ import annotations

from collections.abc import Callable

from contentcenter.jobs.names import JobName
from distribute.ext import get_distribute


def plan(plan_id: int) -> None:
    get_distribute().plans.run(plan_id)


def deliver(post_ids: list[int]) -> None:
    get_distribute().delivery.deliver(post_ids)


def probe(post_ids: list[int]) -> None:
    get_distribute().follow.probe(post_ids)


def follow_up(post_ids: list[int]) -> None:
    get_distribute().follow.follow_up(post_ids)


def sweep() -> None:
    get_distribute().follow.sweep()


def review_experiments() -> None:
    get_distribute().experiments.review()


JOBS: dict[JobName, Callable[..., None]] = {
    JobName.PLAN: plan,
    JobName.DELIVER: deliver,
    JobName.PROBE: probe,
    JobName.FOLLOW_UP: follow_up,
    JobName.SWEEP: sweep,
    JobName.REVIEW_EXPERIMENTS: review_experiments,
}
