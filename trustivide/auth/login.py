"""The signed-in person of a request, on top of Flask-Login."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

from flask import Flask, session, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from sqlalchemy.orm import Session

from trustivide.auth import actions, queries
from trustivide.auth.models import SignIn, User
from trustivide.core import clock
from trustivide.core.cookies import SESSION
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person

first_stops: list[Callable[[Session, User, datetime], str | None]] = []
"""Pages that somebody who signs in is shown first, once: each gives a path or ``None``, and
notes in the sign-in's own transaction that it was shown. Filled by create_app."""


class SignedIn(UserMixin):
    """An account together with the sign-in that proved it."""

    def __init__(self, user: User, sign_in: SignIn, token: str) -> None:
        self.user = user
        self.sign_in = sign_in
        self.token = token

    def get_id(self) -> str:
        """What the cookie holds: the sign-in's token, never the account's id."""
        return self.token

    @property
    def person(self) -> Person:
        """The identities that this sign-in proves."""
        return queries.person(self.user)

    @property
    def recently_verified(self) -> bool:
        """Whether password or passkey was given within the last quarter of an hour."""
        return self.sign_in.verified_at + queries.SUDO > clock.now()

    @cached_property
    def is_halfway(self) -> bool:
        """Whether the account has a second factor that this sign-in hasn't given.

        Read from what is true now: who turns it on is asked for it on every
        other device too.
        """
        given = self.sign_in.second_factor
        return not given and queries.has_second_factor(db.session(), self.user)


def _holder() -> SignedIn | None:
    """Whose sign-in the cookie holds, finished or not."""
    return current_user._get_current_object() if current_user.is_authenticated else None


def current() -> SignedIn | None:
    """Who is signed in, or ``None``: nobody is before their second factor."""
    who = _holder()
    return None if who is None or who.is_halfway else who


def halfway() -> SignedIn | None:
    """Who gave their password within a quarter of an hour, and not yet their second factor."""
    who = _holder()
    return who if who is not None and who.is_halfway and who.recently_verified else None


def begin(user: User, onward: str, *, second_factor: bool = False) -> str:
    """Sign ``user`` in with a fresh session; nothing of the old one survives.

    After a second factor too, so that a token stolen before it never gains its powers.
    Returns the path to go to: ``onward``, or a page on the way there, first of all
    the one that asks for the second factor.
    """
    now, before = clock.now(), _holder()
    with transaction() as db_session:
        if before is not None:
            actions.sign_out(db_session, before.token)
        token = actions.sign_in(db_session, user, now, second_factor=second_factor)
        if not second_factor and queries.has_second_factor(db_session, user):
            stop: str | None = url_for("auth.second_factor")
        else:
            stop = next((path for ask in first_stops if (path := ask(db_session, user, now))), None)
    session.clear()
    session.permanent = True
    found = queries.sign_in_for(db.session(), token, now)
    assert found is not None
    login_user(SignedIn(*found, token))
    return onward if stop is None else f"{stop}?{urlencode({'next': onward})}"


def end() -> None:
    """Sign out, on the server too."""
    who = _holder()
    if who is not None:
        with transaction() as db_session:
            actions.sign_out(db_session, who.token)
    logout_user()
    session.clear()


def init_app(app: Flask) -> None:
    """Install Flask-Login. Idle time is bounded by the signed cookie, all time by the row."""
    app.config["PERMANENT_SESSION_LIFETIME"] = SESSION.life
    manager = LoginManager(app)
    manager.session_protection = None  # tokens are random per sign-in; networks change on phones

    @manager.user_loader
    def load(token: str) -> SignedIn | None:
        found = queries.sign_in_for(db.session(), token, clock.now())
        return SignedIn(*found, token) if found else None

    def remember_language(locale: str) -> None:
        who = current()
        if who is not None:
            with transaction() as db_session:
                actions.remember_language(db_session, who.user, locale)

    app.extensions["remember_language"] = remember_language


def account_locale() -> str | None:
    """The language of the signed-in account."""
    who = current()
    return who.user.locale if who else None
