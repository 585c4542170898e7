"""Registration, the page that a signed-in person comes home to, and who owns an organisation."""

from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, Response, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.auth import login
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.organisations import actions, queries
from trustivide.organisations.forms import RegistrationForm
from trustivide.rights import legal_texts
from trustivide.web.access import account, found, public
from trustivide.web.fragments import go, page, tell
from trustivide.web.headers import gpc
from trustivide.web.legal import legal_html
from trustivide.web.limits import tries
from trustivide.web.locale import language

bp = Blueprint("organisations", __name__)


@bp.route("/auth/register", methods=["GET", "POST"])
@public
@tries
def register() -> ResponseReturnValue:
    """Register an organisation and its owner's account."""
    if request.method == "GET" and login.current():
        return go(url_for("organisations.home"))
    form = RegistrationForm()
    if form.validate_on_submit():
        with transaction() as db_session:
            user = actions.register(
                db_session,
                organisation=form.organisation.data,
                number=form.number.data,
                name=form.name.data,
                email=form.email.data,
                password=form.password.data,
                locale=language(),
                marketing=form.marketing.data,
                gpc_seen=gpc(),
                now=clock.now(),
            )
            # Confirming in this browser needs no password. Random where there was
            # an account already: the cookie can be read, and must tell nothing.
            registered = user.id if user else uuid4()
        session["registered"] = str(registered)
        return go(url_for("auth.check_mail"))
    notice = legal_texts.current("privacy-notice", language())
    return page(
        "organisations/register.html",
        fragment="registration",
        status=422 if form.is_submitted() else 200,
        form=form,
        notice=notice,
        notice_html=legal_html(notice.body),
        marketing=legal_texts.current("marketing", language()),
        agreement=legal_texts.current("processing-agreement", language()),
    )


@bp.get("/home")
@account
def home() -> ResponseReturnValue:
    """Send everybody to where their work is."""
    who = login.current()
    assert who is not None
    if who.user.is_staff:
        return go(url_for("admin.index"))
    if queries.actor_for(db.session(), who.user.id) is None:
        return go(url_for("privacy.index"))
    return go(url_for("teams.index"))


def _owner(organisation_id: UUID) -> queries.Actor:
    """Who is signed in, as an owner of this organisation; 404 for everybody else."""
    who = found(login.current())
    actor: queries.Actor = found(queries.as_owner(db.session(), who.user.id, organisation_id))
    return actor


def _verify_first() -> Response | None:
    """Send an owner whose password was given long ago to give it again, then back here."""
    if found(login.current()).recently_verified:
        return None
    return go(url_for("auth.verify", next=request.path))


def _page(template: str, actor: queries.Actor, **context: Any) -> Response:
    organisation = queries.organisation_of(db.session(), actor)
    there = url_for("organisations.owners", organisation_id=organisation.id)
    return page(
        f"organisations/{template}", actor=actor, organisation=organisation, there=there, **context
    )


@bp.get("/organisation/<uuid:organisation_id>/owners")
@account
def owners(organisation_id: UUID) -> ResponseReturnValue:
    """The organisation's accounts with their roles, and who of them owns it."""
    actor = _owner(organisation_id)
    members = queries.accounts_of(db.session(), organisation_id)
    alone = sum(role == "owner" for _user, role in members) == 1
    return _page("owners.html", actor, members=members, alone=alone)


@bp.route("/organisation/<uuid:organisation_id>/owners/<uuid:user_id>", methods=["GET", "POST"])
@account
def make_owner(organisation_id: UUID, user_id: UUID) -> ResponseReturnValue:
    """Let another account own the organisation too, after saying what that means."""
    actor = _owner(organisation_id)
    user, role = found(queries.member(db.session(), actor, user_id))
    if away := _verify_first():
        return away
    if request.method == "GET":
        return _page("make_owner.html", actor, user=user, role=role)
    try:
        with transaction() as db_session:
            actions.make_owner(db_session, actor, user_id)
    except Refused:
        return _page("make_owner.html", actor, user=user, role=role, refused=True, status=422)
    tell(_("%(name)s är ägare från och med nu.", name=user.name))
    return go(url_for("organisations.owners", organisation_id=organisation_id))


@bp.route("/organisation/<uuid:organisation_id>/owners/stepping-down", methods=["GET", "POST"])
@account
def step_down(organisation_id: UUID) -> ResponseReturnValue:
    """Stop owning the organisation, for somebody who isn't its last owner."""
    actor = _owner(organisation_id)
    if away := _verify_first():
        return away
    alone = queries.owners_of(db.session(), organisation_id) == [actor.user_id]
    if request.method == "GET":
        return _page("step_down.html", actor, alone=alone)
    try:
        with transaction() as db_session:
            actions.step_down(db_session, actor)
    except Refused:
        return _page("step_down.html", actor, alone=True, status=422)
    tell(_("Du är administratör från och med nu."))
    return go(url_for("organisations.home"))
