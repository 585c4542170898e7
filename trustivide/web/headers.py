"""Headers of every response, errors included, and the check of where a change comes from."""

import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, request

_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_SECRETS = frozenset({"token", "code"})
"""Arguments of addresses that open something."""


def csp_nonce() -> str:
    """The nonce (128 bits) that scripts of this response carry."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def gpc() -> bool:
    """Whether the browser asks not to have anything shared or sold (Sec-GPC, a W3C draft)."""
    return request.headers.get("Sec-GPC") == "1"


def secret_in_address() -> bool:
    """Whether the address itself opens something: it must not travel further."""
    return not _SECRETS.isdisjoint(request.view_args or {})


def init_app(app: Flask) -> None:
    """Install the headers and the origin check (OWASP ASVS 5.0, V3.4 and V3.5)."""
    settings = app.config["SETTINGS"]

    @app.before_request
    def same_origin() -> None:
        # Beside the CSRF token. Sec-Fetch-Site where the browser sends it, else
        # Origin; a client that sends neither has no cookies of a browser to abuse.
        if request.method not in _UNSAFE or request.endpoint == "privacy.one_click_unsubscribe":
            return
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            abort(400)
        origin = request.headers.get("Origin")
        allowed = {request.host, urlsplit(settings.public_url).netloc}
        if origin is not None and urlsplit(origin).netloc not in allowed:
            abort(400)

    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault(
            "Content-Security-Policy",
            f"default-src 'none'; script-src 'nonce-{csp_nonce()}'; style-src 'self'; "
            "img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; "
            "base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
        )
        # What may be kept says so itself: static files do.
        headers.setdefault("Cache-Control", "no-store")
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"  # for what doesn't know frame-ancestors
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()"
        # Not "no-referrer": then a form would be sent with "Origin: null".
        policy = "strict-origin" if secret_in_address() else "same-origin"
        headers.setdefault("Referrer-Policy", policy)
        if settings.secure_cookies:
            headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
        response.vary.update(("HX-Request", "HX-Request-Type", "Cookie", "Accept-Language"))
        return response
