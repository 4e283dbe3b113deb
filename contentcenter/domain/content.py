"""Content items: kinds, forms, states and the moves between states."""

from __future__ import annotations

from enum import StrEnum


class ItemKind(StrEnum):
    UGC = "ugc"
    PGC = "pgc"
    SUPPLIER = "supplier"


class ItemForm(StrEnum):
    ARTICLE = "article"
    NOTE = "note"
    INTRODUCTION = "introduction"
    LIST = "list"
    EXCERPT = "excerpt"


class ItemState(StrEnum):
    """received -> ready -> published, with rejected / withdrawn / failed beside the road."""

    RECEIVED = "received"
    READY = "ready"
    PUBLISHED = "published"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"


class TagOrigin(StrEnum):
    EDITOR = "editor"
    SUPPLIER = "supplier"
    AUTHOR = "author"
    SUGGESTED = "suggested"


ITEM_MOVES: dict[ItemState, frozenset[ItemState]] = {
    ItemState.RECEIVED: frozenset(
        {ItemState.READY, ItemState.FAILED, ItemState.REJECTED, ItemState.WITHDRAWN}
    ),
    # A changed text goes back to `received` and through the pipeline again.
    ItemState.READY: frozenset(
        {ItemState.PUBLISHED, ItemState.REJECTED, ItemState.WITHDRAWN, ItemState.RECEIVED}
    ),
    ItemState.PUBLISHED: frozenset({ItemState.WITHDRAWN, ItemState.RECEIVED, ItemState.REJECTED}),
    ItemState.REJECTED: frozenset({ItemState.RECEIVED, ItemState.WITHDRAWN}),
    ItemState.FAILED: frozenset({ItemState.RECEIVED, ItemState.WITHDRAWN}),
    ItemState.WITHDRAWN: frozenset({ItemState.RECEIVED}),
}

# What search, similar items, matching and the feed may show.
VISIBLE_STATES = frozenset({ItemState.PUBLISHED})
# What the index holds: editors find their drafts too, readers' doors filter on state.
INDEXED_STATES = frozenset({ItemState.READY, ItemState.PUBLISHED})


def item_can_move(current: ItemState, target: ItemState) -> bool:
    """Whether an item may go from one state to another (staying put is allowed)."""
    return current == target or target in ITEM_MOVES[current]
