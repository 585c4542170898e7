"""Passkeys: adding, naming and removing them, and what they are given for."""

from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.auth import ceremonies, factors, login, passkeys, queries
from trustivide.auth.forms import (
    CodeForm,
    LoginForm,
    NewPasskeyForm,
    PasskeyForm,
    PasskeyNameForm,
    PasswordForm,
)
from trustivide.auth.models import Passkey, User
from trustivide.auth.views import second_factor
from trustivide.auth.views.base import (
    bp,
    note_failed_factor,
    onward,
    own_device,
    tried_account,
    verify_page,
)
from trustivide.auth.views.recovery import offer_codes
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.web.access import account, entering, found, public
from trustivide.web.fragments import go, page, tell
from trustivide.web.limits import tries, tries_of


def _proven(purpose: str, user_id: UUID | None = None) -> User | None:
    """Whose passkey answered the challenge for ``purpose``."""
    form, challenge = PasskeyForm(), ceremonies.challenged(purpose)
    if challenge is None or not form.validate_on_submit():
        return None
    with transaction() as db_session:
        return passkeys.prove(
            db_session, ceremonies.site(), challenge, form.credential.data, clock.now(), user_id
        )


def _not_proven() -> str:
    return _("Det gick inte med den passkeyen. Försök igen, eller välj ett annat sätt.")


# Signing in


@bp.post("/passkeys/sign-in/challenge")
@public
@tries
def sign_in_challenge() -> ResponseReturnValue:
    """What the browser needs to prove any passkey of this site."""
    return ceremonies.answer(
        passkeys.to_prove(db.session(), ceremonies.site(), ceremonies.challenge("sign_in"))
    )


@bp.post("/passkeys/sign-in")
@public
@tries
def passkey_sign_in() -> ResponseReturnValue:
    """Sign in with a passkey: no address, no password, and no code after it."""
    user = _proven("sign_in")
    if user is not None:
        return go(login.begin(user, onward(), method="passkey", second_factor=True))
    login.note_failure(None, method="passkey")
    form = LoginForm(formdata=None)
    form.form_errors.append(_not_proven())
    return page("auth/login.html", fragment="sign_in", status=422, form=form)


@bp.post("/second-factor/passkey/challenge")
@entering
@tries_of(tried_account, apart=own_device)
def second_factor_challenge() -> ResponseReturnValue:
    """What the browser needs to prove a passkey of the account that gave its password."""
    challenge = ceremonies.challenge("second_factor")
    return ceremonies.answer(
        passkeys.to_prove(db.session(), ceremonies.site(), challenge, g.actor.user.id)
    )


@bp.post("/second-factor/passkey")
@entering
@tries_of(tried_account, apart=own_device)
def passkey_second_factor() -> ResponseReturnValue:
    """Give a passkey after the password."""
    who = g.actor
    if _proven("second_factor", who.user.id) is not None:
        return go(login.begin(who.user, onward(), second_factor=True))
    note_failed_factor(who, "passkey")
    form = CodeForm(formdata=None)
    form.form_errors.append(_not_proven())
    return second_factor.ask(who, form, status=422)


@bp.post("/verify/passkey/challenge")
@account
@tries_of(tried_account)
def verify_challenge() -> ResponseReturnValue:
    """What the browser needs to prove a passkey of whoever is signed in."""
    who = found(login.current())
    return ceremonies.answer(
        passkeys.to_prove(
            db.session(), ceremonies.site(), ceremonies.challenge("verify"), who.user.id
        )
    )


@bp.post("/verify/passkey")
@account
@tries_of(tried_account)
def passkey_verify() -> ResponseReturnValue:
    """Give a passkey again, before something weighty."""
    who = found(login.current())
    if _proven("verify", who.user.id) is not None:
        login.prove_again(who)
        return go(onward())
    login.note_unproven(who, "passkey")
    form = PasswordForm(formdata=None)
    form.form_errors.append(_not_proven())
    return verify_page(who, form, status=422)


# Keeping them


@bp.post("/passkeys/new/challenge")
@account
@tries_of(tried_account)
def new_passkey_challenge() -> ResponseReturnValue:
    """What the browser needs to make a passkey."""
    who = found(login.current())
    if away := login.verify_first():
        return away
    challenge = ceremonies.challenge("register")
    return ceremonies.answer(
        passkeys.to_register(db.session(), who.user, ceremonies.site(), challenge)
    )


@bp.route("/passkeys/new", methods=["GET", "POST"])
@account
def new_passkey() -> ResponseReturnValue:
    """Add a passkey that the browser makes."""
    who, form = found(login.current()), NewPasskeyForm()
    if away := login.verify_first():
        return away
    if form.validate_on_submit():
        if _registered(who, form) is not None:
            path = login.begin(who.user, offer_codes(who.user, onward()), second_factor=True)
            tell(_("Din passkey är klar att använda."))
            return go(path)
        form.form_errors.append(_("Webbläsaren och vi kom inte överens. Försök igen."))
    status = 422 if form.is_submitted() else 200
    return page("auth/new_passkey.html", fragment="new_passkey", status=status, form=form)


def _registered(who: login.SignedIn, form: NewPasskeyForm) -> Passkey | None:
    name = form.name.data or _("Min passkey")
    made = ceremonies.made("register", form.credential.data, name)
    if made is None:
        return None
    with transaction() as db_session:
        return passkeys.register(db_session, who.user, made, clock.now())


def _own(passkey_id: UUID) -> tuple[login.SignedIn, Passkey]:
    who: login.SignedIn = found(login.current())
    return who, found(queries.passkey_of(db.session(), who.user.id, passkey_id))


@bp.route("/passkeys/<uuid:passkey_id>/name", methods=["GET", "POST"])
@account
def rename_passkey(passkey_id: UUID) -> ResponseReturnValue:
    """Call a passkey something else."""
    _who, passkey = _own(passkey_id)
    form = PasskeyNameForm(obj=passkey)
    if form.validate_on_submit():
        with transaction() as db_session:
            passkeys.rename(db_session, passkey, form.name.data)
        tell(_("Namnet är ändrat."))
        return go(url_for("auth.account"))
    status = 422 if form.is_submitted() else 200
    return page("auth/rename_passkey.html", status=status, form=form, passkey=passkey)


@bp.route("/passkeys/<uuid:passkey_id>/removal", methods=["GET", "POST"])
@account
def remove_passkey(passkey_id: UUID) -> ResponseReturnValue:
    """Remove a passkey, unless it is the last way in or a last factor that is required."""
    who, passkey = _own(passkey_id)
    if away := login.verify_first():
        return away
    why = factors.why_needed(db.session(), who.user, passkey_id)
    if request.method == "POST":
        try:
            with transaction() as db_session:
                passkeys.remove(db_session, who.user, passkey, clock.now(), keep=who.sign_in.id)
        except Refused as refused:
            why = str(refused)
        else:
            tell(
                _(
                    "Din passkey är borttagen här, och alla andra enheter är utloggade. "
                    "Ta bort den på din enhet också."
                )
            )
            return go(url_for("auth.account"))
    status = 422 if request.method == "POST" else 200
    return page("auth/remove_passkey.html", why=why, status=status, passkey=passkey)
