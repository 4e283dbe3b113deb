"""What a platform call looks like once parsed, and how a platform says no."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

JsonObject = dict[str, Any]
# An escaped character above ASCII in the raw body. Both platforms want real UTF-8.
_ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[0-7])[0-9a-fA-F]{4}")


class PlatformError(Exception):
    """A business failure: HTTP 200 with `errcode` on both platforms."""

    def __init__(self, code: int, text: str, **extra: Any) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.extra: JsonObject = extra


@dataclass(frozen=True)
class Upload:
    filename: str
    data: bytes
    field: str


@dataclass
class Call:
    """One request to a platform. `owner` is the appid or corpid behind the token."""

    endpoint: str
    method: str
    args: dict[str, str]
    raw: bytes
    base_url: str
    ip: str
    uploads: list[Upload] = field(default_factory=list)
    form: dict[str, str] = field(default_factory=dict)
    owner: str = ""
    body: JsonObject = field(default_factory=dict)


Handler = Callable[[Call], JsonObject]


@dataclass(frozen=True)
class Endpoint:
    """One API path below `/cgi-bin/`.

    method: the only one allowed, or "" for either. defaults: the empty fields WeCom puts into
    its failure answers. daily: calls per owner and day before 45009.
    """

    handler: Handler
    method: str = "POST"
    needs_token: bool = True
    json_body: bool = True
    defaults: JsonObject = field(default_factory=dict)
    daily: int = 0


def parse_body(raw: bytes) -> JsonObject:
    """The JSON object of a body; 44002 empty, 40033 escaped characters, 47001 no JSON."""
    if not raw.strip():
        raise PlatformError(44002, "empty post data")
    if _ESCAPED.search(raw):
        raise PlatformError(40033, "invalid charset. please check your request, if include \\uxxxx")
    try:
        body = json.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, ValueError) as error:
        raise PlatformError(47001, "data format error") from error
    if not isinstance(body, dict):
        raise PlatformError(47001, "data format error")
    return body


def text_of(body: JsonObject, name: str, code: int, what: str = "") -> str:
    """A string field; absent gives "", any other type the error code."""
    value = body.get(name, "")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise PlatformError(code, what or f"invalid {name}")
    return value


def int_of(body: JsonObject, name: str, default: int, code: int) -> int:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise PlatformError(code, f"invalid {name}")
    try:
        return int(value)
    except ValueError as error:
        raise PlatformError(code, f"invalid {name}") from error


def list_of(body: JsonObject, name: str, code: int) -> list[Any]:
    value = body.get(name, [])
    if value is None:
        return []
    if not isinstance(value, list):
        raise PlatformError(code, f"invalid {name}")
    return value


def strings_of(body: JsonObject, name: str, code: int) -> list[str]:
    values = list_of(body, name, code)
    if not all(isinstance(value, str) for value in values):
        raise PlatformError(code, f"invalid {name}")
    return values


def object_of(body: JsonObject, name: str, code: int) -> JsonObject:
    value = body.get(name, {})
    if not isinstance(value, dict):
        raise PlatformError(code, f"invalid {name}")
    return value
