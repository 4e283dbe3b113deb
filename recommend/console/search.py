"""Search as readers' doors do it: by words and by meaning, over what is published."""

from __future__ import annotations

from flask import render_template, request

from contentcenter.console.labels import category, label
from contentcenter.console.session import signed_in
from contentcenter.domain.roles import Scope
from recommend.console.base import blueprint
from recommend.ext import get_recommend
from recommend.search_request import SORTS, SearchRequest

PAGE = 20
FACETS = ("kind", "category", "tag", "source")


@blueprint.get("/search")
@signed_in(Scope.READ)
def search() -> str:
    wanted = SearchRequest(
        q=request.args.get("q", "").strip(),
        kinds=_list("kind"),
        categories=_list("category"),
        tags=_list("tag"),
        sort=request.args.get("sort") or "relevance",
        size=PAGE,
        cursor=request.args.get("cursor") or None,
        facets=FACETS,
    )
    services = get_recommend()
    answer = services.hints.beside(wanted, services.search.search(wanted))
    # htmx asks for the short list that the page of items shows below its own.
    page = "recommend/near.html" if request.headers.get("HX-Request") else "recommend/search.html"
    return render_template(
        page,
        answer=answer,
        wanted=wanted,
        sorts=SORTS,
        facet_label=_facet_label,
    )


def _list(name: str) -> tuple[str, ...]:
    return tuple(value for value in request.args.getlist(name) if value)


def _facet_label(name: str, value: str) -> str:
    if name == "category":
        return category(value)
    return label("item_kind", value).text if name == "kind" else value
