"""What the experiments API takes and gives. Shares and differences are parts of 1."""

from __future__ import annotations

from marshmallow import EXCLUDE, Schema, fields, validate

from distribute.experiments.draft import LEAST_DAYS, MOST_ARMS, MOST_DAYS
from distribute.experiments.outcomes import Metric
from distribute.experiments.strategy import MATCH_WEIGHTS, MOST_SHIFT_MINUTES, Layer
from distribute.experiments.tables import ExperimentKind
from distribute.tailor.styles import CopyStyle


class StrategySchema(Schema):
    match = fields.Dict(
        keys=fields.String(validate=validate.OneOf(list(MATCH_WEIGHTS))),
        values=fields.Float(),
        metadata={"description": "Match weights by name"},
    )
    copy_style = fields.String(validate=validate.OneOf(["", *CopyStyle]))
    slot_shift_minutes = fields.Integer(
        validate=validate.Range(-MOST_SHIFT_MINUTES, MOST_SHIFT_MINUTES)
    )


class ArmBody(Schema):
    name = fields.String(required=True, validate=validate.Length(1, 60))
    share = fields.Float(required=True, validate=validate.Range(0, 1))
    strategy = fields.Nested(
        StrategySchema, load_default=dict, metadata={"description": "Empty for the first, the base"}
    )


class ExperimentBody(Schema):
    name = fields.String(required=True, validate=validate.Length(1, 120))
    hypothesis = fields.String(required=True, validate=validate.Length(1, 1000))
    layer = fields.Enum(Layer, by_value=True, required=True)
    kind = fields.Enum(ExperimentKind, by_value=True, load_default=ExperimentKind.FIXED)
    metric = fields.Enum(Metric, by_value=True, required=True)
    arms = fields.List(
        fields.Nested(ArmBody), required=True, validate=validate.Length(2, MOST_ARMS)
    )
    audience_ids = fields.List(
        fields.Integer(), load_default=list, metadata={"description": "Empty: all active groups"}
    )
    days = fields.Integer(load_default=28, validate=validate.Range(LEAST_DAYS, MOST_DAYS))
    uplift = fields.Float(
        load_default=None,
        allow_none=True,
        metadata={"description": "Relative difference to be found; decides how many groups"},
    )
    power = fields.Float(load_default=0.8)
    floor = fields.Float(
        load_default=0.1, metadata={"description": "Share of a bandit's draws that explores"}
    )


class StopBody(Schema):
    reason = fields.String(required=True, validate=validate.Length(1, 200))


class ExperimentQuery(Schema):
    class Meta:
        unknown = EXCLUDE

    size = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    cursor = fields.String(load_default=None)


class ArmSchema(Schema):
    name = fields.String()
    share = fields.Float()
    strategy = fields.Nested(StrategySchema)
    groups = fields.Integer()
    paused_at = fields.AwareDateTime(allow_none=True)
    pause_reason = fields.String()


class ExperimentSchema(Schema):
    id = fields.Integer()
    name = fields.String()
    hypothesis = fields.String()
    layer = fields.String()
    kind = fields.String()
    metric = fields.String()
    state = fields.String()
    arms = fields.List(fields.Nested(ArmSchema))
    audience_ids = fields.List(fields.Integer())
    days = fields.Integer()
    uplift = fields.Float(allow_none=True)
    power = fields.Float()
    floor = fields.Float()
    plan = fields.Dict(
        metadata={
            "description": "groups, groups_needed, mde, power, alpha, held_out, noise, history_days"
        }
    )
    actor = fields.String()
    created_at = fields.AwareDateTime()
    starts_at = fields.AwareDateTime(allow_none=True)
    ends_at = fields.AwareDateTime(allow_none=True)
    stopped_at = fields.AwareDateTime(allow_none=True)
    stop_reason = fields.String()


class ExperimentPage(Schema):
    items = fields.List(fields.Nested(ExperimentSchema))
    next_cursor = fields.String(allow_none=True)


class IntervalSchema(Schema):
    low = fields.Float()
    high = fields.Float()


class LookSchema(Schema):
    day = fields.Integer()
    base = fields.Float()
    arm = fields.Float()
    difference = fields.Float()
    interval = fields.Nested(IntervalSchema, allow_none=True)
    uplift = fields.Float(allow_none=True)
    uplift_interval = fields.Nested(IntervalSchema, allow_none=True)


class GuardSchema(Schema):
    guard = fields.String()
    cases = fields.Integer()
    worse = fields.Boolean()
    look = fields.Nested(LookSchema, allow_none=True)


class ChecksSchema(Schema):
    pooled = fields.Float(allow_none=True)
    pooled_variance = fields.Float(allow_none=True)
    permutation_p = fields.Float(allow_none=True)


class VerdictSchema(Schema):
    code = fields.String()
    zh = fields.String()
    en = fields.String()


class ArmResultSchema(Schema):
    arm = fields.Integer()
    name = fields.String()
    groups = fields.Integer()
    latest = fields.Nested(LookSchema, allow_none=True)
    looks = fields.List(fields.Nested(LookSchema))
    checks = fields.Nested(ChecksSchema, allow_none=True)
    guards = fields.List(fields.Nested(GuardSchema))
    verdict = fields.Nested(VerdictSchema)


class BanditArmSchema(Schema):
    arm = fields.Integer()
    name = fields.String()
    decisions = fields.Integer()
    mean_gain = fields.Float()
    spread = fields.Float()
    best = fields.Float()
    chance = fields.Float()
    guards = fields.List(fields.Nested(GuardSchema))


class ResultSchema(Schema):
    experiment = fields.Nested(ExperimentSchema)
    days = fields.Integer()
    base_groups = fields.Integer()
    posts = fields.Dict(keys=fields.Integer(), values=fields.Integer())
    arms = fields.List(fields.Nested(ArmResultSchema))
    bandit = fields.List(fields.Nested(BanditArmSchema))
