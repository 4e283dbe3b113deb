"""Sends events to the receivers' callback addresses as the platforms do.

Five seconds an attempt, three attempts, `success` or an empty body ends it. Events of one
receiver go out in order; a fault may double, lose, reorder or falsify them.
"""

from __future__ import annotations

import logging
import queue
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import requests

from sandbox.clock import Clock
from sandbox.crypto import encrypt, signature
from sandbox.faults import Fault, FaultBoard
from sandbox.settings import Settings
from sandbox.store import Store

log = logging.getLogger(__name__)
WORKERS = 4
RETRY_WAIT_SECONDS = 0.3


@dataclass(frozen=True)
class Receiver:
    """Where one account's events go. Without an AES key they travel in plain XML."""

    platform: str
    owner: str
    url: str
    token: str
    aes_key: str
    to_user: str
    agent: str = ""


@dataclass
class Event:
    """A callback not yet delivered; kept over a restart."""

    id: str
    platform: str
    owner: str
    xml: str
    at: float


def xml_of(fields: dict[str, Any], root: str = "xml") -> str:
    """Nested dicts and lists as platform XML; strings in CDATA, numbers bare."""
    return (
        f"<{root}>"
        + "".join(_element(name, value) for name, value in fields.items())
        + (f"</{root}>")
    )


def _element(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return xml_of(value, name)
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if isinstance(value, (int, float)):
        return f"<{name}>{value}</{name}>"
    text = str(value)
    if "]]>" in text:
        return f"<{name}>{escape(text)}</{name}>"
    return f"<{name}><![CDATA[{text}]]></{name}>"


def request_of(
    receiver: Receiver, xml: str, now: int, nonce: str, fault: str = ""
) -> tuple[str, bytes]:
    """The address with its query, and the body, of one callback."""
    stamp = str(now)
    query = {"timestamp": stamp, "nonce": nonce}
    plain = signature(receiver.token, stamp, nonce)
    body = xml
    if receiver.aes_key:
        owner = "wx0000000000000000" if fault == "callback_wrong_receiver" else receiver.owner
        cipher_text = encrypt(receiver.aes_key, owner, xml)
        signed = signature(receiver.token, stamp, nonce, cipher_text)
        query["msg_signature"] = _spoiled(signed, fault)
        fields = {"ToUserName": receiver.to_user, "Encrypt": cipher_text}
        if receiver.agent:
            fields["AgentID"] = receiver.agent
        body = xml_of(fields)
    if receiver.platform == "official-account":
        query["signature"] = _spoiled(plain, fault)
        if receiver.aes_key:
            query["encrypt_type"] = "aes"
    joint = "&" if "?" in receiver.url else "?"
    return receiver.url + joint + urlencode(query), body.encode()


def _spoiled(value: str, fault: str) -> str:
    return value[::-1] if fault == "callback_bad_signature" else value


class CallbackSender:
    """A few threads; every receiver belongs to one of them, so its events keep their order."""

    def __init__(self, store: Store, clock: Clock, faults: FaultBoard, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self.settings = settings
        self._pending = store.table("callbacks", Event)
        self._receivers: dict[tuple[str, str], Receiver] = {}
        self._queues: list[queue.Queue[str]] = [queue.Queue() for _ in range(WORKERS)]
        self._held: dict[str, str] = {}
        self._stop = threading.Event()
        self.log: deque[dict[str, Any]] = deque(maxlen=500)

    def register(self, receiver: Receiver) -> None:
        self._receivers[(receiver.platform, receiver.owner)] = receiver

    def start(self) -> None:
        for event in list(self._pending):
            self._queue_of(event.owner).put(event.id)
        for number, line in enumerate(self._queues):
            threading.Thread(
                target=self._run, args=(line,), name=f"callbacks-{number}", daemon=True
            ).start()

    def stop(self) -> None:
        self._stop.set()

    def forget_all(self) -> None:
        self._receivers.clear()
        self._held.clear()
        self.log.clear()

    def waiting(self) -> int:
        return len(self._pending)

    def send(self, platform: str, owner: str, fields: dict[str, Any]) -> None:
        """Queue one event; without a callback address it is only logged."""
        receiver = self._receivers.get((platform, owner))
        event = Event(secrets.token_hex(8), platform, owner, xml_of(fields), self._clock.now())
        if receiver is None or not receiver.url:
            self._note(event, "no callback address", 0)
            return
        with self._store.lock:
            self._pending.put(event.id, event)
        self._queue_of(owner).put(event.id)

    def verify(self, platform: str, owner: str) -> bool:
        """The GET check a platform makes when somebody saves a callback address."""
        receiver = self._receivers.get((platform, owner))
        if receiver is None or not receiver.url:
            return False
        echo, stamp, nonce = secrets.token_hex(8), str(self._clock.seconds()), secrets.token_hex(4)
        query = {"timestamp": stamp, "nonce": nonce, "echostr": echo}
        if platform == "wecom":
            query["echostr"] = encrypt(receiver.aes_key, receiver.owner, echo)
            query["msg_signature"] = signature(receiver.token, stamp, nonce, query["echostr"])
        else:
            query["signature"] = signature(receiver.token, stamp, nonce)
        joint = "&" if "?" in receiver.url else "?"
        try:
            answer = requests.get(
                receiver.url + joint + urlencode(query), timeout=self.settings.callback_seconds
            )
        except requests.RequestException:
            return False
        return answer.status_code == 200 and answer.text == echo

    def _queue_of(self, owner: str) -> queue.Queue[str]:
        return self._queues[sum(owner.encode()) % WORKERS]

    def _run(self, line: queue.Queue[str]) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not self._stop.is_set():
                try:
                    event_id = line.get(timeout=0.2)
                except queue.Empty:
                    continue
                self._handle(session, event_id)

    def _handle(self, session: requests.Session, event_id: str) -> None:
        event = self._pending.get(event_id)
        if event is None:
            return
        fault = self._faults.take(event.platform, "callback", event.owner)
        kind = fault.kind if fault else ""
        if kind == "callback_lost":
            self._note(event, "lost", 0)
        elif kind == "callback_reorder" and event.owner not in self._held:
            self._hold(event, fault)
            return
        else:
            self._attempts(session, event, kind)
            if kind == "callback_duplicate":
                self._attempts(session, event, "")
        self._done(event)
        held = self._held.pop(event.owner, None)
        if held is not None:
            self._handle_held(session, held)

    def _hold(self, event: Event, fault: Fault | None) -> None:
        """Let the next event overtake this one; alone, it goes after the fault's seconds."""
        self._held[event.owner] = event.id
        wait = min(fault.seconds if fault else 2.0, 30.0)
        timer = threading.Timer(wait, self._release, (event.owner, event.id))
        timer.daemon = True
        timer.start()

    def _release(self, owner: str, event_id: str) -> None:
        if self._held.get(owner) == event_id:
            del self._held[owner]
            with requests.Session() as session:
                session.trust_env = False
                self._handle_held(session, event_id)

    def _handle_held(self, session: requests.Session, event_id: str) -> None:
        event = self._pending.get(event_id)
        if event is not None:
            self._attempts(session, event, "")
            self._done(event)

    def _done(self, event: Event) -> None:
        with self._store.lock:
            self._pending.drop(event.id)

    def _attempts(self, session: requests.Session, event: Event, kind: str) -> None:
        receiver = self._receivers.get((event.platform, event.owner))
        if receiver is None:
            return
        for attempt in range(1, self.settings.callback_tries + 1):
            url, body = request_of(
                receiver, event.xml, self._clock.seconds(), secrets.token_hex(5), kind
            )
            try:
                answer = session.post(
                    url,
                    data=body,
                    headers={"Content-Type": "text/xml"},
                    timeout=self.settings.callback_seconds,
                )
                outcome = f"{answer.status_code} {answer.text[:40]}"
                if answer.status_code == 200 and answer.text.strip() in ("", "success"):
                    self._note(event, outcome, attempt, kind)
                    return
            except requests.RequestException as error:
                outcome = type(error).__name__
            self._note(event, outcome, attempt, kind)
            if self._stop.is_set():
                return
            time.sleep(RETRY_WAIT_SECONDS)

    def _note(self, event: Event, outcome: str, attempt: int, kind: str = "") -> None:
        self.log.append(
            {
                "id": event.id,
                "platform": event.platform,
                "account": event.owner,
                "at": self._clock.now(),
                "attempt": attempt,
                "outcome": outcome,
                "fault": kind,
                "xml": event.xml,
            }
        )
