"""The error tree. Names say what the caller may do next.

ContentCenterError
  InvalidInput           mend the input and send it again
  NotAuthenticated       sign in or send an API key
  NotAllowed             ask for a role or scope
  NotFound               the thing does not exist (any more)
  Conflict               the thing is in a state that forbids this; look, then decide
  RetryLater             nothing took effect; the same call may succeed after `after_seconds`
    EngineUnavailable    search engine, queue or embedder does not answer
  CredentialsExpired     fetch a new token or new credentials, then repeat once
  Refused                the other side said no for good; do not repeat
  AlreadySent            it had taken effect before; take `reference` and go on
  OutcomeUnknown         no answer: it may or may not have taken effect; probe before any repeat
  ModelMismatch          vectors of another embedding model; re-embed first
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class ContentCenterError(Exception):
    """Root of every error this project raises on purpose.

    `code` is stable and machine-readable, `message` is for people, `details` carries
    what a client needs to mend it (field names, row numbers, ids).
    """

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, object] = details


class InvalidInput(ContentCenterError):
    code = "invalid_input"
    http_status = 422


class NotAuthenticated(ContentCenterError):
    code = "not_authenticated"
    http_status = 401


class NotAllowed(ContentCenterError):
    code = "not_allowed"
    http_status = 403


class NotFound(ContentCenterError):
    code = "not_found"
    http_status = 404


class Conflict(ContentCenterError):
    code = "conflict"
    http_status = 409


class RetryLater(ContentCenterError):
    """Nothing took effect. `after_seconds` is the earliest sensible repeat."""

    code = "retry_later"
    http_status = 503

    def __init__(self, message: str, *, after_seconds: float = 30.0, **details: object) -> None:
        super().__init__(message, after_seconds=after_seconds, **details)
        self.after_seconds = after_seconds


class EngineUnavailable(RetryLater):
    code = "engine_unavailable"


class CredentialsExpired(ContentCenterError):
    code = "credentials_expired"
    http_status = 502


class Refused(ContentCenterError):
    """The platform said no for good. `reason` is our word for it, `platform_code` theirs."""

    code = "refused"
    http_status = 502

    def __init__(
        self, message: str, *, reason: str, platform_code: int | None = None, **details: object
    ) -> None:
        super().__init__(message, reason=reason, platform_code=platform_code, **details)
        self.reason = reason
        self.platform_code = platform_code


class AlreadySent(ContentCenterError):
    """The send had taken effect before. `reference` is the platform's id of it."""

    code = "already_sent"
    http_status = 409

    def __init__(self, message: str, *, reference: str, **details: object) -> None:
        super().__init__(message, reference=reference, **details)
        self.reference = reference


class OutcomeUnknown(ContentCenterError):
    code = "outcome_unknown"
    http_status = 502


class ModelMismatch(ContentCenterError):
    code = "model_mismatch"
    http_status = 409
