"""What this room's API takes and gives. Prices are fen, times ISO 8601 with a zone."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from contentcenter.domain.channels import AudienceKind, ChannelKind
from contentcenter.domain.posts import PostState

MOST = 200
_TIME = validate.Regexp(r"^([01]\d|2[0-3]):[0-5]\d$", error="A time looks like 20:30")


class _Query(Schema):
    class Meta:
        unknown = EXCLUDE


def _strings(most: int = 60) -> fields.List[Any]:
    return fields.List(fields.String(validate=validate.Length(1, most)))


# -- channels ----------------------------------------------------------------------------------


class ChannelBody(Schema):
    kind = fields.String(required=True, validate=validate.OneOf(list(ChannelKind)))
    name = fields.String(required=True, validate=validate.Length(1, 120))
    account = fields.String(
        required=True,
        validate=validate.Length(1, 80),
        metadata={"description": "appid, corpid, or a name for a robot"},
    )
    credentials = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        load_only=True,
        metadata={"description": "secret, token, aes_key, agentid, key; never given back"},
    )
    settings = fields.Dict(load_default=dict, metadata={"description": "account_type: SUB or SVC"})


class ChannelChange(Schema):
    name = fields.String(validate=validate.Length(1, 120))
    credentials = fields.Dict(keys=fields.String(), values=fields.String(), load_only=True)
    settings = fields.Dict()


class ChannelSchema(Schema):
    id = fields.Integer()
    kind = fields.String()
    name = fields.String()
    account = fields.String()
    settings = fields.Dict()
    state = fields.String()
    state_reason = fields.String()
    credentials = fields.List(
        fields.String(), metadata={"description": "Names of what is set; never the values"}
    )


class ChannelPage(Schema):
    items = fields.List(fields.Nested(ChannelSchema))
    next_cursor = fields.String(allow_none=True)


# -- audiences ---------------------------------------------------------------------------------


class SlotSchema(Schema):
    weekdays = fields.List(
        fields.Integer(validate=validate.Range(0, 6)),
        load_default=list,
        metadata={"description": "Monday = 0"},
    )
    local_time = fields.String(required=True, validate=_TIME)
    on_date = fields.String(
        load_default="", metadata={"description": "YYYY-MM-DD: a single extra slot"}
    )
    active = fields.Boolean(load_default=True)


class _AudienceFields(Schema):
    """What may be given when adding an audience, and changed later."""

    name = fields.String(validate=validate.Length(1, 120))
    description = fields.String()
    owner_userid = fields.String(validate=validate.Length(max=64))
    size = fields.Integer(validate=validate.Range(0))
    tags = _strings()
    categories = _strings(32)
    price_ceiling_fen = fields.Integer(allow_none=True, validate=validate.Range(0))
    reading_age = fields.Integer(allow_none=True, validate=validate.Range(0, 120))
    timezone = fields.String(validate=validate.Length(1, 40))
    quiet_from = fields.String(validate=_TIME)
    quiet_until = fields.String(validate=_TIME)
    cap_per_day = fields.Integer(
        allow_none=True,
        validate=validate.Range(0),
        metadata={"description": "0 = nothing is sent; null = no cap"},
    )
    cap_per_week = fields.Integer(allow_none=True, validate=validate.Range(0))
    cool_down_hours = fields.Float(validate=validate.Range(0))
    auto_approve = fields.Boolean()
    slots = fields.List(fields.Nested(SlotSchema))


class AudienceBody(_AudienceFields):
    channel_id = fields.Integer(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(list(AudienceKind)))
    name = fields.String(required=True, validate=validate.Length(1, 120))
    platform_ref = fields.String(
        required=True,
        validate=validate.Length(1, 120),
        metadata={"description": "chat_id, tag id, member userid, or a name"},
    )


class AudienceChange(_AudienceFields):
    state = fields.String(validate=validate.OneOf(["active", "paused"]))


class AudienceSchema(_AudienceFields):
    id = fields.Integer()
    kind = fields.String()
    platform_ref = fields.String()
    channel_id = fields.Integer()
    channel_kind = fields.String()
    channel_name = fields.String()
    state = fields.String()
    version = fields.Integer()


class AudiencePage(Schema):
    items = fields.List(fields.Nested(AudienceSchema))
    next_cursor = fields.String(allow_none=True)


class AudienceQuery(_Query):
    channel_id = fields.Integer(load_default=None)
    size = fields.Integer(load_default=100, validate=validate.Range(1, MOST))
    cursor = fields.String(load_default=None)


# -- plans -------------------------------------------------------------------------------------


class PlanBody(Schema):
    starts_at = fields.AwareDateTime(load_default=None, metadata={"description": "Default: now"})
    ends_at = fields.AwareDateTime(load_default=None)
    days = fields.Integer(load_default=7, validate=validate.Range(1, 60))
    audience_ids = fields.List(
        fields.Integer(), load_default=list, metadata={"description": "Empty: all active ones"}
    )
    replace = fields.Boolean(
        load_default=False,
        metadata={"description": "Cancel posts of the window that are only planned first"},
    )


class PlanSchema(Schema):
    id = fields.Integer()
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    audience_ids = fields.List(fields.Integer())
    replace = fields.Boolean()
    state = fields.String()
    failure = fields.String()
    summary = fields.Dict()
    actor = fields.String()
    created_at = fields.AwareDateTime()
    finished_at = fields.AwareDateTime(allow_none=True)


class PlanRefusalSchema(Schema):
    audience_id = fields.Integer()
    slot_at = fields.AwareDateTime()
    item_id = fields.Integer(allow_none=True)
    item = fields.String()
    reason = fields.String()
    details = fields.Dict()


class PlanDetail(PlanSchema):
    refusals = fields.List(fields.Nested(PlanRefusalSchema))


class PlanPage(Schema):
    items = fields.List(fields.Nested(PlanSchema))
    next_cursor = fields.String(allow_none=True)


class PageQuery(_Query):
    size = fields.Integer(load_default=50, validate=validate.Range(1, MOST))
    cursor = fields.String(load_default=None)


class PlanQuery(_Query):
    audience_id = fields.Integer(load_default=None)
    size = fields.Integer(load_default=200, validate=validate.Range(1, 1_000))


# -- posts -------------------------------------------------------------------------------------


class PostQuery(PageQuery):
    state = fields.String(load_default=None, validate=validate.OneOf(list(PostState)))
    plan_id = fields.Integer(load_default=None)
    audience_id = fields.Integer(load_default=None)
    channel_id = fields.Integer(load_default=None)
    item_id = fields.Integer(load_default=None)
    since = fields.AwareDateTime(load_default=None)
    until = fields.AwareDateTime(load_default=None)


class PostSchema(Schema):
    id = fields.Integer()
    plan_id = fields.Integer(allow_none=True)
    audience_id = fields.Integer()
    audience = fields.String()
    channel_id = fields.Integer()
    channel = fields.String()
    channel_kind = fields.String()
    item_id = fields.Integer()
    item = fields.String()
    slot_at = fields.AwareDateTime()
    state = fields.String()
    reason = fields.String()
    message = fields.String()
    score = fields.Float()
    parts = fields.Dict()
    content = fields.Dict()
    code = fields.String()
    differences = fields.List(fields.Dict())
    approved_by = fields.String()
    approved_at = fields.AwareDateTime(allow_none=True)
    not_before = fields.AwareDateTime(allow_none=True)
    attempts = fields.Integer()
    reference = fields.String()
    sent_at = fields.AwareDateTime(allow_none=True)
    settled_at = fields.AwareDateTime(allow_none=True)
    reached = fields.Integer(allow_none=True)


class StepSchema(Schema):
    at = fields.AwareDateTime()
    attempt = fields.Integer()
    state = fields.String()
    reason = fields.String()
    message = fields.String()
    platform_code = fields.Integer(allow_none=True)
    actor = fields.String()


class StorySchema(Schema):
    post = fields.Nested(PostSchema)
    steps = fields.List(fields.Nested(StepSchema))
    differences = fields.List(
        fields.Dict(), metadata={"description": "Facts that changed since they were written down"}
    )


class PostPage(Schema):
    items = fields.List(fields.Nested(PostSchema))
    next_cursor = fields.String(allow_none=True)
