"""Named features of (reader, item, context): one function for training and for serving.

Nothing here knows the place an item will have on the page. Values are rounded to half
precision before anybody reads them: what is logged with an answer is then, bit for bit, what
the model was given, so training sees what serving saw and a shown score can be recomputed.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from contentcenter.embedding.ports import Vectors
from recommend.matching.settings import PARTS
from recommend.persona_math import Persona
from recommend.ranking.scenes import Scene

RECALLS = ("co_read", "persona", "followed", "editors", "popular", "explore", "scene")
SCENES = (Scene.CHANNEL, Scene.AFTER_PURCHASE, Scene.SEARCH_EMPTY)
# What only the prior reads: the same for all candidates of a page.
FRAME = ("usual", "total_mean", "total_spread")
FEATURES = (
    *PARTS,
    *FRAME,
    *(f"recall_{name}" for name in RECALLS),
    "served_before",
    "shown",
    "liked",
    "age",
    "price_over",
    "price_ratio",
    "unpriced",
    "sensitivity",
    "category_taste",
    "category_recent",
    "author_liked",
    "author_disliked",
    "category_disliked",
    "anchor",
    "evidence",
    "tiredness",
    "confidence",
    "kind_ugc",
    "kind_supplier",
    *(f"scene_{name}" for name in SCENES),
    "hour_fit",
    "weekend",
)
COLUMN = {name: index for index, name in enumerate(FEATURES)}
_RECALL_PLACE = {name: index for index, name in enumerate(RECALLS)}
Floats = npt.NDArray[np.float64]
# Snapshots of another list of features cannot be compared with these.
FEATURES_KEY = zlib.crc32(" ".join(FEATURES).encode()) & 0xFFFFFF
_DEAREST = 3.0
# Candidates that hardly differ (a stranger's) are not told apart by noise blown up to size.
LEAST_SPREAD = 0.2


@dataclass(frozen=True)
class RankItem:
    """What ranking needs of a candidate. `recalls`: strength (0, 1] by the name of the source
    that found it; `anchor` its closeness (-1..1) to what the scene is about, 0 without one;
    counts are decayed."""

    id: int
    category: str
    author: str
    kind: str
    price_fen: int | None
    published_at: datetime | None
    shown: float = 0.0
    liked: float = 0.0
    recalls: Mapping[str, float] = field(default_factory=dict)
    served_before: bool = False
    anchor: float = 0.0


@dataclass(frozen=True)
class RankColumns:
    """The same of n candidates as columns. `prices` nan where there is none, `ages` in days,
    `recalls` (n, len(RECALLS))."""

    categories: Sequence[str]
    authors: Sequence[str]
    kinds: Sequence[str]
    prices: Floats
    ages: Floats
    shown: Floats
    liked: Floats
    recalls: Vectors
    served_before: Sequence[bool]
    anchors: Vectors

    def __len__(self) -> int:
        return len(self.categories)

    @classmethod
    def of(cls, items: Sequence[RankItem], now: datetime) -> RankColumns:
        return cls(
            categories=[one.category for one in items],
            authors=[one.author for one in items],
            kinds=[one.kind for one in items],
            prices=priced([one.price_fen for one in items]),
            ages=days_since(seconds([one.published_at for one in items]), now),
            shown=np.array([one.shown for one in items], dtype=np.float64),
            liked=np.array([one.liked for one in items], dtype=np.float64),
            recalls=recall_columns([one.recalls for one in items]),
            served_before=[one.served_before for one in items],
            anchors=np.array([one.anchor for one in items], dtype=np.float32),
        )


def priced(prices_fen: Sequence[int | None]) -> Floats:
    return np.array([math.nan if one is None else one for one in prices_fen], dtype=np.float64)


def seconds(published: Sequence[datetime | None]) -> Floats:
    """Of the epoch; nan where it is not known."""
    return np.array([math.nan if at is None else at.timestamp() for at in published])


def days_since(published: Floats, now: datetime) -> Floats:
    """Days since publication (seconds of the epoch), 0 where it is not known or lies ahead."""
    return np.nan_to_num(np.maximum((now.timestamp() - published) / 86_400, 0.0))


def recall_columns(strengths: Sequence[Mapping[str, float]]) -> Vectors:
    """How strongly each source spoke for each candidate, (n, len(RECALLS))."""
    out = np.zeros((len(strengths), len(RECALLS)), dtype=np.float32)
    told = [
        (row, _RECALL_PLACE[name], strength)
        for row, named in enumerate(strengths)
        for name, strength in named.items()
        if name in _RECALL_PLACE
    ]
    if told:
        rows, columns, values = zip(*told, strict=True)
        out[rows, columns] = values
    return out


@dataclass(frozen=True)
class History:
    """What a reader lately liked and waved away, as decayed counts."""

    liked_authors: Mapping[str, float] = field(default_factory=dict)
    disliked_authors: Mapping[str, float] = field(default_factory=dict)
    disliked_categories: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """The moment of an answer. `hour` and `weekend` are local; `usual_rate` is the hub's click
    rate of late."""

    now: datetime
    hour: int = 12
    weekend: bool = False
    scene: Scene = Scene.HOME
    usual_rate: float = 0.05


@dataclass(frozen=True)
class RankReader:
    persona: Persona
    history: History = field(default_factory=History)


def features(
    items: Sequence[RankItem] | RankColumns,
    parts: Mapping[str, Vectors],
    reader: RankReader,
    context: Context,
) -> Vectors:
    """Rows (n, len(FEATURES)) of half-precision values as float32.

    `parts` are the columns (n,) of matching by name.
    """
    out = np.zeros((len(items), len(FEATURES)), dtype=np.float32)
    if not items:
        return out
    columns = items if isinstance(items, RankColumns) else RankColumns.of(items, context.now)
    for name in PARTS:
        out[:, COLUMN[name]] = parts[name]
    _set_frame(out, context)
    first = COLUMN[f"recall_{RECALLS[0]}"]
    out[:, first : first + len(RECALLS)] = columns.recalls
    _set_items(out, columns)
    _set_prices(out, columns, reader.persona)
    _set_taste(out, columns, reader)
    _set_shared(out, reader.persona, context)
    return rounded(out)


def rounded(rows: Vectors) -> Vectors:
    """The values that a snapshot keeps."""
    limit = float(np.finfo(np.float16).max)
    kept: Vectors = np.clip(rows, -limit, limit).astype(np.float16).astype(np.float32)
    return kept


def pack(rows: Vectors) -> str:
    """Rows as text for an answer's log: base64 of half-precision numbers."""
    return base64.b64encode(np.ascontiguousarray(rows, dtype=np.float16).tobytes()).decode()


def unpack(text: str) -> Vectors:
    """The rows (n, len(FEATURES)) of `pack`. `ValueError` for a text of another length."""
    flat = np.frombuffer(base64.b64decode(text), dtype=np.float16)
    rows: Vectors = flat.reshape(-1, len(FEATURES)).astype(np.float32)
    return rows


def _set_frame(out: Vectors, context: Context) -> None:
    total = out[:, : len(PARTS)].sum(axis=1)
    rate = min(max(context.usual_rate, 0.001), 0.5)
    out[:, COLUMN["usual"]] = math.log(rate / (1.0 - rate))
    out[:, COLUMN["total_mean"]] = float(total.mean())
    out[:, COLUMN["total_spread"]] = max(float(total.std()), LEAST_SPREAD)


def _set_items(out: Vectors, items: RankColumns) -> None:
    out[:, COLUMN["served_before"]] = items.served_before
    out[:, COLUMN["shown"]] = np.log1p(items.shown)
    out[:, COLUMN["liked"]] = np.log1p(items.liked)
    out[:, COLUMN["age"]] = np.log1p(items.ages)
    out[:, COLUMN["anchor"]] = items.anchors
    out[:, COLUMN["kind_ugc"]] = [kind == "ugc" for kind in items.kinds]
    out[:, COLUMN["kind_supplier"]] = [kind == "supplier" for kind in items.kinds]


def _set_prices(out: Vectors, items: RankColumns, persona: Persona) -> None:
    """Against the reader's band: how far above its upper end, and the log ratio to its middle."""
    middle, upper = max(persona.price.p50, 1), max(persona.price.p80, 1)
    known = ~np.isnan(items.prices)
    price = np.where(known, np.maximum(items.prices, 1.0), middle)
    over = np.clip(price / upper - 1.0, 0.0, _DEAREST)
    out[:, COLUMN["price_over"]] = np.where(known, over, 0.0)
    out[:, COLUMN["price_ratio"]] = np.where(known, np.log(price / middle), 0.0)
    out[:, COLUMN["unpriced"]] = ~known
    out[:, COLUMN["sensitivity"]] = persona.price_sensitivity


def _set_taste(out: Vectors, items: RankColumns, reader: RankReader) -> None:
    persona, past = reader.persona, reader.history
    recent = sum(persona.recent.values()) or 1.0
    categories, authors = items.categories, items.authors
    out[:, COLUMN["category_taste"]] = [persona.categories.get(one, 0.0) for one in categories]
    out[:, COLUMN["category_recent"]] = [
        persona.recent.get(one, 0.0) / recent for one in categories
    ]
    for name, table in (("liked", past.liked_authors), ("disliked", past.disliked_authors)):
        if table:
            out[:, COLUMN[f"author_{name}"]] = [
                table.get(one, 0.0) if one else 0.0 for one in authors
            ]
    if past.disliked_categories:
        out[:, COLUMN["category_disliked"]] = [
            past.disliked_categories.get(one, 0.0) for one in categories
        ]


def _set_shared(out: Vectors, persona: Persona, context: Context) -> None:
    out[:, COLUMN["evidence"]] = math.log1p(max(persona.evidence, 0.0))
    out[:, COLUMN["tiredness"]] = persona.fatigue
    out[:, COLUMN["confidence"]] = persona.confidence.get("interests", 0.0)
    out[:, COLUMN["hour_fit"]] = 24.0 * persona.hours[context.hour % 24]
    out[:, COLUMN["weekend"]] = context.weekend
    if context.scene in SCENES:
        out[:, COLUMN[f"scene_{context.scene}"]] = 1.0
