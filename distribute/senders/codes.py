"""The platforms' error codes, turned into what we do next. Decide on the code only: texts change.

Sources: official-account.md sections 2-6, wecom.md sections 2-4 and 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from contentcenter.domain.errors import CredentialsExpired, Refused, RetryLater


class Next(StrEnum):
    BUSY = "busy"  # try again soon
    SLOW = "slow"  # a minute's limit is used up
    FULL = "quota_full"  # a day's or month's quota is used up
    TOKEN = "token"  # noqa: S105 - fetch a new access token, repeat once
    SETUP = "setup"  # credentials, rights or addresses: a person must look


DAY_SECONDS = 86_400.0
WAIT_SECONDS = {Next.BUSY: 10.0, Next.SLOW: 60.0}

OFFICIAL_ACCOUNT: Mapping[int, Next] = {
    -1: Next.BUSY,
    42010: Next.BUSY,
    268488001: Next.BUSY,
    45011: Next.SLOW,
    45066: Next.SLOW,
    40059: Next.BUSY,  # "invalid msg id", also answered shortly after a good send
    45009: Next.FULL,
    45028: Next.FULL,
    40001: Next.TOKEN,
    40014: Next.TOKEN,
    42001: Next.TOKEN,
    **dict.fromkeys((40002, 40013, 40125, 41002, 41004, 40164, 40243), Next.SETUP),
    **dict.fromkeys((48001, 48004, 48008, 50002, 50004, 50007), Next.SETUP),
    **dict.fromkeys((89503, 89506, 89507), Next.SETUP),
}
WECOM: Mapping[int, Next] = {
    -1: Next.BUSY,
    6000: Next.BUSY,
    45033: Next.BUSY,
    41063: Next.BUSY,
    45009: Next.SLOW,
    40014: Next.TOKEN,
    42001: Next.TOKEN,
    41001: Next.TOKEN,
    **dict.fromkeys((40001, 40013, 40091, 41002, 41004), Next.SETUP),
    **dict.fromkeys((48002, 60020, 701008), Next.SETUP),
    # The robot's key is wrong, the robot was removed or disabled.
    **dict.fromkeys((93000, 93004, 93008), Next.SETUP),
}
REASONS: Mapping[int, str] = {
    40007: "bad_media",
    40152: "unknown_tag",
    41039: "bad_link",
    41040: "originality",
    41048: "nobody_to_send_to",
    41093: "cancelled_on_platform",
    45003: "title_too_long",
    45004: "digest_too_long",
    45062: "has_advertisement",
    45166: "content_refused",
    60011: "member_out_of_range",
    60111: "unknown_member",
    81013: "nobody_valid",
    84061: "no_relation",
    40096: "unknown_customer",
}


def code_of(answer: Mapping[str, Any]) -> int:
    """The business code of an answer; success often has none at all."""
    return int(answer.get("errcode") or 0)


def check(answer: Mapping[str, Any], table: Mapping[int, Next], path: str) -> None:
    """Return when the platform said yes, else raise what to do next."""
    code = code_of(answer)
    if code == 0:
        return
    message = f"{path} answered {code}: {str(answer.get('errmsg', ''))[:200]}"
    action = table.get(code)
    if action in {Next.BUSY, Next.SLOW}:
        raise RetryLater(message, after_seconds=WAIT_SECONDS[action], platform_code=code)
    if action is Next.FULL:
        # Tomorrow at the same hour: days and months are what these quotas are counted in.
        raise RetryLater(message, after_seconds=DAY_SECONDS, platform_code=code, quota=True)
    if action in {Next.TOKEN, Next.SETUP}:
        raise CredentialsExpired(
            message, platform_code=code, token=action is Next.TOKEN, setup=action is Next.SETUP
        )
    raise Refused(message, reason=REASONS.get(code, f"platform_{code}"), platform_code=code)
