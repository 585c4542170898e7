"""What a team agreed on at a workshop: noting it, changing it, ticking it off."""

from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.teams import queries as teams
from trustivide.teams.agreed import mark, remove
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell, wants_fragment
from trustivide.workshops import agreed
from trustivide.workshops.models import SessionAction
from trustivide.workshops.session_forms import OwnedForm
from trustivide.workshops.session_queries import Listed
from trustivide.workshops.views.base import bp, meeting_of
from trustivide.workshops.views.sessions import session_page


def _run(session_id: UUID) -> Listed:
    """The workshop, if it was run: before, nobody has agreed on anything."""
    listed = meeting_of(session_id)
    found(listed.meeting.state == "run" or None)
    return listed


def _action(listed: Listed, agreed_id: UUID) -> SessionAction:
    action: SessionAction = found(agreed.get(db.session(), listed.meeting, agreed_id))
    return action


def _form(listed: Listed) -> OwnedForm:
    form = OwnedForm()
    form.offer(teams.members(db.session(), listed.team))
    return form


def _shown(listed: Listed) -> ResponseReturnValue:
    """The list again: the part of the page for htmx, else the page."""
    if wants_fragment():
        return session_page(listed, fragment="agreed")
    return _back(listed)


def _back(listed: Listed) -> ResponseReturnValue:
    there = url_for("workshops.session", session_id=listed.meeting.id, _anchor="agreed")
    return go(there)


@bp.post("/sessions/<uuid:session_id>/actions")
@member("teams.manage")
def session_actions(session_id: UUID) -> ResponseReturnValue:
    """Note something that the team agreed to do."""
    listed = _run(session_id)
    form = _form(listed)
    if not form.validate_on_submit():
        return session_page(listed, fragment="agreed", status=422, form=form)
    try:
        with transaction() as session:
            agreed.agree(
                session,
                g.actor,
                listed.meeting,
                form.what.data,
                form.owner_id,
                form.due_on.data,
                clock.now(),
            )
        tell(_("Överenskommelsen är uppskriven."))
    except Refused:
        form.what.errors = [_("Här står redan femtio. Ta bort någon först.")]
        return session_page(listed, fragment="agreed", status=422, form=form)
    return _shown(listed)


@bp.route("/sessions/<uuid:session_id>/actions/<uuid:agreed_id>", methods=["GET", "POST"])
@member("teams.manage")
def session_action(session_id: UUID, agreed_id: UUID) -> ResponseReturnValue:
    """Word it otherwise, give it to somebody else, move the day."""
    listed = _run(session_id)
    action, form = _action(listed, agreed_id), _form(listed)
    if form.validate_on_submit():
        with transaction() as session:
            agreed.edit(session, action, form.what.data, form.owner_id, form.due_on.data)
        tell(_("Ändringen är sparad."))
        return _back(listed)
    if not form.is_submitted():
        form.show(action)
    status = 422 if form.is_submitted() else 200
    return page(
        "workshops/session_action.html",
        fragment="edit_agreed",
        status=status,
        listed=listed,
        action=action,
        form=form,
    )


@bp.post("/sessions/<uuid:session_id>/actions/<uuid:agreed_id>/done")
@member("teams.manage")
def session_action_done(session_id: UUID, agreed_id: UUID) -> ResponseReturnValue:
    """Say that it is done, or not done after all."""
    listed = _run(session_id)
    action, done = _action(listed, agreed_id), request.form.get("done") == "1"
    with transaction() as session:
        mark(session, action, clock.now(), done=done)
    tell(_("Markerad som gjord.") if done else _("Markerad som inte gjord."))
    return _shown(listed)


@bp.route("/sessions/<uuid:session_id>/actions/<uuid:agreed_id>/removal", methods=["GET", "POST"])
@member("teams.manage")
def session_action_removal(session_id: UUID, agreed_id: UUID) -> ResponseReturnValue:
    """Take it away, after asking."""
    listed = _run(session_id)
    action = _action(listed, agreed_id)
    if request.method == "POST":
        with transaction() as session:
            remove(session, action)
        tell(_("Överenskommelsen är borttagen."))
        return _back(listed)
    return page("workshops/session_action_removal.html", listed=listed, action=action)
