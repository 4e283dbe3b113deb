"""Selections in a sorted order, page by page behind a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from contentcenter.search.elastic.layout import Json
from contentcenter.search.ports import Mark, Order

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class _Rule:
    """`missing` is what a document without a value sorts as, and what the server tells."""

    field: str
    direction: str
    missing: int


# The lowest value of all comes first when ascending: OLDEST begins with what has no date.
_RULES = {
    Order.NEWEST: _Rule("published", "desc", _LOWEST),
    Order.OLDEST: _Rule("published", "asc", _LOWEST),
    Order.CHEAPEST: _Rule("price", "asc", _HIGHEST),
    Order.DEAREST: _Rule("price", "desc", _LOWEST),
}


def sort_of(order: Order) -> list[Json]:
    rule = _RULES[order]
    last = (rule.direction == "asc") == (rule.missing == _HIGHEST)
    missing = "_last" if last else "_first"
    return [
        {rule.field: {"order": rule.direction, "missing": missing}},
        {"id": rule.direction},
    ]


def place_of(mark: Mark, order: Order) -> list[Any]:
    """For `search_after`."""
    return [_RULES[order].missing if mark.value is None else mark.value, mark.id]


def mark_of(values: list[Any], order: Order) -> Mark:
    """From the sort values of a hit."""
    value = int(values[0])
    return Mark(None if value == _RULES[order].missing else value, int(values[1]))
