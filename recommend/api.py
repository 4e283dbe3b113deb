"""Search, suggestions, matches, personas, feed and events over HTTP."""

# flask-smorest has no types: its decorators are Any to mypy.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from flask import Response, g
from flask_smorest import Blueprint

from contentcenter.domain.errors import NotAllowed
from contentcenter.domain.roles import Scope
from contentcenter.search.ports import Filters
from contentcenter.web.api import API_PREFIX
from contentcenter.web.auth import require
from recommend import schemas
from recommend.collaborative.content_service import SuitedReaders
from recommend.events.parsing import record_reported
from recommend.events.service import EventCounts
from recommend.ext import get_recommend
from recommend.feed.page_json import page_json
from recommend.matching.service import MatchList
from recommend.personas.service import PersonaView
from recommend.search.request import SearchAnswer, SearchRequest

search = Blueprint("search", __name__, url_prefix=API_PREFIX, description="Search and neighbours")
matching = Blueprint("matching", __name__, url_prefix=API_PREFIX, description="Who suits what")
feed = Blueprint("feed", __name__, url_prefix=API_PREFIX, description="Feed and reader events")


@search.route("/search")
@require(Scope.READ)
@search.arguments(schemas.SearchQuery, location="query")
@search.response(200, schemas.SearchPage)
def find(query: dict[str, Any]) -> SearchAnswer:
    """Published items for a question, with highlights, facets and whether a part was away.

    Without a question: everything that passes the filters, page by page. Each facet is counted
    without what was chosen in itself.
    """
    drafts = query["state"] == schemas.ALL_STATES
    if drafts and not g.account.may(Scope.CONTENT):
        raise NotAllowed("Only keys that may edit content see what is not published", field="state")
    request = SearchRequest(
        q=query["q"],
        kinds=_split(query.get("kind")),
        tags=_split(query.get("tag")),
        categories=_split(query.get("category")),
        publishers=tuple(query.get("publisher", ())),
        sources=tuple(query.get("source", ())),
        price_min_fen=query["price_min"],
        price_max_fen=query["price_max"],
        price_band=query["price_band"],
        year_min=query["year_min"],
        year_max=query["year_max"],
        audience_id=query["audience"],
        sort=query["sort"],
        size=query["size"],
        cursor=query["cursor"],
        facets=_split(query.get("facets")),
        drafts=drafts,
        explain=query["explain"],
    )
    services = get_recommend()
    return services.hints.beside(request, services.search.search(request))


@search.route("/suggest")
@require(Scope.READ)
@search.arguments(schemas.SuggestQuery, location="query")
@search.response(200, schemas.Suggestions)
def suggest(query: dict[str, Any]) -> dict[str, Any]:
    """Completions of titles, authors and tags by characters, pinyin or initials."""
    found = get_recommend().suggest.suggest(query["q"], query["size"])
    return {"items": found, "next_cursor": None}


@search.route("/items/<int:item_id>/similar")
@require(Scope.READ)
@search.arguments(schemas.SimilarQuery, location="query")
@search.response(200, schemas.SearchPage)
def similar(query: dict[str, Any], item_id: int) -> SearchAnswer:
    """Neighbours of an item, other works first."""
    return get_recommend().search.similar(item_id, query["size"], _filters(query))


@matching.route("/items/<int:item_id>/audiences")
@require(Scope.READ)
@matching.arguments(schemas.MatchQuery, location="query")
@matching.response(200, schemas.MatchPage)
def item_audiences(query: dict[str, Any], item_id: int) -> MatchList:
    """Audiences that suit an item, each with the parts of its score; and who may not get it,
    with what it would take."""
    return get_recommend().matches.match_audiences_for_item(item_id, query["size"])


@matching.route("/items/<int:item_id>/readers")
@require(Scope.READ)
@matching.arguments(schemas.SuitedQuery, location="query")
@matching.response(200, schemas.SuitedPage)
def item_readers(query: dict[str, Any], item_id: int) -> SuitedReaders:
    """Readers whom an item suits by what it says of itself, also before anyone has read it,
    with the parts of each score and what the reader read before."""
    return get_recommend().new_item_readers.readers_for(item_id, query["size"])


@matching.route("/audiences/<int:audience_id>/items")
@require(Scope.READ)
@matching.arguments(schemas.MatchQuery, location="query")
@matching.response(200, schemas.MatchPage)
def audience_items(query: dict[str, Any], audience_id: int) -> MatchList:
    """Items that suit an audience, each with the parts of its score, why it is not first and
    what it would take; strong refused ones too."""
    matches = get_recommend().matches
    return matches.ranked_with_why(audience_id, query["size"], filters=_filters(query))


@matching.route("/audiences/<int:audience_id>/persona")
@require(Scope.READ)
@matching.response(200, schemas.PersonaSchema)
def persona(audience_id: int) -> PersonaView:
    """What an audience is like: every field with its confidence and where it comes from."""
    return get_recommend().personas.get(audience_id)


@feed.route("/feed")
@require(Scope.EVENTS)
@feed.arguments(schemas.FeedQuery(), location="query")
@feed.response(200, schemas.FeedPage)
def page(query: dict[str, Any]) -> Response:
    """One page of a reader's feed, each item with its reason.

    `degraded` pages say what took no part in `away`: `index` (the search engine does not answer),
    `ranking` (the hub is busy: the page was ranked before the reader's last clicks; what was seen
    or hidden is left out as always).
    """
    answer = get_recommend().feed.page(
        query["reader_id"],
        query["scene"],
        query["size"],
        query["cursor"],
        item_id=query["item_id"],
        question=query["q"],
    )
    return Response(orjson.dumps(page_json(answer)), mimetype="application/json")


@feed.route("/events", methods=["POST"])
@require(Scope.EVENTS)
@feed.arguments(schemas.EventsBody)
@feed.response(200, schemas.EventsAnswer)
def events(body: dict[str, Any]) -> EventCounts:
    """What readers did, in a batch. The same event_id twice is one event."""
    return record_reported(get_recommend().events, body["events"])


def _split(values: Sequence[str] | None) -> tuple[str, ...]:
    parts = (part.strip() for value in values or () for part in value.split(","))
    return tuple(part for part in parts if part)


def _filters(query: dict[str, Any]) -> Filters:
    return Filters(
        kinds=_split(query.get("kind")),
        tags=_split(query.get("tag")),
        categories=_split(query.get("category")),
        price_min_fen=query.get("price_min"),
        price_max_fen=query.get("price_max"),
    )


BLUEPRINTS = [search, matching, feed]
