"""Readers by any of their ids: found, created on first sight, joined when ids meet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session

from contentcenter.store.database import Database
from contentcenter.store.tables import ReaderRow
from recommend.among import among
from recommend.identity.joining import ID_FIELDS, Joining, root_of
from recommend.identity.trail import Evidence
from recommend.identity.turns import hold_order
from recommend.one_call import insert_missing

LONGEST_ID = 80
# Built once: the feed asks at every page.
_BY_APP_ID = select(ReaderRow.id, ReaderRow.joined_into).where(
    ReaderRow.app_id == bindparam("app_id", type_=ReaderRow.app_id.type)
)
_BY_ID = select(ReaderRow.id, ReaderRow.joined_into).where(
    ReaderRow.id == bindparam("id", type_=ReaderRow.id.type)
)

_BY_NAME: Mapping[str, Any] = {
    name: select(ReaderRow.id, getattr(ReaderRow, name), ReaderRow.joined_into)
    .where(among(getattr(ReaderRow, name), "values", texts=True))
    .order_by(ReaderRow.id)
    for name in ID_FIELDS
}
_JOINED: Any = select(ReaderRow.id, ReaderRow.joined_into).where(among(ReaderRow.id, "ids"))

__all__ = [
    "ID_FIELDS",
    "LONGEST_ID",
    "ReaderRef",
    "find_app_reader",
    "meet_readers",
    "resolve_readers",
    "standing_for",
]


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


def find_app_reader(connection: Connection, app_id: str) -> int | None:
    """Who stands for the reader with this app id, or None when nobody knows it."""
    row = connection.execute(_BY_APP_ID, {"app_id": app_id}).first()
    while row is not None and row.joined_into is not None:
        row = connection.execute(_BY_ID, {"id": row.joined_into}).first()
    return None if row is None else int(row.id)


def standing_for(connection: Connection, refs: Iterable[ReaderRef]) -> dict[ReaderRef, int]:
    """Who stands for the readers of these references; those are left out about whom something
    would have to be written: an id that is new, ids that belong to two readers."""
    told = {ref: ref.ids() for ref in dict.fromkeys(refs)}
    rows: dict[int, int | None] = {}
    owners: dict[tuple[str, str], int] = {}
    for name, query in _BY_NAME.items():
        values = [ids[name] for ids in told.values() if name in ids]
        for one, value, into in _all(connection, query, values):
            rows[one] = into
            owners.setdefault((name, value), one)
    _climb(connection, rows)
    found: dict[ReaderRef, int] = {}
    for ref, ids in told.items():
        roots = {_root(rows, owners.get(pair)) for pair in ids.items()}
        root = roots.pop()
        if root is not None and not roots:
            found[ref] = root
    return found


def _all(connection: Connection, query: Any, values: Sequence[str]) -> Sequence[Any]:
    return connection.execute(query, {"values": values}).all() if values else ()


def _climb(connection: Connection, rows: dict[int, int | None]) -> None:
    """Add the rows that these were joined into, up to those that stand for themselves."""
    while missing := {into for into in rows.values() if into is not None} - rows.keys():
        rows.update(dict(connection.execute(_JOINED, {"ids": sorted(missing)}).all()))


def _root(rows: Mapping[int, int | None], one: int | None) -> int | None:
    while one is not None and rows[one] is not None:
        one = rows[one]
    return one


def meet_readers(db: Database, refs: Iterable[ReaderRef], now: datetime) -> None:
    """Make readers of those references whose one id nobody has yet, in one statement that
    waits for nothing else. References of several ids, the ids they speak of, and unionids
    (several rows may have the same) are left for `resolve_readers`."""
    told = [ref.ids() for ref in dict.fromkeys(refs)]
    spoken = {pair for ids in told if len(ids) > 1 for pair in ids.items()}
    for name in ID_FIELDS:
        alone = [ids for ids in told if len(ids) == 1 and name in ids]
        rows = [{**ids, "created_at": now} for ids in alone if spoken.isdisjoint(ids.items())]
        if name != "unionid":
            insert_missing(db, ReaderRow, rows, [name])


def resolve_readers(
    session: Session,
    refs: Sequence[ReaderRef],
    now: datetime,
    events: Mapping[ReaderRef, str] | None = None,
    *,
    held: bool = False,
) -> dict[ReaderRef, int]:
    """Who stands for the readers of these references, in the caller's transaction.

    A reader known by one id learns the other ids of its reference. When ids of one reference
    belong to two readers, these are joined; evidence that contradicts itself (two unionids,
    two readers that a person took apart) is listed for a person instead, and the event goes
    to the reader found by the first id in the order of `ID_FIELDS`. `events`: the event that
    brought a reference, for the trail. `held`: this transaction holds the order already.
    """
    if not held:
        hold_order(session, now)
    wanted = list(dict.fromkeys(refs))
    known = _Known(session)
    known.load(wanted)
    for ref in wanted:
        row = known.first(ref)
        if row is None:
            known.add(ReaderRow(**ref.ids(), created_at=now))
        else:
            told = Evidence.of_reference(ref.ids(), (events or {}).get(ref, ""))
            joining = Joining(session, now, told)
            _join_others(known, row, ref, joining)
            _learn_ids(known, row, ref, joining, now)
    session.flush()
    return {ref: known.root(known.must(ref)).id for ref in wanted}


class _Known:
    """The readers that a batch of references speaks of, with those that stand for them."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._rows: dict[int, ReaderRow] = {}
        self._by_id: dict[tuple[str, str], ReaderRow] = {}

    def load(self, refs: Sequence[ReaderRef]) -> None:
        told = [ref.ids() for ref in refs]
        for name in ID_FIELDS:
            values = sorted({ids[name] for ids in told if name in ids})
            column = getattr(ReaderRow, name)
            for start in range(0, len(values), 500):
                found = select(ReaderRow).where(column.in_(values[start : start + 500]))
                for row in self.session.scalars(found.order_by(ReaderRow.id)):
                    self._rows[row.id] = row
                    self._by_id.setdefault((name, getattr(row, name)), row)

    def add(self, row: ReaderRow) -> None:
        self.session.add(row)
        for name in ID_FIELDS:
            if getattr(row, name) is not None:
                self._by_id.setdefault((name, getattr(row, name)), row)

    def first(self, ref: ReaderRef) -> ReaderRow | None:
        return next(iter(self.all(ref)), None)

    def must(self, ref: ReaderRef) -> ReaderRow:
        row = self.first(ref)
        assert row is not None  # noqa: S101 - every reference was entered
        return row

    def all(self, ref: ReaderRef) -> list[ReaderRow]:
        """The rows of a reference's ids, in the order of `ID_FIELDS`."""
        return [self._by_id[pair] for pair in ref.ids().items() if pair in self._by_id]

    def new_ids(self, ref: ReaderRef) -> dict[str, str]:
        return {
            name: value for name, value in ref.ids().items() if (name, value) not in self._by_id
        }

    def learned(self, name: str, row: ReaderRow) -> None:
        self._by_id[name, getattr(row, name)] = row

    def root(self, row: ReaderRow) -> ReaderRow:
        return root_of(self.session, row)


def _join_others(known: _Known, row: ReaderRow, ref: ReaderRef, joining: Joining) -> None:
    for other in known.all(ref):
        first, second = known.root(row), known.root(other)
        if first is not second:
            joining.join(first, second)


def _learn_ids(
    known: _Known, row: ReaderRow, ref: ReaderRef, joining: Joining, now: datetime
) -> None:
    """Ids nobody had. A second id of a kind gets a row of its own, joined to the reader, so
    that a person can part it again."""
    for name, value in known.new_ids(ref).items():
        if name == "unionid" and joining.contradicts(row, value):
            continue
        if getattr(row, name) is None:
            setattr(row, name, value)
            joining.learned(row, name)
            known.learned(name, row)
            continue
        fresh = ReaderRow(**{name: value}, created_at=now)
        known.add(fresh)
        joining.join(known.root(row), fresh)
