"""Why this item suits these groups, and why those not; and the best items of one group."""

from __future__ import annotations

from flask import render_template

from contentcenter.console.language import current_language, t
from contentcenter.console.session import signed_in
from contentcenter.domain.roles import Scope
from recommend.console.base import blueprint
from recommend.ext import get_recommend
from recommend.matching.lags import Lag
from recommend.matching.service import Match

SHOWN = 12


@blueprint.get("/items/<int:item_id>/audiences")
@signed_in(Scope.READ)
def item_audiences(item_id: int) -> str:
    """A fragment for the page of an item."""
    found = get_recommend().matches.match_audiences_for_item(item_id, 200)
    return render_template(
        "recommend/item_audiences.html",
        matches=found.items[:SHOWN],
        more=max(len(found.items) - SHOWN, 0),
        refused=found.refused[:SHOWN],
        refused_more=max(len(found.refused) - SHOWN, 0),
        scale=_scale(found.items),
        degraded=found.degraded,
    )


@blueprint.get("/audiences/<int:audience_id>/items")
@signed_in(Scope.READ)
def audience_items(audience_id: int) -> str:
    """A fragment for the page of an audience."""
    found = get_recommend().matches.ranked_with_why(audience_id, 8)
    return render_template(
        "recommend/audience_items.html",
        matches=found.items,
        refused=found.refused,
        candidates=found.candidates,
        scale=_scale(found.items),
        degraded=found.degraded,
        lag_words=lag_words,
    )


def lag_words(lag: Lag) -> str:
    """Where a match trails the first and what it would take, in the language of the page."""
    return t(lag.template, **lag.filled(current_language()))


def _scale(matches: tuple[Match, ...]) -> float:
    """The longest bar fills the width, so that bars below each other can be compared."""
    return max((sum(abs(value) for value in one.parts.values()) for one in matches), default=1.0)
