"""Lets simulated readers act on delivered messages: they click the tracked link and report
the rest to the product's events interface, over the next seconds.

Own threads and bounded queues: however slow the product answers, the platforms' calls
never wait for it. What does not fit is dropped and counted.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import queue
import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

import numpy as np
import requests

from sandbox.clock import local_time, utc_text
from sandbox.messages import Message, plain_text, tracked_links
from sandbox.readers import (
    Action,
    ReaderMessage,
    ReaderModel,
    group_taste,
    price_in,
    react,
    reader_of,
    remember,
    stable_seed,
)
from sandbox.topics import topics_of

if TYPE_CHECKING:
    from sandbox.twin import Twin

log = logging.getLogger(__name__)
MESSAGES_WAITING, ACTIONS_WAITING, READERS_KEPT = 2_000, 100_000, 50_000
CLICKERS, TRIES, BATCH, BATCH_SECONDS = 4, 5, 200, 0.4


@dataclass(frozen=True)
class Deed:
    """One action of one reader on one message, ready to be carried out."""

    message: Message
    reader_id: str
    kind: str
    value_fen: int
    link: str
    post_code: str

    @property
    def id_name(self) -> str:
        return "openid" if self.message.platform == "official-account" else "external_userid"

    def event(self, at: float) -> dict[str, Any]:
        return {
            "event_id": f"tw-{stable_seed(self.message.id, self.reader_id, self.kind):016x}",
            "kind": self.kind,
            "reader": {self.id_name: self.reader_id},
            "item_id": None,
            "post_code": self.post_code or None,
            "audience_ref": self.message.audience or None,
            "value_fen": self.value_fen,
            "at": utc_text(at),
        }


class Simulator:
    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._config: dict[str, Any] = {}
        self._messages: queue.Queue[Message] = queue.Queue(MESSAGES_WAITING)
        self._clicks: queue.Queue[Deed] = queue.Queue(ACTIONS_WAITING)
        self._events: queue.Queue[dict[str, Any]] = queue.Queue(ACTIONS_WAITING)
        self._heap: list[tuple[float, int, Deed]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._readers: OrderedDict[tuple[str, str], ReaderModel] = OrderedDict()
        self.counts: Counter[str] = Counter()

    # -- steering ------------------------------------------------------------------------

    def configure(self, wanted: dict[str, Any]) -> None:
        """enabled, speed, seed, max_readers, events_url, api_key, link_base."""
        config = {**self._twin.remembered("readers"), **wanted}
        self._twin.remember("readers", config)
        self._config = config

    @property
    def enabled(self) -> bool:
        return bool(self._config.get("enabled"))

    def start(self) -> None:
        self._config = self._twin.remembered("readers")
        jobs = [self._plan, self._release, self._report] + [self._click] * CLICKERS
        for job in jobs:
            threading.Thread(target=job, name=f"readers-{job.__name__}", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def forget_all(self) -> None:
        self._config = {}
        with self._lock:
            self._heap.clear()
        for line in (self._messages, self._clicks, self._events):
            with line.mutex:
                line.queue.clear()
        self._readers.clear()
        self.counts.clear()

    def notice(self, message: Message) -> None:
        """A message was delivered. Returns at once."""
        if not self.enabled or message.source in ("app", "preview", "welcome"):
            return
        self._put(self._messages, message, "messages")

    def waiting(self) -> int:
        return (
            self._messages.qsize() + len(self._heap) + self._clicks.qsize() + (self._events.qsize())
        )

    # -- who reacts, and how -------------------------------------------------------------

    def _plan(self) -> None:
        while not self._stop.is_set():
            try:
                message = self._messages.get(timeout=0.2)
            except queue.Empty:
                continue
            try:
                self._plan_one(message)
            except Exception:
                # The readers of one odd message must not silence all others.
                log.exception("no reactions to message %s", message.id)

    def _plan_one(self, message: Message) -> None:
        seed = int(self._config.get("seed", 1))
        rng = np.random.default_rng(stable_seed(seed, message.id))
        text = plain_text(message.parts)
        title = next((str(p["title"]) for p in message.parts if p.get("title")), text[:30])
        seen = ReaderMessage(
            title=title,
            text=text,
            price_fen=price_in(text),
            hour=local_time(message.at).hour,
            at=message.at,
            topics=topics_of(f"{title} {text}"),
        )
        links = tracked_links(message.parts)
        for reader_id in self._audience(message, rng):
            model = self._reader(message, reader_id, seed)
            actions = react(model, seen, rng)
            self._keep(message, reader_id, remember(model, seen))
            link, code = links[int(rng.integers(len(links)))] if links else ("", "")
            self._schedule(message, reader_id, actions, link, code)

    def _audience(self, message: Message, rng: np.random.Generator) -> list[str]:
        people = self._people(message)
        most = int(self._config.get("max_readers", 40))
        if len(people) <= most:
            return people
        return [people[i] for i in rng.choice(len(people), size=most, replace=False)]

    def _people(self, message: Message) -> list[str]:
        kind, name = message.conversation.split(":", 1)
        with self._twin.store.lock:
            if kind == "group":
                group = self._twin.corps.group(message.owner, name)
                return group.customers() if group else []
            if kind == "robot":
                robot = self._twin.corps.robots.get(name)
                return [f"{name}-{n}" for n in range(robot.size)] if robot else []
        return message.recipients

    def _reader(self, message: Message, reader_id: str, seed: int) -> ReaderModel:
        known = self._readers.get((message.conversation, reader_id))
        if known is not None:
            return known
        hidden = self._hidden(message, reader_id)
        taste = group_taste(message.conversation, hidden)
        return reader_of(taste, np.random.default_rng(stable_seed(seed, reader_id)))

    def _keep(self, message: Message, reader_id: str, model: ReaderModel) -> None:
        key = (message.conversation, reader_id)
        self._readers[key] = model
        self._readers.move_to_end(key)
        if len(self._readers) > READERS_KEPT:
            self._readers.popitem(last=False)

    def _hidden(self, message: Message, reader_id: str) -> dict[str, Any]:
        kind, name = message.conversation.split(":", 1)
        corps, accounts = self._twin.corps, self._twin.accounts
        owner: Any = None
        if kind == "group":
            owner = corps.group(message.owner, name)
        elif kind == "customer":
            owner = corps.customer(message.owner, name)
        elif kind == "robot":
            owner = corps.robots.get(name)
        elif kind == "account":
            owner = accounts.follower(message.owner, reader_id)
            if owner is None or not owner.hidden:
                owner = accounts.table.get(message.owner)
        return dict(owner.hidden) if owner is not None else {}

    def _schedule(
        self, message: Message, reader_id: str, actions: list[Action], link: str, code: str
    ) -> None:
        speed = max(0.001, float(self._config.get("speed", 1.0)))
        now = time.monotonic()
        with self._lock:
            for action in actions:
                if len(self._heap) >= ACTIONS_WAITING:
                    self.counts["dropped actions"] += 1
                    return
                deed = Deed(message, reader_id, action.kind, action.value_fen, link, code)
                entry = (now + action.delay / speed, next(self._order), deed)
                heapq.heappush(self._heap, entry)

    # -- carrying it out -----------------------------------------------------------------

    def _release(self) -> None:
        while not self._stop.wait(0.02):
            while (deed := self._due()) is not None:
                self._do(deed)

    def _due(self) -> Deed | None:
        with self._lock:
            if self._heap and self._heap[0][0] <= time.monotonic():
                return heapq.heappop(self._heap)[2]
        return None

    def _do(self, deed: Deed) -> None:
        self.counts[deed.kind] += 1
        self._twin.inbox.count_reaction(deed.message.id, deed.kind)
        if deed.kind == "click":
            if deed.link:
                self._put(self._clicks, deed, "clicks")
            return
        if deed.kind == "leave":
            self._leave(deed)
        if deed.post_code and self._config.get("events_url"):
            self._put(self._events, deed.event(self._twin.clock.now()), "events")

    def _leave(self, deed: Deed) -> None:
        kind, name = deed.message.conversation.split(":", 1)
        if kind == "group":
            self._twin.wecom.chats.leave(deed.message.owner, name, [deed.reader_id])
        elif kind == "account":
            self._twin.official.service.unsubscribe(deed.message.owner, deed.reader_id)

    def _click(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not self._stop.is_set():
                try:
                    deed = self._clicks.get(timeout=0.2)
                except queue.Empty:
                    continue
                self._attempt("click", lambda d=deed: self._open(session, d))

    def _open(self, session: requests.Session, deed: Deed) -> int:
        address = deed.link
        base = str(self._config.get("link_base", ""))
        if base:
            parts = urlsplit(address)
            target = urlsplit(base)
            address = urlunsplit(parts._replace(scheme=target.scheme, netloc=target.netloc))
        address = address.partition("#")[0]
        joint = "&" if "?" in address else "?"
        address += f"{joint}{deed.id_name}={quote(deed.reader_id)}"
        answer = session.get(
            address,
            allow_redirects=False,
            timeout=10,
            headers={"User-Agent": "Mozilla/5.0 MicroMessenger"},
        )
        return answer.status_code

    def _report(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not self._stop.is_set():
                batch = self._batch()
                if batch:
                    self._attempt("report", lambda b=batch: self._post(session, b))

    def _batch(self) -> list[dict[str, Any]]:
        """Up to so many events, waiting a moment for company."""
        batch: list[dict[str, Any]] = []
        deadline = time.monotonic() + BATCH_SECONDS
        while len(batch) < BATCH and time.monotonic() < deadline and not self._stop.is_set():
            try:
                batch.append(self._events.get(timeout=0.1))
            except queue.Empty:
                continue
        return batch

    def _post(self, session: requests.Session, batch: list[dict[str, Any]]) -> int:
        answer = session.post(
            str(self._config["events_url"]),
            json={"events": batch},
            headers={"Authorization": f"Bearer {self._config.get('api_key', '')}"},
            timeout=15,
        )
        return answer.status_code

    def _attempt(self, what: str, call: Any) -> None:
        """Try with growing pauses; a refusal (4xx) is final, trouble (5xx, no answer) not."""
        for number in range(TRIES):
            try:
                status = int(call())
            except (requests.RequestException, KeyError) as error:
                self.counts[f"{what} {type(error).__name__}"] += 1
                status = 599
            if status < 500:
                self.counts[f"{what} {status // 100}xx"] += 1
                return
            if self._stop.wait(0.3 * 2**number):
                return
        self.counts[f"{what} given up"] += 1

    def _put(self, line: queue.Queue[Any], thing: Any, name: str) -> None:
        try:
            line.put_nowait(thing)
        except queue.Full:
            self.counts[f"dropped {name}"] += 1
