"""Runs the twin: one gunicorn process of threads, which stops cleanly on SIGTERM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from sandbox.app import create_app
from sandbox.twin import Twin

THREADS = 64


class Server(BaseApplication):  # type: ignore[misc]
    """All state lives in the one worker; the parent only looks after it."""

    def __init__(
        self, host: str, port: int, folder: Path, clock_offset: float | None, threads: int = THREADS
    ) -> None:
        self._address = f"{host}:{port}"
        self._folder = folder
        self._offset = clock_offset
        self._threads = threads
        super().__init__()

    def load_config(self) -> None:
        twin_of_worker: list[Twin] = []

        def stop_twins(_server: object, _worker: object) -> None:
            for twin in twin_of_worker:
                twin.stop()

        options: dict[str, Any] = {
            "bind": [self._address],
            "workers": 1,
            "worker_class": "gthread",
            "threads": self._threads,
            "worker_connections": 2000,
            "keepalive": 60,
            "timeout": 120,
            "graceful_timeout": 3,
            "loglevel": "warning",
            "proc_name": "platform-twin",
            "control_socket_disable": True,
            "worker_exit": stop_twins,
        }
        self._twins = twin_of_worker
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        twin = Twin(self._folder, self._offset)
        twin.start()
        self._twins.append(twin)
        return create_app(twin)
