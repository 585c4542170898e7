"""The page of an account's security: its password, its devices, its history."""

from uuid import UUID

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from trustivide.auth import actions, addresses, devices, login, queries, sign_ins
from trustivide.auth.forms import ChangePasswordForm
from trustivide.auth.passwords import matches
from trustivide.auth.views.base import bp, tried_account, tried_token
from trustivide.auth.views.second_factor import factors_of
from trustivide.core import clock
from trustivide.core.cookies import DEVICE
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.holds import Held
from trustivide.web import cookies
from trustivide.web.access import account, found, public
from trustivide.web.fragments import go, page, tell
from trustivide.web.limits import tries_of

_SHOWN = 50


@bp.get("/account", endpoint="account")
@account
def show() -> ResponseReturnValue:
    """What protects the account, where it is signed in, and who tried to sign in."""
    who, session, now = _who(), db.session(), clock.now()
    token = cookies.read(DEVICE)
    return page(
        "auth/account.html",
        who=who,
        has_password=who.user.has_password,
        sign_ins=sign_ins.of(session, who.user, now),
        devices=devices.of(session, who.user.id),
        here=devices.known(session, token, who.user.id) if token else None,
        history=sign_ins.history(session, who.user.id, now, at_most=_SHOWN),
        methods={
            "password": _("Lösenord"),
            "password_only": _("Lösenord"),
            "passkey": _("Passkey"),
            "recovery": _("Återställningskod"),
            "reset": _("Nytt lösenord via mejl"),
        },
        **factors_of(who),
    )


@bp.route("/password", methods=["GET", "POST"])
@account
@tries_of(tried_account)
def change_password() -> ResponseReturnValue:
    """Choose another password; without one, after proving anew who one is."""
    who, form = _who(), ChangePasswordForm()
    form.about = queries.words_about(db.session(), who.user.id)
    if not who.user.has_password:
        if away := login.verify_first():
            return away
        del form.current
    if form.validate_on_submit() and _is_current(form, who):
        with transaction() as session:
            actions.change_password(
                session, who.user, form.password.data, clock.now(), keep=who.sign_in.id
            )
        login.prove_again(who)
        tell(_("Lösenordet är bytt. Alla andra enheter är utloggade."))
        return go(url_for("auth.account"))
    status = 422 if form.is_submitted() else 200
    return page("auth/password.html", fragment="password", status=status, form=form, who=who)


def _is_current(form: ChangePasswordForm, who: login.SignedIn) -> bool:
    """Whether the current password is right, where there is one; else the form says so."""
    if "current" not in form or matches(who.user.password_hash, form.current.data):
        return True
    login.note_unproven(who)
    form.current.errors = [_("Lösenordet stämmer inte. Försök igen.")]
    return False


@bp.route("/sign-ins/<uuid:sign_in_id>/end", methods=["GET", "POST"])
@account
def end_sign_in(sign_in_id: UUID) -> ResponseReturnValue:
    """Sign one device out, once its owner has seen which."""
    who = _who()
    own = found(sign_ins.own(db.session(), who.user.id, sign_in_id))
    if not _is_post():
        return _ask(
            _("Logga ut %(device)s", device=own.device or _("Okänd enhet")),
            _("Enheten loggas ut genast. Den som använder den behöver logga in igen."),
            _("Logga ut enheten"),
        )
    with transaction() as session:
        sign_ins.end(session, who.user.id, sign_in_id, clock.now())
    tell(_("Enheten är utloggad."))
    return go(url_for("auth.account"))


@bp.route("/sign-ins/others/end", methods=["GET", "POST"])
@account
def end_others() -> ResponseReturnValue:
    """Sign every other device out."""
    who = _who()
    if not _is_post():
        return _ask(
            _("Logga ut överallt utom här"),
            _("Alla andra enheter loggas ut genast. Här förblir du inloggad."),
            _("Logga ut de andra"),
        )
    with transaction() as session:
        sign_ins.end_others(session, who.user.id, who.sign_in.id, clock.now())
    tell(_("Alla andra enheter är utloggade."))
    return go(url_for("auth.account"))


@bp.route("/devices/<uuid:device_id>/forget", methods=["GET", "POST"])
@account
def forget_device(device_id: UUID) -> ResponseReturnValue:
    """Let the account not know a device any more."""
    who = _who()
    device = found(devices.own(db.session(), who.user.id, device_id))
    if not _is_post():
        return _ask(
            _("Glöm %(device)s", device=device.device),
            _("Nästa gång någon loggar in därifrån får du ett mejl. Ingen loggas ut nu."),
            _("Glöm enheten"),
        )
    with transaction() as session:
        devices.forget(session, who.user.id, device_id)
    tell(_("Enheten är glömd."))
    return go(url_for("auth.account"))


@bp.route("/address-undo/<token>", methods=["GET", "POST"])
@public
@tries_of(tried_token)
def undo_address(token: str) -> ResponseReturnValue:
    """Take the address from before back: opening the link shows a button, pressing it does it."""
    if queries.one_time_link(db.session(), token, "undo", clock.now()) is None:
        return _undo_page("gone", 404)
    if not _is_post():
        return _undo_page("open", 200)
    try:
        with transaction() as session:
            reset = addresses.take_back(session, token, clock.now())
    except (IntegrityError, Refused, Held):
        return _undo_page("stuck", 409)
    if reset is None:
        return _undo_page("gone", 404)
    login.drop()
    tell(_("Din adress gäller igen och alla är utloggade. Välj nu ett nytt lösenord."))
    return go(url_for("auth.reset", token=reset))


def _undo_page(state: str, status: int) -> Response:
    return page("auth/undo_address.html", status=status, state=state, token=tried_token())


def _ask(title: str, lead: str, button: str) -> Response:
    """What will happen, before it does: pressing the button posts to the same address."""
    return page("auth/sure.html", title=title, lead=lead, button=button)


def _is_post() -> bool:
    return request.method == "POST"


def _who() -> login.SignedIn:
    who: login.SignedIn = found(login.current())
    return who
