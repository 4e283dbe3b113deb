"""What an experiment says, in plain words, Chinese and English. Pure.

Never more than the data say: an interval that holds zero is "not shown", not "no effect", and it
names what it does rule out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from distribute.experiments.analysis import Look


class VerdictCode(StrEnum):
    NOT_STARTED = "not_started"
    WAITING = "waiting"
    OPEN = "open"
    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "not_shown"
    PAUSED = "paused"


WORDS: dict[VerdictCode, tuple[str, str]] = {
    VerdictCode.NOT_STARTED: ("还没有开始。", "Not started yet."),
    VerdictCode.WAITING: (
        "数据还不够：每一边至少要有 3 个群有数据。",
        "Not enough data yet: each side needs at least 3 groups with data.",
    ),
    VerdictCode.OPEN: (
        "第 {day} 天，还没有定论。目前差异 {change}，可能在 {range} 之间。"
        "可以天天看，不要提前下结论。",
        "Day {day}, still open. The difference so far is {change}, it may lie in {range}. "
        "Looking every day is fine; concluding early is not.",
    ),
    VerdictCode.BETTER: (
        "第 {day} 天：“{arm}”比“{base}”好，差异 {change}，可能在 {range} 之间。",
        "Day {day}: “{arm}” is better than “{base}”, by {change}, possibly {range}.",
    ),
    VerdictCode.WORSE: (
        "第 {day} 天：“{arm}”比“{base}”差，差异 {change}，可能在 {range} 之间。",
        "Day {day}: “{arm}” is worse than “{base}”, by {change}, possibly {range}.",
    ),
    VerdictCode.NOT_SHOWN: (
        "没有看出差异：{change}，可能在 {range} 之间。这不等于没有差异，只排除了这个范围以外的。",
        "No difference shown: {change}, possibly {range}. That does not mean there is none; only "
        "what lies outside this range is ruled out.",
    ),
    VerdictCode.PAUSED: (
        "这一组已自动停下，群已恢复原来的做法：{reason}。",
        "This arm was stopped by itself and its groups are back to the usual: {reason}.",
    ),
}
REASONS: dict[str, tuple[str, str]] = {
    "leave_rate": ("退群率确实更高", "its groups lose readers faster"),
    "mute_rate": ("免打扰率确实更高", "its groups are muted more often"),
}


@dataclass(frozen=True)
class Verdict:
    code: VerdictCode
    values: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""

    def words(self, language: str) -> str:
        """In `zh` or `en`."""
        place = 1 if language == "en" else 0
        reason = REASONS.get(self.reason, (self.reason, self.reason))[place]
        return WORDS[self.code][place].format(**{**self.values, "reason": reason})


def verdict_of(
    names: tuple[str, str],
    latest: Look | None,
    *,
    decided: Look | None,
    over: bool,
    paused: str = "",
) -> Verdict:
    """The verdict on one arm. names: base and arm. latest: the last look (the final one when the
    planned end was reached). decided: the first look that excludes zero. over: nothing more will
    come. paused: the guard rail that stopped the arm."""
    if paused:
        return Verdict(VerdictCode.PAUSED, reason=paused)
    if latest is None:
        return Verdict(VerdictCode.WAITING)
    # All looks hold together: the latest is told, unless it is vaguer than the one that decided.
    look = latest if decided is None or latest.interval.excludes_zero else decided
    values = {"base": names[0], "arm": names[1], "day": str(look.day), **_numbers(look)}
    if decided is not None:
        better = decided.estimate.difference > 0
        return Verdict(VerdictCode.BETTER if better else VerdictCode.WORSE, values)
    return Verdict(VerdictCode.NOT_SHOWN if over else VerdictCode.OPEN, values)


def _numbers(look: Look) -> dict[str, str]:
    """Relative where that means something, else in the metric's own unit."""
    if look.uplift is not None and look.uplift_interval is not None:
        low, high = look.uplift_interval.low, look.uplift_interval.high
        return {"change": f"{look.uplift:+.1%}", "range": f"{low:+.1%} ~ {high:+.1%}"}
    low, high = look.interval.low, look.interval.high
    return {
        "change": f"{look.estimate.difference:+.4g}",
        "range": f"{low:+.4g} ~ {high:+.4g}",
    }
