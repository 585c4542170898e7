"""The second factor: giving it, the authenticator app, and what the account's page says of both."""

import io
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import Any

import pyotp
import segno
from flask import g, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from trustivide.auth import factors, login, queries
from trustivide.auth.forms import CodeForm
from trustivide.auth.views.base import (
    bp,
    note_failed_factor,
    onward,
    own_device,
    tried_account,
)
from trustivide.auth.views.recovery import offer_codes
from trustivide.core import clock
from trustivide.core.crypto import DecryptionError, ring
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.web.access import account, entering, found
from trustivide.web.fragments import go, page, tell
from trustivide.web.limits import tries_of

_SHOWN = "totp_sealed"


@bp.route("/second-factor", methods=["GET", "POST"])
@entering
@tries_of(tried_account, apart=own_device)
def second_factor() -> ResponseReturnValue:
    """Give a code from the authenticator app, each works once; or choose another way."""
    who, form = g.actor, CodeForm()
    if not queries.has_second_factor(db.session(), who.user):
        return go(url_for("auth.enrol", next=request.args.get("next")))
    if request.method == "GET" and who.sign_in.second_factor:
        return go(onward())
    if form.validate_on_submit():
        with transaction() as db_session:
            right = factors.check_totp(db_session, who.user, form.code.data, clock.now())
        if right:
            return go(login.begin(who.user, onward(), second_factor=True))
        note_failed_factor(who, "password")
        form.code.errors = [_("Koden stämmer inte eller är redan använd. Vänta på nästa.")]
    return ask(who, form, status=422 if form.is_submitted() else 200)


def ask(who: login.SignedIn, form: CodeForm, status: int) -> ResponseReturnValue:
    """The page that asks for a second factor, with the ways that this account has."""
    db_session = db.session()
    return page(
        "auth/second_factor.html",
        fragment="second_factor",
        status=status,
        form=form,
        has_app=who.user.totp_secret is not None,
        has_passkeys=bool(queries.passkeys_of(db_session, who.user.id)),
        has_codes=queries.recovery_codes_of(db_session, who.user.id)[0] > 0,
    )


@bp.route("/second-factor/new", methods=["GET", "POST"])
@account
@tries_of(tried_account)
def enrol() -> ResponseReturnValue:
    """Set up an authenticator app, the first or another, proven by its first code."""
    who, form = found(login.current()), CodeForm()
    if away := login.verify_first():
        return away
    secret, replaces = _secret_shown(who), who.user.totp_secret is not None
    if form.validate_on_submit():
        with transaction() as db_session:
            right = factors.prove_totp(
                db_session, who.user, secret, form.code.data, clock.now(), keep=who.sign_in.id
            )
        if right:
            path = login.begin(who.user, offer_codes(who.user, onward()), second_factor=True)
            tell(
                _("Den nya appen gäller nu. Alla andra enheter är utloggade.")
                if replaces
                else _("Tvåstegsinloggning är på. Nästa gång du loggar in frågar vi efter en kod.")
            )
            return go(path)
        form.code.errors = [_("Koden stämmer inte. Kontrollera att telefonens klocka går rätt.")]
    address = pyotp.TOTP(secret).provisioning_uri(name=who.user.email, issuer_name="Trustivide")
    return page(
        "auth/enrol.html",
        fragment="enrol",
        status=422 if form.is_submitted() else 200,
        form=form,
        secret=" ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        qr=_qr(address),
        replaces=replaces,
        required=factors.is_required(db.session(), who.user),
    )


def _secret_shown(who: login.SignedIn) -> str:
    """The key that the open page shows; a fresh one each time that the page is opened.

    The session is signed and not encrypted: the key lies sealed in it, for this account.
    """
    purpose = f"totp:{who.user.id}"
    if request.method == "POST":
        with suppress(KeyError, ValueError, DecryptionError):
            return ring().unseal(b64decode(session[_SHOWN]), purpose).decode()
    secret = pyotp.random_base32(32)
    session[_SHOWN] = b64encode(ring().seal(secret.encode(), purpose)).decode()
    return secret


@bp.route("/second-factor/removal", methods=["GET", "POST"])
@account
def drop_app() -> ResponseReturnValue:
    """Turn the authenticator app off, where nobody requires it."""
    who = found(login.current())
    found(who.user.totp_secret)
    if away := login.verify_first():
        return away
    why = factors.why_needed(db.session(), who.user, None)
    if request.method == "POST":
        try:
            with transaction() as db_session:
                factors.drop_totp(db_session, who.user, clock.now(), keep=who.sign_in.id)
        except Refused as refused:
            why = str(refused)
        else:
            tell(_("Autentiseringsappen är borttagen. Alla andra enheter är utloggade."))
            return go(url_for("auth.account"))
    status = 422 if request.method == "POST" else 200
    last = not queries.passkeys_of(db.session(), who.user.id)
    return page("auth/drop_app.html", why=why, last=last, status=status)


def factors_of(who: login.SignedIn) -> dict[str, Any]:
    """What ``auth/_factors.html`` shows: the variables that stand at its top."""
    db_session = db.session()
    codes_left, codes_made_on = queries.recovery_codes_of(db_session, who.user.id)
    passkeys = queries.passkeys_of(db_session, who.user.id)
    return {
        "app_is_on": who.user.totp_secret is not None,
        "app_must_stay": bool(factors.why_needed(db_session, who.user, None)),
        "passkeys": [(p, factors.why_needed(db_session, who.user, p.id)) for p in passkeys],
        "factor_required": factors.is_required(db_session, who.user),
        "codes_left": codes_left,
        "codes_made_on": codes_made_on,
    }


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
    return Markup(buffer.getvalue().decode())  # nosec B704 # noqa: S704  drawn by segno from our own text
