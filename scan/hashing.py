"""Passwords at the smallest cost, for a site that scanners attack.

Thousands of their forms hold a password, and a scanner that waits for argon2id
measures nothing else. What it looks for are flaws around it.
"""

from argon2 import PasswordHasher

from trustivide.auth import passwords


def hash_cheaply() -> None:
    """From now on in this process."""
    passwords.hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
