"""Roles in the office: what each may, who has which, and giving, changing and taking them."""

from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.admin import colleagues as ours
from trustivide.admin.forms import ColleagueForm, RoleForm
from trustivide.admin.views.base import bp, page
from trustivide.auth import login
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.roles import STAFF, STAFF_LABELS
from trustivide.web.access import found, staff
from trustivide.web.fragments import go, tell
from trustivide.web.locale import language


@bp.get("/roles")
@staff("office.open")
def roles() -> ResponseReturnValue:
    """What each role in the office may, read from the matrix that the routes ask."""
    return page("roles.html", permissions=STAFF, labels=STAFF_LABELS)


@bp.get("/colleagues")
@staff("staff.manage")
def colleagues() -> ResponseReturnValue:
    """Everybody who works in the office."""
    return page("colleagues.html", colleagues=ours.everybody(db.session()))


@bp.route("/colleagues/new", methods=["GET", "POST"])
@staff("staff.manage")
def add_colleague() -> ResponseReturnValue:
    """Give somebody a role, with the account they have or a new one."""
    if ask := login.verify_first():
        return ask
    form = ColleagueForm()
    if form.validate_on_submit():
        try:
            with transaction() as session:
                ours.add(
                    session,
                    g.actor.user,
                    form.email.data,
                    form.role.data,
                    clock.now(),
                    name=form.name.data,
                    locale=language(),
                )
        except Refused as no:
            field = form.name if str(no) == ours.NAMELESS else form.email
            field.errors = [_why(no)]
        else:
            tell(_("Rollen är given. Personen får veta det i ett mejl."))
            return go(url_for("admin.colleagues"))
    status = 422 if form.is_submitted() else 200
    return page("colleague.html", fragment="colleague", status=status, form=form)


def _why(no: Refused) -> str:
    words = {
        ours.NAMELESS: _("Adressen har inget konto. Skriv ett namn, så skapas det."),
        ours.CUSTOMERS: _("Kontot hör till en kund. På kontoret behövs ett eget konto."),
        ours.UNPROVEN: _("Adressen är inte bekräftad än. Det måste personen göra först."),
        ours.ALREADY: _("Personen har redan en roll. Byt den i listan."),
        ours.LAST: _(
            "Det måste finnas en ägare som kan logga in. Ge rollen till någon annan först."
        ),
        ours.NOT_YOURS: _("Du är inte ägare längre, så inget har ändrats."),
        ours.GONE: _("Personen har ingen roll längre."),
    }
    return words[str(no)]


@bp.route("/colleagues/<uuid:user_id>/role", methods=["GET", "POST"])
@staff("staff.manage")
def change_role(user_id: UUID) -> ResponseReturnValue:
    """Let a colleague have another role."""
    if ask := login.verify_first():
        return ask
    who: User = found(ours.one(db.session(), user_id))
    form = RoleForm(data={"role": who.staff_role})
    if form.validate_on_submit():
        problem = _change(user_id, form.role.data)
        if problem is None:
            return _back(_("Rollen är bytt. Den gäller nu."))
        form.role.errors = [problem]
        who = found(ours.one(db.session(), user_id))
    status = 422 if form.is_submitted() else 200
    return page("role.html", fragment="role", status=status, form=form, who=who)


@bp.route("/colleagues/<uuid:user_id>/removal", methods=["GET", "POST"])
@staff("staff.manage")
def remove_colleague(user_id: UUID) -> ResponseReturnValue:
    """Take a colleague's role away, after reading what that does."""
    if ask := login.verify_first():
        return ask
    who: User = found(ours.one(db.session(), user_id))
    problem = _change(user_id, None) if request.method == "POST" else None
    if request.method == "POST" and problem is None:
        return _back(_("Rollen är borttagen. Den gäller inte längre."))
    return page("remove_colleague.html", status=422 if problem else 200, who=who, problem=problem)


def _change(user_id: UUID, role: str | None) -> str | None:
    """Change the role; why not, if it can't be."""
    try:
        with transaction() as session:
            ours.change(session, g.actor.user, user_id, role, clock.now())
    except Refused as no:
        return _why(no)
    return None


def _back(message: str) -> ResponseReturnValue:
    """To the list, which whoever gave the own role away no longer reaches."""
    tell(message)
    still = g.actor.user.staff_role == "owner"
    return go(url_for("admin.colleagues" if still else "privacy.index"))
