"""Readers by any of their ids: found, created on first sight, joined when ids meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.store.tables import ReaderRow

ID_FIELDS = ("app_id", "openid", "external_userid", "unionid")
LONGEST_ID = 80


@dataclass(frozen=True)
class ReaderRef:
    """How a reporter names a reader. At least one id is set."""

    app_id: str | None = None
    openid: str | None = None
    external_userid: str | None = None
    unionid: str | None = None

    def ids(self) -> dict[str, str]:
        values = {name: getattr(self, name) for name in ID_FIELDS}
        return {name: value for name, value in values.items() if value}


def resolve_readers(
    session: Session, refs: Sequence[ReaderRef], now: datetime
) -> dict[ReaderRef, int]:
    """Reader ids by reference, in the caller's transaction.

    A reader known by one id learns the other ids of its reference, unless another reader
    has them already: two known readers are never merged behind their backs.
    """
    wanted = list(dict.fromkeys(refs))
    known = _load(session, wanted)
    out: dict[ReaderRef, int] = {}
    for ref in wanted:
        reader = _find(ref, known)
        if reader is None:
            reader = ReaderRow(**ref.ids(), created_at=now)
            session.add(reader)
        else:
            _learn_ids(reader, ref, known)
        for name, value in ref.ids().items():
            known.setdefault((name, value), reader)
    session.flush()
    for ref in wanted:
        found = _find(ref, known)
        assert found is not None  # noqa: S101 - every reference was entered above
        out[ref] = found.id
    return out


def _load(session: Session, refs: Sequence[ReaderRef]) -> dict[tuple[str, str], ReaderRow]:
    known: dict[tuple[str, str], ReaderRow] = {}
    for name in ID_FIELDS:
        values = [ref.ids()[name] for ref in refs if name in ref.ids()]
        column = getattr(ReaderRow, name)
        for start in range(0, len(values), 500):
            for row in session.scalars(
                select(ReaderRow)
                .where(column.in_(values[start : start + 500]))
                .order_by(ReaderRow.id)
            ):
                known.setdefault((name, getattr(row, name)), row)
    return known


def _find(ref: ReaderRef, known: Mapping[tuple[str, str], ReaderRow]) -> ReaderRow | None:
    for pair in ref.ids().items():
        if pair in known:
            return known[pair]
    return None


def _learn_ids(
    reader: ReaderRow, ref: ReaderRef, known: Mapping[tuple[str, str], ReaderRow]
) -> None:
    for name, value in ref.ids().items():
        if getattr(reader, name) is None and (name, value) not in known:
            setattr(reader, name, value)
