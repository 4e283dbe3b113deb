"""Search as readers' doors do it: by words and by meaning; editors may add what waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import g, render_template, request, url_for

from contentcenter.console.formats import yuan
from contentcenter.console.labels import category, label
from contentcenter.console.language import t
from contentcenter.console.session import signed_in
from contentcenter.domain.prices import BAND_LABELS, band_bounds
from contentcenter.domain.roles import Scope
from recommend.console.base import blueprint
from recommend.ext import get_recommend
from recommend.search.request import SORTS, SearchAnswer, SearchRequest

PAGE = 20
SHOWN = 8
TITLES = {
    "kind": "类型",
    "category": "分类",
    "price_band": "价格",
    "year": "出版年",
    "publisher": "出版社",
    "tag": "标签",
    "source": "来源",
}
# A book has one price and came out in one year: a second choice takes the place of the first.
ONE_VALUE = frozenset({"price_band", "year"})


@dataclass(frozen=True)
class Choice:
    """A value of a facet; following `href` chooses it, or gives it up."""

    text: str
    count: int
    href: str
    chosen: bool


@blueprint.get("/search")
@signed_in(Scope.READ)
def search() -> str:
    # htmx asks for the short list that the page of items shows below its own.
    short = bool(request.headers.get("HX-Request"))
    wanted = _wanted(() if short else tuple(TITLES))
    services = get_recommend()
    answer = services.search.search(wanted)
    if short:
        return render_template("recommend/near.html", answer=answer)
    return render_template(
        "recommend/search.html",
        answer=services.hints.beside(wanted, answer),
        wanted=wanted,
        sorts=SORTS,
        facets=_facets(answer),
        chips=[(_text(name, value), _toggled(name, value)) for name, value in _chosen()],
        chosen=list(_chosen()),
        may_see_drafts=_may_see_drafts(),
        next_page=_at(answer.next_cursor) if answer.next_cursor else "",
        first_page=_at(None) if wanted.cursor else "",
    )


def _wanted(facets: tuple[str, ...]) -> SearchRequest:
    year = request.args.get("year", type=int)
    return SearchRequest(
        q=request.args.get("q", "").strip(),
        kinds=_list("kind"),
        categories=_list("category"),
        tags=_list("tag"),
        publishers=_list("publisher"),
        sources=_list("source"),
        price_band=request.args.get("price_band") or None,
        year_min=year,
        year_max=year,
        sort=request.args.get("sort") or "relevance",
        size=PAGE,
        cursor=request.args.get("cursor") or None,
        facets=facets,
        drafts=_may_see_drafts() and request.args.get("state") == "all",
        explain=bool(facets),
    )


def _may_see_drafts() -> bool:
    return bool(g.account.may(Scope.CONTENT))


def _list(name: str) -> tuple[str, ...]:
    return tuple(value for value in request.args.getlist(name) if value)


def _chosen() -> Iterator[tuple[str, str]]:
    for name in TITLES:
        for value in _list(name):
            yield name, value


def _facets(answer: SearchAnswer) -> list[tuple[str, list[Choice]]]:
    chosen = set(_chosen())
    found = []
    for name, title in TITLES.items():
        counts = _in_order(name, list(answer.facets.get(name, ())))
        choices = [
            Choice(_text(name, value), count, _toggled(name, value), (name, value) in chosen)
            for value, count in counts
        ]
        if choices:
            found.append((t(title), choices))
    return found


def _in_order(name: str, counts: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The most frequent; years and prices among them in their own order."""
    if name == "price_band":
        return sorted(counts, key=lambda pair: BAND_LABELS.index(pair[0]))
    kept = counts[:SHOWN]
    return sorted(kept, reverse=True) if name == "year" else kept


def _at(cursor: str | None) -> str:
    """The address of this search from a place on."""
    return url_for("recommend_console.search", **(_arguments() | {"cursor": cursor}))


def _arguments() -> dict[str, Any]:
    return {key: request.args.getlist(key) for key in request.args if key != "cursor"}


def _toggled(name: str, value: str) -> str:
    """The address of this search with the value chosen, or given up; from the first page."""
    values = _arguments()
    own = values.get(name, [])
    if value in own:
        values[name] = [one for one in own if one != value]
    else:
        values[name] = [value] if name in ONE_VALUE else [*own, value]
    return url_for("recommend_console.search", **values)


def _text(name: str, value: str) -> str:
    if name == "category":
        return category(value)
    if name == "kind":
        return label("item_kind", value).text
    return _band(value) if name == "price_band" and value in BAND_LABELS else value


def _band(value: str) -> str:
    low, high = band_bounds(value)
    if high is None:
        return t("{price} 及以上", price=yuan(low))
    return f"{yuan(low)} – {yuan(high)}" if low else t("低于 {price}", price=yuan(high + 1))
