"""Keys rotate, ciphertext is authenticated, digests outlive their keys' turn."""

import json
import os
import re
import stat
from pathlib import Path

import pytest

from trustivide import config
from trustivide.core.crypto import DecryptionError, KeyRing, normalise_address
from trustivide.core.errors import BootError


def rotated(ring: KeyRing) -> KeyRing:
    return KeyRing(
        {**ring.cipher, 2: os.urandom(32)},
        {**ring.digest_keys, 2: os.urandom(32)},
        {**ring.signing, 2: os.urandom(32)},
    )


def test_what_is_encrypted_can_be_read_after_rotation_and_not_after_retirement() -> None:
    old = KeyRing.generate()
    stored = old.encrypt("Åsa".encode())
    both = rotated(old)
    assert both.decrypt(stored) == "Åsa".encode()
    retired = KeyRing({2: both.cipher[2]}, both.digest_keys, both.signing)
    with pytest.raises(DecryptionError):
        retired.decrypt(stored)


def test_two_ciphertexts_of_one_text_differ() -> None:
    ring = KeyRing.generate()
    assert ring.encrypt(b"same") != ring.encrypt(b"same")


@pytest.mark.parametrize("position", [0, 1, 5, 20, -1])
def test_a_changed_byte_anywhere_is_noticed(position: int) -> None:
    ring = KeyRing.generate()
    stored = bytearray(ring.encrypt(b"a secret that is long enough"))
    stored[position] ^= 1
    with pytest.raises(DecryptionError):
        ring.decrypt(bytes(stored))


def test_an_old_digest_is_found_after_rotation() -> None:
    old = KeyRing.generate()
    kept = old.digest("dora@exempel.test")
    assert kept in rotated(old).digests("dora@exempel.test")
    assert rotated(old).digest("dora@exempel.test") != kept


def test_digests_are_bound_to_their_purpose() -> None:
    ring = KeyRing.generate()
    assert ring.digest("x", "sign-in") != ring.digest("x", "one-time")


@pytest.mark.parametrize("typed", [" Dora@Exempel.TEST ", "dora@exempel.test", "DORA@EXEMPEL.TEST"])
def test_one_mailbox_has_one_spelling(typed: str) -> None:
    assert normalise_address(typed) == "dora@exempel.test"


def test_what_is_sealed_opens_for_its_purpose_alone() -> None:
    ring = KeyRing.generate()
    sealed = ring.seal(b"dora@exempel.test", "unsubscribe")
    assert b"dora" not in sealed
    assert ring.seal(b"dora@exempel.test", "unsubscribe") != sealed
    for keys in (ring, rotated(ring), rotated(ring).retired()):
        assert keys.unseal(sealed, "unsubscribe") == b"dora@exempel.test"
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for wrong, purpose in ((sealed, "erasure-code"), (changed, "unsubscribe"), (b"", "x")):
        with pytest.raises(DecryptionError):
            ring.unseal(wrong, purpose)
    with pytest.raises(DecryptionError):
        KeyRing.generate().unseal(sealed, "unsubscribe")


def test_what_cipher_keys_encrypt_lies_in_columns_alone() -> None:
    """Elsewhere no rotation would find it: there it is sealed."""
    package = Path(config.__file__).parent
    users = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"(ring\(\)|keys|ring)\.(en|de)crypt\(", path.read_text())
    }
    assert users == {"core/crypto.py", "core/rotation.py"}


def test_a_signature_says_who_signed_and_what() -> None:
    ring = KeyRing.generate()
    version, signature = ring.sign(b"receipt")
    assert ring.verify(version, signature, b"receipt")
    assert not ring.verify(version, signature, b"another")
    assert not ring.verify(9, signature, b"receipt")
    assert not KeyRing.generate().verify(version, signature, b"receipt")


def test_a_ring_survives_its_json() -> None:
    ring = KeyRing.generate()
    assert KeyRing.from_json(ring.to_json()).decrypt(ring.encrypt(b"x")) == b"x"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"cipher": {"1": "c2hvcnQ="}, "digest": {"1": ""}, "signing": {}}'],
)
def test_an_unreadable_ring_stops_the_boot(text: str) -> None:
    with pytest.raises(BootError, match="TRUSTIVIDE_KEYS"):
        KeyRing.from_json(text)


def test_a_ring_never_prints_its_keys() -> None:
    ring = KeyRing.generate()
    assert all(key not in repr(ring) for key in json.loads(ring.to_json())["cipher"].values())


def test_development_makes_its_keys_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first = config.load({"INSTANCE_PATH": str(tmp_path)}).keys
    again = config.load({"INSTANCE_PATH": str(tmp_path)}).keys
    assert again.to_json() == first.to_json()
    mode = stat.S_IMODE((tmp_path / "keys.json").stat().st_mode)
    assert mode == 0o600
