"""Signatures and the AES envelope of platform callbacks (official-account.md 10, wecom.md 11)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
import xml.etree.ElementTree as ET

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from contentcenter.domain.errors import InvalidInput, NotAllowed

# The platforms pad to 32 bytes; an unpad for the cipher's own 16 refuses official samples.
PAD_BLOCK = 32
LARGEST_BODY = 1_000_000


def signature(token: str, *parts: str) -> str:
    """SHA-1 of the sorted parts joined: `msg_signature` when the cipher text is one of them."""
    text = "".join(sorted((token, *parts)))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def require_signature(wanted: str, token: str, *parts: str) -> None:
    """Raises `NotAllowed` unless the signature is right. An unset token is never right."""
    good = bool(token) and hmac.compare_digest(wanted.encode(), signature(token, *parts).encode())
    if not good:
        raise NotAllowed("The signature of this callback is wrong")


def decrypt(encoding_aes_key: str, receiver: str, cipher_text: str) -> str:
    """The text inside. Raises `NotAllowed` when damaged or addressed to another receiver."""
    try:
        key = base64.b64decode(encoding_aes_key + "=", validate=True)
        raw = base64.b64decode(cipher_text, validate=True)
        decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
        plain = _unpadded(decryptor.update(raw) + decryptor.finalize())
        size = struct.unpack(">I", plain[16:20])[0]
        text, owner = plain[20 : 20 + size].decode(), plain[20 + size :].decode()
    except (ValueError, binascii.Error, struct.error) as error:
        raise NotAllowed("This callback cannot be decrypted") from error
    if owner != receiver:
        raise NotAllowed("This callback is addressed to another account")
    return text


def _unpadded(plain: bytes) -> bytes:
    pad = plain[-1] if plain else 0
    if not 1 <= pad <= PAD_BLOCK or len(plain) < 20 + pad:
        raise ValueError("bad padding")
    return plain[:-pad]


def parse(body: str) -> ET.Element:
    """A callback's XML. Raises `InvalidInput` for anything else, entities included."""
    if len(body) > LARGEST_BODY or "<!DOCTYPE" in body or "<!ENTITY" in body:
        raise InvalidInput("This is no callback")
    try:
        return ET.fromstring(body)  # noqa: S314 - no declarations, so nothing to expand
    except ET.ParseError as error:
        raise InvalidInput(f"This is no XML: {error}") from error
