"""Who visits the privacy centre: a signed-in account, or the owner of an address."""

from dataclasses import dataclass
from uuid import UUID

from flask import Response, g

from trustivide.auth import login
from trustivide.auth.models import User
from trustivide.core import clock, tenancy
from trustivide.core.cookies import VISIT
from trustivide.core.db import db
from trustivide.core.subjects import Person
from trustivide.privacy import links, queries
from trustivide.web import cookies
from trustivide.web.locale import language


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

    @property
    def organisations(self) -> dict[UUID, str]:
        """The organisations that the visitor owns: none for a visit by mailed link."""
        if self.user is None:
            return {}
        return tenancy.tenancy().owned_by(db.session(), self.user.id)


def visitor() -> Visitor | None:
    """Who is asking, or ``None``.

    A visit by mailed link goes before a signed-in account: it was begun on
    purpose, it is short, and it has a visible end. Its pages load nothing from
    third parties.
    """
    address = links.address_of(db.session(), token(), clock.now()) if token() else None
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


def token() -> str:
    """The token of the current visit; empty without one."""
    return cookies.read(VISIT) or ""


def begin(response: Response, token: str) -> Response:
    """Give the browser a visit that :func:`links.enter` opened."""
    return cookies.keep(response, VISIT, token)


def end(response: Response) -> Response:
    """Take the visit's cookie back."""
    return cookies.drop(response, VISIT)
