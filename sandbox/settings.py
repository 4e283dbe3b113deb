"""What an administrator may tune (`POST /admin/setup`, key `settings`)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass
class Settings:
    dispatch_seconds: float = 2.0  # a new WeCom task answers 41063 for so long
    list_while_dispatching: str = "refuse"  # or "omit": the list leaves such tasks out
    mass_seconds: float = 2.0  # Official Account mass send: accepted -> finished
    publish_seconds: float = 2.0
    approval_seconds: float = 1800.0  # silence of the administrator
    clientmsgid_wait_seconds: float = 60.0
    clientmsgid_life_seconds: float = 86400.0
    token_seconds: int = 7200
    forced_refresh_gap_seconds: float = 30.0
    forced_refresh_per_day: int = 20
    robot_per_minute: int = 20
    mass_calls_per_minute: int = 60
    wecom_calls_per_minute: int = 10_000  # per enterprise and interface; 0 = no limit
    title_characters: int = 32
    content_characters: int = 20_000
    callback_seconds: float = 5.0
    callback_tries: int = 3
    media_days: float = 3.0


def changed(settings: Settings, wanted: dict[str, Any]) -> Settings:
    """Settings with some values replaced; ValueError names an unknown or mistyped one."""
    known = {item.name: getattr(settings, item.name) for item in fields(settings)}
    for name, value in wanted.items():
        if name not in known:
            raise ValueError(f"unknown setting {name}")
        kind = type(known[name])
        if isinstance(value, bool) or not isinstance(
            value, (int, float) if kind is float else kind
        ):
            raise ValueError(  # noqa: TRY004 - one family for all bad requests
                f"setting {name} must be of type {kind.__name__}"
            )
        known[name] = kind(value)
    return Settings(**known)
