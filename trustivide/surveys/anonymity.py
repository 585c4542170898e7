"""Tokens, slots, receipt codes and drafts: what keeps a person and their answers apart.

Everything here is a pure function of secrets. The scheme, and what it does not
stop, is described in ``docs/privacy.md``.
"""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from trustivide.core.codes import bare, new_code


def new_link_key() -> bytes:
    """A survey's link key: 256 random bits, stored encrypted, destroyed at closing."""
    return secrets.token_bytes(32)


def token_of(link_key: bytes, invitation_id: UUID) -> str:
    """The invitation's token, 192 bits: HMAC-SHA-256 of its id under the link key.

    It is never stored, so whoever reads the database without the key ring can
    compute no token, and after closing nobody can.
    """
    mac = hmac.digest(link_key, invitation_id.bytes, hashlib.sha256)[:24]
    return base64.urlsafe_b64encode(mac).decode()


def lookup_of(token: str) -> bytes:
    """What the invitation stores of its token."""
    return _hash(token, "lookup")


def slot_of(token: str) -> bytes:
    """What the answer set stores of the token; unequal to, and not computable from, the look-up."""
    return _hash(token, "slot")


def new_receipt_code() -> str:
    """A fresh receipt code, 150 bits in six readable groups: ``7K3QX-…``."""
    return new_code(groups=6, size=5)


def receipt_of(code: str) -> bytes:
    """What the answer set stores of the code. Blanks, hyphens, case and look-alikes don't count."""
    return _hash(bare(code), "receipt")


def request_of(code: str) -> bytes:
    """Under what a right used with the code is noted; unequal to what its answers store."""
    return _hash(bare(code), "request")


def _hash(secret: str, purpose: str) -> bytes:
    """Unkeyed on purpose: the input has 128 bits or more, so nothing can be guessed."""
    return hashlib.sha256(purpose.encode() + b"\0" + secret.encode()).digest()


def new_draft_cookie() -> str:
    """A random cookie (256 bits) that alone can open a draft."""
    return secrets.token_urlsafe(32)


def seal_draft(cookie: str, answers: dict[str, Any]) -> bytes:
    """Encrypt a draft with a key that is derived from the cookie and stored nowhere."""
    nonce = secrets.token_bytes(12)
    text = json.dumps(answers, ensure_ascii=False).encode()
    return nonce + AESGCM(_draft_key(cookie)).encrypt(nonce, text, None)


def open_draft(cookie: str, sealed: bytes) -> dict[str, Any]:
    """What was sealed: answers by item key, and how far saving got; empty for another cookie."""
    try:
        text = AESGCM(_draft_key(cookie)).decrypt(sealed[:12], sealed[12:], None)
    except InvalidTag:
        return {}
    answers: dict[str, Any] = json.loads(text)
    return answers


def _draft_key(cookie: str) -> bytes:
    return _hash(cookie, "draft-key")
