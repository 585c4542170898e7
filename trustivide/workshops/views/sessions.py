"""The workshops that teams plan and ran: the list, the page of one, and what became of it."""

from typing import Any
from uuid import UUID

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.teams import queries as teams
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell
from trustivide.web.locale import language
from trustivide.workshops import agreed, session_queries
from trustivide.workshops import sessions as actions
from trustivide.workshops.session_forms import OwnedForm, RunForm
from trustivide.workshops.session_queries import Listed
from trustivide.workshops.views.base import bp, meeting_of, too_late
from trustivide.workshops.views.guide import card_page


@bp.get("/sessions")
@member("teams.manage")
def sessions() -> ResponseReturnValue:
    """The organisation's workshops, planned and run, or those of one team."""
    team_id = request.args.get("team_id", type=UUID)
    team = found(teams.for_actor(db.session(), g.actor).get(team_id)) if team_id else None
    reader = session_queries.for_actor(db.session(), g.actor)
    number = request.args.get("page", 1, type=int)
    return page(
        "workshops/sessions.html",
        team=team,
        overview=reader.overview(language(), clock.now(), team_id, number),
    )


@bp.get("/sessions/<uuid:session_id>")
@member("teams.manage")
def session(session_id: UUID) -> ResponseReturnValue:
    """One workshop of a team."""
    return session_page(meeting_of(session_id))


def session_page(
    listed: Listed, *, fragment: str | None = None, status: int = 200, form: Any = None
) -> Response:
    """The page of one, with what there is to do about it."""
    reading, meeting = db.session(), listed.meeting
    if form is None:
        form = OwnedForm(formdata=None)
        form.offer(teams.members(reading, listed.team))
    return page(
        "workshops/session.html",
        fragment=fragment,
        status=status,
        listed=listed,
        is_unmarked=listed.is_unmarked(clock.now()),
        withdrawn=session_queries.is_withdrawn(reading, meeting),
        agreed=agreed.of(reading, meeting),
        can_undo=meeting.state == "run" and not actions.must_stay_run(reading, meeting),
        form=form,
    )


@bp.get("/sessions/<uuid:session_id>/guide")
@member("teams.manage")
def session_guide(session_id: UUID) -> ResponseReturnValue:
    """The workshop as it was when it was planned, also once it is withdrawn or replaced."""
    listed = meeting_of(session_id)
    return card_page("workshops/session_guide.html", listed.card, listed=listed)


@bp.route("/sessions/<uuid:session_id>/run", methods=["GET", "POST"])
@member("teams.manage")
def session_run(session_id: UUID) -> ResponseReturnValue:
    """Say that it was run, with how many; said again, it corrects what was said."""
    listed, form = meeting_of(session_id), RunForm()
    if listed.meeting.state == "cancelled":
        return too_late(session_id)
    if form.validate_on_submit():
        try:
            with transaction() as writing:
                actions.mark_run(
                    writing,
                    session_id,
                    run_on=form.run_on.data,
                    attendance=form.attendance.data,
                    note=form.note.data or None,
                    follow_up_on=form.follow_up_on.data,
                    now=clock.now(),
                )
        except Refused:
            return too_late(session_id)
        tell(_("Sparat. Skriv gärna upp vad ni kom överens om."))
        return go(url_for("workshops.session", session_id=session_id, _anchor="agreed"))
    if not form.is_submitted():
        form.show(listed, clock.now())
    status = 422 if form.is_submitted() else 200
    meeting = listed.meeting
    return page(
        "workshops/session_run.html",
        fragment="run",
        status=status,
        listed=listed,
        is_early=meeting.state == "planned" and meeting.starts_at > clock.now(),
        form=form,
    )


@bp.route("/sessions/<uuid:session_id>/run/removal", methods=["GET", "POST"])
@member("teams.manage")
def session_run_removal(session_id: UUID) -> ResponseReturnValue:
    """Take back that it was run, after saying what goes."""
    listed = meeting_of(session_id)
    may = listed.meeting.state == "run" and not actions.must_stay_run(db.session(), listed.meeting)
    if may and request.method == "GET":
        return page("workshops/session_run_removal.html", listed=listed)
    try:
        if request.method == "GET":  # it may not, and a GET writes nothing even if by now it might
            raise Refused("stays run")
        with transaction() as writing:
            actions.undo_run(writing, session_id)
        tell(_("Workshopen är inte längre markerad som genomförd."))
    except Refused:
        tell(_("Det går inte att ångra: workshopen utvärderas, eller är inte markerad."), "info")
    return go(url_for("workshops.session", session_id=session_id))
