"""Signing in and out, confirming an address, a forgotten password."""

from uuid import UUID

from flask import current_app, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.auth import actions, login, queries
from trustivide.auth.forms import AddressForm, LoginForm, PasswordForm, ResetForm
from trustivide.auth.passwords import matches
from trustivide.auth.views.base import (
    bp,
    known_device,
    onward,
    tried_account,
    tried_token,
    verify_page,
)
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.web.access import account, found, public
from trustivide.web.fragments import go, page, tell
from trustivide.web.limits import tries_of, typed_address


@bp.route("/login", methods=["GET", "POST"], endpoint="login")
@public
@tries_of(typed_address, apart=known_device)
def log_in() -> ResponseReturnValue:
    """Sign in with address and password."""
    form = LoginForm()
    if request.method == "GET" and login.current():
        return go(onward())
    status = 200
    if form.validate_on_submit():
        user = queries.by_address(db.session(), form.email.data)
        right = matches(user.password_hash if user else None, form.password.data)
        if user is not None and right and user.confirmed_at is not None:
            return go(login.begin(user, onward()))
        if user is not None and right:
            with transaction() as db_session:
                actions.ask_for_confirmation(db_session, user, clock.now())
            form.form_errors.append(
                _("Adressen är inte bekräftad än. Vi har skickat en ny länk till dig.")
            )
        else:
            login.note_failure(user)
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
@tries_of(tried_token)
def confirm(token: str) -> ResponseReturnValue:
    """Confirm an address: opening the link shows a button, pressing it uses the link up.

    Elsewhere than in the browser that registered, the password is asked too:
    else somebody could register another's address, wait for its owner to
    confirm it, and hold the password of the account.
    """
    link = queries.one_time_link(db.session(), token, "confirm", clock.now())
    if link is None:
        return expired()
    form = None if session.get("registered") == str(link.user_id) else PasswordForm()
    if request.method == "POST" and (form is None or is_password_of(form, link.user_id)):
        with transaction() as db_session:
            user = actions.confirm(db_session, token, clock.now())
        if user is None:
            return expired()
        session.pop("registered", None)
        tell(_("Tack, adressen är bekräftad. Nu kan du logga in."))
        return go(url_for("auth.login"))
    status = 422 if request.method == "POST" else 200
    return page("auth/confirm.html", fragment="confirm", status=status, form=form, token=token)


def expired() -> ResponseReturnValue:
    return page("auth/link_expired.html", status=404)


def is_password_of(form: PasswordForm, user_id: UUID) -> bool:
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
@tries_of(typed_address, apart=known_device)
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
        return expired()
    form = ResetForm()
    form.about = queries.words_about(db.session(), link.user_id)
    if form.validate_on_submit():
        with transaction() as db_session:
            user = actions.reset_password(db_session, token, form.password.data, clock.now())
            if user is not None:
                login.trust_device(db_session, user)
        if user is None:
            return expired()
        session.clear()
        tell(_("Lösenordet är bytt och du är utloggad överallt. Logga in med det nya."))
        return go(url_for("auth.login"))
    status = 422 if form.is_submitted() else 200
    return page("auth/reset.html", fragment="reset", status=status, form=form, token=token)


@bp.route("/verify", methods=["GET", "POST"])
@account
@tries_of(tried_account)
def verify() -> ResponseReturnValue:
    """Give password or passkey again, before something weighty."""
    who, form = found(login.current()), PasswordForm()
    if request.method == "POST" and is_password_of(form, who.user.id):
        login.prove_again(who)
        return go(onward())
    return verify_page(who, form, status=422 if form.is_submitted() else 200)
