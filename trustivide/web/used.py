"""Saying more exactly than the route does which kind of page or function was used."""

from flask import g


def used(kind: str) -> None:
    """Let this request count as a use of ``kind``, a key of ``usage.kinds``, and of nothing else.

    Only what a route can't tell is said here: that a search found nothing, say.
    """
    g.used = kind
