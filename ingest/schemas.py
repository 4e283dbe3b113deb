"""What the room's API takes and gives. Limits stand here and in the services alike; the
services have the last word."""

from __future__ import annotations

from typing import Any

from flask_smorest.fields import Upload
from marshmallow import EXCLUDE, Schema, fields, validate

from contentcenter.domain.categories import CATEGORIES
from contentcenter.domain.channels import ChannelKind
from contentcenter.domain.content import ItemForm, ItemKind, ItemState
from ingest.drafts import BOOKS_MAX, SUMMARY_MAX
from ingest.items import REASON_MAX
from ingest.origins import NAME_MAX
from ingest.records import BODY_MAX, ITEM_AUTHOR_MAX, REF_MAX, TITLE_MAX
from ingest.values import TAG_LIMIT, TAGS_MAX
from ingest.views import PAGE_MAX


def _text(limit: int, least: int = 0, **options: Any) -> fields.String:
    check = validate.Length(min=least or None, max=limit)
    return fields.String(validate=check, **options)


def _one_of(values: Any, **options: Any) -> fields.String:
    return fields.String(validate=validate.OneOf([str(value) for value in values]), **options)


def _tags(**options: Any) -> fields.List[Any]:
    return fields.List(_text(TAG_LIMIT, 1), validate=validate.Length(max=TAGS_MAX), **options)


def _books(**options: Any) -> fields.List[Any]:
    options["metadata"] = {"description": "ISBN-10 or ISBN-13 of the books the item is about"}
    return fields.List(_text(40, 10), validate=validate.Length(max=BOOKS_MAX), **options)


class RightsSchema(Schema):
    """A licence window. Without `channel_kinds` every kind of channel is allowed."""

    starts_at = fields.AwareDateTime(load_default=None, allow_none=True)
    ends_at = fields.AwareDateTime(load_default=None, allow_none=True)
    channel_kinds = fields.List(_one_of(ChannelKind), load_default=list)
    promised_exposures = fields.Integer(
        load_default=0, load_only=True, validate=validate.Range(min=0)
    )


class ItemCreate(Schema):
    """A new item. Send `source_ref`, your own id of it, to make repeating harmless."""

    title = _text(TITLE_MAX, 1, required=True)
    body = _text(BODY_MAX, load_default="", metadata={"description": "Markdown"})
    summary = _text(SUMMARY_MAX, load_default="")
    source = _text(NAME_MAX, 1, load_default="api")
    source_ref = _text(REF_MAX, 1, load_default=None, allow_none=True)
    kind = _one_of(ItemKind, load_default=str(ItemKind.PGC))
    form = _one_of(ItemForm, load_default=str(ItemForm.ARTICLE))
    author = _text(ITEM_AUTHOR_MAX, load_default="")
    contributor = _text(NAME_MAX, load_default="")
    category = _one_of(CATEGORIES, load_default=None, allow_none=True)
    tags = _tags(load_default=list)
    books = _books(load_default=list)
    cover = _text(200, load_default="", metadata={"description": "/media/… of a stored picture"})
    rights = fields.List(fields.Nested(RightsSchema), load_default=list)


class ItemPatch(Schema):
    """What an editor changes. `tags` and `books` are complete lists. Send the `version` you
    saw, and a change made meanwhile by somebody else answers 409 instead of being lost."""

    version = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(min=1))
    title = _text(TITLE_MAX, 1)
    body = _text(BODY_MAX)
    summary = _text(SUMMARY_MAX)
    form = _one_of(ItemForm)
    author = _text(ITEM_AUTHOR_MAX)
    category = _one_of(CATEGORIES)
    tags = _tags()
    books = _books()
    cover = _text(200)
    rights = fields.List(fields.Nested(RightsSchema))


class VersionBody(Schema):
    version = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(min=1))


class RejectBody(VersionBody):
    reason = _text(REASON_MAX, 1, required=True)


class ReceiptSchema(Schema):
    """`created` is false when this content was here before: `id` is then the first item."""

    id = fields.Integer(attribute="item_id")
    created = fields.Boolean()
    state = fields.String()
    version = fields.Integer()


class BookSchema(Schema):
    id = fields.Integer()
    work_id = fields.Integer()
    isbn = fields.String(allow_none=True)
    title = fields.String()
    author = fields.String()
    translator = fields.String()
    publisher = fields.String()
    price_fen = fields.Integer(allow_none=True)
    stock = fields.Integer(allow_none=True)
    in_stock = fields.Boolean()
    category = fields.String()
    cover = fields.String()


class TagSchema(Schema):
    name = fields.String()
    origin = fields.String()
    confidence = fields.Float()


class ItemCardSchema(Schema):
    """An item as lists show it."""

    id = fields.Integer()
    kind = fields.String()
    form = fields.String()
    state = fields.String()
    title = fields.String()
    summary = fields.String()
    author = fields.String()
    category = fields.String()
    cover = fields.String()
    source = fields.String()
    quality = fields.Float()
    version = fields.Integer()
    duplicate_of = fields.Integer(allow_none=True)
    price_fen = fields.Integer(allow_none=True)
    in_stock = fields.Boolean()
    tags = fields.List(fields.Nested(TagSchema))
    books = fields.List(fields.Nested(BookSchema))
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    published_at = fields.AwareDateTime(allow_none=True)


class BookLinkSchema(Schema):
    """A link to a book: editor, supplier, author, isbn or title, and how sure it is."""

    book = fields.Nested(BookSchema)
    origin = fields.String()
    confidence = fields.Float()


class RevisionSchema(Schema):
    number = fields.Integer()
    title = fields.String()
    summary = fields.String()
    body = fields.String()
    actor = fields.String()
    created_at = fields.AwareDateTime()


class TrailSchema(Schema):
    at = fields.AwareDateTime()
    actor = fields.String()
    action = fields.String()
    details = fields.Dict()


class ItemSchema(ItemCardSchema):
    """Everything about one item. `quality_parts` sum to `quality`."""

    body = fields.String()
    html = fields.String()
    text = fields.String()
    category_origin = fields.String()
    source_ref = fields.String(allow_none=True)
    contributor = fields.String(allow_none=True)
    book_links = fields.List(fields.Nested(BookLinkSchema))
    rights = fields.List(fields.Nested(RightsSchema))
    risks = fields.List(fields.Dict())
    quality_parts = fields.Dict(values=fields.Float())
    failure = fields.String()
    reject_reason = fields.String()
    indexed = fields.Boolean()
    revisions = fields.List(fields.Nested(RevisionSchema))
    trail = fields.List(fields.Nested(TrailSchema))


class PageQuery(Schema):
    class Meta:
        unknown = EXCLUDE

    size = fields.Integer(load_default=20, validate=validate.Range(min=1, max=PAGE_MAX))
    cursor = _text(20, load_default=None)


class ItemsQuery(PageQuery):
    state = _one_of(ItemState, load_default=None)
    kind = _one_of(ItemKind, load_default=None)
    source = _text(NAME_MAX, load_default=None)
    tag = _text(TAG_LIMIT, load_default=None)
    category = _one_of(CATEGORIES, load_default=None)
    text = _text(100, load_default=None, metadata={"description": "In title or author"})


class ItemsPage(Schema):
    items = fields.List(fields.Nested(ItemCardSchema))
    next_cursor = fields.String(allow_none=True)


class ImportForm(Schema):
    class Meta:
        unknown = EXCLUDE

    source = _text(NAME_MAX, 1, required=True)
    kind = _one_of(ItemKind, load_default=str(ItemKind.SUPPLIER))


class ImportFiles(Schema):
    class Meta:
        unknown = EXCLUDE

    file = Upload(required=True)


class ImportSchema(Schema):
    """An import with its progress: `done_rows` of `total_rows` records are handled."""

    id = fields.Integer()
    source = fields.String()
    filename = fields.String()
    bytes = fields.Integer()
    format = fields.String()
    encoding = fields.String()
    state = fields.String()
    next_row = fields.Integer()
    done_rows = fields.Integer()
    total_rows = fields.Integer(allow_none=True)
    created = fields.Integer()
    updated = fields.Integer()
    unchanged = fields.Integer()
    rejected = fields.Integer()
    faults = fields.Integer()
    failure = fields.String()
    actor = fields.String()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    finished_at = fields.AwareDateTime(allow_none=True)


class FaultSchema(Schema):
    """One fault in one row. `fatal` rows were left out, the others kept with a gap."""

    row = fields.Integer()
    field = fields.String()
    value = fields.String()
    reason = fields.String()
    mend = fields.String()
    fatal = fields.Boolean()


class FaultPageSchema(Schema):
    items = fields.List(fields.Nested(FaultSchema))
    next_cursor = fields.String(allow_none=True)


class ImportDetailSchema(ImportSchema):
    """`errors` is one page of the row report."""

    errors = fields.Nested(FaultPageSchema)


class ImportsPage(Schema):
    items = fields.List(fields.Nested(ImportSchema))
    next_cursor = fields.String(allow_none=True)


class PictureSchema(Schema):
    """A stored picture; `address` is what Markdown and `cover` use."""

    address = fields.String()
    sha256 = fields.String()
    mime = fields.String()
    width = fields.Integer()
    height = fields.Integer()
    bytes = fields.Integer()
