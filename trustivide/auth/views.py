"""Signing in and out, confirming an address, a forgotten password, the second factor."""

import io
from uuid import UUID

import pyotp
import segno
from flask import Blueprint, current_app, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from trustivide.auth import actions, login, queries
from trustivide.auth.forms import AddressForm, CodeForm, LoginForm, PasswordForm, ResetForm
from trustivide.auth.passwords import matches
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.web.access import account, found, local_path, public
from trustivide.web.fragments import go, page, tell
from trustivide.web.limits import tries, tries_of

bp = Blueprint("auth", __name__, url_prefix="/auth")


def _who() -> str:
    """The account that is tried: its password, its codes."""
    who = login.current()
    return str(who.user.id) if who else ""


def _token() -> str:
    """The mailed link that is tried."""
    return str((request.view_args or {}).get("token", ""))


def _after_sign_in() -> str:
    """Where the person was going, else home (which knows where each belongs)."""
    return local_path(request.args.get("next")) or url_for("organisations.home")


@bp.route("/login", methods=["GET", "POST"], endpoint="login")
@public
@tries
def log_in() -> ResponseReturnValue:
    """Sign in with address and password."""
    form = LoginForm()
    if request.method == "GET" and login.current():
        return go(_after_sign_in())
    status = 200
    if form.validate_on_submit():
        user = queries.by_address(db.session(), form.email.data)
        right = matches(user.password_hash if user else None, form.password.data)
        if user is not None and right and user.confirmed_at is not None:
            return go(login.begin(user, _after_sign_in()))
        if user is not None and right:
            with transaction() as db_session:
                actions.ask_for_confirmation(db_session, user, clock.now())
            form.form_errors.append(
                _("Adressen är inte bekräftad än. Vi har skickat en ny länk till dig.")
            )
        else:
            form.form_errors.append(_("Adressen och lösenordet hör inte ihop. Försök igen."))
    if form.is_submitted():
        status = 422
    return page("auth/login.html", fragment="sign_in", status=status, form=form)


@bp.post("/logout")
@public
def logout() -> ResponseReturnValue:
    """Sign out, on the server too."""
    login.end()
    tell(_("Du är utloggad."))
    return go(url_for("web.index"))


@bp.get("/check-mail")
@public
def check_mail() -> ResponseReturnValue:
    """The same words, whether or not there was an account."""
    mailbox = url_for("dev.mailbox") if "dev" in current_app.blueprints else None
    return page("auth/check_mail.html", mailbox=mailbox)


@bp.route("/confirm/<token>", methods=["GET", "POST"])
@public
@tries_of(_token)
def confirm(token: str) -> ResponseReturnValue:
    """Confirm an address: opening the link shows a button, pressing it uses the link up.

    Elsewhere than in the browser that registered, the password is asked too:
    else somebody could register another's address, wait for its owner to
    confirm it, and hold the password of the account.
    """
    link = queries.one_time_link(db.session(), token, "confirm", clock.now())
    if link is None:
        return _expired()
    form = None if session.get("registered") == str(link.user_id) else PasswordForm()
    if request.method == "POST" and (form is None or _is_password_of(form, link.user_id)):
        with transaction() as db_session:
            user = actions.confirm(db_session, token, clock.now())
        if user is None:
            return _expired()
        session.pop("registered", None)
        tell(_("Tack, adressen är bekräftad. Nu kan du logga in."))
        return go(url_for("auth.login"))
    status = 422 if request.method == "POST" else 200
    return page("auth/confirm.html", fragment="confirm", status=status, form=form, token=token)


def _expired() -> ResponseReturnValue:
    return page("auth/link_expired.html", status=404)


def _is_password_of(form: PasswordForm, user_id: UUID) -> bool:
    """Whether the form holds the account's password; else it says what is wrong."""
    if not form.validate_on_submit():
        return False
    user = queries.by_id(db.session(), user_id)
    if matches(user.password_hash if user else None, form.password.data):
        return True
    form.password.errors = [_("Lösenordet stämmer inte. Försök igen.")]
    return False


@bp.route("/forgot", methods=["GET", "POST"])
@public
@tries
def forgot() -> ResponseReturnValue:
    """Ask for a link to choose a new password."""
    form = AddressForm()
    if form.validate_on_submit():
        with transaction() as db_session:
            actions.ask_for_reset(db_session, form.email.data, clock.now())
        return go(url_for("auth.check_mail"))
    status = 422 if form.is_submitted() else 200
    return page("auth/forgot.html", fragment="forgot", status=status, form=form)


@bp.route("/reset/<token>", methods=["GET", "POST"])
@public
def reset(token: str) -> ResponseReturnValue:
    """Choose a new password with a mailed link."""
    link = queries.one_time_link(db.session(), token, "reset", clock.now())
    if link is None:
        return _expired()
    form = ResetForm()
    if form.validate_on_submit():
        with transaction() as db_session:
            user = actions.reset_password(db_session, token, form.password.data, clock.now())
        if user is None:
            return _expired()
        session.clear()
        tell(_("Lösenordet är bytt och du är utloggad överallt. Logga in med det nya."))
        return go(url_for("auth.login"))
    status = 422 if form.is_submitted() else 200
    return page("auth/reset.html", fragment="reset", status=status, form=form, token=token)


@bp.route("/verify", methods=["GET", "POST"])
@account
@tries_of(_who)
def verify() -> ResponseReturnValue:
    """Give the password again, before something weighty."""
    who, form = found(login.current()), PasswordForm()
    if request.method == "POST" and _is_password_of(form, who.user.id):
        with transaction() as db_session:
            actions.mark_verified(db_session, who.sign_in, clock.now())
        return go(_after_sign_in())
    status = 422 if form.is_submitted() else 200
    return page("auth/verify.html", fragment="verify", status=status, form=form)


@bp.route("/second-factor", methods=["GET", "POST"])
@account
@tries_of(_who)
def second_factor() -> ResponseReturnValue:
    """Give a code from the authenticator app; each works once."""
    who, form = _colleague(), CodeForm()
    if who.user.totp_secret is None:
        return go(url_for("auth.enrol", next=request.args.get("next")))
    if form.validate_on_submit():
        with transaction() as db_session:
            right = actions.check_totp(db_session, who.user, form.code.data, clock.now())
        if right:
            return go(login.begin(who.user, _after_sign_in(), second_factor=True))
        form.code.errors = [_("Koden stämmer inte eller är redan använd. Vänta på nästa.")]
    status = 422 if form.is_submitted() else 200
    return page("auth/second_factor.html", fragment="second_factor", status=status, form=form)


@bp.route("/second-factor/new", methods=["GET", "POST"])
@account
@tries_of(_who)
def enrol() -> ResponseReturnValue:
    """Set up an authenticator app, proven by its first code, soon after giving the password."""
    who, form = _colleague(), CodeForm()
    onward = request.args.get("next")
    if who.user.totp_secret is not None:
        return go(url_for("auth.second_factor", next=onward))
    if not who.recently_verified:
        return go(url_for("auth.verify", next=url_for("auth.enrol", next=onward)))
    secret = session.get("totp_secret") or pyotp.random_base32(32)
    session["totp_secret"] = secret
    if form.validate_on_submit():
        with transaction() as db_session:
            right = actions.prove_totp(db_session, who.user, secret, form.code.data, clock.now())
        if right:
            onward = login.begin(who.user, _after_sign_in(), second_factor=True)
            tell(_("Tvåstegsinloggning är på. Nästa gång du loggar in frågar vi efter en kod."))
            return go(onward)
        form.code.errors = [_("Koden stämmer inte. Kontrollera att telefonens klocka går rätt.")]
    address = pyotp.TOTP(secret).provisioning_uri(name=who.user.email, issuer_name="Trustivide")
    status = 422 if form.is_submitted() else 200
    return page(
        "auth/enrol.html",
        fragment="enrol",
        status=status,
        form=form,
        secret=secret,
        qr=_qr(address),
    )


def _colleague() -> login.SignedIn:
    """Whoever is signed in, if staff: for others no page asks for a second factor yet."""
    who: login.SignedIn = found(login.current())
    return found(who if who.user.is_staff else None)


def _qr(text: str) -> Markup:
    """An SVG without inline styles, for the strict content security policy.

    Black on white in dark mode too: many apps read nothing else.
    """
    buffer = io.BytesIO()
    segno.make(text, error="m").save(
        buffer,
        kind="svg",
        xmldecl=False,
        svgclass="qr",
        lineclass=None,
        scale=5,
        dark="#000",
        light="#fff",
        title=_("Nyckeln som bild, för din autentiseringsapp"),
    )
    return Markup(buffer.getvalue().decode())  # noqa: S704  drawn by segno from our own text
