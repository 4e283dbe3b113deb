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
from recommend.match_settings import PARTS
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
    items: Sequence[RankItem],
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
    for name in PARTS:
        out[:, COLUMN[name]] = parts[name]
    _set_frame(out, context)
    _set_recalls(out, items)
    _set_items(out, items, context)
    _set_prices(out, items, reader.persona)
    _set_taste(out, items, reader)
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


def _set_recalls(out: Vectors, items: Sequence[RankItem]) -> None:
    columns = {name: COLUMN[f"recall_{name}"] for name in RECALLS}
    for row, item in enumerate(items):
        for name, strength in item.recalls.items():
            if name in columns:
                out[row, columns[name]] = strength


def _set_items(out: Vectors, items: Sequence[RankItem], context: Context) -> None:
    out[:, COLUMN["served_before"]] = [item.served_before for item in items]
    out[:, COLUMN["shown"]] = np.log1p(_array([item.shown for item in items]))
    out[:, COLUMN["liked"]] = np.log1p(_array([item.liked for item in items]))
    out[:, COLUMN["age"]] = np.log1p(_array([_days(item, context.now) for item in items]))
    out[:, COLUMN["anchor"]] = [item.anchor for item in items]
    out[:, COLUMN["kind_ugc"]] = [item.kind == "ugc" for item in items]
    out[:, COLUMN["kind_supplier"]] = [item.kind == "supplier" for item in items]


def _days(item: RankItem, now: datetime) -> float:
    if item.published_at is None:
        return 0.0
    return max((now - item.published_at).total_seconds() / 86_400, 0.0)


def _set_prices(out: Vectors, items: Sequence[RankItem], persona: Persona) -> None:
    """Against the reader's band: how far above its upper end, and the log ratio to its middle."""
    middle, upper = max(persona.price.p50, 1), max(persona.price.p80, 1)
    price = _array([math.nan if one.price_fen is None else one.price_fen for one in items])
    known = ~np.isnan(price)
    price = np.where(known, np.maximum(price, 1.0), middle)
    over = np.clip(price / upper - 1.0, 0.0, _DEAREST)
    out[:, COLUMN["price_over"]] = np.where(known, over, 0.0)
    out[:, COLUMN["price_ratio"]] = np.where(known, np.log(price / middle), 0.0)
    out[:, COLUMN["unpriced"]] = ~known
    out[:, COLUMN["sensitivity"]] = persona.price_sensitivity


def _set_taste(out: Vectors, items: Sequence[RankItem], reader: RankReader) -> None:
    persona, past = reader.persona, reader.history
    recent = sum(persona.recent.values()) or 1.0
    out[:, COLUMN["category_taste"]] = [persona.categories.get(one.category, 0.0) for one in items]
    out[:, COLUMN["category_recent"]] = [
        persona.recent.get(one.category, 0.0) / recent for one in items
    ]
    for name, table in (("liked", past.liked_authors), ("disliked", past.disliked_authors)):
        if table:
            out[:, COLUMN[f"author_{name}"]] = [
                table.get(one.author, 0.0) if one.author else 0.0 for one in items
            ]
    if past.disliked_categories:
        out[:, COLUMN["category_disliked"]] = [
            past.disliked_categories.get(one.category, 0.0) for one in items
        ]


def _set_shared(out: Vectors, persona: Persona, context: Context) -> None:
    out[:, COLUMN["evidence"]] = math.log1p(max(persona.evidence, 0.0))
    out[:, COLUMN["tiredness"]] = persona.fatigue
    out[:, COLUMN["confidence"]] = persona.confidence.get("interests", 0.0)
    out[:, COLUMN["hour_fit"]] = 24.0 * persona.hours[context.hour % 24]
    out[:, COLUMN["weekend"]] = context.weekend
    if context.scene in SCENES:
        out[:, COLUMN[f"scene_{context.scene}"]] = 1.0


def _array(values: Sequence[float]) -> npt.NDArray[np.float64]:
    return np.array(values, dtype=np.float64)
