"""A passkey in software (W3C Web Authentication level 3, ES256): answers, and can lie on demand."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from flask.testing import FlaskClient

ORIGIN = "http://localhost:5000"
_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


def pack(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpack(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One credential. ``counts`` off is a synced passkey, whose counter stays at zero."""

    counts: bool = True
    counter: int = 0
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    user_handle: bytes = b""

    def make(self, options: dict[str, Any], *, origin: str = ORIGIN, verified: bool = True) -> str:
        """What a browser sends after ``navigator.credentials.create``."""
        self.user_handle = unpack(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        length = len(self.credential_id).to_bytes(2)
        attested = bytes(16) + length + self.credential_id + cbor2.dumps(cose)
        data = self._data(options["rp"]["id"], verified, _ATTESTED) + attested
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options["challenge"], origin)
        return self._sent(clientDataJSON=client, attestationObject=statement)

    def prove(
        self,
        options: dict[str, Any],
        *,
        origin: str = ORIGIN,
        site: str | None = None,
        verified: bool = True,
        handle: bytes | None = None,
    ) -> str:
        """What a browser sends after ``navigator.credentials.get``."""
        self.counter += self.counts
        data = self._data(site or options["rpId"], verified)
        client = self._client("webauthn.get", options["challenge"], origin)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._sent(
            clientDataJSON=client,
            authenticatorData=data,
            signature=signature,
            userHandle=self.user_handle if handle is None else handle,
        )

    def _data(self, site: str, verified: bool, more: int = 0) -> bytes:
        flags = _PRESENT | (_VERIFIED if verified else 0) | more
        return hashlib.sha256(site.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4)

    def _client(self, kind: str, challenge: str, origin: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin}).encode()

    def _sent(self, **response: bytes) -> str:
        own = pack(self.credential_id)
        packed = {name: pack(value) for name, value in response.items()}
        return json.dumps({"id": own, "rawId": own, "type": "public-key", "response": packed})


def challenged(client: FlaskClient, path: str, **form: str) -> dict[str, Any]:
    """The options that the site gives at ``path``."""
    answer = client.post(f"{path}/challenge", data=form)
    assert answer.status_code == 200, answer.text
    options: dict[str, Any] = json.loads(answer.text)
    return options


def added(client: FlaskClient, name: str = "Telefonen", **more: Any) -> Authenticator:
    """A passkey that whoever is signed in adds to their account."""
    device = Authenticator(**more)
    made = device.make(challenged(client, "/auth/passkeys/new"))
    answer = client.post("/auth/passkeys/new", data={"credential": made, "name": name})
    assert answer.status_code == 303, answer.text
    return device
