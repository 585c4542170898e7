"""Who visits the privacy centre: a signed-in account, or the owner of an address."""

from dataclasses import dataclass

from flask import Response, current_app, g, request

from trustivide.auth import login
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.db import db
from trustivide.core.subjects import Person
from trustivide.privacy import links, queries
from trustivide.web.locale import language

_COOKIE = "privacy_session"


@dataclass(frozen=True)
class Visitor:
    """Somebody who has proven whose data they may see.

    ``user`` is ``None`` for a visit by mailed link, which reaches what belongs
    to the address, and nothing of an account that can be signed in to.
    ``recently_verified`` says whether the password was given within a quarter of
    an hour; a mailed link is itself that fresh.
    """

    person: Person
    user: User | None
    address: str
    name: str
    locale: str
    recently_verified: bool


def visitor() -> Visitor | None:
    """Who is asking, or ``None``.

    A visit by mailed link goes before a signed-in account: it was begun on
    purpose, it is short, and it has a visible end. Its pages load nothing from
    third parties.
    """
    address = links.address_of(db.session(), _token(), clock.now()) if _token() else None
    if address is not None:
        g.plain = True
        person = queries.left_behind(db.session(), address)
        return Visitor(person, None, address, "", language(), True)
    who = login.current()
    if who is None:
        return None
    return Visitor(
        who.person, who.user, who.user.email, who.user.name, language(), who.recently_verified
    )


def _cookie() -> str:
    return f"__Secure-{_COOKIE}" if _secure() else _COOKIE


def _secure() -> bool:
    return bool(current_app.config["SETTINGS"].secure_cookies)


def _token() -> str:
    return request.cookies.get(_cookie(), "")


def begin(response: Response, token: str) -> Response:
    """Give the browser a visit that :func:`links.enter` opened."""
    response.set_cookie(
        _cookie(),
        token,
        max_age=int(links.VISIT_FOR.total_seconds()),
        path="/privacy",
        httponly=True,
        samesite="Lax",
        secure=_secure(),
    )
    return response


def end(response: Response) -> Response:
    """Take the visit's cookie back."""
    response.delete_cookie(
        _cookie(), path="/privacy", httponly=True, samesite="Lax", secure=_secure()
    )
    return response


def token() -> str:
    """The token of the current visit; empty without one."""
    return _token()
