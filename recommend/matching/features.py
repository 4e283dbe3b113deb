"""From cards, vectors, counts and personas to the columns that matching reads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt

from contentcenter.domain.categories import CATEGORIES
from contentcenter.embedding.ports import Vectors
from recommend.corpus import CorpusView
from recommend.matching.echo import Remembered
from recommend.matching.scores import AudienceFeatures, ItemFeatures, TagCodes
from recommend.matching.settings import MatchSettings
from recommend.matching.traits import TraitRows
from recommend.persona_math import Persona
from recommend.persona_math.prices import BINS, fit_table, spread

CODES = tuple(CATEGORIES)
COLUMN = {code: index for index, code in enumerate(CODES)}
OTHER = COLUMN["other"]
UNKNOWN_PRICE_FIT = 0.5
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MatchItem:
    """What matching needs of one item. `vector` is raw; counts are decayed."""

    id: int
    vector: Vectors | None
    category: str
    tags: tuple[str, ...]
    price_fen: int | None
    published_at: datetime | None
    quality: float
    shown: float = 0.0
    liked: float = 0.0

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """The columns `NUMBERS`, put together once: a feed asks for them at every page."""
        low, high = _NO_PRICE if self.price_fen is None else spread(self.price_fen)
        return (
            COLUMN.get(self.category, OTHER),
            math.nan if self.price_fen is None else self.price_fen,
            math.nan if self.published_at is None else self.published_at.timestamp(),
            self.quality,
            self.shown,
            self.liked,
            *low,
            *high,
        )


# Columns of `MatchItem.numbers`: category code, price and publication time (nan: none), quality,
# decayed counts, and the price's two bins, each with its share. No price has a bin of its own.
NUMBERS = (
    "category", "price", "published", "quality", "shown", "liked",
    "low_bin", "low_share", "high_bin", "high_share",
)  # fmt: skip
_NO_PRICE = ((BINS, 1.0), (BINS, 0.0))


def number_rows(items: Sequence[MatchItem]) -> Floats:
    """The numbers of n items, (n, len(NUMBERS))."""
    table = np.array([one.numbers for one in items], dtype=np.float64)
    return table.reshape(len(items), len(NUMBERS))


def centred_rows(items: Sequence[MatchItem], corpus: CorpusView) -> Vectors:
    """Unit rows (n, d) from the corpus mean; zero where a vector is not known."""
    out = np.zeros((len(items), corpus.dimension), dtype=np.float32)
    rows = [row for row, item in enumerate(items) if item.vector is not None]
    if rows:
        raw = np.concatenate([item.vector for item in items if item.vector is not None])
        out[rows] = corpus.centre(raw.astype(np.float32).reshape(len(rows), corpus.dimension))
    return out


@dataclass(frozen=True)
class LaidOut:
    """What is told of n items, as columns: centred unit `vectors` (n, d), numbers (n,) by
    their names in `NUMBERS`."""

    ids: npt.NDArray[np.int64]
    vectors: Vectors
    numbers: Mapping[str, Floats]
    tags: tuple[tuple[str, ...], ...]
    tag_codes: TagCodes | None = None

    @classmethod
    def of(cls, items: Sequence[MatchItem], corpus: CorpusView) -> LaidOut:
        return cls.from_rows(items, centred_rows(items, corpus), number_rows(items))

    @classmethod
    def from_rows(
        cls,
        items: Sequence[MatchItem],
        vectors: Vectors,
        numbers: Floats,
        tag_codes: TagCodes | None = None,
    ) -> LaidOut:
        """Of rows that were laid out before."""
        return cls(
            ids=np.array([one.id for one in items], dtype=np.int64),
            vectors=vectors,
            numbers=dict(zip(NUMBERS, numbers.T, strict=True)),
            tags=tuple([one.tags for one in items]),
            tag_codes=tag_codes,
        )


@dataclass(frozen=True)
class UsualRate:
    """The hub's overall click rate, against which lifts are measured."""

    rate: float = 0.05


def item_features(
    items: Sequence[MatchItem],
    corpus: CorpusView,
    now: datetime,
    usual: UsualRate | None = None,
    settings: MatchSettings | None = None,
    *,
    traits: TraitRows | None = None,
) -> ItemFeatures:
    """Columns for these items, in their order."""
    return features_of(LaidOut.of(items, corpus), now, usual, settings, traits=traits)


def features_of(
    items: LaidOut,
    now: datetime,
    usual: UsualRate | None = None,
    settings: MatchSettings | None = None,
    *,
    traits: TraitRows | None = None,
) -> ItemFeatures:
    """Columns for items that are laid out."""
    rules, base = settings or MatchSettings(), (usual or UsualRate()).rate
    told = items.numbers
    shown, liked = told["shown"], told["liked"]
    return ItemFeatures(
        ids=items.ids,
        vectors=items.vectors,
        categories=_one_hot(told["category"]),
        prices=_price_shares(told),
        price_fen=told["price"].astype(np.float32),
        freshness=_freshness(told["published"], now, rules),
        quality=told["quality"].astype(np.float32),
        lift=_lift(shown, liked, base, rules),
        unexplored=_unexplored(shown, rules),
        tags=items.tags,
        traits=traits,
        numbers=told,
        tag_codes=items.tag_codes,
    )


def audience_features(
    ids: Sequence[int],
    personas: Sequence[Persona],
    corpus: CorpusView,
    settings: MatchSettings | None = None,
    *,
    memory: Remembered | None = None,
) -> AudienceFeatures:
    """Columns for these audiences (or readers), in their order."""
    rules = settings or MatchSettings()
    centres, offsets = _centres(personas, corpus, rules)
    return AudienceFeatures(
        ids=np.array(ids, dtype=np.int64),
        centres=centres,
        offsets=offsets,
        category=_by_category([dict(persona.categories) for persona in personas]),
        response=_by_category([_answers(persona, rules) for persona in personas]),
        unexplored=_undiscovered(personas, rules),
        recent=_by_category([_repeats(persona, rules) for persona in personas]),
        price=_price_fit(personas, rules),
        ceiling_fen=_column([_ceiling(persona) for persona in personas]),
        fatigue=_column([persona.fatigue for persona in personas]),
        tags=tuple(persona.tags for persona in personas),
        memory=memory,
    )


def _column(values: Sequence[float]) -> Vectors:
    return np.array(values, dtype=np.float32)


def _one_hot(codes: Floats) -> Vectors:
    out = np.zeros((len(codes), len(CODES)), dtype=np.float32)
    out[np.arange(len(codes)), codes.astype(np.int64)] = 1.0
    return out


def _price_shares(told: Mapping[str, Floats]) -> Vectors:
    rows = np.arange(len(told["price"]))
    out = np.zeros((len(rows), BINS + 1), dtype=np.float32)
    for side in ("low", "high"):
        out[rows, told[f"{side}_bin"].astype(np.int64)] += told[f"{side}_share"]
    return out


def _freshness(published: Floats, now: datetime, rules: MatchSettings) -> Vectors:
    days = np.maximum((now.timestamp() - published) / 86_400, 0.0)
    fresh = np.exp2(-days / rules.freshness_half_life)
    return np.where(np.isnan(published), 0.0, fresh).astype(np.float32)


def _lift(shown: Floats, liked: Floats, base: float, rules: MatchSettings) -> Vectors:
    rate = (liked + base * rules.response_evidence) / (shown + rules.response_evidence)
    return np.clip(np.log(rate / base), -1.5, 1.5).astype(np.float32)


def _unexplored(shown: Floats | Vectors, rules: MatchSettings) -> Vectors:
    return (1.0 / np.sqrt(1.0 + shown / rules.explore_impressions)).astype(np.float32)


def _undiscovered(personas: Sequence[Persona], rules: MatchSettings) -> Vectors:
    """How little is known of each category, in as far as the persona is unsure at all."""
    known = _column([one.confidence.get("interests", 0.0) for one in personas])
    fresh = _unexplored(_by_category([_shown(one) for one in personas]), rules)
    unsure: Vectors = fresh * (1.0 - known)[:, None] ** 2
    return unsure


def _centres(
    personas: Sequence[Persona], corpus: CorpusView, rules: MatchSettings
) -> tuple[Vectors, Vectors]:
    most = max([1, *(len(persona.centre_shares) for persona in personas)])
    centres = np.zeros((most, len(personas), corpus.dimension), dtype=np.float32)
    offsets = np.zeros((most, len(personas)), dtype=np.float32)
    scale = max(corpus.near - corpus.pair_mean, 1e-3)
    for column, persona in enumerate(personas):
        count = len(persona.centre_shares)
        if not count:
            continue
        rows = [index if index < count else 0 for index in range(most)]
        sure = _sure_of_centres(persona, rules)
        centres[:, column] = (corpus.centre(persona.centres) * sure[:, None])[rows] / scale
        shares = np.array(persona.centre_shares)
        smaller = 1.0 - np.sqrt(shares / max(float(shares.max()), 1e-9))
        offset = -rules.small_centre * smaller - sure * (corpus.pair_mean / scale)
        offset += rules.rising_centre * np.array(persona.centre_rise or [0.0] * count)
        offsets[:, column] = offset[rows]
    return centres, offsets


def _sure_of_centres(persona: Persona, rules: MatchSettings) -> Vectors:
    """(k,) 0..1. A centre that one answer founded lies exactly on one item and would put it
    above all others; closeness counts by how much evidence the centre rests on."""
    evidence = np.array(persona.centre_evidence, dtype=np.float32)
    if len(evidence) != len(persona.centre_shares):
        return np.ones(len(persona.centre_shares), dtype=np.float32)
    sure: Vectors = evidence / (evidence + np.float32(rules.centre_evidence))
    return sure


def _by_category(tables: Sequence[Mapping[str, float]]) -> Vectors:
    out = np.zeros((len(tables), len(CODES)), dtype=np.float32)
    for row, table in enumerate(tables):
        for code, value in table.items():
            out[row, COLUMN.get(code, OTHER)] += value
    return out


def _shown(persona: Persona) -> dict[str, float]:
    return {code: shown for code, (shown, _) in persona.response.items()}


def _answers(persona: Persona, rules: MatchSettings) -> dict[str, float]:
    """What each category is answered with, in the long run and lately (both are logarithms of
    a rate against the usual)."""
    out = _response(persona, rules)
    for code, rise in persona.rising.items():
        out[code] = out.get(code, 0.0) + rules.rising * rise
    return out


def _response(persona: Persona, rules: MatchSettings) -> dict[str, float]:
    """Log lift of each category's smoothed click rate over this audience's own rate."""
    shown = sum(pair[0] for pair in persona.response.values())
    liked = sum(pair[1] for pair in persona.response.values())
    base = (liked + 0.05 * rules.response_evidence) / (shown + rules.response_evidence)
    weight = rules.response_evidence
    return {
        code: min(max(math.log((yes + base * weight) / (count + weight) / base), -1.5), 1.5)
        for code, (count, yes) in persona.response.items()
    }


def _repeats(persona: Persona, rules: MatchSettings) -> dict[str, float]:
    """0..1: how much of a category this audience was shown in the last days."""
    size = sum(persona.recent.values())
    scale = max(size, rules.repeat_impressions)
    return {code: min(count / scale, 1.0) for code, count in persona.recent.items()}


def fatigue_part(persona: Persona, category: str, rules: MatchSettings) -> float:
    """The part `fatigue` of an item of this category, as `score_matrix` counts it."""
    column, recent = COLUMN.get(category, OTHER), _by_category([_repeats(persona, rules)])
    return -rules.fatigue / 2.0 * (persona.fatigue + float(recent[0, column]))


def felt_sensitivity(persona: Persona, rules: MatchSettings) -> float:
    """How much of its sensitivity to prices counts (0..1). While little is known of its interests
    all books look alike but for their prices: whoever gets only cheap ones then is not found
    out. Interests that were set by hand are not doubted; without any, prices count for nothing
    beyond what is usual."""
    if persona.centre_shares and not persona.centre_evidence:
        return persona.price_sensitivity
    known = sum(persona.centre_evidence)
    return persona.price_sensitivity * known / (known + rules.price_after)


def _price_fit(personas: Sequence[Persona], rules: MatchSettings) -> Vectors:
    out = np.full((len(personas), BINS + 1), UNKNOWN_PRICE_FIT, dtype=np.float32)
    for row, persona in enumerate(personas):
        band = persona.price
        out[row, :BINS] = fit_table(band.p20, band.p80, felt_sensitivity(persona, rules))
    return out


def _ceiling(persona: Persona) -> float:
    return math.inf if persona.price_ceiling_fen is None else float(persona.price_ceiling_fen)
