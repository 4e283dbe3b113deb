"""What items say of themselves, as rows to compare: topics, authors, series, meaning. Pure.

Everything here is there before the first reader: nothing counts readers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from recommend.collaborative.interactions import Floats, Ids

# Topics are tags, category and publisher: names that many items share.
KINDS = ("topic", "author", "series")
TRAITS = ("year", "price")
# A name that one item alone bears compares it with nothing.
RAREST = 2
# Ages are told apart by their ratio: 2020 and 2010 differ as much as 1990 and 1950.
_AGES_FROM = 2030
# 「… (The Hunger Games, #1)」, 「三体（三体系列 #2）」
_NUMBERED = re.compile(r"[(（]([^()（）#]+?)[,，]?\s*#\s*\d")
# 「盗墓笔记 3」, 「平凡的世界（上）」, 「明朝那些事儿 第2部」
_VOLUME = re.compile(
    r"[\s·:：(（]*(?:第?[0-9一二三四五六七八九十]+[册卷部集辑]?|[上中下])[)）]?\s*$"
)


@dataclass(frozen=True)
class ItemContent:
    """One item. `names`: by kind, names with weights above 0. `traits`: numbers by name of
    `TRAITS`; what is unknown is left out."""

    names: Mapping[str, Mapping[str, float]]
    traits: Mapping[str, float] = field(default_factory=dict)
    vector: Floats | None = None


@dataclass(frozen=True)
class ContentRows:
    """n items: unit rows by kind (n, names of the kind), `vectors` (n, d) centred unit rows
    (zero where there is none), `traits` (n, traits) with NaN for what is unknown."""

    kinds: Mapping[str, sparse.csr_array] = field(repr=False)
    vectors: Floats = field(repr=False)
    traits: Floats = field(repr=False)

    def __len__(self) -> int:
        return len(self.traits)

    def take(self, places: Ids) -> ContentRows:
        return ContentRows(
            {kind: rows[places] for kind, rows in self.kinds.items()},
            self.vectors[places],
            self.traits[places],
        )


@dataclass(frozen=True)
class ContentSpace:
    """Columns and their rarity, fixed on known items. `centre` (d,): mean of their vectors."""

    columns: Mapping[str, Mapping[str, int]] = field(repr=False)
    rarity: Mapping[str, Floats] = field(repr=False)
    centre: Floats = field(repr=False)

    @classmethod
    def of(cls, items: Sequence[ItemContent]) -> ContentSpace:
        """The space of these items: each kind's names that two of them share, weighed by
        log(items / items that bear it)."""
        columns, rarity = {}, {}
        for kind in KINDS:
            borne: dict[str, int] = {}
            for item in items:
                for name in item.names.get(kind, {}):
                    borne[name] = borne.get(name, 0) + 1
            kept = sorted(name for name, count in borne.items() if count >= RAREST)
            columns[kind] = {name: at for at, name in enumerate(kept)}
            shares = [len(items) / borne[name] for name in kept]
            # A name borne by all would weigh nothing; a catalogue of one category still has it.
            rarity[kind] = np.log(np.array(shares, np.float32) + np.float32(0.01))
        return cls(columns, rarity, _centre(items))

    def rows(self, items: Sequence[ItemContent]) -> ContentRows:
        kinds = {kind: self._names(items, kind) for kind in KINDS}
        traits = [[one.traits.get(name, np.nan) for name in TRAITS] for one in items]
        return ContentRows(
            kinds,
            self._vectors(items),
            np.array(traits, np.float32).reshape(len(items), len(TRAITS)),
        )

    def _names(self, items: Sequence[ItemContent], kind: str) -> sparse.csr_array:
        columns, rarity = self.columns[kind], self.rarity[kind]
        places: list[int] = []
        cells: list[int] = []
        values: list[float] = []
        for place, item in enumerate(items):
            names = item.names.get(kind, {})
            total = sum(names.values()) or 1.0
            for name, weight in names.items():
                if name in columns:
                    places.append(place)
                    cells.append(columns[name])
                    # Square roots keep the most frequent tag from drowning the telling ones.
                    values.append(float(np.sqrt(weight / total)) * float(rarity[columns[name]]))
        shape = (len(items), len(columns))
        found = sparse.csr_array((np.array(values, np.float32), (places, cells)), shape=shape)
        return unit_rows(found)

    def _vectors(self, items: Sequence[ItemContent]) -> Floats:
        out = np.zeros((len(items), len(self.centre)), np.float32)
        for place, item in enumerate(items):
            if item.vector is not None and len(item.vector) == len(self.centre):
                out[place] = item.vector - self.centre
        lengths = np.linalg.norm(out, axis=1, keepdims=True)
        # Kept in half precision: a bridge that was loaded says exactly what the trained one said.
        halved = (out / np.maximum(lengths, 1e-9)).astype(np.float16)
        return np.asarray(halved, np.float32)


def series_of(title: str) -> str:
    """The series that a title names, or the title without its volume: books of one series
    have it in common."""
    numbered = _NUMBERED.search(title)
    found = numbered.group(1) if numbered else _VOLUME.sub("", title)
    return (found or title).strip().casefold()


def traits_of(year: int | None, price_fen: int | None) -> dict[str, float]:
    """Logarithms of age and price, so that gaps are ratios; unknown ones are left out."""
    out: dict[str, float] = {}
    if year is not None:
        out["year"] = float(np.log1p(max(_AGES_FROM - year, 0)))
    if price_fen is not None and price_fen > 0:
        out["price"] = float(np.log(price_fen))
    return out


def named(names: Sequence[str]) -> dict[str, float]:
    """Names that count equally; one spelling for all cases."""
    return {name.strip().casefold(): 1.0 for name in names if name.strip()}


def unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """Rows of length 1; empty rows stay empty."""
    squares = np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()
    scale = np.divide(1.0, np.sqrt(squares), out=np.zeros(len(squares)), where=squares > 0.0)
    return sparse.csr_array(sparse.diags_array(scale.astype(np.float32)) @ matrix)


def _centre(items: Sequence[ItemContent]) -> Floats:
    found = [item.vector for item in items if item.vector is not None]
    if not found:
        return np.zeros(0, np.float32)
    return np.asarray(np.mean(np.stack(found), axis=0), np.float32)
