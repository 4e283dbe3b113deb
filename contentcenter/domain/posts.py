"""The life of a post. A delivery never moves backwards, except `sending -> approved`
after the platform said that nothing took effect, and `unknown -> approved` after a probe
proved it."""

from __future__ import annotations

from enum import StrEnum


class PostState(StrEnum):
    PLANNED = "planned"
    APPROVED = "approved"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    WAITING_OWNER = "waiting_owner"
    DELIVERED = "delivered"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


_S = PostState
POST_MOVES: dict[PostState, frozenset[PostState]] = {
    _S.PLANNED: frozenset({_S.APPROVED, _S.CANCELLED, _S.REFUSED}),
    # approved -> planned: an approved fact (text, price, stock, rights) changed.
    _S.APPROVED: frozenset({_S.SENDING, _S.PLANNED, _S.CANCELLED, _S.REFUSED, _S.FAILED}),
    _S.SENDING: frozenset({_S.SENT, _S.UNKNOWN, _S.APPROVED, _S.REFUSED, _S.FAILED}),
    _S.UNKNOWN: frozenset({_S.SENT, _S.APPROVED, _S.REFUSED, _S.FAILED}),
    _S.SENT: frozenset({_S.WAITING_OWNER, _S.DELIVERED, _S.FAILED}),
    _S.WAITING_OWNER: frozenset({_S.DELIVERED, _S.FAILED, _S.CANCELLED}),
    _S.DELIVERED: frozenset(),
    _S.REFUSED: frozenset(),
    # An operator may ask for one more try of a failed post: it did not take effect.
    _S.FAILED: frozenset({_S.APPROVED, _S.CANCELLED}),
    _S.CANCELLED: frozenset(),
}

FINAL_STATES = frozenset({_S.DELIVERED, _S.REFUSED, _S.CANCELLED})
# States in which the audience has, or may have, got the post: they block a repeat.
TAKEN_STATES = frozenset(
    {_S.PLANNED, _S.APPROVED, _S.SENDING, _S.UNKNOWN, _S.SENT, _S.WAITING_OWNER, _S.DELIVERED}
)
# States that only the platform's answer can move on.
FOLLOWED_STATES = frozenset({_S.SENT, _S.WAITING_OWNER})


def post_can_move(current: PostState, target: PostState) -> bool:
    return target in POST_MOVES[current]
