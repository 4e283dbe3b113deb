"""Channels and audiences: where a post can go and whom it reaches."""

from __future__ import annotations

from enum import StrEnum


class ChannelKind(StrEnum):
    OFFICIAL_ACCOUNT = "official_account"
    WECOM_CUSTOMERS = "wecom_customers"
    WECOM_GROUPS = "wecom_groups"
    GROUP_ROBOT = "group_robot"
    IN_APP = "in_app"


class ChannelState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"  # by an operator
    ATTENTION = "attention"  # stopped by us: credentials, right or quota need a person


class AudienceKind(StrEnum):
    FOLLOWERS = "followers"  # all followers of an Official Account
    TAG = "tag"  # followers with one tag
    CUSTOMERS = "customers"  # customers of one WeCom member
    GROUP = "group"  # one WeCom customer group
    INTERNAL_GROUP = "internal_group"  # one internal group with a robot


class AudienceState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"


AUDIENCE_KINDS: dict[ChannelKind, frozenset[AudienceKind]] = {
    ChannelKind.OFFICIAL_ACCOUNT: frozenset({AudienceKind.FOLLOWERS, AudienceKind.TAG}),
    ChannelKind.WECOM_CUSTOMERS: frozenset({AudienceKind.CUSTOMERS}),
    ChannelKind.WECOM_GROUPS: frozenset({AudienceKind.GROUP}),
    ChannelKind.GROUP_ROBOT: frozenset({AudienceKind.INTERNAL_GROUP}),
    ChannelKind.IN_APP: frozenset(),
}
