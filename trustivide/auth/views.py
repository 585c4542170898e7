"""Signing in and out, confirming an address, a forgotten password, the second factor."""

import io

import pyotp
import segno
from flask import Blueprint, request, session, url_for
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
from trustivide.web.limits import tries

bp = Blueprint("auth", __name__, url_prefix="/auth")


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
            login.begin(user)
            return go(_after_sign_in())
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
    return page("auth/check_mail.html")


@bp.route("/confirm/<token>", methods=["GET", "POST"])
@public
def confirm(token: str) -> ResponseReturnValue:
    """Confirm an address: opening the link shows a button, pressing it uses the link up."""
    link = queries.one_time_link(db.session(), token, "confirm", clock.now())
    if link is None:
        return page("auth/link_expired.html", status=404)
    if request.method == "POST":
        with transaction() as db_session:
            actions.confirm(db_session, link, clock.now())
        tell(_("Tack, adressen är bekräftad. Nu kan du logga in."))
        return go(url_for("auth.login"))
    return page("auth/confirm.html", token=token)


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
        return page("auth/link_expired.html", status=404)
    form = ResetForm()
    if form.validate_on_submit():
        with transaction() as db_session:
            actions.reset_password(db_session, link, form.password.data, clock.now())
        tell(_("Lösenordet är bytt och du är utloggad överallt. Logga in med det nya."))
        return go(url_for("auth.login"))
    status = 422 if form.is_submitted() else 200
    return page("auth/reset.html", fragment="reset", status=status, form=form, token=token)


@bp.route("/verify", methods=["GET", "POST"])
@account
@tries
def verify() -> ResponseReturnValue:
    """Give the password again, before something weighty."""
    who, form = found(login.current()), PasswordForm()
    if form.validate_on_submit():
        if matches(who.user.password_hash, form.password.data):
            with transaction() as db_session:
                actions.mark_verified(db_session, who.sign_in, clock.now())
            return go(_after_sign_in())
        form.password.errors = [_("Lösenordet stämmer inte. Försök igen.")]
    status = 422 if form.is_submitted() else 200
    return page("auth/verify.html", fragment="verify", status=status, form=form)


@bp.route("/second-factor", methods=["GET", "POST"])
@account
@tries
def second_factor() -> ResponseReturnValue:
    """Give a code from the authenticator app; each works once."""
    who, form = found(login.current()), CodeForm()
    if who.user.totp_secret is None:
        return go(url_for("auth.enrol", next=request.args.get("next")))
    if form.validate_on_submit():
        now = clock.now()
        with transaction() as db_session:
            right = actions.check_totp(db_session, who.user, form.code.data, now)
            if right:
                # A new sign-in, so that a token stolen before the second
                # factor never gains its powers.
                actions.sign_out(db_session, who.sign_in)
                token = actions.sign_in(db_session, who.user, now, second_factor=True)
        if right:
            session["_user_id"] = token
            return go(_after_sign_in())
        form.code.errors = [_("Koden stämmer inte eller är redan använd. Vänta på nästa.")]
    status = 422 if form.is_submitted() else 200
    return page("auth/second_factor.html", fragment="second_factor", status=status, form=form)


@bp.route("/second-factor/new", methods=["GET", "POST"])
@account
def enrol() -> ResponseReturnValue:
    """Set up an authenticator app, proven by its first code."""
    who, form = found(login.current()), CodeForm()
    if who.user.totp_secret is not None:
        return go(url_for("auth.second_factor", next=request.args.get("next")))
    secret = session.get("totp_secret") or pyotp.random_base32(32)
    session["totp_secret"] = secret
    if form.validate_on_submit():
        if pyotp.TOTP(secret).verify(form.code.data, valid_window=1):
            with transaction() as db_session:
                actions.enrol_totp(db_session, who.user, secret)
            session.pop("totp_secret")
            tell(_("Tvåstegsinloggning är på. Vänta på nästa kod och skriv den."))
            return go(url_for("auth.second_factor", next=request.args.get("next")))
        form.code.errors = [_("Koden stämmer inte. Kontrollera att telefonens klocka går rätt.")]
    address = pyotp.TOTP(secret).provisioning_uri(who.user.email, issuer_name="Trustivide")
    status = 422 if form.is_submitted() else 200
    return page(
        "auth/enrol.html", fragment="enrol", status=status, form=form, secret=secret, qr=_qr(address)
    )


def _qr(text: str) -> Markup:
    """An SVG without inline styles, for the strict content security policy."""
    buffer = io.BytesIO()
    segno.make(text, error="m").save(
        buffer, kind="svg", xmldecl=False, svgclass="qr", lineclass=None, omitsize=True, border=2
    )
    return Markup(buffer.getvalue().decode())  # noqa: S704  drawn by segno from our own text
