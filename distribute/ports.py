"""What this room asks of others: matches, reader events, wording, a channel to send through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from contentcenter.domain.channels import ChannelKind
from contentcenter.domain.events import EventKind
from contentcenter.domain.posts import PostState


class MatchLike(Protocol):
    """One scored item; `parts` sum to `score`."""

    @property
    def item_id(self) -> int: ...
    @property
    def score(self) -> float: ...
    @property
    def parts(self) -> Mapping[str, float]: ...


@dataclass(frozen=True)
class Match:
    item_id: int
    score: float
    parts: Mapping[str, float]


class MatchPort(Protocol):
    """Which items suit which audience: eligible ones (published, rights open), best first."""

    def match_items_for_audience(
        self,
        audience_id: int,
        limit: int,
        channel_kind: str | None = None,
        at: datetime | None = None,
    ) -> Sequence[MatchLike]: ...

    def match_many(
        self, audience_ids: Sequence[int], limit: int, at: datetime | None = None
    ) -> Mapping[int, Sequence[MatchLike]]:
        """The same for many audiences at once, cheaper for each of them."""
        ...


@dataclass(frozen=True)
class ReaderEvent:
    """What a reader did, as a platform or a tracked link told it. `event_id` makes a repeat
    harmless. One of `openid` and `external_userid` may name the reader."""

    event_id: str
    kind: EventKind
    at: datetime
    openid: str = ""
    external_userid: str = ""
    audience_id: int | None = None
    item_id: int | None = None
    post_id: int | None = None


class EventsPort(Protocol):
    def record(self, events: Sequence[ReaderEvent]) -> None:
        """Store what readers did. Repeating an event id changes nothing."""
        ...


@dataclass(frozen=True)
class Capabilities:
    """What a channel can do, so that the delivery code needs no `if kind == ...`.

    claim_size: how many posts one worker claims at once; 1 where a lost worker could not be
    asked about. probe: whether the platform can be asked what became of a send.
    """

    claim_size: int
    can_probe: bool
    can_follow_up: bool
    threads: int = 1


@dataclass(frozen=True)
class Outgoing:
    """Everything a sender may know about one post. `progress` holds the steps already done on
    the platform; `remember` adds to it durably, before the call returns."""

    post_id: int
    channel: ChannelAccess
    audience_kind: str
    platform_ref: str
    owner_userid: str
    code: str
    client_key: str
    attempt: int
    content: Mapping[str, Any]
    progress: Mapping[str, Any]
    reference: str
    claimed_at: datetime
    remember: Callable[[Mapping[str, Any]], None] = field(compare=False)


@dataclass(frozen=True)
class ChannelAccess:
    """A channel with its secrets; never leaves the room, never printed."""

    id: int
    kind: ChannelKind
    account: str
    credentials: Mapping[str, Any] = field(repr=False)
    settings: Mapping[str, Any]

    def secret(self, name: str) -> str:
        return str(self.credentials.get(name, ""))


@dataclass(frozen=True)
class Accepted:
    """The platform took it; `reference` is its id of the task."""

    reference: str
    message: str = ""


@dataclass(frozen=True)
class ProbeAnswer:
    """`took_effect` None = cannot be said now, look again. `certain`: one look is proof enough
    (a listing may lag, so its "not there" is only believed twice)."""

    took_effect: bool | None
    reference: str = ""
    message: str = ""
    certain: bool = False


@dataclass(frozen=True)
class FollowUp:
    """Where a post stands on the platform. `state` is sent (still under way), waiting_owner,
    delivered or failed."""

    state: PostState
    reason: str = ""
    message: str = ""
    reached: int | None = None
    progress: Mapping[str, Any] = field(default_factory=dict)


class ChannelSender(Protocol):
    """One kind of channel.

    Every method raises only the families of contentcenter.domain.errors: RetryLater (nothing
    took effect), CredentialsExpired, Refused, AlreadySent, OutcomeUnknown.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    def check(self, channel: ChannelAccess) -> None:
        """Return when the credentials work."""
        ...

    def take_turns(self, channel: ChannelAccess, wanted: int) -> tuple[int, float]:
        """How many of `wanted` sends the platform's rate allows now, and the seconds to wait
        for the next one when it is none."""
        ...

    def send(self, post: Outgoing) -> Accepted: ...

    def probe(self, posts: Sequence[Outgoing]) -> Mapping[int, ProbeAnswer]:
        """Ask the platform what became of sends without an answer, by post id."""
        ...

    def follow_up(self, post: Outgoing) -> FollowUp: ...


@dataclass(frozen=True)
class Brief:
    """What a copywriter works from: facts only, already chosen."""

    title: str
    author: str
    form: str
    passages: tuple[str, ...]
    books: tuple[BookLine, ...]
    tags: tuple[str, ...]
    tone: frozenset[str]
    reading_age: int | None
    url: str
    style: str = ""  # a CopyStyle; empty = the usual tone of the audience


@dataclass(frozen=True)
class BookLine:
    title: str
    author: str
    price_fen: int | None


@dataclass(frozen=True)
class Wording:
    title: str
    opening: str
    body: tuple[str, ...]
    book_lines: tuple[str, ...]
    call_to_action: str


class Copywriter(Protocol):
    """Words for one post. The composer measures and cuts; a copywriter only writes."""

    def write(self, brief: Brief) -> Wording: ...
