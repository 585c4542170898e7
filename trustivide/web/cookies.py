"""Setting, reading and removing cookies, by the register and never past it."""

import hashlib
from uuid import UUID

from flask import Flask, Response, current_app, request
from flask.sessions import SecureCookieSessionInterface

from trustivide.core.cookies import Cookie


class _Session(SecureCookieSessionInterface):
    """Flask's signed cookie, with HMAC-SHA-256 in place of SHA-1."""

    digest_method = staticmethod(hashlib.sha256)


def init_app(app: Flask) -> None:
    """Sign the session's cookie so."""
    app.session_interface = _Session()


def read(cookie: Cookie, survey: UUID | None = None) -> str | None:
    """What the browser sent; ``survey`` for a cookie that there is one of per survey."""
    return request.cookies.get(cookie.called(secure=_secure(), survey=survey))


def keep(response: Response, cookie: Cookie, value: str, survey: UUID | None = None) -> Response:
    """Give the browser the cookie, out of reach of scripts, for as long as the register says."""
    response.set_cookie(
        cookie.called(secure=_secure(), survey=survey),
        value,
        max_age=cookie.seconds,
        path=cookie.sent_to(survey),
        secure=_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response


def drop(response: Response, cookie: Cookie, survey: UUID | None = None) -> Response:
    """Take the cookie back. Browsers heed it only with the attributes it was set with."""
    response.delete_cookie(
        cookie.called(secure=_secure(), survey=survey),
        path=cookie.sent_to(survey),
        secure=_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response


def _secure() -> bool:
    return bool(current_app.config["SETTINGS"].secure_cookies)
