"""Who may do what. Roles are for people, scopes for API keys; both name the same rights."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    EDITOR = "editor"
    OPERATOR = "operator"
    ADMIN = "admin"
    VIEWER = "viewer"


class Scope(StrEnum):
    READ = "read"
    CONTENT = "content"  # create and change content, run imports
    APPROVE = "approve"  # approve and reject content
    DISTRIBUTE = "distribute"  # channels, audiences, plans, posts
    EVENTS = "events"  # report reader events, ask for feeds
    ADMIN = "admin"  # users, keys, engines


ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    Role.VIEWER: frozenset({Scope.READ}),
    Role.EDITOR: frozenset({Scope.READ, Scope.CONTENT, Scope.APPROVE}),
    Role.OPERATOR: frozenset({Scope.READ, Scope.DISTRIBUTE, Scope.EVENTS}),
    Role.ADMIN: frozenset(Scope),
}
