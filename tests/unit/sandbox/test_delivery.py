"""Automatic owners: repeatable delays, some slow, some never."""

from __future__ import annotations

from sandbox.wecom.delivery import confirm_delay


def delays(**rule: object) -> list[float | None]:
    wanted = {"enabled": True, "min_seconds": 1.0, "max_seconds": 3.0, "seed": 9, **rule}
    return [confirm_delay(wanted, number, "zhang") for number in range(400)]


def test_switched_off_nobody_confirms() -> None:
    assert confirm_delay({}, 1, "zhang") is None


def test_delays_are_repeatable_and_inside_their_range() -> None:
    found = delays(slow_share=0.0)
    assert found == delays(slow_share=0.0)
    assert all(delay is not None and 1.0 <= delay <= 3.0 for delay in found)


def test_some_are_slow_and_some_never_come() -> None:
    found = delays(slow_share=0.2, slow_seconds=30.0, never_share=0.1)
    never = found.count(None)
    slow = sum(1 for delay in found if delay is not None and delay > 3.0)
    assert 20 <= never <= 60
    assert 50 <= slow <= 110
