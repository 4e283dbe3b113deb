"""The callback envelope, checked against the platforms' official sample."""

from __future__ import annotations

import pytest

from sandbox.crypto import EnvelopeError, decrypt, encrypt, signature

TOKEN = "QDG6eK"
KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
RECEIVER = "wx5823bf96d3bd56c7"
CIPHER_TEXT = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911"
    "L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLx"
    "AUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9"
    "nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/u"
    "h9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="
)


def test_the_official_sample_signature() -> None:
    signed = signature(TOKEN, "1409659813", "1372623149", CIPHER_TEXT)
    assert signed == "477715d11cdb4164915debcba66cb864d751f3e6"


def test_the_official_sample_opens() -> None:
    text = decrypt(KEY, RECEIVER, CIPHER_TEXT)
    assert "<![CDATA[hello]]>" in text
    assert "4561255354251345929" in text


@pytest.mark.parametrize("size", [0, 1, 11, 12, 13, 27, 28, 500])
def test_every_length_comes_back(size: int) -> None:
    text = "书" * size
    assert decrypt(KEY, RECEIVER, encrypt(KEY, RECEIVER, text)) == text


def test_the_sample_is_reproduced_with_its_salt() -> None:
    import base64

    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    from sandbox.crypto import aes_key

    key = aes_key(KEY)
    opener = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = opener.update(base64.b64decode(CIPHER_TEXT)) + opener.finalize()
    assert encrypt(KEY, RECEIVER, decrypt(KEY, RECEIVER, CIPHER_TEXT), plain[:16]) == CIPHER_TEXT


def test_foreign_or_damaged_envelopes_are_refused() -> None:
    with pytest.raises(EnvelopeError, match="another receiver"):
        decrypt(KEY, "wxother", CIPHER_TEXT)
    with pytest.raises(EnvelopeError):
        decrypt(KEY, RECEIVER, CIPHER_TEXT[:40])
    with pytest.raises(EnvelopeError):
        decrypt("short" * 2 + "a", RECEIVER, CIPHER_TEXT)
