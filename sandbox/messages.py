"""What users received: the twin's record that tests and the demo look at."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.store import Store

TRACKED_LINK = re.compile(r"https?://[^\s\"'<>）)]+/t/([A-Za-z0-9_-]+)[^\s\"'<>）)]*")


@dataclass
class Message:
    """One message shown in one conversation, to one or many users.

    conversation is `account:APPID`, `group:CHAT_ID`, `customer:EXTERNAL_USERID`,
    `robot:KEY` or `member:USERID`. parts are the pieces as a phone shows them. key tells
    repeats of the same content apart from news. audience: the chat id, or the member whose
    customer was reached.
    """

    id: str
    at: float
    platform: str
    owner: str
    conversation: str
    source: str
    reference: str
    sender: str
    parts: list[dict[str, Any]]
    recipients: list[str]
    key: str = ""
    reactions: dict[str, int] = field(default_factory=dict)
    audience: str = ""


def content_key(parts: Iterable[dict[str, Any]]) -> str:
    """The code of the tracked link when there is one, else a digest of everything."""
    found = tracked_links(parts)
    if found:
        return found[0][1]
    text = repr([sorted(part.items()) for part in parts])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def tracked_links(parts: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """(address, post code) of every `/t/{code}` link in a message, in order."""
    links: dict[str, str] = {}
    for part in parts:
        for name in ("url", "text", "html"):
            for match in TRACKED_LINK.finditer(str(part.get(name) or "")):
                links.setdefault(match.group(0).replace("&amp;", "&"), match.group(1))
    return list(links.items())


def plain_text(parts: Iterable[dict[str, Any]]) -> str:
    """All words of a message, without mark-up."""
    words: list[str] = []
    for part in parts:
        for name in ("title", "text", "description", "digest", "html"):
            value = part.get(name)
            if value:
                words.append(re.sub(r"<[^>]+>", " ", str(value)))
    return "\n".join(words)


class Inbox:
    """All messages, with indexes by conversation and per-target counts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.table = store.table("messages", Message)
        self._by_conversation: dict[str, list[str]] = defaultdict(list)
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._listeners: list[Callable[[Message], None]] = []
        self.total = 0

    def rebuild(self) -> None:
        self._by_conversation.clear()
        self._counts.clear()
        self.total = 0
        for message in self.table:
            self._index(message)

    def listen(self, listener: Callable[[Message], None]) -> None:
        self._listeners.append(listener)

    def deliver(self, message: Message) -> None:
        """Record a message; delivering the same id again changes nothing."""
        with self._store.lock:
            if self.table.get(message.id) is not None:
                return
            message.key = content_key(message.parts)
            self.table.put(message.id, message)
            self._index(message)
        for listener in self._listeners:
            listener(message)

    def conversation(self, name: str) -> list[Message]:
        with self._store.lock:
            return [self.table.rows[key] for key in self._by_conversation.get(name, [])]

    def conversations(self) -> dict[str, int]:
        with self._store.lock:
            return {name: len(keys) for name, keys in self._by_conversation.items()}

    def counts(self, targets: Iterable[str] | None = None) -> dict[str, dict[str, int]]:
        """target -> content key -> how often the target got it."""
        with self._store.lock:
            names = self._counts.keys() if targets is None else targets
            return {name: dict(self._counts[name]) for name in names if name in self._counts}

    def doubled(self) -> dict[str, dict[str, int]]:
        """Only what somebody got more than once."""
        with self._store.lock:
            found = {
                name: {key: n for key, n in counter.items() if n > 1}
                for name, counter in self._counts.items()
            }
        return {name: keys for name, keys in found.items() if keys}

    def count_reaction(self, message_id: str, kind: str) -> None:
        with self._store.lock:
            message = self.table.get(message_id)
            if message is not None:
                message.reactions[kind] = message.reactions.get(kind, 0) + 1

    def _index(self, message: Message) -> None:
        self.total += 1
        self._by_conversation[message.conversation].append(message.id)
        for target in message.recipients:
            self._counts[target][message.key] += 1
