"""Price bands: the steps in which shelves and facets show prices."""

from __future__ import annotations

from bisect import bisect_right

# Lower bounds in fen. A quarter of Chinese list prices lies below 25 yuan, half below 33 and
# three quarters below 49 (47,035 books of an internal catalogue); gift editions start at 100.
BAND_STARTS_FEN = (0, 2000, 3000, 4000, 6000, 10000)


def price_band(price_fen: int) -> str:
    """The label of the band a price lies in: `2000-2999`, the last one `10000-`."""
    return BAND_LABELS[max(bisect_right(BAND_STARTS_FEN, price_fen) - 1, 0)]


def band_bounds(label: str) -> tuple[int, int | None]:
    """Lowest and highest price of a band in fen, both inclusive; None = no upper end.
    Raises `ValueError` for a label that is no band's."""
    if label not in BAND_LABELS:
        raise ValueError(f"{label} is no price band; there are {', '.join(BAND_LABELS)}")
    low, high = label.split("-")
    return int(low), int(high) if high else None


def _labels() -> tuple[str, ...]:
    ends = [*(f"{start - 1}" for start in BAND_STARTS_FEN[1:]), ""]
    return tuple(f"{start}-{end}" for start, end in zip(BAND_STARTS_FEN, ends, strict=True))


BAND_LABELS = _labels()
