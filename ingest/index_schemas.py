"""What the API tells about the search index."""

from __future__ import annotations

from marshmallow import Schema, fields


class RebuildSchema(Schema):
    """The running rebuild, or the last one."""

    run = fields.Integer()
    state = fields.String(metadata={"description": "queued, running, done, failed, cancelled"})
    actor = fields.String()
    done = fields.Integer(metadata={"description": "Items in the new index"})
    total = fields.Integer()
    attempt = fields.Integer()
    items_per_second = fields.Float(allow_none=True)
    remaining_seconds = fields.Float(allow_none=True)
    asked_at = fields.AwareDateTime()
    started_at = fields.AwareDateTime(allow_none=True)
    updated_at = fields.AwareDateTime()
    finished_at = fields.AwareDateTime(allow_none=True)
    cancelling = fields.Boolean()
    problem = fields.String()


class BreakerSchema(Schema):
    """Of the process that answers: each has its own."""

    name = fields.String(metadata={"description": "search or indexing"})
    state = fields.String(metadata={"description": "closed, half_open or open"})
    open_seconds = fields.Float(allow_none=True)
    failures = fields.Integer()
    refused = fields.Integer(metadata={"description": "Calls not made while it was open"})
    openings = fields.Integer()
    problem = fields.String()


class WaitingSchema(Schema):
    """Indexing waits for the engine."""

    since = fields.AwareDateTime()
    reason = fields.String()
    next = fields.AwareDateTime()


class FailedJobSchema(Schema):
    id = fields.String()
    name = fields.String()
    arguments = fields.Dict()
    error = fields.String()
    at = fields.AwareDateTime(allow_none=True)


class IndexHealthSchema(Schema):
    status = fields.String(metadata={"description": "ok, behind, attention or away"})
    engine = fields.String()
    engine_version = fields.String()
    problem = fields.String()
    expected = fields.Integer(metadata={"description": "Items the index should hold"})
    documents = fields.Integer(allow_none=True)
    vectors = fields.Integer(allow_none=True)
    disk_bytes = fields.Integer(allow_none=True)
    details = fields.Dict()
    behind = fields.Integer(metadata={"description": "Items out of step with the store"})
    oldest = fields.AwareDateTime(allow_none=True)
    lag_seconds = fields.Float()
    waiting = fields.Nested(WaitingSchema, allow_none=True)
    model = fields.String()
    configured_model = fields.String()
    advice = fields.String()
    breakers = fields.List(fields.Nested(BreakerSchema))
    rebuild = fields.Nested(RebuildSchema, allow_none=True)
    failed_jobs = fields.List(fields.Nested(FailedJobSchema))
    queue_problem = fields.String()


class CountSchema(Schema):
    count = fields.Integer()
