"""The one process that holds the model, serving it over HTTP to all others.

    python -m contentcenter.embedding.server --port 8090 --cache-dir var/cache

Start it under a supervisor. It answers /healthz with 503 until the model is loaded, ends
with status 1 when loading fails, and on SIGTERM finishes the requests it has taken.
It has no authentication: bind it to a loopback or private address.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from contentcenter.domain.errors import (
    ContentCenterError,
    EngineUnavailable,
    InvalidInput,
    NotFound,
)
from contentcenter.embedding import wire
from contentcenter.embedding.cache import QUERY
from contentcenter.embedding.loading import BUNDLED
from contentcenter.embedding.ports import Embedder
from contentcenter.embedding.precision import AUTO
from contentcenter.embedding.runtime import limit_arenas, return_freed_memory
from contentcenter.embedding.sentence import SentenceEmbedder

_LOG = logging.getLogger("contentcenter.embedding.server")
_DRAIN_SECONDS = 20.0
_KEEP_ALIVE_SECONDS = 120.0
_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
_WARM_UP_TEXT = "书中自有千钟粟"


class EmbeddingServer(ThreadingHTTPServer):
    """HTTP front of one embedder. Queries overtake bulk work inside the embedder."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], embedder: Embedder) -> None:
        super().__init__(address, _Handler)
        self.embedder = embedder
        self.ready = threading.Event()
        self.stopping = threading.Event()
        self._busy = 0
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()

    def warm_up(self) -> None:
        """Loads the model and encodes once; from then on requests are served."""
        started = time.monotonic()
        self.embedder.encode_queries([_WARM_UP_TEXT])
        return_freed_memory()
        self.ready.set()
        _LOG.info("%s ready after %.1f s", self.embedder.identity(), time.monotonic() - started)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Counts one request, so that a stop can wait for it."""
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def stop(self, seconds: float = _DRAIN_SECONDS) -> bool:
        """Takes no new connections, waits for running requests, then hangs up on everyone.

        False when requests were still running after `seconds`.
        """
        self.stopping.set()
        self.shutdown()
        with self._changed:
            drained = self._changed.wait_for(lambda: self._busy == 0, timeout=seconds)
            for connection in self._open:
                with suppress(OSError):  # it may have gone by itself this moment
                    connection.shutdown(socket.SHUT_RDWR)
        return drained

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._changed:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._changed:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """A connection that broke is the client's story, not a failure of this server."""
        _LOG.debug("connection from %s broke", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: EmbeddingServer
    protocol_version = "HTTP/1.1"
    timeout = _KEEP_ALIVE_SECONDS
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, serve: Callable[[], bytes]) -> None:
        with self.server.serving():
            try:
                status, content = HTTPStatus.OK, serve()
            except ContentCenterError as error:
                status, content = HTTPStatus(error.http_status), wire.dump_error(error)
            except Exception:  # noqa: BLE001 - told to the client and logged
                _LOG.exception("%s %s failed", self.command, self.path)
                failure = EngineUnavailable("Encoding failed; see the embedding server's log.")
                status, content = HTTPStatus.INTERNAL_SERVER_ERROR, wire.dump_error(failure)
            self._send(status, content)

    def _get(self) -> bytes:
        if self.path == wire.HEALTH:
            self._require_ready()
            return b'{"status": "ready"}'
        if self.path == wire.IDENTITY:
            self._require_ready()
            return wire.dump_identity(self.server.embedder.identity()).encode()
        raise NotFound(f"There is no {self.path} here.")

    def _post(self) -> bytes:
        body = self._body()
        if self.path != wire.ENCODE:
            raise NotFound(f"There is no {self.path} here.")
        self._require_ready()
        request = wire.load_request(body)
        embedder = self.server.embedder
        encode = embedder.encode_queries if request.kind == QUERY else embedder.encode_passages
        return wire.dump_vectors(encode(request.texts))

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > wire.MAX_BODY_BYTES:
            self.close_connection = True  # what follows on this connection cannot be told apart
            raise InvalidInput(f"Send a Content-Length of at most {wire.MAX_BODY_BYTES} bytes.")
        return self.rfile.read(int(length))

    def _require_ready(self) -> None:
        if not self.server.ready.is_set():
            raise EngineUnavailable("The embedding model is still loading.", after_seconds=5.0)

    def _send(self, status: HTTPStatus, content: bytes) -> None:
        encoded = status is HTTPStatus.OK and self.path == wire.ENCODE
        self.send_response(status)
        self.send_header("Content-Type", wire.BINARY if encoded else wire.JSON)
        self.send_header("Content-Length", str(len(content)))
        if self.server.ready.is_set():
            identity = self.server.embedder.identity()
            self.send_header(wire.IDENTITY_HEADER, wire.dump_identity(identity))
        if self.server.stopping.is_set() or self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def version_string(self) -> str:
        return "contentcenter-embedding"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        _LOG.debug(format, *args)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT. The exit status is 1 when the model could not be loaded."""
    options = _parse(arguments)
    logging.basicConfig(format="%(asctime)s %(name)s %(message)s")
    _LOG.setLevel(logging.INFO)
    limit_arenas()
    asked_to_stop = _stop_requests()
    server = EmbeddingServer((options.host, options.port), _embedder(options))
    failed = threading.Event()
    for task in (server.serve_forever, lambda: _warm_up(server, failed)):
        threading.Thread(target=task, daemon=True).start()
    asked_to_stop.recv(1)
    if not server.stop():
        _LOG.warning("stopped with requests still running")
    return 1 if failed.is_set() else 0


def _stop_requests() -> socket.socket:
    """A socket that has a byte for every request to stop, from now on.

    Not sigwait: numpy's threads are there before us and do not block the signals, so one that
    comes before the wait would end the process. And the handler does nothing, so that none
    ever runs inside a lock.
    """
    requests, wake_up = socket.socketpair()
    wake_up.setblocking(False)
    signal.set_wakeup_fd(wake_up.detach())
    for one in _STOP_SIGNALS:
        signal.signal(one, lambda _number, _frame: None)
    return requests


def _warm_up(server: EmbeddingServer, failed: threading.Event) -> None:
    try:
        server.warm_up()
    except Exception:  # noqa: BLE001 - logged; the process ends with status 1
        _LOG.exception("the model could not be loaded")
        failed.set()
        os.kill(os.getpid(), signal.SIGTERM)


def _embedder(options: argparse.Namespace) -> SentenceEmbedder:
    return SentenceEmbedder(
        options.model,
        cache_dir=options.cache_dir,
        device=options.device,
        precision=options.precision,
        threads=options.threads,
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="contentcenter.embedding.server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", default=BUNDLED, help="bundled, a hub name or a local folder")
    parser.add_argument("--cache-dir", type=Path, required=True)
    parser.add_argument("--device", default=None, help="cpu or cuda; default: what is there")
    parser.add_argument("--precision", default=AUTO, help="auto, float32 or bfloat16")
    parser.add_argument("--threads", type=int, default=None, help="default: one for each core")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    # Not sys.exit: the interpreter's farewell would pull torch from under its daemon threads.
    os._exit(status)
