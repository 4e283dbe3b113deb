"""What can be wrong with one row of a file, said so that the supplier can mend it."""

from __future__ import annotations

from dataclasses import dataclass

# What the error table can hold of an offending value.
VALUE_LIMIT = 200


class BadValue(Exception):
    """A value that cannot be taken: why, and how to mend it (both for people, in Chinese)."""

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.mend = mend


@dataclass(frozen=True)
class Fault:
    """One fault in one row. `fatal` rows are left out; the others are kept, with a gap."""

    field: str
    value: str
    reason: str
    mend: str
    fatal: bool = True

    @classmethod
    def of(cls, field: str, value: str, bad: BadValue, *, fatal: bool = True) -> Fault:
        return cls(field, shorten(value), bad.reason, bad.mend, fatal)


def shorten(value: str, limit: int = VALUE_LIMIT) -> str:
    """The value as the report shows it: printable and short."""
    shown = "".join(char if char.isprintable() else "�" for char in value[: limit + 1].rstrip())
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
