"""A small world of one bookshop for the twin's contract tests, and a callback receiver."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

APPID, CORPID, SECRET = "wxbook0000000001", "wwbook0000000001", "s3cret"
TOKEN = "callback-token"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64
JPG = b"\xff\xd8\xff\xe0" + b"0" * 64


def account(**more: Any) -> dict[str, Any]:
    return {
        "appid": APPID,
        "secret": SECRET,
        "name": "云上书店",
        "account_type": "SVC",
        "verified": True,
        "followers": 6,
        **more,
    }


def corp(**more: Any) -> dict[str, Any]:
    return {
        "corpid": CORPID,
        "secret": SECRET,
        "agentid": 1000002,
        "name": "云上书店",
        "members": [{"userid": "zhang", "name": "张店长"}, {"userid": "li", "name": "李编辑"}],
        "groups": [
            {"chat_id": "wrSciFi", "name": "科幻夜读", "owner": "zhang", "size": 8},
            {"chat_id": "wrKids", "name": "绘本妈妈", "owner": "zhang", "size": 5},
            {"chat_id": "wrOther", "name": "历史社", "owner": "li", "size": 3},
        ],
        "customers": [
            {"external_userid": f"wmC{n}", "unionid": f"uC{n}", "follow_userid": "zhang"}
            for n in range(3)
        ],
        "robots": [{"key": "robot-key", "name": "值班机器人"}],
        **more,
    }


def link(code: str, title: str = "三体：科幻长篇") -> dict[str, Any]:
    return {
        "msgtype": "link",
        "link": {"title": title, "desc": "今晚共读", "url": f"https://shop.example/t/{code}"},
    }


class Receiver:
    """What a product's callback address got: (query, body) of every POST, in order.

    `answers` are the next replies: (status, body); then 200 `success`.
    """

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], str]] = []
        self.paths: list[str] = []
        self.answers: list[tuple[int, str]] = []
        self.echo = True
        self.url = ""


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A small HTTP server on a free port."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(size).decode()
            kept.paths.append(self.path)
            kept.got.append((dict(parse_qsl(urlsplit(self.path).query)), body))
            self._answer(*(kept.answers.pop(0) if kept.answers else (200, "success")))

        def do_GET(self) -> None:
            kept.paths.append(self.path)
            query = dict(parse_qsl(urlsplit(self.path).query))
            self._answer(200, query.get("echostr", "") if kept.echo else "no")

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_words: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
