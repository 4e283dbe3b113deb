"""What this room's API takes and gives. Prices are fen, times ISO 8601 with a zone."""

from __future__ import annotations

from html import escape
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from contentcenter.domain.prices import BAND_LABELS
from recommend.events.service import LARGEST_BATCH
from recommend.search.request import FACETS, MOST, SORTS

ALL_STATES = "all"


def _marked(segments: Any) -> str:
    """Segments as safe HTML with the matches in <em>."""
    return "".join(f"<em>{escape(text)}</em>" if hit else escape(text) for text, hit in segments)


class _Query(Schema):
    class Meta:
        unknown = EXCLUDE


def _names(what: str) -> fields.List[Any]:
    return fields.List(
        fields.String(), metadata={"description": f"{what}; repeat it, or separate by commas"}
    )


def _whole_names(what: str) -> fields.List[Any]:
    return fields.List(fields.String(), metadata={"description": f"{what}; repeat it for more"})


class SearchQuery(_Query):
    q = fields.String(load_default="", validate=validate.Length(max=2000))
    kind = _names("ugc, pgc or supplier")
    tag = _names("Any of these tags")
    category = _names("Any of these category codes")
    price_min = fields.Integer(load_default=None, metadata={"description": "fen"})
    price_max = fields.Integer(load_default=None, metadata={"description": "fen"})
    price_band = fields.String(
        load_default=None, metadata={"description": f"One of {', '.join(BAND_LABELS)}, in fen"}
    )
    publisher = _whole_names("Any of these publishers")
    source = _whole_names("Any of these sources")
    year_min = fields.Integer(
        load_default=None, metadata={"description": "A book of the item came out then or later"}
    )
    year_max = fields.Integer(load_default=None)
    audience = fields.Integer(
        load_default=None, metadata={"description": "Rank for this audience's persona too"}
    )
    state = fields.String(
        load_default="published",
        validate=validate.OneOf(("published", ALL_STATES)),
        metadata={"description": "all: also what waits for approval; needs the scope content"},
    )
    explain = fields.Boolean(
        load_default=False, metadata={"description": "Give the parts of each score"}
    )
    sort = fields.String(load_default="relevance", validate=validate.OneOf(SORTS))
    size = fields.Integer(load_default=20, validate=validate.Range(1, MOST))
    cursor = fields.String(load_default=None)
    facets = _names(f"Counts to give: {', '.join(FACETS)}")


class SuggestQuery(_Query):
    q = fields.String(required=True, validate=validate.Length(max=100))
    size = fields.Integer(load_default=10, validate=validate.Range(1, 50))


class SimilarQuery(_Query):
    size = fields.Integer(load_default=10, validate=validate.Range(1, MOST))
    kind = _names("ugc, pgc or supplier")
    tag = _names("Any of these tags")
    category = _names("Any of these category codes")
    price_min = fields.Integer(load_default=None, metadata={"description": "fen"})
    price_max = fields.Integer(load_default=None, metadata={"description": "fen"})


class MatchQuery(_Query):
    size = fields.Integer(load_default=20, validate=validate.Range(1, 200))
    kind = _names("ugc, pgc or supplier")
    tag = _names("Any of these tags")
    category = _names("Any of these category codes")


class SuitedQuery(_Query):
    size = fields.Integer(load_default=20, validate=validate.Range(1, 200))


class FeedQuery(_Query):
    reader_id = fields.String(required=True, metadata={"description": "The app's own id"})
    scene = fields.String(
        load_default="home",
        metadata={
            "description": "home, channel, after_purchase, search_empty; another word is served "
            "like home"
        },
    )
    size = fields.Integer(load_default=10)
    cursor = fields.String(load_default=None)
    item_id = fields.Integer(
        load_default=None,
        metadata={"description": "What the scene is about: the item just bought, or open now"},
    )
    q = fields.String(
        load_default="",
        validate=validate.Length(max=200),
        metadata={"description": "The search that found nothing"},
    )


class HitBookSchema(Schema):
    id = fields.Integer()
    isbn = fields.String(allow_none=True)
    title = fields.String()
    author = fields.String()
    publisher = fields.String()
    price_fen = fields.Integer(allow_none=True)
    in_stock = fields.Boolean()


class ItemSchema(Schema):
    """An item without its text."""

    id = fields.Integer(attribute="card.id")
    title = fields.String(attribute="card.title")
    summary = fields.String(attribute="card.summary")
    kind = fields.String(attribute="card.kind")
    form = fields.String(attribute="card.form")
    author = fields.String(attribute="card.author")
    category = fields.String(attribute="card.category")
    tags = fields.List(fields.String(), attribute="card.tag_names")
    cover = fields.String(attribute="card.cover")
    source = fields.String(attribute="card.source")
    price_fen = fields.Integer(attribute="card.price_fen", allow_none=True)
    in_stock = fields.Boolean(attribute="card.in_stock")
    quality = fields.Float(attribute="card.quality")
    published_at = fields.DateTime(attribute="card.published_at", allow_none=True)
    books = fields.List(fields.Nested(HitBookSchema), attribute="card.books")
    score = fields.Float()


class HitSchema(ItemSchema):
    highlights = fields.Method(
        "_highlights",
        metadata={"description": "title and text as HTML, matches in <em>, all else escaped"},
    )
    fit = fields.Float(allow_none=True)
    state = fields.String(attribute="card.state")
    parts = fields.Dict(
        keys=fields.String(),
        values=fields.Float(),
        allow_none=True,
        metadata={"description": "With explain: what the score is made of"},
    )

    def _highlights(self, hit: Any) -> dict[str, str]:
        return {"title": _marked(hit.title), "text": _marked(hit.snippet)}


class RelatedSchema(Schema):
    text = fields.String()
    kind = fields.String(metadata={"description": "tag, author, book or category"})


class SearchPage(Schema):
    items = fields.List(fields.Nested(HitSchema))
    next_cursor = fields.String(allow_none=True)
    total = fields.Integer()
    facets = fields.Method("_facets")
    degraded = fields.Boolean()
    away = fields.List(fields.String())
    like = fields.String(
        allow_none=True,
        metadata={
            "description": "The title whose like was asked for (像《…》一样的书); first page"
        },
    )
    did_you_mean = fields.String(
        allow_none=True,
        metadata={"description": "A known spelling; the answers are those of the typed question"},
    )
    related = fields.List(
        fields.Nested(RelatedSchema), metadata={"description": "Other questions of the same field"}
    )

    def _facets(self, answer: Any) -> dict[str, list[dict[str, Any]]]:
        return {
            name: [{"value": value, "count": count} for value, count in counts]
            for name, counts in answer.facets.items()
        }


class SuggestionSchema(Schema):
    text = fields.String()
    kind = fields.String()


class Suggestions(Schema):
    items = fields.List(fields.Nested(SuggestionSchema))
    next_cursor = fields.String(allow_none=True)


class RefusalSchema(Schema):
    reason = fields.String()
    text = fields.String()


class WouldSchema(Schema):
    """`outcome`: eligible or first. `values` of a kind: yuan, tag, days or date."""

    kind = fields.String()
    outcome = fields.String()
    values = fields.Dict(keys=fields.String())
    text = fields.String()


class BecauseSchema(Schema):
    """An item the audience answered to; `share` (0..1) of what speaks for the match."""

    item_id = fields.Integer()
    title = fields.String()
    share = fields.Float()


class MatchSchema(Schema):
    """`parts` sum to `score`. `why_not`: refusals, or the parts in which an eligible one trails
    the first (`reason`: `trails_` and the part; `text`: by how much, and what it would take).
    `would`: what it would take. `because`: what speaks most for it in `co_read`."""

    item_id = fields.Integer()
    audience_id = fields.Integer()
    title = fields.String()
    audience = fields.String()
    score = fields.Float()
    parts = fields.Dict(keys=fields.String(), values=fields.Float())
    eligible = fields.Boolean()
    refused = fields.List(fields.Nested(RefusalSchema))
    why_not = fields.List(fields.Nested(RefusalSchema))
    would = fields.List(fields.Nested(WouldSchema))
    because = fields.List(fields.Nested(BecauseSchema))


class MatchPage(Schema):
    items = fields.List(fields.Nested(MatchSchema))
    next_cursor = fields.String(allow_none=True, dump_default=None)
    refused = fields.List(fields.Nested(MatchSchema))
    candidates = fields.Integer()
    degraded = fields.Boolean()


class ReadTitleSchema(Schema):
    item_id = fields.Integer()
    title = fields.String()
    weight = fields.Float()
    shared = fields.List(
        fields.String(), metadata={"description": "Series, authors and topics in common"}
    )


class SuitedReaderSchema(Schema):
    """`parts` sum to `score`, which ranks the readers of this item."""

    reader_id = fields.Integer()
    score = fields.Float()
    parts = fields.Dict(keys=fields.String(), values=fields.Float())
    read = fields.List(fields.Nested(ReadTitleSchema))


class SuitedPage(Schema):
    items = fields.List(fields.Nested(SuitedReaderSchema))
    next_cursor = fields.String(allow_none=True, dump_default=None)
    candidates = fields.Integer()
    version = fields.Integer()
    degraded = fields.Boolean()


class NearItemSchema(Schema):
    id = fields.Integer()
    title = fields.String()


class InterestSchema(Schema):
    share = fields.Float()
    near_items = fields.Method("_near")

    def _near(self, interest: Any) -> list[dict[str, Any]]:
        return [{"id": one, "title": title} for one, title in interest.near_items]


class PersonaFieldSchema(Schema):
    name = fields.String()
    value = fields.Raw()
    confidence = fields.Float()
    origin = fields.String()


class PersonaSchema(Schema):
    audience_id = fields.Integer()
    name = fields.String()
    evidence = fields.Float()
    version = fields.Integer()
    updated_at = fields.DateTime(allow_none=True)
    interests = fields.List(fields.Nested(InterestSchema))
    fields_ = fields.List(fields.Nested(PersonaFieldSchema), attribute="fields", data_key="fields")
    degraded = fields.Boolean()


class ReasonSchema(Schema):
    code = fields.String()
    text = fields.String()


class FeedItemSchema(ItemSchema):
    reason = fields.Nested(ReasonSchema)
    sources = fields.Method("_sources")
    parts = fields.Dict(
        keys=fields.String(),
        values=fields.Float(),
        metadata={"description": "Contributions in log-odds; they sum to score"},
    )
    probability = fields.Float(
        metadata={"description": "Chance of a click in the first place of a page"}
    )
    explored = fields.Boolean(metadata={"description": "This place was drawn by lot"})

    def _sources(self, item: Any) -> list[str]:
        return [str(recall) for recall in item.recalls]


class FeedPage(Schema):
    items = fields.List(fields.Nested(FeedItemSchema))
    trace_id = fields.String()
    next_cursor = fields.String(allow_none=True)
    degraded = fields.Boolean()
    away = fields.List(fields.String())


class EventsBody(Schema):
    events = fields.List(
        fields.Raw(),
        required=True,
        validate=validate.Length(max=LARGEST_BATCH),
        metadata={
            "description": "Each: event_id, kind, reader_id or reader {app_id, openid, "
            "external_userid, unionid}, item_id, post_id or post_code, audience_id or "
            "audience_ref, trace_id, value_fen, order_ref, at. A bad event is reported, the good "
            "are kept. Ids of one reader object are one person: readers known by them are joined. "
            "An event without post and trace counts for the last impression or click of the "
            "same reader on the same item or work, within the windows of the settings. A refund "
            "belongs to the order with its order_ref, else to the reader's last order of the item.",
            "example": [
                {
                    "event_id": "e-1",
                    "kind": "click",
                    "reader_id": "r-1",
                    "item_id": 1,
                    "at": "2026-11-21T20:31:00+08:00",
                }
            ],
        },
    )


class RejectedSchema(Schema):
    index = fields.Integer()
    event_id = fields.String()
    reason = fields.String()


class EventsAnswer(Schema):
    accepted = fields.Integer()
    duplicates = fields.Integer()
    rejected = fields.List(fields.Nested(RejectedSchema))
