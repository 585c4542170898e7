"""Inviting a colleague, and answering an invitation with or without an account."""

from typing import Any
from uuid import UUID

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.auth import ceremonies, login, passkeys
from trustivide.auth import queries as accounts
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.roles import CUSTOMER_ROLES, CUSTOMER_WORDS, allowed, customer_may
from trustivide.organisations import invitations, joining
from trustivide.organisations.forms import AcceptForm, InvitationForm
from trustivide.organisations.views.base import actor, bp, choose
from trustivide.organisations.views.people import people_page
from trustivide.rights import legal_texts
from trustivide.web.access import account, found, member, public
from trustivide.web.fragments import go, page, tell
from trustivide.web.legal import legal_html
from trustivide.web.limits import tries, tries_of
from trustivide.web.locale import language


def _named(name: str) -> str:
    """What the path calls ``name``: the invitation or the mailed link that is tried."""
    return str((request.view_args or {}).get(name, ""))


def _back(organisation_id: UUID) -> Response:
    return go(url_for("organisations.people", organisation_id=organisation_id))


# For those who invite


@bp.post("/organisation/<uuid:organisation_id>/invitations")
@member("colleagues.manage")
@tries
def invite(organisation_id: UUID) -> ResponseReturnValue:
    """Invite a colleague. Whether the address has an account, the answer doesn't tell."""
    form = InvitationForm(actor().role)
    if not form.validate_on_submit():
        return people_page(form, 422)
    if away := _verify_for(form.role.data, organisation_id):
        return away
    try:
        with transaction() as session:
            is_new = invitations.invite(
                session,
                actor(),
                email=form.email.data,
                role=form.role.data,
                locale=language(),
                now=clock.now(),
            )
    except Refused as refused:
        form.email.errors = [_why(refused)]
        return people_page(form, 422)
    told = _("Inbjudan till %(email)s är skickad.") if is_new else _("%(email)s är redan inbjuden.")
    tell(told % {"email": form.email.data})
    return _back(organisation_id)


def _verify_for(role: str, organisation_id: UUID) -> Response | None:
    """Whoever gives power over others proves first who they are, as for a change of role."""
    if not customer_may(role, "colleagues.manage"):
        return None
    away = login.verify_first(url_for("organisations.people", organisation_id=organisation_id))
    if away is not None:
        tell(_("Bekräfta först att det är du, och skicka sedan inbjudan igen."))
    return away


def _why(refused: Refused) -> str:
    return {
        "colleague": _("Den adressen hör redan till någon i organisationen."),
        "many": _("Det väntar redan många inbjudningar på svar. Dra tillbaka några först."),
    }.get(str(refused), _("Du kan inte ge den rollen."))


@bp.post("/organisation/<uuid:organisation_id>/invitations/<uuid:invitation_id>/mail")
@member("colleagues.manage")
@tries_of(lambda: _named("invitation_id"))
def send_again(organisation_id: UUID, invitation_id: UUID) -> ResponseReturnValue:
    """Mail an invitation again, with a new link and a new week."""
    if away := login.verify_first(url_for("organisations.people", organisation_id=organisation_id)):
        return away
    try:
        with transaction() as session:
            email = invitations.send_again(
                session, actor(), invitation_id, locale=language(), now=clock.now()
            )
    except Refused:
        email = None
    tell(_("Inbjudan till %(email)s är skickad.", email=found(email)))
    return _back(organisation_id)


@bp.post("/organisation/<uuid:organisation_id>/invitations/<uuid:invitation_id>/withdrawal")
@member("colleagues.manage")
def withdraw(organisation_id: UUID, invitation_id: UUID) -> ResponseReturnValue:
    """Take an invitation back."""
    with transaction() as session:
        email = invitations.withdraw(session, actor(), invitation_id, clock.now())
    tell(_("Inbjudan till %(email)s är tillbakadragen.", email=found(email)))
    return _back(organisation_id)


# For those who are invited


@bp.route("/invitation/<token>", methods=["GET", "POST"])
@public
@tries_of(lambda: _named("token"))
def invitation(token: str) -> ResponseReturnValue:
    """An invitation by mailed link: opening it changes nothing, an account and a yes does.

    For an address with an account the link opens nothing: its owner signs in.
    """
    g.plain = True
    invited = invitations.behind(db.session(), token, clock.now())
    if invited is None:
        return page("organisations/invitation_gone.html", status=404)
    who = login.current()
    if who is not None and invited.is_for(who.user):
        return go(url_for("organisations.received", invitation_id=invited.row.id))
    if who is not None or accounts.by_address(db.session(), invited.row.email) is not None:
        return _offer(invited, token=token, someone_else=who is not None)
    form = AcceptForm(invited)
    if form.validate_on_submit():
        return _accept_anew(invited, token, form)
    return _offer(invited, 422 if form.is_submitted() else 200, token=token, form=form)


@bp.post("/invitation/<token>/passkey/challenge")
@public
@tries_of(lambda: _named("token"))
def join_challenge(token: str) -> ResponseReturnValue:
    """What the browser needs to make the first passkey of whoever is invited.

    The same whether or not the address has an account: only accepting finds out.
    """
    invited = found(invitations.behind(db.session(), token, clock.now()))
    form = AcceptForm(invited)
    if not form.validate_on_submit():
        return "", 422  # sent without a passkey then, for the page to say what is missing
    asked = ceremonies.challenge(_purpose(invited))
    account = joining.newcomer(invited, form.name.data)
    return ceremonies.answer(passkeys.to_register(db.session(), account, ceremonies.site(), asked))


def _purpose(invited: invitations.Invited) -> str:
    """What a challenge is for: joining, by this very link."""
    return f"join {invited.row.token_digest.hex()}"


def _credential(invited: invitations.Invited, form: AcceptForm) -> str | passkeys.Made:
    if not form.by_passkey:
        return str(form.password.data)
    made = ceremonies.made(_purpose(invited), form.credential.data, _("Min passkey"))
    if made is None:
        raise Refused("passkey")
    return made


def _accept_anew(invited: invitations.Invited, token: str, form: AcceptForm) -> Response:
    """Make the account; back to the offer when there is one by now, or the link is spent."""
    user = None
    try:
        with transaction() as session:
            user = joining.accept_anew(
                session,
                token,
                name=form.name.data,
                credential=_credential(invited, form),
                locale=language(),
                now=clock.now(),
            )
    except Refused as refused:
        if str(refused) == "passkey":
            form.form_errors.append(_("Webbläsaren och vi kom inte överens. Försök igen."))
            return _offer(invited, 422, token=token, form=form)
    if user is None:
        return go(url_for("organisations.invitation", token=token))
    home = url_for("organisations.home")
    if form.by_passkey:
        codes = url_for("auth.recovery_codes", next=home)
        return go(login.begin(user, codes, method="passkey", second_factor=True))
    return go(login.begin(user, home))


def _offer(invited: invitations.Invited, status: int = 200, **context: Any) -> Response:
    notice = legal_texts.current("privacy-notice", language())
    return page(
        "organisations/invitation.html",
        status=status,
        invited=invited,
        role=CUSTOMER_ROLES[invited.row.role],
        may=[CUSTOMER_WORDS[p] for p in allowed(invited.row.role)],
        notice=notice,
        notice_html=legal_html(notice.body),
        **context,
    )


@bp.post("/invitation/<token>/refusal")
@public
@tries_of(lambda: _named("token"))
def refuse(token: str) -> ResponseReturnValue:
    """Say no to an invitation, with or without an account; its row goes."""
    with transaction() as session:
        invitations.decline(session, token, clock.now())
    return page("organisations/refused.html")


@bp.route("/invitations/<uuid:invitation_id>", methods=["GET", "POST"])
@account
def received(invitation_id: UUID) -> ResponseReturnValue:
    """An invitation to the address of whoever is signed in: see it, accept it."""
    who: login.SignedIn = found(login.current())
    invited = found(invitations.received_one(db.session(), who.user, invitation_id, clock.now()))
    if request.method != "POST" or who.user.is_staff:
        return _offer(invited, mine=True, staff=who.user.is_staff)
    with transaction() as session:
        joined = found(joining.accept(session, who.user, invitation_id, clock.now()))
    choose(joined.organisation_id)
    tell(_("Du hör till %(organisation)s från och med nu.", organisation=invited.organisation.name))
    return go(url_for("organisations.home"))


@bp.post("/invitations/<uuid:invitation_id>/refusal")
@account
def refuse_received(invitation_id: UUID) -> ResponseReturnValue:
    """Say no to an invitation to the address of whoever is signed in."""
    who: login.SignedIn = found(login.current())
    with transaction() as session:
        found(invitations.refuse(session, who.user, invitation_id, clock.now()) or None)
    return page("organisations/refused.html")
