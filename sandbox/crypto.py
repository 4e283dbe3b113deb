"""Signatures and the AES envelope of platform callbacks (contracts, sections 10 and 11)."""

from __future__ import annotations

import base64
import hashlib
import os
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32  # the platforms pad to 32, not to the cipher's own 16


class EnvelopeError(ValueError):
    """A cipher text that is not for us, or not one at all."""


def signature(token: str, *parts: str) -> str:
    """SHA-1 of the sorted parts; `msg_signature` when the cipher text is one of them."""
    joined = "".join(sorted((token, *parts))).encode()
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()  # the platforms' choice


def aes_key(encoding_aes_key: str) -> bytes:
    key = base64.b64decode(encoding_aes_key + "=")
    if len(key) != 32:
        raise EnvelopeError("an EncodingAESKey has 43 characters and 32 bytes")
    return key


def encrypt(encoding_aes_key: str, receiver: str, text: str, salt: bytes | None = None) -> str:
    """16 random bytes, big-endian length, text, receiver id; AES-256-CBC; base64."""
    key = aes_key(encoding_aes_key)
    body = text.encode()
    plain = (salt or os.urandom(16)) + struct.pack(">I", len(body)) + body + receiver.encode()
    pad = BLOCK - len(plain) % BLOCK
    plain += bytes([pad]) * pad
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def decrypt(encoding_aes_key: str, receiver: str, cipher_text: str) -> str:
    """The text inside; EnvelopeError when damaged or addressed to another receiver."""
    key = aes_key(encoding_aes_key)
    raw = base64.b64decode(cipher_text)
    if not raw or len(raw) % 16:
        raise EnvelopeError("the length is no multiple of the cipher's block")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = decryptor.update(raw) + decryptor.finalize()
    pad = plain[-1]
    if not 1 <= pad <= BLOCK or len(plain) < 20 + pad:
        raise EnvelopeError("bad padding")
    plain = plain[:-pad]
    size = struct.unpack(">I", plain[16:20])[0]
    body, tail = plain[20 : 20 + size], plain[20 + size :]
    if tail.decode(errors="replace") != receiver:
        raise EnvelopeError("addressed to another receiver")
    return body.decode()
