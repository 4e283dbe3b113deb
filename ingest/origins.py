"""Sources, contributors and tags, made on demand in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contentcenter.domain.content import ItemKind
from contentcenter.domain.errors import InvalidInput
from contentcenter.store.tables import ContributorRow, SourceRow, TagRow

NAME_MAX = 120


def ensure_source(
    session: Session, name: str, kind: str, now: datetime, contributor: str = ""
) -> SourceRow:
    """The source of that name; a new one is untrusted and of the given kind."""
    plain = " ".join(name.split())
    if not plain or len(plain) > NAME_MAX:
        raise InvalidInput(f"来源名称要有 1 到 {NAME_MAX} 个字", field="source")
    if kind not in set(ItemKind):
        raise InvalidInput(f"没有这种内容类型：{kind}", field="kind", allowed=list(ItemKind))
    found = session.scalar(select(SourceRow).where(SourceRow.name == plain))
    if found is not None:
        return found
    owner = ensure_contributor(session, contributor, kind, now) if contributor else None
    row = SourceRow(
        name=plain, kind=kind, contributor_id=owner.id if owner else None, trusted=False,
        created_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def ensure_contributor(session: Session, name: str, kind: str, now: datetime) -> ContributorRow:
    """The contributor of that name; a new one is a supplier or an author by item kind."""
    plain = " ".join(name.split())
    if not plain or len(plain) > NAME_MAX:
        raise InvalidInput(f"作者或供应商名称要有 1 到 {NAME_MAX} 个字", field="contributor")
    found = session.scalar(select(ContributorRow).where(ContributorRow.name == plain))
    if found is not None:
        return found
    role = "supplier" if kind == ItemKind.SUPPLIER else "author"
    row = ContributorRow(name=plain, kind=role, contact="", created_at=now)
    session.add(row)
    session.flush()
    return row


def ensure_tags(session: Session, names: Iterable[str]) -> dict[str, int]:
    """Tag ids by name."""
    wanted = list(dict.fromkeys(names))
    known = find_tags(session, wanted)
    fresh = [TagRow(name=name) for name in wanted if name not in known]
    session.add_all(fresh)
    session.flush()
    return known | {row.name: row.id for row in fresh}


def find_tags(session: Session, names: Sequence[str]) -> dict[str, int]:
    """Ids of those names that are tags."""
    found: dict[str, int] = {}
    for start in range(0, len(names), 500):
        query = select(TagRow.name, TagRow.id).where(TagRow.name.in_(names[start : start + 500]))
        found.update((name, tag_id) for name, tag_id in session.execute(query))
    return found
