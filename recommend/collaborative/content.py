"""The bridge from what an item says of itself to those who will read it. Pure.

A new book has no readers, but a title, authors, a series, tags, a publisher, a text. The bridge
does two things with them: it ranks readers (`scores`), and it gives the columns with which the
new item enters the co-reading matrix (`columns`, see `CoReadingModel.extended`).
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from zipfile import BadZipFile

import lightgbm
import numpy as np
from scipy import sparse

from contentcenter.domain.errors import InvalidInput
from recommend.collaborative.content_features import KINDS, ContentRows, ContentSpace, ItemContent
from recommend.collaborative.content_signals import (
    PARTS,
    SIGNALS,
    Known,
    likeness_weights,
    signals,
)
from recommend.collaborative.content_training import BridgeSettings, learn, table_of
from recommend.collaborative.interactions import Floats, Ids

FORMAT = 1
_AT_ONCE = 32
_REASONS = 3


@dataclass(frozen=True)
class ReadBefore:
    """An item of a reader's history that speaks for a new one: how much (its weight in the
    column), and by which names they have in common, strongest first."""

    item: int
    weight: float
    shared: tuple[str, ...]


@dataclass(frozen=True)
class Because:
    """`parts` sum up to the score; `read` are the strongest items of the history."""

    score: float
    parts: Mapping[str, float]
    read: tuple[ReadBefore, ...]


@dataclass(frozen=True)
class ContentBridge:
    """`items` (n,): ids of the known items, in the order of every history's columns. A score
    is the log-odds of reading, up to a constant of the item: it ranks readers of one item."""

    items: Ids
    space: ContentSpace = field(repr=False)
    known: Known = field(repr=False)
    trees: str = field(repr=False)

    @classmethod
    def fit(
        cls,
        items: Ids,
        contents: Sequence[ItemContent],
        history: sparse.csr_array,
        settings: BridgeSettings | None = None,
    ) -> ContentBridge:
        """From known items and who read them. `history` (r, n): above 0 for what was read.
        `InvalidInput` when shapes differ or there is too little to learn from."""
        if history.shape[1] != len(items) or len(contents) != len(items):
            raise InvalidInput("Items, contents and columns of the history must be as many")
        chosen = settings or BridgeSettings()
        read = _plain(history)
        space = ContentSpace.of(contents)
        known = Known.of(space.rows(contents), read, chosen.factors)
        trees = learn(contents, read, chosen).model_to_string()
        return cls(np.asarray(items, np.int64), space, known, trees)

    def scores(self, history: sparse.csr_array, new: Sequence[ItemContent]) -> Floats:
        """(r, m) log-odds, readers of `history` (r, n) against new items."""
        read, out = _plain(history), []
        for start in range(0, len(new), _AT_ONCE):
            rows = self.space.rows(new[start : start + _AT_ONCE])
            found = signals(self.known, read, rows)
            for at in range(len(rows)):
                table = table_of(found, slice(None), at)
                out.append(np.asarray(self._booster.predict(table, raw_score=True), np.float32))
        if not out:
            return np.zeros((history.shape[0], 0), np.float32)
        return np.stack(out, axis=1)

    def columns(self, new: Sequence[ItemContent], kept: int = 200) -> sparse.csr_array:
        """(n, m): how much a like of each known item speaks for each new one, at most `kept`
        above 0 in a column. A reader's history times this ranks new items for him."""
        weights = likeness_weights(self.known.rows, self.space.rows(new))
        return sparse.csr_array(_strongest(weights, kept))

    def because(self, history: sparse.csr_array, new: ItemContent) -> list[Because]:
        """For each reader of `history` (r, n): why the score is what it is."""
        read, rows = _plain(history), self.space.rows([new])
        table = table_of(signals(self.known, read, rows), slice(None), 0)
        shares = np.asarray(self._booster.predict(table, pred_contrib=True), np.float64)
        weights = likeness_weights(self.known.rows, rows)[:, 0]
        return [
            Because(
                score=float(shares[reader].sum()),
                parts=_parts(shares[reader]),
                read=self._read(read[[reader]].indices, weights, rows),
            )
            for reader in range(len(shares))
        ]

    def to_bytes(self) -> bytes:
        """An npz archive without pickles."""
        arrays: dict[str, np.ndarray] = {
            "format": np.array(FORMAT),
            "items": self.items,
            "centre": self.space.centre,
            "vectors": self.known.rows.vectors.astype(np.float16),
            "traits": self.known.rows.traits,
            "factors": self.known.factors,
            "readers": self.known.readers,
            "activity": self.known.activity,
            "trees": _text(self.trees),
            "names": _text(json.dumps({kind: list(self.space.columns[kind]) for kind in KINDS})),
        }
        for kind in KINDS:
            rows = self.known.rows.kinds[kind]
            arrays[f"{kind}.rarity"] = self.space.rarity[kind]
            arrays[f"{kind}.data"] = rows.data.astype(np.float32)
            arrays[f"{kind}.indices"] = rows.indices.astype(np.int32)
            arrays[f"{kind}.indptr"] = rows.indptr.astype(np.int64)
        out = io.BytesIO()
        np.savez(out, **arrays)  # type: ignore[arg-type]
        return out.getvalue()

    @classmethod
    def from_bytes(cls, blob: bytes) -> ContentBridge:
        """`InvalidInput` for an archive of another format."""
        try:
            with np.load(io.BytesIO(blob), allow_pickle=False) as kept:
                if int(kept["format"]) != FORMAT:
                    raise InvalidInput("This bridge has another format; train a new one")
                return cls._from_arrays(kept)
        except (KeyError, ValueError, EOFError, BadZipFile) as error:
            raise InvalidInput("This is no content bridge; train a new one") from error

    @classmethod
    def _from_arrays(cls, kept: Mapping[str, np.ndarray]) -> ContentBridge:
        names = json.loads(kept["names"].tobytes())
        space = ContentSpace(
            {kind: {name: at for at, name in enumerate(names[kind])} for kind in KINDS},
            {kind: kept[f"{kind}.rarity"] for kind in KINDS},
            kept["centre"],
        )
        count = len(kept["items"])
        kinds = {kind: _sparse(kept, kind, (count, len(names[kind]))) for kind in KINDS}
        rows = ContentRows(kinds, kept["vectors"].astype(np.float32), kept["traits"])
        known = Known(rows, kept["factors"], kept["readers"], kept["activity"])
        return cls(kept["items"], space, known, kept["trees"].tobytes().decode())

    @cached_property
    def _booster(self) -> lightgbm.Booster:
        return lightgbm.Booster(model_str=self.trees)

    def _read(self, places: Ids, weights: Floats, new: ContentRows) -> tuple[ReadBefore, ...]:
        order = places[np.lexsort((places, -weights[places]))][:_REASONS]
        return tuple(
            ReadBefore(int(self.items[at]), float(weights[at]), self._shared(int(at), new))
            for at in order
            if weights[at] > 0.0
        )

    def _shared(self, place: int, new: ContentRows) -> tuple[str, ...]:
        """Series and authors first: they say more than any topic."""
        out: list[str] = []
        for kind in ("series", "author", "topic"):
            both = self.known.rows.kinds[kind][[place]].multiply(new.kinds[kind])
            cells = sparse.csr_array(both)
            names = list(self.space.columns[kind])
            out += [names[at] for at in cells.indices[np.argsort(-cells.data)]]
        return tuple(dict.fromkeys(out))[:_REASONS]


def _parts(shares: np.ndarray) -> dict[str, float]:
    """Shares of the signals (Lundberg et al. 2018, TreeSHAP; the last is the base) by part."""
    parts = {"base": float(shares[-1])}
    for name, share in zip(SIGNALS, shares[:-1], strict=True):
        parts[PARTS[name]] = parts.get(PARTS[name], 0.0) + float(share)
    return parts


def _plain(history: sparse.csr_array) -> sparse.csr_array:
    """Ones where something was read."""
    out = sparse.csr_array(history, dtype=np.float32, copy=True)
    out.data = (out.data > 0.0).astype(np.float32)
    out.eliminate_zeros()
    return out


def _strongest(weights: Floats, kept: int) -> Floats:
    out = np.maximum(weights, 0.0)
    if len(out) > kept:
        np.put_along_axis(out, np.argsort(-out, axis=0, kind="stable")[kept:], 0.0, axis=0)
    return out


def _text(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


def _sparse(kept: Mapping[str, np.ndarray], kind: str, shape: tuple[int, int]) -> sparse.csr_array:
    parts = (kept[f"{kind}.data"], kept[f"{kind}.indices"], kept[f"{kind}.indptr"])
    return sparse.csr_array(parts, shape=shape)
