"""What every reader gives: numbered rows of text, and what was wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ingest.faults import Fault

ROW_CHARS_MAX = 400_000
TITLE_FIELD = "title"


@dataclass(frozen=True)
class RawRow:
    """One record of a file. `number` is what the supplier sees: the row of the sheet, the
    line of a JSON Lines file, the place of an article in its archive. `pictures` are the
    bytes of pictures the text refers to, by the name it uses."""

    number: int
    values: Mapping[str, str]
    faults: tuple[Fault, ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)


class Reader(Protocol):
    """A file opened and found readable. `rows()` may be called again and starts over."""

    format: str
    encoding: str
    notes: tuple[Fault, ...]

    def rows(self) -> Iterator[RawRow]:
        """All records in file order; blank ones are left out. Never raises for one row."""
        ...
