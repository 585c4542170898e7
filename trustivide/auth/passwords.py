"""Passwords: argon2id (RFC 9106), 12–128 characters, unmodified (NIST SP 800-63B)."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

hasher = PasswordHasher()
MINIMUM, MAXIMUM = 12, 128

# Long enough to pass the length rule, and first in every list of guesses.
_COMMON = (
    "password",
    "losenord",
    "lösenord",
    "trustivide",
    "qwerty",
    "123456",
    "abc123",
    "iloveyou",
    "welcome",
    "valkommen",
    "välkommen",
    "sommar",
    "vinter",
    "sverige",
)


def hash_password(password: str) -> str:
    """The argon2id hash to store."""
    return hasher.hash(password)


@cache
def _decoy(of: PasswordHasher) -> str:
    """What is verified where there is no account, at the price of a real one."""
    return of.hash("nobody's password")


def matches(stored: str | None, password: str) -> bool:
    """Whether ``password`` made ``stored``; takes as long when no password is."""
    try:
        hasher.verify(stored or _decoy(hasher), password)
    except InvalidHashError:  # an account with a passkey alone
        return matches(None, password)
    except VerificationError:
        return False
    return stored is not None


def is_guessable(password: str, *about: str) -> bool:
    """Whether it is a well-known word with digits around it, or the person's own words."""
    letters = password.casefold()
    for word in (*_COMMON, *(a.casefold() for a in about if len(a) > 3)):
        rest = letters.replace(word, "")
        if rest != letters and sum(c.isalpha() for c in rest) < 4:
            return True
    return len(set(letters)) < 5
