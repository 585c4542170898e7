"""Who is in an organisation and what they may do, for those who look after that."""

from uuid import UUID

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.auth import login
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.roles import CUSTOMER, CUSTOMER_ROLES, CUSTOMER_WORDS, may_give
from trustivide.organisations import agreements, colleagues, invitations, queries
from trustivide.organisations.forms import InvitationForm, RoleForm
from trustivide.organisations.views.base import actor, bp, within
from trustivide.web.access import found, member
from trustivide.web.fragments import go, tell
from trustivide.web.locale import language


@bp.get("/organisation/<uuid:organisation_id>/people")
@member("colleagues.manage")
def people(organisation_id: UUID) -> ResponseReturnValue:
    """Everyone in the organisation, and those who are invited."""
    return people_page(InvitationForm(actor().role, formdata=None))


def people_page(form: InvitationForm, status: int = 200) -> Response:
    """The page of everyone, with what was typed into its form."""
    session = db.session()
    everyone = queries.colleagues(session, actor())
    return within(
        "people.html",
        status=status,
        form=form,
        colleagues=everyone,
        may_give=may_give,
        invitations=invitations.sent(session, actor(), clock.now()),
        roles=CUSTOMER_ROLES,
        days=invitations.VALID_FOR.days,
        without=sum(not c.second_factor for c in everyone),
        agreement=agreements.awaited(session, actor().organisation_id, language()),
    )


@bp.get("/organisation/<uuid:organisation_id>/roles")
@member("workshops.use")
def roles(organisation_id: UUID) -> ResponseReturnValue:
    """What each role may do, as the matrix has it."""
    return within("roles.html", roles=CUSTOMER_ROLES, matrix=CUSTOMER, words=CUSTOMER_WORDS)


def _colleague(user_id: UUID) -> queries.Colleague:
    """Somebody in the organisation whose role the actor reaches; 404 for anybody else."""
    who: queries.Colleague = found(queries.colleague(db.session(), actor(), user_id))
    return found(who if may_give(actor().role, who.role) else None)


def _alone(user_id: UUID) -> bool:
    """Whether the organisation has this account as its only owner."""
    return queries.owners_of(db.session(), actor().organisation_id) == [user_id]


def _why(refused: Refused) -> str:
    return {
        "last owner": _("Organisationen skulle stå utan ägare. Gör någon annan till ägare först."),
        "unconfirmed": _("En ägare behöver ha bekräftat sin e-postadress först."),
    }.get(str(refused), _("Det går inte längre: något har ändrats sedan du öppnade sidan."))


def _back() -> Response:
    """To everyone in the organisation; home for somebody who may no longer see them."""
    now = queries.actor_in(db.session(), actor().user_id, actor().organisation_id)
    if now is None or not now.may("colleagues.manage"):
        return go(url_for("organisations.home"))
    return go(url_for("organisations.people", organisation_id=now.organisation_id))


@bp.route("/organisation/<uuid:organisation_id>/people/<uuid:user_id>", methods=["GET", "POST"])
@member("colleagues.manage")
def role(organisation_id: UUID, user_id: UUID) -> ResponseReturnValue:
    """Give a colleague, or oneself, another role."""
    who = _colleague(user_id)
    if away := login.verify_first():
        return away
    form = RoleForm(actor().role, data={"role": who.role})
    if form.validate_on_submit():
        try:
            with transaction() as session:
                colleagues.change_role(session, actor(), user_id, form.role.data, clock.now())
        except Refused as refused:
            form.role.errors = [_why(refused)]
        else:
            label = CUSTOMER_ROLES[form.role.data].in_(language())
            tell(_("%(name)s har rollen %(role)s nu.", name=who.user.name, role=label))
            return _back()
    status = 422 if form.is_submitted() else 200
    return within("role.html", status=status, form=form, who=who, alone=_alone(user_id))


@bp.route(
    "/organisation/<uuid:organisation_id>/people/<uuid:user_id>/removal", methods=["GET", "POST"]
)
@member("colleagues.manage")
def removal(organisation_id: UUID, user_id: UUID) -> ResponseReturnValue:
    """Take a colleague out of the organisation, after saying what that does."""
    who, error = _colleague(user_id), None
    if user_id == actor().user_id:
        return go(url_for("organisations.leaving", organisation_id=organisation_id))
    if away := login.verify_first():
        return away
    if request.method == "POST":
        try:
            with transaction() as session:
                colleagues.remove(session, actor(), user_id, clock.now())
        except Refused as refused:
            error = _why(refused)
        else:
            tell(_("%(name)s hör inte längre till organisationen.", name=who.user.name))
            return _back()
    return within("removal.html", status=422 if error else 200, who=who, error=error)


@bp.route("/organisation/<uuid:organisation_id>/leaving", methods=["GET", "POST"])
@member("workshops.use")
def leaving(organisation_id: UUID) -> ResponseReturnValue:
    """Leave the organisation by oneself, after reading what that does."""
    if away := login.verify_first():
        return away
    error = None
    if request.method == "POST":
        try:
            with transaction() as session:
                colleagues.leave(session, actor(), clock.now())
        except Refused as refused:
            error = _why(refused)
        else:
            tell(_("Du hör inte längre till organisationen."))
            return go(url_for("organisations.home"))
    alone = _alone(actor().user_id)
    return within("leaving.html", status=422 if error else 200, alone=alone, error=error)


@bp.route("/organisation/<uuid:organisation_id>/second-factor", methods=["GET", "POST"])
@member("organisation.own")
def second_factor(organisation_id: UUID) -> ResponseReturnValue:
    """Require two-step sign-in of everyone in the organisation, or stop requiring it."""
    if away := login.verify_first():
        return away
    everyone = queries.colleagues(db.session(), actor())
    without = [c for c in everyone if not c.second_factor]
    locked_out = any(c.user.id == actor().user_id for c in without)
    status, required = 200, request.form.get("required") == "1"
    if request.method == "POST":
        try:
            with transaction() as session:
                colleagues.require_second_factor(session, actor(), required, clock.now())
        except Refused:
            status = 422
        else:
            tell(
                _("Tvåstegsinloggning krävs från och med nu.")
                if required
                else _("Tvåstegsinloggning krävs inte längre.")
            )
            return _back()
    return within("second_factor.html", status=status, without=without, locked_out=locked_out)
