"""What an operator may set by hand on a persona, checked field by field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contentcenter.domain.categories import category_code
from contentcenter.domain.errors import InvalidInput

MOST_NAMES = 50


def check_override(field: str, value: Any) -> Any:
    """The value as it is stored. `InvalidInput` names the field and what it takes."""
    check = _CHECKS.get(field)
    if check is None:
        raise InvalidInput(
            f"`{field}` cannot be set by hand; choose one of {', '.join(sorted(_CHECKS))}",
            field=field,
        )
    try:
        return check(value)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InvalidInput(f"`{field}` does not take this value: {error}", field=field) from error


def _weights(value: Any) -> dict[str, float]:
    """A list of names (weight 1) or a table name -> weight in -1..1."""
    pairs = value.items() if isinstance(value, dict) else [(name, 1.0) for name in value]
    table = {str(name).strip(): float(weight) for name, weight in pairs}
    if not table or "" in table or len(table) > MOST_NAMES:
        raise ValueError(f"1 to {MOST_NAMES} names are needed")
    if any(not -1.0 <= weight <= 1.0 for weight in table.values()):
        raise ValueError("weights lie between -1 and 1")
    return table


def _categories(value: Any) -> dict[str, float]:
    out = {}
    for name, weight in _weights(value).items():
        code = category_code(name)
        if code is None:
            raise ValueError(f"there is no category {name}")
        out[code] = weight
    return out


def _price(value: Any) -> dict[str, int]:
    band = {name: int(value[name]) for name in ("p20", "p50", "p80")}
    if not 0 < band["p20"] <= band["p50"] <= band["p80"]:
        raise ValueError("p20 <= p50 <= p80, in fen, above 0")
    return band


def _share(value: Any) -> float:
    number = float(value)
    if not 0.0 <= number <= 1.0:
        raise ValueError("a number from 0 to 1")
    return number


def _age(value: Any) -> int:
    age = int(value)
    if not 0 <= age <= 120:
        raise ValueError("an age in years")
    return age


def _hours(value: Any) -> list[float]:
    """A list of hours (0..23) or 24 weights."""
    numbers = [float(one) for one in value]
    if len(numbers) != 24:
        if not numbers or any(not 0 <= hour <= 23 for hour in numbers):
            raise ValueError("hours from 0 to 23, or 24 weights")
        chosen = {int(hour) for hour in numbers}
        numbers = [1.0 if hour in chosen else 0.0 for hour in range(24)]
    total = sum(numbers)
    if total <= 0 or min(numbers) < 0:
        raise ValueError("weights of 0 or more, not all 0")
    return [number / total for number in numbers]


def _interests(value: Any) -> dict[str, list[str]]:
    texts = [str(text).strip() for text in ([value] if isinstance(value, str) else value)]
    if not texts or not all(texts) or len(texts) > 6:
        raise ValueError("1 to 6 texts")
    return {"texts": texts}


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "interests": _interests,
    "categories": _categories,
    "tags": _weights,
    "price": _price,
    "price_sensitivity": _share,
    "reading_age": _age,
    "active_hours": _hours,
    "fatigue": _share,
}
