"""The floor's tables. Rooms keep theirs beside their services, on the same metadata."""

from contentcenter.store.tables.channels import AudienceRow, ChannelRow, MemberRow
from contentcenter.store.tables.content import (
    BookRow,
    ContributorRow,
    ItemBookRow,
    ItemRow,
    ItemTagRow,
    MediaRow,
    PassageRow,
    RevisionRow,
    RightsRow,
    SourceRow,
    TagRow,
    WorkRow,
)
from contentcenter.store.tables.outbox import (
    AuditRow,
    EmbeddingCacheRow,
    NoteRow,
    OutboxRow,
    StateRow,
)
from contentcenter.store.tables.people import (
    ApiKeyRow,
    EventRow,
    MembershipRow,
    ReaderRow,
    UserRow,
)
from contentcenter.store.tables.search_words import SearchWordRow

__all__ = [
    "ApiKeyRow",
    "AudienceRow",
    "AuditRow",
    "BookRow",
    "ChannelRow",
    "ContributorRow",
    "EmbeddingCacheRow",
    "EventRow",
    "ItemBookRow",
    "ItemRow",
    "ItemTagRow",
    "MediaRow",
    "MemberRow",
    "MembershipRow",
    "NoteRow",
    "OutboxRow",
    "PassageRow",
    "ReaderRow",
    "RevisionRow",
    "RightsRow",
    "SearchWordRow",
    "SourceRow",
    "StateRow",
    "TagRow",
    "UserRow",
    "WorkRow",
]
