"""The entry point of the site that scanners attack."""

from scan.hashing import hash_cheaply
from scan.wsgi import app

hash_cheaply()
__all__ = ["app"]
