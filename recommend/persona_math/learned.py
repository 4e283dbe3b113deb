"""What one subject (audience or reader) has shown so far: decayed sums and interest centres.

Every sum is stored at the scale of its landmark (see `decay`); `*_on(day)` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from recommend.persona_math.centres import Centres
from recommend.persona_math.decay import BLOCK_DAYS, block_start, fade
from recommend.persona_math.prices import BINS
from recommend.persona_math.settings import PersonaSettings

# Sums by the half-life they fade with.
_INTEREST = ("categories", "tags", "shown", "liked", "sums", "alone")
_RECENT = ("recent", "recent_sums", "lately", "tried")
_TABLES = (*_INTEREST, *_RECENT, "price_sums")


@dataclass
class Learned:
    """Mutable inside `learn` only; everyone else treats it as a value.

    `categories`, `tags`: net weight of responses. `shown`, `liked`: impressions and clicks
    by category. `prices`: histogram of what was bought or clicked; `price_sums`: log price
    of shown and of liked items. `hours`: responses by local hour. `alone`: weight of what members
    answered alone by category. Fading in days: `recent`, items shown of a category, `lately`,
    weight of what members answered of it alone, `tried`, weight of the answers to what the
    subject was shown of it. `sums`, `recent_sums`: totals by name.
    """

    centres: Centres
    landmark: float | None = None
    last_day: float = 0.0
    seen_event_id: int = 0
    categories: dict[str, float] = field(default_factory=dict)
    tags: dict[str, float] = field(default_factory=dict)
    shown: dict[str, float] = field(default_factory=dict)
    liked: dict[str, float] = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=dict)
    prices: list[float] = field(default_factory=lambda: [0.0] * BINS)
    price_sums: dict[str, float] = field(default_factory=dict)
    hours: list[float] = field(default_factory=lambda: [0.0] * 24)
    recent: dict[str, float] = field(default_factory=dict)
    recent_sums: dict[str, float] = field(default_factory=dict)
    lately: dict[str, float] = field(default_factory=dict)
    alone: dict[str, float] = field(default_factory=dict)
    tried: dict[str, float] = field(default_factory=dict)

    def copy(self) -> Learned:
        """Sums of its own; the centres are values and shared."""
        own: dict[str, Any] = {name: dict(getattr(self, name)) for name in _TABLES}
        return replace(self, prices=list(self.prices), hours=list(self.hours), **own)

    def to_json(self) -> dict[str, Any]:
        """Everything but the centre vectors, as JSON values."""
        return {
            "landmark": self.landmark,
            "last_day": self.last_day,
            "seen_event_id": self.seen_event_id,
            "weights": list(self.centres.weights),
            "recent_weights": list(self.centres.recent),
            **{name: dict(getattr(self, name)) for name in _TABLES},
            "prices": list(self.prices),
            "hours": list(self.hours),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], centres: Centres) -> Learned:
        # What was stored before recent answers were kept apart has none of them.
        late = tuple(value.get("recent_weights", ()))
        return cls(
            centres=Centres(centres.vectors, tuple(value["weights"]), late),
            landmark=value["landmark"],
            last_day=value["last_day"],
            seen_event_id=value["seen_event_id"],
            prices=list(value["prices"]),
            hours=list(value["hours"]),
            **{name: dict(value.get(name, {})) for name in _TABLES},
        )

    def reach(self, day: float, settings: PersonaSettings) -> float:
        """Make room for an event of this day; returns the landmark to store it with."""
        if self.landmark is None:
            self.landmark = block_start(day)
        blocks = round((block_start(day) - self.landmark) / BLOCK_DAYS)
        if blocks > 0:
            self._rescale(blocks * BLOCK_DAYS, settings)
        self.last_day = max(self.last_day, day)
        return self.landmark

    def _rescale(self, days: float, settings: PersonaSettings) -> None:
        assert self.landmark is not None  # noqa: S101 - `reach` set it
        self.landmark += days
        interest = 2.0 ** -(days / settings.interest_half_life)
        price = 2.0 ** -(days / settings.price_half_life)
        recent = 2.0 ** -(days / settings.recent_half_life)
        for names, factor in ((_INTEREST, interest), (("price_sums",), price), (_RECENT, recent)):
            for name in names:
                table = getattr(self, name)
                setattr(self, name, {key: value * factor for key, value in table.items()})
        self.prices = [value * price for value in self.prices]
        self.hours = [value * interest for value in self.hours]
        self.centres = self.centres.scaled(interest, recent)

    def interest_fade(self, day: float, settings: PersonaSettings) -> float:
        return self._fade(day, settings.interest_half_life)

    def price_fade(self, day: float, settings: PersonaSettings) -> float:
        return self._fade(day, settings.price_half_life)

    def recent_fade(self, day: float, settings: PersonaSettings) -> float:
        return self._fade(day, settings.recent_half_life)

    def evidence(self, day: float, settings: PersonaSettings) -> float:
        """Decayed weight of positive responses."""
        return self.sums.get("evidence", 0.0) * self.interest_fade(day, settings)

    def _fade(self, day: float, half_life: float) -> float:
        # A persona read earlier than its last event (a replay) is read at its last event.
        return (
            0.0
            if self.landmark is None
            else fade(max(day, self.last_day), self.landmark, half_life)
        )
