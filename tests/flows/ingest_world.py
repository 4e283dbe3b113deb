"""What the ingest flows share: services, an application with a key, small files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

import ingest.ext
from contentcenter.domain.roles import Scope
from contentcenter.floor import Floor
from contentcenter.web.app import create_app
from contentcenter.web.auth import EXTENSION
from ingest.imports import FaultLine, ImportService, ImportView


@dataclass
class Door:
    """The API with a key that may do everything with content."""

    client: FlaskClient
    key: str

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **options)

    def upload(self, data: bytes, name: str, **form: str) -> TestResponse:
        return self.call("POST", "/imports", data={"file": (io.BytesIO(data), name), **form})


def make_app(floor: Floor) -> Flask:
    app = create_app(floor)
    ingest.ext.init_app(app, floor)
    return app


def make_door(app: Flask) -> Door:
    scopes = [Scope.READ, Scope.CONTENT, Scope.APPROVE]
    return Door(app.test_client(), app.extensions[EXTENSION].create_key("test", scopes, "test"))


class HasImports(Protocol):
    @property
    def imports(self) -> ImportService: ...


def import_file(
    services: HasImports, data: bytes, name: str, source: str = "测试供应商", **options: str
) -> tuple[ImportView, list[FaultLine]]:
    """Receive and run; the import and its row report."""
    import_id = services.imports.receive(io.BytesIO(data), name, source, "tester", **options)
    services.imports.run(import_id)
    return services.imports.get(import_id), list(services.imports.all_faults(import_id))


def png(size: tuple[int, int] = (8, 8), colour: str = "red", form: str = "PNG") -> bytes:
    held = io.BytesIO()
    Image.new("RGB", size, colour).save(held, form)
    return held.getvalue()
