"""Codes that people write down and type in again: Crockford's base 32, without I, L, O and U."""

import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOK_ALIKES = str.maketrans({"I": "1", "L": "1", "O": "0", "U": "V"})


def new_code(groups: int, size: int) -> str:
    """A fresh code of ``groups`` even groups, 5 random bits a character: ``7K3QX-…``."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(size)) for _ in range(groups))


def bare(code: str) -> str:
    """What counts of a typed code: blanks, hyphens, case and look-alikes don't."""
    return "".join(c for c in code.upper() if c.isalnum()).translate(_LOOK_ALIKES)
