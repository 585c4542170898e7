"""Key ring, encrypted columns and keyed digests.

A value that must be read again is stored as authenticated ciphertext
(AES-256-GCM, NIST SP 800-38D); one that must be *found* again is stored beside
it as a keyed digest (HMAC-SHA-256, RFC 2104). Cipher keys rotate and retire.
Digest keys are versioned and never retired, since suppression entries and the
ledger hold nothing from which a digest could be computed anew. What lies where
no rotation reaches it, in a mail or an open page, is sealed under keys that
are derived from them.
"""

import base64
import hashlib
import hmac
import json
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from trustivide.core.errors import BootError

_FORMAT = 1
_NONCE_BYTES = 12
_BODY = 2 + _NONCE_BYTES  # where the ciphertext begins
KEY_BYTE = 2
"""Which byte of a ciphertext, counted from 1, is the version of its key."""


def normalise_address(address: str) -> str:
    """The one spelling under which an e-mail address is stored and compared.

    Case is folded on both sides of the @: RFC 5321 lets a server tell local
    parts apart by case, none in use does, and two rows for one mailbox would
    break every right that this product promises.
    """
    return unicodedata.normalize("NFC", address.strip()).casefold()


class DecryptionError(Exception):
    """The bytes were not written with a key of this ring, or were changed since."""


@dataclass(frozen=True, repr=False)
class KeyRing:
    """Versioned keys of three kinds, each 32 bytes; the highest version is current.

    ``writes_with`` holds a newer cipher key back: it is read with, but not
    written with, until every process knows it.
    """

    cipher: Mapping[int, bytes]
    digest_keys: Mapping[int, bytes]
    signing: Mapping[int, bytes]
    writes_with: int | None = None

    @classmethod
    def generate(cls) -> "KeyRing":
        """A fresh ring with version 1 of every kind."""
        cipher, digest, signing = ({1: secrets.token_bytes(32)} for _ in range(3))
        return cls(cipher, digest, signing)

    @classmethod
    def from_json(cls, text: str) -> "KeyRing":
        """Read what :meth:`to_json` wrote. Raises :class:`BootError` naming what is wrong."""
        try:
            raw = json.loads(text)
            cipher, digest, signing = kinds = [
                {int(v): base64.b64decode(k, validate=True) for v, k in raw[kind].items()}
                for kind in ("cipher", "digest", "signing")
            ]
            writes_with = raw.get("writes_with")
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise BootError(f"TRUSTIVIDE_KEYS is not a readable key ring: {error!r}") from None
        for kind, keys in zip(("cipher", "digest", "signing"), kinds, strict=True):
            if not keys or any(len(k) != 32 or not 0 < v < 256 for v, k in keys.items()):
                raise BootError(
                    f"TRUSTIVIDE_KEYS: '{kind}' needs 32-byte keys under versions 1 to 255"
                )
        if writes_with is not None and writes_with not in list(cipher):
            raise BootError("TRUSTIVIDE_KEYS: 'writes_with' names a cipher key that isn't there")
        return cls(cipher, digest, signing, writes_with)

    def to_json(self) -> str:
        """The ring as JSON with base64 keys; it is a secret as a whole."""
        named = {"cipher": self.cipher, "digest": self.digest_keys, "signing": self.signing}
        ring: dict[str, Any] = {
            kind: {str(v): base64.b64encode(k).decode() for v, k in keys.items()}
            for kind, keys in named.items()
        }
        if self.writes_with is not None:
            ring["writes_with"] = self.writes_with
        return json.dumps(ring, indent=1)

    def __repr__(self) -> str:
        return f"<KeyRing cipher={sorted(self.cipher)} digest={sorted(self.digest_keys)}>"

    @property
    def cipher_version(self) -> int:
        """The cipher key that is written with."""
        return self.writes_with or max(self.cipher)

    def with_new_cipher(self) -> "KeyRing":
        """This ring and one more cipher key, held back until :meth:`released`."""
        grown = {**self.cipher, max(self.cipher) + 1: secrets.token_bytes(32)}
        return replace(self, cipher=grown, writes_with=self.cipher_version)

    def released(self) -> "KeyRing":
        """This ring, writing with its newest cipher key."""
        return replace(self, writes_with=None)

    def retired(self) -> "KeyRing":
        """This ring without the cipher keys from before: what they encrypted can't be read."""
        version = self.cipher_version
        kept = {v: key for v, key in self.cipher.items() if v >= version}
        return replace(self, cipher=kept)

    def encrypt(self, plaintext: bytes) -> bytes:
        """``format ‖ key version ‖ nonce ‖ ciphertext and tag``; the header is authenticated.

        For columns alone, where a rotation finds it again; else :meth:`seal`.
        """
        version = self.cipher_version
        header = bytes([_FORMAT, version])
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return header + nonce + self._ciphers[version].encrypt(nonce, plaintext, header)

    def decrypt(self, stored: bytes) -> bytes:
        """Undo :meth:`encrypt`. Raises :class:`DecryptionError`."""
        try:
            cipher = self._ciphers[stored[1]]
            return cipher.decrypt(stored[2:_BODY], stored[_BODY:], stored[:2])
        except (InvalidTag, KeyError, IndexError, ValueError):
            raise DecryptionError("stored value can't be read with this key ring") from None

    @cached_property
    def _ciphers(self) -> dict[int, AESGCM]:
        """Made once: expanding a key takes longer than decrypting a short value with it."""
        return {version: AESGCM(key) for version, key in self.cipher.items()}

    def seal(self, plaintext: bytes, purpose: str) -> bytes:
        """``key version ‖ nonce ‖ ciphertext and tag``, for what lies outside the database.

        The key is derived from a digest key and bound to ``purpose``, so a link
        in an old mail outlives every cipher key.
        """
        version = max(self.digest_keys)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return (
            bytes([version])
            + nonce
            + self._sealer(version, purpose).encrypt(nonce, plaintext, None)
        )

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Undo :meth:`seal`, for the same purpose. Raises :class:`DecryptionError`."""
        try:
            nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
            return self._sealer(sealed[0], purpose).decrypt(nonce, rest, None)
        except (InvalidTag, KeyError, IndexError, ValueError):
            raise DecryptionError("sealed value can't be read with this key ring") from None

    def _sealer(self, version: int, purpose: str) -> AESGCM:
        return AESGCM(self._digest(version, b"", f"seal:{purpose}"))

    def digest(self, value: str | bytes, purpose: str = "address") -> bytes:
        """Keyed digest (32 bytes) of ``value`` under the current key, bound to ``purpose``."""
        return self._digest(max(self.digest_keys), value, purpose)

    def digests(self, value: str | bytes, purpose: str = "address") -> tuple[bytes, ...]:
        """The digest under every key that ever was current, newest first: for look-ups."""
        return tuple(self._digest(v, value, purpose) for v in sorted(self.digest_keys)[::-1])

    def _digest(self, version: int, value: str | bytes, purpose: str) -> bytes:
        data = value.encode() if isinstance(value, str) else value
        return hmac.digest(
            self.digest_keys[version], purpose.encode() + b"\0" + data, hashlib.sha256
        )

    def sign(self, data: bytes) -> tuple[int, bytes]:
        """Ed25519 signature (RFC 8032, 64 bytes) and the version of the key that made it."""
        version = max(self.signing)
        return version, self._signer(version).sign(data)

    def verify(self, version: int, signature: bytes, data: bytes) -> bool:
        """Whether ``signature`` was made over ``data`` by key ``version`` of this ring."""
        if version not in self.signing:
            return False
        try:
            self._signer(version).public_key().verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def public_key(self, version: int) -> bytes:
        """The raw public key (32 bytes) with which anyone can check a signature."""
        return self._signer(version).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def _signer(self, version: int) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.signing[version])


_installed: list[KeyRing] = []


def install(ring: KeyRing) -> None:
    """Make ``ring`` the one that column types use; column types know no application."""
    _installed[:] = [ring]


def ring() -> KeyRing:
    """The installed key ring. Raises :class:`BootError` before :func:`install`."""
    if not _installed:
        raise BootError("no key ring is installed")
    return _installed[0]


def address_digest(address: str) -> bytes:
    """Current digest of an e-mail address, normalised first."""
    return ring().digest(normalise_address(address))


class _Encrypted(TypeDecorator[Any]):
    impl = LargeBinary
    cache_ok = True

    def _dump(self, value: Any) -> bytes:
        raise NotImplementedError

    def _load(self, data: bytes) -> Any:
        raise NotImplementedError

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else ring().encrypt(self._dump(value))

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        return None if value is None else self._load(ring().decrypt(bytes(value)))


class EncryptedText(_Encrypted):
    """A ``str`` stored as authenticated ciphertext."""

    cache_ok = True

    def _dump(self, value: str) -> bytes:
        return value.encode()

    def _load(self, data: bytes) -> str:
        return data.decode()


class EncryptedAddress(EncryptedText):
    """An e-mail address, normalised before it is stored as ciphertext."""

    cache_ok = True

    def _dump(self, value: str) -> bytes:
        return normalise_address(value).encode()


class EncryptedBytes(_Encrypted):
    """``bytes`` stored as authenticated ciphertext."""

    cache_ok = True

    def _dump(self, value: bytes) -> bytes:
        return value

    def _load(self, data: bytes) -> bytes:
        return data


class EncryptedJSON(_Encrypted):
    """A JSON value stored as authenticated ciphertext."""

    cache_ok = True

    def _dump(self, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def _load(self, data: bytes) -> Any:
        return json.loads(data)


class Digest(TypeDecorator[bytes]):
    """A keyed digest, 32 bytes.

    With ``of``, the name of an attribute of the same row, it is filled from
    that attribute at every flush, so that the two can't drift apart.
    """

    impl = LargeBinary(32)
    cache_ok = True

    def __init__(self, of: str | None = None, purpose: str = "address") -> None:
        super().__init__()
        self.of = of
        self.purpose = purpose

    def compute(self, value: str) -> bytes:
        """The digest that a row with ``value`` must hold."""
        return ring().digest(
            normalise_address(value) if self.purpose == "address" else value, self.purpose
        )
