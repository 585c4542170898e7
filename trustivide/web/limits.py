"""How often somebody may try. Counted per process, or through Redis where there is one."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from trustivide.core.crypto import normalise_address, ring
from trustivide.web.forms import clean_address

View = TypeVar("View", bound=Callable[..., Any])

limiter = Limiter(get_remote_address, headers_enabled=False)

WINDOW = 600
"""Seconds after which tries are forgotten."""
PER_NETWORK = f"30 per {WINDOW} seconds"
PER_ADDRESS = f"6 per {WINDOW} seconds"


def init_app(app: Flask) -> None:
    """Install the limiter. Without a configured proxy, X-Forwarded-For counts for nothing."""
    settings = app.config["SETTINGS"]
    app.config.setdefault("RATELIMIT_STORAGE_URI", settings.redis_url or "memory://")
    limiter.init_app(app)


def typed_address() -> str:
    """The address in the form, if it has one, in the one spelling under which it is stored."""
    typed = request.form.get("email", "")
    try:
        return clean_address(typed)
    except ValueError:
        return normalise_address(typed)


def tries(view: View) -> View:
    """Limit POSTs of a view per network, and per typed address where the form has one.

    The second, since one person could else be tried, or mailed, from many networks.
    """
    return tries_of(typed_address)(view)


def tries_of(
    whom: Callable[[], str], *, always: bool = True, apart: Callable[[], str] = lambda: ""
) -> Callable[[View], View]:
    """Limit POSTs of a view per network and per ``whom``: an account, say; empty is nobody.

    Without ``always`` a POST that concerns nobody counts for nothing. What
    ``apart`` names, a device that its account knows, has a count of its own and
    no other: nobody elsewhere can use its tries up (OWASP, "Device cookies").
    """

    def key() -> str:
        # A digest: the counter's store is no place for addresses and tokens.
        return ring().digest(f"apart {apart()}" if apart() else whom(), "limit").hex()

    def limit(view: View) -> View:
        limited = limiter.limit(
            PER_NETWORK,
            methods=["POST"],
            exempt_when=lambda: bool(apart()) or not (always or whom()),
        )(view)
        per_person = limiter.limit(
            PER_ADDRESS,
            methods=["POST"],
            key_func=key,
            exempt_when=lambda: not (apart() or whom()),
        )
        return per_person(limited)  # type: ignore[return-value]

    return limit


def open_again() -> datetime | None:
    """When the limit that this request ran into lets tries through again."""
    reached = limiter.current_limit
    if reached is None or not reached.breached:
        return None
    return datetime.fromtimestamp(reached.reset_at + 59, UTC)  # what is shown are whole minutes
