"""Opaque cursors: short JSON in URL-safe base64. A broken one is the caller's mistake."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from contentcenter.domain.errors import InvalidInput


def pack_cursor(value: dict[str, Any]) -> str:
    text = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpack_cursor(text: str) -> dict[str, Any]:
    """The value of `pack_cursor`. `InvalidInput` for anything else."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        value = json.loads(raw)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("This cursor is not one of ours", field="cursor") from error
    if not isinstance(value, dict):
        raise InvalidInput("This cursor is not one of ours", field="cursor")
    return value
