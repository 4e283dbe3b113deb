"""Readers over HTTP: look up by any id, join, part, and the evidence that waits for a person."""

# flask-smorest has no types: its decorators are Any to mypy.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from flask import g
from flask_smorest import Blueprint
from marshmallow import EXCLUDE, Schema, fields, validate

from contentcenter.domain.roles import Scope
from contentcenter.web.api import API_PREFIX
from contentcenter.web.auth import require
from recommend.ext import get_recommend
from recommend.identity.service import LONGEST_NOTE, LONGEST_REF
from recommend.identity.views import ReaderView
from recommend.schemas import PersonaFieldSchema

readers = Blueprint("readers", __name__, url_prefix=API_PREFIX, description="Readers across ids")

REFERENCE = "id:12, app_id:.., openid:.., external_userid:.., unionid:.., or a bare id"


def _reference() -> fields.String:
    return fields.String(
        required=True,
        validate=validate.Length(1, LONGEST_REF),
        metadata={"description": REFERENCE},
    )


def _note() -> fields.String:
    return fields.String(
        load_default="",
        validate=validate.Length(max=LONGEST_NOTE),
        metadata={"description": "Why; kept in the trail"},
    )


class JoinBody(Schema):
    class Meta:
        unknown = EXCLUDE

    reader = _reference()
    other = _reference()
    note = _note()
    despite = fields.Boolean(
        load_default=False,
        metadata={"description": "Join although they are known under two unionids"},
    )


class PartBody(Schema):
    class Meta:
        unknown = EXCLUDE

    note = _note()


class ConflictsQuery(Schema):
    class Meta:
        unknown = EXCLUDE

    size = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    cursor = fields.Integer(load_default=0, validate=validate.Range(0))


class ReaderIdSchema(Schema):
    reader_id = fields.Integer(metadata={"description": "The row this id was first heard of in"})
    kind = fields.String()
    value = fields.String()


class JoinSchema(Schema):
    id = fields.Integer()
    state = fields.String(metadata={"description": "joined, parted, conflict or settled"})
    reader_id = fields.Integer()
    into_id = fields.Integer(allow_none=True)
    why = fields.String(metadata={"description": "reference or person"})
    evidence = fields.Dict()
    actor = fields.String()
    at = fields.DateTime()
    ended_at = fields.DateTime(allow_none=True)
    ended_by = fields.String()
    ended_why = fields.String()


class ConflictSchema(JoinSchema):
    claim = fields.String(metadata={"description": "What contradicts, e.g. two unionids"})


class ReaderEventSchema(Schema):
    at = fields.DateTime()
    kind = fields.String()
    item_id = fields.Integer(allow_none=True)
    title = fields.String()
    attribution = fields.String(
        allow_none=True, metadata={"description": "direct, look_back, order, or nothing known"}
    )
    post_id = fields.Integer(allow_none=True)
    trace_id = fields.String(allow_none=True)


class ReaderSchema(Schema):
    """A person as they stand now, with everything that was joined into them."""

    id = fields.Integer()
    created_at = fields.DateTime()
    ids = fields.List(fields.Nested(ReaderIdSchema))
    rows = fields.List(fields.Integer(), metadata={"description": "This reader and those joined"})
    joins = fields.List(fields.Nested(JoinSchema))
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    seen = fields.Integer()
    audience_ids = fields.List(fields.Integer())
    events = fields.List(fields.Nested(ReaderEventSchema), metadata={"description": "The newest"})
    persona = fields.List(fields.Nested(PersonaFieldSchema))
    pending = fields.List(
        fields.String(),
        metadata={"description": "What a job still has to compute anew after a join"},
    )


class PartedSchema(Schema):
    left = fields.Nested(ReaderSchema, metadata={"description": "Who it was parted from"})
    reader = fields.Nested(ReaderSchema)


class ConflictPage(Schema):
    items = fields.List(fields.Nested(ConflictSchema))
    next_cursor = fields.Integer(allow_none=True)


@readers.route("/readers/<string:reference>")
@require(Scope.READ)
@readers.response(200, ReaderSchema)
def look(reference: str) -> ReaderView:
    """A reader by any id: joined ids with their evidence, persona, counts, newest events."""
    return get_recommend().identity.look(reference)


@readers.route("/readers/join", methods=["POST"])
@require(Scope.DISTRIBUTE)
@readers.arguments(JoinBody)
@readers.response(200, ReaderSchema)
def join(body: dict[str, Any]) -> ReaderView:
    """Say that two readers are one. Repeating it changes nothing; 409 when they contradict."""
    return get_recommend().identity.join(
        body["reader"], body["other"], g.actor, body["note"], despite=body["despite"]
    )


@readers.route("/readers/<int:reader_id>/part", methods=["POST"])
@require(Scope.DISTRIBUTE)
@readers.arguments(PartBody)
@readers.response(200, PartedSchema)
def part(body: dict[str, Any], reader_id: int) -> dict[str, ReaderView]:
    """Undo the join of this row. Events recorded since the join stay with the other reader."""
    left, reader = get_recommend().identity.part(reader_id, g.actor, body["note"])
    return {"left": left, "reader": reader}


@readers.route("/readers/conflicts")
@require(Scope.READ)
@readers.arguments(ConflictsQuery, location="query")
@readers.response(200, ConflictPage)
def conflicts(query: dict[str, Any]) -> dict[str, Any]:
    """Evidence that contradicts what is known and waits for a person, oldest first."""
    found = get_recommend().identity.conflicts(query["size"], query["cursor"])
    more = found[-1].id if len(found) == query["size"] else None
    return {"items": found, "next_cursor": more}


@readers.route("/readers/conflicts/<int:conflict_id>/dismiss", methods=["POST"])
@require(Scope.DISTRIBUTE)
@readers.arguments(PartBody)
@readers.response(204)
def dismiss(body: dict[str, Any], conflict_id: int) -> None:
    """Leave these readers apart; the same evidence is not listed again."""
    get_recommend().identity.dismiss(conflict_id, g.actor, body["note"])


BLUEPRINTS = [readers]
