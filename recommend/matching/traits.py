"""What of an item can be compared with remembered items: words, tags, makers, standing.

Terms are hashed into a fixed number of columns, so that rows of one day fit those of another
and nothing has to be kept but how often a column occurs. Pure.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from contentcenter.embedding.ports import Vectors
from contentcenter.text.normalise import normalise

# A quarter of the columns is taken by the titles of 50,000 books; fewer would mix words up.
COLUMNS = 1 << 17
# Columns of an item are worked out once and kept: about 1 KB each.
KEPT_ITEMS = 20_000
Columns = npt.NDArray[np.int32]
QUALITY_EDGES = (0.5, 0.6, 0.65, 0.7, 0.75, 0.78, 0.8, 0.82, 0.84, 0.86, 0.88, 0.9, 0.92, 0.95)
# Of the base-10 logarithm of how many answered.
REACH_EDGES = (0.3, 1.0, 1.5, 2.0, 2.3, 2.7, 3.0, 3.3, 3.7, 4.0, 4.3, 4.7, 5.0, 5.3)
YEAR_EDGES = (
    *(1980, 1985, 1990, 1995, 1998, 2000, 2002, 2004, 2006, 2008, 2009, 2010, 2011),
    *(2012, 2013, 2014, 2015, 2016, 2018, 2020, 2022, 2024, 2026, 2028, 2030),
)
SCALES = (QUALITY_EDGES, REACH_EDGES, YEAR_EDGES)
# A scale of e edges has e + 1 bins, and one in front for "unknown".
WIDTHS = tuple(len(edges) + 2 for edges in SCALES)
BEGINS = tuple(int(one) for one in np.cumsum((0, *WIDTHS))[:-1])
STANDING = sum(WIDTHS)

_HAN_RUN = re.compile(r"[\u3400-\u9fff]+|[^\W_]+(?<![\u3400-\u9fff])")
_BRACKETS = re.compile(r"[(（\[【〔〈].*?[)）\]】〕〉]")
_PEOPLE_APART = re.compile(r"[/、,，;；&]|\s等$")


@dataclass(frozen=True)
class Traits:
    """What is known of one item. `quality` 0..1; `reach` how many answered it; each None
    when unknown."""

    title: str = ""
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    publisher: str = ""
    year: int | None = None
    quality: float | None = None
    reach: float | None = None


@dataclass(frozen=True)
class TraitRows:
    """Rows of n items over hashed columns. `words` (title, tags, makers) and `tags` are unit
    TF-IDF rows; `authors`, `publishers` ones; `standing` (n, STANDING) one-hot by scale."""

    words: csr_matrix
    tags: csr_matrix
    authors: csr_matrix
    publishers: csr_matrix
    standing: Vectors

    def __len__(self) -> int:
        return int(self.standing.shape[0])

    def take(self, rows: npt.NDArray[np.intp] | slice) -> TraitRows:
        """Some of the rows, in the order asked."""
        return TraitRows(
            self.words[rows],
            self.tags[rows],
            self.authors[rows],
            self.publishers[rows],
            self.standing[rows],
        )


@dataclass(frozen=True)
class TraitStatistics:
    """How ordinary a trait is: in how many of `count` items a column occurs, and the share of
    items in each bin of standing. Without any item everything is equally ordinary."""

    count: int = 0
    seen: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(COLUMNS, np.float32))
    standing: npt.NDArray[np.float32] = field(
        default_factory=lambda: np.zeros(STANDING, np.float32)
    )

    def rarity(self, columns: Columns) -> Vectors:
        """1 + ln(count / seen), as a search engine weighs a word; 1 before anything is known."""
        if not self.count:
            return np.ones(len(columns), dtype=np.float32)
        weight = 1.0 + np.log(self.count / np.maximum(self.seen[columns], 1.0))
        return np.asarray(weight, dtype=np.float32)

    def to_json(self) -> dict[str, Any]:
        """Columns that occur, and bins; about 12 bytes a column."""
        used = np.flatnonzero(self.seen)
        return {
            "count": self.count,
            "columns": used.tolist(),
            "seen": self.seen[used].astype(int).tolist(),
            "standing": [round(float(one), 6) for one in self.standing],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TraitStatistics:
        seen = np.zeros(COLUMNS, np.float32)
        seen[np.array(value["columns"], dtype=np.int64)] = value["seen"]
        return cls(int(value["count"]), seen, np.array(value["standing"], dtype=np.float32))


@lru_cache(maxsize=KEPT_ITEMS)
def people(text: str) -> tuple[str, ...]:
    """Names of a line of authors, without countries in brackets: `[英] 甲 / 乙 等`."""
    parts = (_BRACKETS.sub("", part).strip() for part in _PEOPLE_APART.split(text))
    return tuple(dict.fromkeys(normalise(part) for part in parts if part))


def measure_traits(items: Sequence[Traits]) -> TraitStatistics:
    """Statistics of a catalogue, or a sample of it."""
    seen = np.zeros(COLUMNS, np.float32)
    for item in items:
        seen[_terms(item.title, item.tags, item.authors, item.publisher).words] += 1.0
    shares = standing_rows(items).sum(axis=0)
    return TraitStatistics(len(items), seen, (shares / max(len(items), 1)).astype(np.float32))


def trait_rows(items: Sequence[Traits], known: TraitStatistics) -> TraitRows:
    """The rows of these items."""
    terms = [_terms(item.title, item.tags, item.authors, item.publisher) for item in items]
    return TraitRows(
        words=_weighted([own.words for own in terms], [own.times for own in terms], known),
        tags=_weighted(
            [own.tags for own in terms], [np.ones(len(own.tags)) for own in terms], known
        ),
        authors=_csr([own.authors for own in terms]),
        publishers=_csr([own.publishers for own in terms]),
        standing=standing_rows(items),
    )


def standing_rows(items: Sequence[Traits]) -> Vectors:
    """(n, STANDING): a one in the bin of each scale; the first bin of a scale is "unknown"."""
    out = np.zeros((len(items), STANDING), dtype=np.float32)
    for row, item in enumerate(items):
        values = (item.quality, _log_reach(item.reach), item.year)
        for begin, edges, value in zip(BEGINS, SCALES, values, strict=True):
            place = 0 if value is None else 1 + int(np.searchsorted(edges, value, side="right"))
            out[row, begin + place] = 1.0
    return out


def _log_reach(reach: float | None) -> float | None:
    return None if reach is None else float(np.log10(max(reach, 1.0)))


def title_terms(title: str) -> list[str]:
    """Pairs of neighbouring Chinese characters, and whole words of other scripts."""
    out: list[str] = []
    for run in _HAN_RUN.findall(normalise(title)):
        if len(run) > 1 and "\u3400" <= run[0] <= "\u9fff":
            out += [run[at : at + 2] for at in range(len(run) - 1)]
        else:
            out.append(run)
    return out


@dataclass(frozen=True)
class _Terms:
    """Hashed columns of one item, each once; `times` how often one of `words` occurs."""

    words: Columns
    times: Columns
    tags: Columns
    authors: Columns
    publishers: Columns


@lru_cache(maxsize=KEPT_ITEMS)
def _terms(title: str, tags: tuple[str, ...], authors: tuple[str, ...], publisher: str) -> _Terms:
    labels = [f"tag:{tag}" for tag in tags]
    names = [f"author:{name}" for name in authors]
    house = [f"publisher:{publisher}"] if publisher else []
    counted = Counter(column_of(term) for term in (*title_terms(title), *names, *house, *labels))
    return _Terms(
        words=np.array(list(counted), dtype=np.int32),
        times=np.array(list(counted.values()), dtype=np.int32),
        tags=_columns(labels),
        authors=_columns(names),
        publishers=_columns(house),
    )


@lru_cache(maxsize=200_000)
def column_of(term: str) -> int:
    return zlib.crc32(term.encode()) % COLUMNS


def _columns(terms: Iterable[str]) -> Columns:
    """Each column once."""
    return np.array(sorted({column_of(term) for term in terms}), dtype=np.int32)


def _weighted(
    columns: Sequence[Columns], times: Sequence[npt.NDArray[Any]], known: TraitStatistics
) -> csr_matrix:
    """Unit TF-IDF rows, term frequencies damped by the logarithm."""
    rows = _csr(columns)
    often = np.concatenate([*times, np.ones(0)])
    rows.data = ((1.0 + np.log(often)) * known.rarity(rows.indices)).astype(np.float32)
    size = np.diff(rows.indptr)
    squares = np.bincount(
        np.repeat(np.arange(len(size)), size), weights=rows.data**2, minlength=len(size)
    )
    rows.data /= np.repeat(np.sqrt(np.maximum(squares, 1e-12)), size).astype(np.float32)
    return rows


def _csr(columns: Sequence[Columns]) -> csr_matrix:
    indices = np.concatenate([*columns, np.zeros(0, np.int32)]).astype(np.int32)
    ends = np.cumsum([0, *(len(own) for own in columns)]).astype(np.int32)
    ones = np.ones(len(indices), dtype=np.float32)
    return csr_matrix((ones, indices, ends), shape=(len(columns), COLUMNS))
