"""How often somebody may try. Counted per process, or through Redis where there is one."""

from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(get_remote_address, headers_enabled=False)

PER_NETWORK = "30 per 10 minutes"
PER_ADDRESS = "6 per 10 minutes"


def init_app(app: Flask) -> None:
    """Install the limiter. Without a configured proxy, X-Forwarded-For counts for nothing."""
    settings = app.config["SETTINGS"]
    app.config.setdefault("RATELIMIT_STORAGE_URI", settings.redis_url or "memory://")
    limiter.init_app(app)


def typed_address() -> str:
    """The address in the form: one person can't be tried, or mailed, from many networks."""
    return "address:" + request.form.get("email", "").strip().casefold()


def tries(view: object) -> object:
    """Limit POSTs of a view per network and per typed address."""
    limited = limiter.limit(PER_NETWORK, methods=["POST"])(view)
    return limiter.limit(PER_ADDRESS, methods=["POST"], key_func=typed_address)(limited)
