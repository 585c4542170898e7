"""The signed-in person of a request, on top of Flask-Login."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

from flask import Flask, Response, after_this_request, request, session, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from trustivide.auth import actions, devices, queries, sign_ins
from trustivide.auth.models import SignIn, User
from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.cookies import DEVICE, SESSION
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.web import cookies
from trustivide.web.fragments import go

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

        Asked once a request, of what is true then: who turns it on is asked for
        it on every other device too.
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


def device() -> Text:
    """The kind of browser that asks, in words."""
    return devices.in_words(request.headers.get("User-Agent", ""))


def begin(user: User, onward: str, *, method: str = "password", second_factor: bool = False) -> str:
    """Sign ``user`` in with a fresh session; nothing of the old one survives.

    ``method`` is how they proved who they are, as :class:`SignInRecord` names it.
    After a second factor too, so that a token stolen before it never gains its
    powers. Whoever still owes one is told so first; until they gave it the trail says
    that the password was right, nothing of a sign-in, and their browser isn't known.
    Returns the path to go to: ``onward``, or a page on the way there.
    """
    now, before = clock.now(), _holder()
    with transaction() as db_session:
        owes = not second_factor and queries.has_second_factor(db_session, user)
        if before is not None:
            if second_factor and before.user.id == user.id:
                sign_ins.forget_half(db_session, before.sign_in)
            sign_ins.end_by_token(db_session, before.token)
        words = device().in_(user.locale)
        if owes:
            sign_ins.note_password_right(db_session, user, now, device=words)
        elif not (second_factor and method == "password" and _is_in(before, user)):
            held = cookies.read(DEVICE)
            give_device(devices.welcome(db_session, user, held, device(), now))
            _note(db_session, user, method)
        token = sign_ins.begin(db_session, user, now, second_factor=second_factor, device=words)
        stop = url_for("auth.second_factor") if owes else _first_stop(db_session, user, now)
    session.clear()
    session.permanent = True
    found = queries.sign_in_for(db.session(), token, now)
    assert found is not None
    login_user(SignedIn(*found, token))
    return onward if stop is None else f"{stop}?{urlencode({'next': onward})}"


def _is_in(before: SignedIn | None, user: User) -> bool:
    """Whether ``user`` was signed in already, so that a second factor only adds to it."""
    return before is not None and before.user.id == user.id and not before.is_halfway


def _first_stop(db_session: Session, user: User, now: datetime) -> str | None:
    return next((path for ask in first_stops if (path := ask(db_session, user, now))), None)


def prove_again(who: SignedIn) -> None:
    """Whoever is signed in proved it anew: note when, and exchange the token (ASVS 5.0, 7.2.4)."""
    with transaction() as db_session:
        sign_ins.mark_verified(db_session, who.sign_in, clock.now())
        token = sign_ins.renew(db_session, who.sign_in)
    login_user(SignedIn(who.user, who.sign_in, token))


def verify_first(back: str | None = None) -> Response | None:
    """Send whoever proved long ago who they are to do it again, then ``back`` or here."""
    who = current()
    if who is None:
        raise NotFound
    if who.recently_verified:
        return None
    return go(url_for("auth.verify", next=back or request.full_path.rstrip("?")))


def note_unproven(who: SignedIn, method: str = "password") -> None:
    """Write down that whoever is signed in did not prove it anew."""
    with transaction() as db_session:
        sign_ins.note_unproven(db_session, who.user.id, clock.now(), method=method)


def _note(db_session: Session, user: User, method: str) -> None:
    words = device().in_(user.locale)
    sign_ins.note(db_session, user.id, clock.now(), method=method, succeeded=True, device=words)


def note_failure(user: User | None, *, method: str = "password") -> None:
    """Write down that somebody failed to sign in; as much work for an account that isn't."""
    user_id, words = (user.id, device().in_(user.locale)) if user else (None, device().sv)
    with transaction() as db_session:
        sign_ins.note(
            db_session, user_id, clock.now(), method=method, succeeded=False, device=words
        )


def trust_device(db_session: Session, user: User) -> None:
    """A mailed link proved the address here: the account knows the browser from now on."""
    held = cookies.read(DEVICE)
    give_device(devices.remember(db_session, user, held, device(), clock.now()))
    _note(db_session, user, "reset")


def give_device(token: str) -> None:
    """Let the browser hold the token by which accounts know it."""

    @after_this_request
    def keep(response: Response) -> Response:
        return cookies.keep(response, DEVICE, token)


def end() -> None:
    """Sign out, on the server too."""
    who = _holder()
    if who is not None:
        with transaction() as db_session:
            sign_ins.end_by_token(db_session, who.token)
            sign_ins.note_end(db_session, who.user.id, clock.now())
    drop()


def drop() -> None:
    """Forget on this browser who was signed in; the server's part has ended already."""
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

    @app.before_request
    def mark_seen() -> None:
        # Only with what changes something anyhow: opening pages writes nothing.
        who = current() if request.method == "POST" else None
        if who is not None and who.sign_in.last_seen_on < day_of(clock.now()):
            with transaction() as db_session:
                sign_ins.mark_seen(db_session, who.sign_in, clock.now())

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
