"""Callback signatures and encryption, against the platforms' published sample."""

from __future__ import annotations

import pytest

from contentcenter.domain.errors import InvalidInput, NotAllowed
from distribute.envelope import decrypt, parse, require_signature, signature

TOKEN = "QDG6eK"
KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
RECEIVER = "wx5823bf96d3bd56c7"
STAMP, NONCE = "1409659813", "1372623149"
SIGNED = "477715d11cdb4164915debcba66cb864d751f3e6"
SEALED = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W"
    "/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZ"
    "fJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAV"
    "GUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3K"
    "DYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="
)


def test_the_official_sample_verifies_and_opens() -> None:
    assert signature(TOKEN, STAMP, NONCE, SEALED) == SIGNED
    require_signature(SIGNED, TOKEN, STAMP, NONCE, SEALED)
    message = parse(decrypt(KEY, RECEIVER, SEALED))
    assert message.findtext("Content") == "hello"
    assert message.findtext("AgentID") == "218"


@pytest.mark.parametrize("token", ["", "other"])
def test_a_wrong_or_missing_token_is_refused(token: str) -> None:
    with pytest.raises(NotAllowed):
        require_signature(SIGNED, token, STAMP, NONCE, SEALED)


@pytest.mark.parametrize(
    ("key", "receiver", "sealed"),
    [
        (KEY, "wx0000000000000000", SEALED),
        ("x" * 43, RECEIVER, SEALED),
        ("", RECEIVER, SEALED),
        (KEY, RECEIVER, SEALED[:-8] + "AAAAAA=="),
        (KEY, RECEIVER, "no base64!"),
        (KEY, RECEIVER, ""),
    ],
)
def test_damaged_or_foreign_envelopes_are_refused(key: str, receiver: str, sealed: str) -> None:
    with pytest.raises(NotAllowed):
        decrypt(key, receiver, sealed)


@pytest.mark.parametrize(
    "body",
    ["", "hello", '<!DOCTYPE x [<!ENTITY a "b">]><xml>&a;</xml>', "<xml>" + "x" * 1_000_001],
)
def test_what_is_no_callback_is_refused(body: str) -> None:
    with pytest.raises(InvalidInput):
        parse(body)
