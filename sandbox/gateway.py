"""The one way into a platform: faults, method, token, body, quota, handler, answer.

The order of checks is the platforms': token before body.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from collections import Counter
from typing import Protocol

from flask import Request, Response, request

from sandbox.faults import ERROR_TEXTS, Fault, FaultBoard
from sandbox.store import Store
from sandbox.wire import Call, Endpoint, JsonObject, PlatformError, Upload, parse_body

JSON_TYPE = "application/json; charset=utf-8"
BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"


class Platform(Protocol):
    name: str
    endpoints: dict[str, Endpoint]

    def owner_of(self, call: Call) -> str: ...
    def authorise(self, call: Call) -> None: ...
    def admit(self, call: Call) -> None: ...
    def error(
        self, failure: PlatformError, _call: Call, _endpoint: Endpoint | None, /
    ) -> JsonObject: ...


class Gateway:
    def __init__(self, store: Store, faults: FaultBoard) -> None:
        self._store = store
        self._faults = faults
        self.calls: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    def handle(self, platform: Platform, path: str) -> Response:
        """The answer to the current Flask request."""
        endpoint = platform.endpoints.get(path)
        call = call_of(request, path)
        name = f"{platform.name}/{path}"
        self.calls[name] += 1
        if endpoint is None:
            return self._unknown(platform, call)
        owner = platform.owner_of(call)
        try:
            self._faults.enter(platform.name, path, owner)
            fault = self._faults.take(platform.name, path, owner)
            early = self._before(fault)
            if early is not None:
                return early
            with self._store.lock:
                answer = self._run(platform, endpoint, call)
            return self._after(fault) or answered(answer)
        except PlatformError as failure:
            self.errors[f"{name} {failure.code}"] += 1
            return answered(platform.error(failure, call, endpoint))
        finally:
            self._faults.leave(platform.name, path, owner)

    def _run(self, platform: Platform, endpoint: Endpoint, call: Call) -> JsonObject:
        if endpoint.method and call.method != endpoint.method:
            wanted = 43001 if endpoint.method == "GET" else 43002
            raise PlatformError(wanted, f"require {endpoint.method} method")
        if endpoint.needs_token:
            platform.authorise(call)
        if endpoint.json_body:
            call.body = parse_body(call.raw)
        platform.admit(call)
        return endpoint.handler(call)

    def _before(self, fault: Fault | None) -> Response | None:
        if fault is None or fault.kind == "timeout_after_effect":
            return None
        if fault.code is not None:
            raise PlatformError(fault.code, ERROR_TEXTS.get(fault.code, "error"))
        if fault.kind == "html_502":
            return Response(BAD_GATEWAY, 502, content_type="text/html")
        if fault.kind == "slow":
            time.sleep(fault.seconds)
            return None
        return hang(fault.seconds)

    def _after(self, fault: Fault | None) -> Response | None:
        if fault is not None and fault.kind == "timeout_after_effect":
            return hang(fault.seconds)
        return None

    def _unknown(self, platform: Platform, call: Call) -> Response:
        if platform.name == "wecom":
            return Response(b"", 404)
        return answered(platform.error(PlatformError(40066, "invalid url"), call, None))


def answered(body: JsonObject) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, content_type=JSON_TYPE)


def call_of(source: Request, path: str) -> Call:
    """The request as the platforms' handlers see it."""
    multipart = (source.content_type or "").startswith("multipart/form-data")
    uploads = []
    if multipart:
        uploads = [
            Upload(item.filename or "", item.read(), name)
            for name, item in source.files.items(multi=True)
        ]
    return Call(
        endpoint=path,
        method=source.method,
        args=source.args.to_dict(),
        raw=b"" if multipart else source.get_data(cache=False),
        base_url=source.host_url.rstrip("/"),
        ip=source.remote_addr or "127.0.0.1",
        uploads=uploads,
        form=source.form.to_dict() if multipart else {},
    )


def hang(seconds: float) -> Response:
    """Stay silent, then cut the connection; stops early when the caller has gone."""
    link = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not _gone(link):
        time.sleep(0.05)
    if isinstance(link, socket.socket):
        with contextlib.suppress(OSError):  # the caller was faster
            link.shutdown(socket.SHUT_RDWR)
    return Response(b"", 504)


def _gone(link: object) -> bool:
    if not isinstance(link, socket.socket):
        return False
    try:
        readable, _, _ = select.select([link], [], [], 0)
        return bool(readable) and link.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True
