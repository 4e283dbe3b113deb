"""The embedder that asks the one process that holds the model."""

from __future__ import annotations

import http.client
import json
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

from contentcenter.domain.errors import EngineUnavailable, InvalidInput, ModelMismatch
from contentcenter.embedding import wire
from contentcenter.embedding.cache import PASSAGE, QUERY
from contentcenter.embedding.ports import ModelIdentity, Vectors
from contentcenter.embedding.texts import BatchLimits, clean_texts, plan_batches

# One request: some seconds of work on two cores, far below the time limit.
REQUEST_LIMITS = BatchLimits(texts=64, characters=12_000)

_RETRY_SECONDS = 5.0
_IDLE_CONNECTIONS = 8


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes
    identity: str


class RemoteEmbedder:
    """Encodes through an embedding server at `base_url`, e.g. `http://127.0.0.1:8090`.

    `timeout` in seconds bounds each request, not the whole of a long list. A server that is
    away, warming up or too slow raises `EngineUnavailable`. When the server comes back with
    another model, the first encoding after that raises `ModelMismatch` and `identity()` tells
    the new one from then on. Safe to share between threads and across forks.
    """

    def __init__(self, base_url: str, timeout: float = 30.0) -> None:
        self._connections = _Connections(base_url, timeout)
        self._identity: ModelIdentity | None = None
        self._lock = threading.Lock()

    def identity(self) -> ModelIdentity:
        with self._lock:
            known = self._identity
        if known is None:
            answer = self._ask("GET", wire.IDENTITY)
            known = wire.load_identity(answer.identity)
            self._compare(known)
        return known

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self._encode(PASSAGE, texts)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode(QUERY, texts)

    def close(self) -> None:
        """Closes the idle connections; the embedder can still be used."""
        self._connections.close()

    def _encode(self, kind: str, texts: Sequence[str]) -> Vectors:
        cleaned = clean_texts(texts)
        dimension = self.identity().dimension
        found = np.empty((len(cleaned), dimension), dtype=np.float32)
        for batch in plan_batches([len(text) for text in cleaned], REQUEST_LIMITS):
            body = wire.dump_request(kind, [cleaned[position] for position in batch])
            answer = self._ask("POST", wire.ENCODE, body)
            self._compare(wire.load_identity(answer.identity))
            found[batch] = wire.load_vectors(answer.body, dimension)
        return found

    def _compare(self, served: ModelIdentity) -> None:
        with self._lock:
            known, self._identity = self._identity, served
        if known is not None and known != served:
            raise ModelMismatch(
                f"The embedding server now serves {served}, before it was {known}. Vectors of "
                "the two cannot be mixed: re-embed, or start the server with the old model.",
                expected=str(known),
                served=str(served),
            )

    def _ask(self, method: str, path: str, body: bytes | None = None) -> _Answer:
        answer = self._connections.request(method, path, body)
        if answer.status == http.client.OK:
            return answer
        message, details = _error_of(answer)
        if answer.status == InvalidInput.http_status:
            raise InvalidInput(message, **details)
        raise EngineUnavailable(message, after_seconds=_RETRY_SECONDS, engine="embedding")


class _Connections:
    """Idle keep-alive connections to one server. Thread-safe; a forked child starts afresh."""

    def __init__(self, base_url: str, timeout: float) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(f"The embedding server's address {base_url!r} is not an HTTP URL.")
        self._base_url = base_url
        self._kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._host, self._port, self._prefix = parts.hostname, parts.port, parts.path.rstrip("/")
        self._timeout = timeout
        self._idle: list[http.client.HTTPConnection] = []
        self._pid = os.getpid()
        self._lock = threading.Lock()

    def request(self, method: str, path: str, body: bytes | None) -> _Answer:
        """Sends over a kept connection; one that the server closed meanwhile is replaced.

        Repeating is safe: encoding changes nothing on the server.
        """
        kept = self._take()
        try:
            if kept is not None:
                # It may have been closed while idle, or the server was restarted.
                with suppress(http.client.RemoteDisconnected, ConnectionError):
                    return self._exchange(kept, method, path, body)
            return self._exchange(self._new(), method, path, body)
        except TimeoutError as error:
            raise self._away(f"did not answer within {self._timeout:g} seconds") from error
        except (http.client.HTTPException, OSError) as error:
            raise self._away(f"does not answer ({error})") from error

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _exchange(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None
    ) -> _Answer:
        headers = {"Content-Type": wire.JSON} if body is not None else {}
        try:
            connection.request(method, self._prefix + path, body, headers)
            response = connection.getresponse()
            answer = _Answer(
                response.status,
                response.read(),
                response.headers.get(wire.IDENTITY_HEADER, ""),
            )
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        return answer

    def _new(self) -> http.client.HTTPConnection:
        return self._kind(self._host, self._port, timeout=self._timeout)

    def _take(self) -> http.client.HTTPConnection | None:
        with self._lock:
            if self._pid != os.getpid():
                # The parent's sockets: closing our copies leaves the parent's open.
                for inherited in self._idle:
                    inherited.close()
                self._idle, self._pid = [], os.getpid()
            return self._idle.pop() if self._idle else None

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if len(self._idle) < _IDLE_CONNECTIONS and connection.sock is not None:
                self._idle.append(connection)
                return
        connection.close()

    def _away(self, what: str) -> EngineUnavailable:
        return EngineUnavailable(
            f"The embedding server at {self._base_url} {what}. Start it, or correct "
            "CONTENTCENTER_EMBEDDING_URL.",
            after_seconds=_RETRY_SECONDS,
            engine="embedding",
        )


def _error_of(answer: _Answer) -> tuple[str, dict[str, object]]:
    try:
        error = json.loads(answer.body)["error"]
        return str(error["message"]), dict(error["details"])
    except (ValueError, KeyError, TypeError):
        return f"The embedding server answered with status {answer.status}.", {}
