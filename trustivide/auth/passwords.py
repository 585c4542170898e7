"""Passwords: argon2id (RFC 9106), 12–128 characters, unmodified (NIST SP 800-63B)."""

import gzip
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

hasher = PasswordHasher()
MINIMUM, MAXIMUM = 12, 128
_SHORT = 6
"""Of so few characters a password is no longer than they are, however often they are repeated."""
_IN_A_ROW = "0123456789" * 14 + "9876543210" * 14

# What Swedes add to the list of the world's commonest.
_SWEDISH = """
lösenord losenord hemligt hemlighet trustivide välkommen valkommen sommar vinter höst vår
januari februari mars april juni juli augusti september oktober november december
måndag tisdag onsdag torsdag fredag lördag söndag sverige stockholm göteborg goteborg malmö
fotboll hockey hammarby djurgården djurgarden frölunda älskar älskling kärlek qwertyåäö
"""
_LOOKALIKES = str.maketrans("013457@$!", "oleastasi")


def hash_password(password: str) -> str:
    """The argon2id hash to store."""
    return hasher.hash(password)


@cache
def _decoy(of: PasswordHasher) -> str:
    """What is verified where there is no account, at the price of a real one."""
    return of.hash("nobody's password")


def matches(stored: str | None, password: str) -> bool:
    """Whether ``password`` made ``stored``; takes as long when no hash is stored."""
    is_hash = stored is not None and stored.startswith("$")
    try:
        hasher.verify(stored if stored and is_hash else _decoy(hasher), password)
    except (VerificationError, InvalidHashError):
        return False
    return is_hash


@cache
def _common() -> frozenset[str]:
    """The commonest passwords and the words that they are made of, in small letters."""
    listed = gzip.decompress((Path(__file__).parent / "common_passwords.txt.gz").read_bytes())
    return frozenset((*listed.decode().split("\n"), *_SWEDISH.split()))


def is_guessable(password: str, *about: str) -> bool:
    """Whether it is among the first guesses, whatever figures and signs stand around.

    A well-known password or one of the person's own words (NIST SP 800-63B,
    5.1.1.2), alone, repeated, with look-alikes for letters or with three
    letters more; figures in a row; or a few characters over and over.
    """
    words = {a.casefold() for a in about if len(a) > 3}
    typed = password.casefold()
    if len(set(typed)) < 5 or len(_repeated(typed)) <= _SHORT or typed in _IN_A_ROW:
        return True
    if typed in _common() | words:
        return True
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", typed)
    spellings = {_letters(core), _letters(core.translate(_LOOKALIKES))}
    return any(part in _common() or part in words for s in spellings for part in _parts(s))


def _letters(text: str) -> str:
    return "".join(c for c in text if c.isalpha())


def _repeated(text: str) -> str:
    """What the text is a repetition of; itself, if of nothing shorter."""
    again = (text + text).find(text, 1)
    return text[:again] if again > 0 else text


def _parts(letters: str) -> Iterator[str]:
    """The word itself, what it repeats, and it without up to three letters at its ends."""
    yield _repeated(letters)
    for before in range(4):
        for after in range(4 - before):
            yield letters[before : len(letters) - after]
