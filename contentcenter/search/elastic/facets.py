"""Counting labels by aggregations."""

from __future__ import annotations

from collections.abc import Sequence

from contentcenter.domain.errors import InvalidInput
from contentcenter.domain.prices import BAND_LABELS, band_bounds
from contentcenter.search.elastic.layout import Json

_FIELDS = {
    "kind": "kind",
    "category": "category",
    "source": "source",
    "tag": "tags",
    "publisher": "publishers",
    "year": "years",
}
_PRICE_BAND = "price_band"


def aggregations(names: Sequence[str], size: int) -> Json:
    """Raises `InvalidInput` for a facet that is none."""
    return {name: _aggregation(name, size) for name in names}


def counted(answer: Json, size: int) -> list[tuple[str, int]]:
    """Labels and counts, most frequent first, equals by label."""
    pairs = [(str(bucket["key"]), int(bucket["doc_count"])) for bucket in answer["buckets"]]
    kept = [(label, count) for label, count in pairs if count]
    return sorted(kept, key=lambda pair: (-pair[1], pair[0]))[:size]


def _aggregation(name: str, size: int) -> Json:
    if name == _PRICE_BAND:
        return {"range": {"field": "price", "ranges": [_band(label) for label in BAND_LABELS]}}
    if name not in _FIELDS:
        raise InvalidInput(f"There is no facet called {name}.", facet=name)
    order = [{"_count": "desc"}, {"_key": "asc"}]
    return {"terms": {"field": _FIELDS[name], "size": size, "order": order}}


def _band(label: str) -> Json:
    low, high = band_bounds(label)
    # The server's upper ends are exclusive.
    return {"key": label, "from": low} | ({} if high is None else {"to": high + 1})
