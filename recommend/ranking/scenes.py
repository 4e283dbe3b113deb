"""Where a feed is shown, and what that alone says before a reader is known."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Scene(StrEnum):
    """Scenes with a meaning of their own. Any other name is served like `home`."""

    HOME = "home"
    CHANNEL = "channel"
    AFTER_PURCHASE = "after_purchase"
    SEARCH_EMPTY = "search_empty"


_OTHER_NAMES = {
    "channel_page": Scene.CHANNEL,
    "after-purchase": Scene.AFTER_PURCHASE,
    "purchase": Scene.AFTER_PURCHASE,
    "search-empty": Scene.SEARCH_EMPTY,
}

# What a scene adds to the bonus of a recall, by the recall's name, for a reader nothing is known
# about; it shrinks as the reader's own taste becomes sure. Somebody whose search found nothing
# wants the well-tried; on a channel's page its editors speak; after a purchase the next book is
# one that readers of this one read. Judgement, not measured: what is learned corrects it.
_BONUS: Mapping[Scene, Mapping[str, float]] = MappingProxyType(
    {
        Scene.HOME: {},
        Scene.CHANNEL: {"editors": 0.4, "followed": 0.2},
        Scene.AFTER_PURCHASE: {"co_read": 0.4},
        Scene.SEARCH_EMPTY: {"popular": 0.4, "editors": 0.2},
    }
)


def scene_of(name: str) -> Scene:
    """The scene of a client's word for it."""
    if name in _OTHER_NAMES:
        return _OTHER_NAMES[name]
    return Scene(name) if name in set(Scene) else Scene.HOME


def scene_bonus(scene: Scene, recall: str) -> float:
    """In units of the score's spread among the candidates, as `FeedSettings.recall_bonus`."""
    return _BONUS[scene].get(recall, 0.0)
